"""How the form bench names kinds, and the tables it prints beside published figures and targets (research/forms.md, 6 and 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webapp.automation.engine.seen import LEFT_ALONE, Kind

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
PEOPLE = ("first_name", "last_name", "full_name", "email", "email_confirm", "phone", "zip")

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
    groups = {
        "name": ("first_name", "last_name", "full_name"),
        "email": ("email",),
        "phone": ("phone",),
        "zip": ("zip",),
    }
    lines = []
    for group, kinds in groups.items():
        right = sum(fields.kinds.get(k, [0, 0, 0])[0] for k in kinds)
        wrong = sum(fields.kinds.get(k, [0, 0, 0])[1] for k in kinds)
        lines.append(f"  {group} precision {right / max(1, right + wrong):.3f} of {right + wrong} (target .93)")
    typed = fields.facts.get("typed", 0)
    none = fields.facts.get("typed but none", 0)
    lines.append(f"  typed by us but none: {none} of {typed} = {none / max(1, typed):.1%} (target 3%)")
    return lines
