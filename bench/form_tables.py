"""How the form bench names kinds, and the tables it prints beside published figures and targets (research/forms.md, 6 and 7)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from webapp.automation.engine.naming import Mapped
from webapp.automation.engine.seen import LEFT_ALONE, Control, Kind
from webapp.automation.engine.words import plain

if TYPE_CHECKING:
    from bench.forms import Counted

# Ours to theirs. A local number beside an area code is what both sets call the phone.
NAMES: dict[Kind, str] = {
    Kind.FIRST_NAME: "first_name",
    Kind.LAST_NAME: "last_name",
    Kind.FULL_NAME: "full_name",
    Kind.EMAIL: "email",
    Kind.CONFIRM_EMAIL: "email_confirm",
    Kind.PHONE: "phone",
    Kind.PHONE_LINE: "phone",
    Kind.PHONE_AREA: "phone_part",
    Kind.PHONE_PREFIX: "phone_part",
    Kind.PHONE_EXTENSION: "phone_part",
    Kind.PHONE_COUNTRY: "phone_country",
    Kind.COMPANY: "company",
    Kind.STREET: "street",
    Kind.STREET_2: "street2",
    Kind.CITY: "city",
    Kind.STATE: "state",
    Kind.POSTAL_CODE: "zip",
    Kind.COUNTRY: "country",
    Kind.SUBJECT: "subject",
    Kind.MESSAGE: "message",
    Kind.CONSENT: "consent",
    Kind.SMS_CONSENT: "consent",
    Kind.MARKETING: "marketing_optin",
    Kind.CAPTCHA: "captcha",
    Kind.HONEYPOT: "honeypot",
    Kind.SUBMIT: "submit",
}
UNFILLED = LEFT_ALONE
WRITES = frozenset({"comment", "review", "share"})

PUBLISHED: dict[str, tuple[str, str, str]] = {  # naive floor, Formasaurus, target
    "contact or comment form": (".80", ".89", ".92"),
    "contact form to send to": ("", "", ""),
    "email": (".88", ".94", ".95"),
    "message": (".96", ".93", ".95"),
    "phone": (".89", ".94", ".94"),
    "first_name": ("", ".86", ".92"),
    "last_name": ("", ".92", ".92"),
    "full_name": (".85", ".68", ".85"),
    "subject": (".62", ".52", ".75"),
    "zip": ("", ".80", ""),
    "captcha": ("", ".77", ""),
    "consent": ("", ".77", ""),
    "marketing_optin": ("", ".29", ""),
    "honeypot": ("", ".00", ""),
}


def name_of(kind: Kind, mapped: Mapping[str, Mapped]) -> str:
    """Their name for our kind. The last of three phone boxes is a part of a phone, the box beside an area code the phone."""
    if kind is Kind.PHONE_LINE and any(one.kind is Kind.PHONE_PREFIX for one in mapped.values()):
        return "phone_part"
    return NAMES.get(kind, "other")


def _rates(counts: list[int]) -> tuple[float, float, float]:
    right, wrong, missed = counts
    precision = right / (right + wrong) if right + wrong else 0.0
    recall = right / (right + missed) if right + missed else 0.0
    return precision, recall, 2 * precision * recall / (precision + recall) if right else 0.0


def _rows(counted: Counted, skip: tuple[str, ...] = ("other", "none", "submit")) -> list[str]:
    lines = []
    order = list(PUBLISHED)
    for kind, counts in sorted(
        counted.kinds.items(), key=lambda kv: (order.index(kv[0]) if kv[0] in order else 99, kv[0])
    ):
        if kind in skip or not counts[0] + counts[2]:
            continue
        precision, recall, f1 = _rates(counts)
        naive, anchor, target = PUBLISHED.get(kind, ("", "", ""))
        lines.append(
            f"  {kind:<26}{counts[0] + counts[2]:>5}{precision:>8.3f}{recall:>8.3f}{f1:>8.3f}{naive:>8}{anchor:>8}{target:>8}"
        )
    return lines


HEAD = f"  {'':<26}{'n':>5}{'prec':>8}{'recall':>8}{'F1':>8}{'naive':>8}{'anchor':>8}{'target':>8}"


def table(
    name: str, pages: int, typed: bool, forms: Counted, fields: Counted, contact: Counted, broken: list[str]
) -> str:
    lines = [f"{name}: {pages} pages, {len(broken)} not rendered", HEAD]
    if typed:
        lines += _rows(forms)
        chosen = forms.facts.get("pages where search, login or newsletter is chosen", 0)
        lines.append(
            f"  search, login or newsletter chosen: {chosen} of {pages} pages = {chosen / pages:.1%} (target 2%)"
        )
        lines += [f"  {fact}: {count}" for fact, count in sorted(forms.facts.items())]
        lines += ["  all labelled forms", *_rows(fields)]
        lines += ["  contact forms only", *_rows(contact)]
        lines.append(
            f"  honeypots proposed for filling: {fields.facts.get('honeypots proposed for filling', 0)} (target 0)"
        )
    else:
        lines += _rows(fields)
        lines += _people(fields)
    lines.append(f"  labelled controls not seen: {fields.facts.get('labelled controls not seen', 0)}")
    return "\n".join(lines)


def _people(fields: Counted) -> list[str]:
    """Precision by group: "Your name" is labelled first_name 112 times, full_name 87 times and not at all 108 times in that set."""
    facts = fields.facts
    lines = []
    for group in ("name", "email", "phone", "zip"):
        right, wrong, none = (facts.get(f"{group} {what}", 0) for what in ("right", "wrong", "none"))
        typed, plainly = right + wrong, facts.get(f"{group} plainly", 0)
        lines.append(
            f"  {group:<6} precision {right / max(1, typed):.3f} of {typed} typed by both (target .93); with the {none} they left untyped"
            f" {right / max(1, typed + none):.3f}; {plainly} of those say nothing but {group}"
        )
    typed, none, plainly = (
        sum(n for fact, n in facts.items() if fact.endswith(what)) for what in (" right", " none", " plainly")
    )
    typed += sum(n for fact, n in facts.items() if fact.endswith(" wrong")) + none
    lines.append(f"  typed by us but none: {none} of {typed} = {none / max(1, typed):.1%} (target 3%)")
    lines.append(
        f'  without those that say nothing else, as "Full name" or "E-mail": {none - plainly} of {typed} = {(none - plainly) / max(1, typed):.1%}'
    )
    return lines


GROUPS = {
    "first_name": "name",
    "last_name": "name",
    "full_name": "name",
    "email": "email",
    "email_confirm": "email",
    "phone": "phone",
    "zip": "zip",
}
# Words that leave no doubt, for telling gaps in the labels from mistakes of ours: a closed list, none of the engine's patterns.
_PLAIN = {
    "name": "name|your name|full name|your full name|complete name|first name|last name|surname|contact name|first|last|first and last name|your first and last name|name und vorname|"
    "vorname|nachname|ihr name|dein name|vor und nachname|vorname und nachname|nome|cognome|nome e cognome|nombre|su nombre|tu nombre|nombre completo|nombre y apellidos|apellidos|nom|prenom|prenom et nom|"
    "naam|voornaam|achternaam|enter your name|お名前|الاسم الكامل",
    "email": "email|e mail|email address|e mail address|your email|your e mail|your email address|mail|email id|e mail adresse|correo electronico|adresse mail|adresse email|メールアドレス|e mailadres",
    "phone": "phone|phone number|your phone|telephone|tel|telefon|telefono|telefonnummer|mobile|mobile number|mobile phone|cell|telefoonnummer|電話番号",
    "zip": "zip|zip code|zipcode|postcode|post code|postal code|plz|postleitzahl|pincode|zip postal|cap|codigo postal",
}
_PLAINLY = {
    group: re.compile(f"^({said})( (required|optional|obligatorio|pflichtfeld|必須))?$")
    for group, said in _PLAIN.items()
}


def says_plainly(group: str, control: Control) -> bool:
    said = (plain(control.texts.get(source, "")) for source in ("label", "placeholder", "before", "aria"))
    return any(_PLAINLY[group].match(one) for one in said)
