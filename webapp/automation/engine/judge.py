"""What a form is for, by a score for each purpose with the reasons that made it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from webapp.automation.engine.mapping import map_fields
from webapp.automation.engine.naming import Mapped
from webapp.automation.engine.seen import FormSeen, Kind
from webapp.automation.engine.words import plain

ENOUGH = 3.0  # a contact form scores at least this


@dataclass(frozen=True, slots=True)
class Verdict:
    form: FormSeen
    purpose: str
    score: float  # of being a contact form
    contact: bool
    reasons: tuple[str, ...]
    scores: Mapping[str, float]
    mapped: dict[str, Mapped]


@dataclass
class _Tally:
    scores: Counter[str] = field(default_factory=Counter)
    reasons: list[str] = field(default_factory=list)

    def add(self, purpose: str, points: float, reason: str) -> None:
        self.scores[purpose] += points  # type: ignore[assignment]
        self.reasons.append(f"{purpose} {points:+g} {reason}")


# purpose: words, with their weight on a button, in a heading or legend, in the form's own names or address, around it.
PURPOSES: dict[str, re.Pattern[str]] = {
    "search": re.compile(r"\bsearch|\bfind\b|\bsuche?n?\b|\bbuscar?\b|\brecherch\w+|\bcerca\b|\bzoek\w*|\bpesquis\w+|поиск|найти|搜索|検索"),
    "login": re.compile(r"\blog ?[io]n\b|\bsign ?in\b|\blogin\b|\banmeld\w*|\beinloggen\b|\bconnexion\b|\baccedi\b|\bentrar\b|\biniciar sesion\b|\binloggen\b|войти|вход"),
    "recovery": re.compile(r"\b(forgot|reset|recover|lost|retrieve) .{0,14}(password|username)\b|\bpassword (reset|recovery)\b|\bpasswort vergessen\b|\bolvid\w+"),
    "registration": re.compile(r"\bregist\w+|\bsign ?up\b|\bcreate .{0,12}account\b|\bjoin (now|us|free)\b|\bcrear cuenta\b|\binscri\w+|регистрац"),
    "newsletter": re.compile(r"\bnews ?letter|\bsubscri\w+|\bmailing ?list\b|\bemail (updates|alerts|list)\b|\bsuscri\w+|\babonn\w+|\biscriviti\b|\bnieuwsbrief\b|\bboletin\b|mc ?embedded|\blist manage\b|подпис|рассылк"),
    "comment": re.compile(r"\b(leave|post|add|write|submit) (a |your |an? )?(comment|reply|response)\b|\bpost comment\b|\bcomment ?form\b|\bcommentform\b|\bcomments? post\b|\breply\b|\bkommentar\b|\b(laisser|poster) un commentaire\b|\bdeja(r|me) un comentario\b|\bdeja un comentario\b|комментар"),
    "review": re.compile(r"\b(write|add|leave|submit|post) (a |your )?review\b|\breviews?\b|\brating\b|\brate\b|\bbewertung\w*|отзыв"),
    "share": re.compile(r"\b(tell|send|email|share|refer)\b.{0,24}\b(friends?|colleague)\b|\bemail this\b|\bshare (this|via|by)\b|\brecommend\b|\breblog\b|\bsend to (a )?(friend|phone)\b|\brefer a\b"),
    "filter": re.compile(r"\bfilter|\bsort\b|\brefine\b|\bshow results\b|\bapply filters?\b|\bnarrow\b"),
    "finance": re.compile(r"\b(credit|finance|financing|loan|lease) (app\w*|request|form)\b|\bget (pre )?(approved|qualified)\b|\bpre ?approv\w+|\bpre ?qualif\w+|\bsocial security\b|\bapply for (credit|financ\w+)\b|\bfinance center\b"),
    "trade_in": re.compile(r"\btrade ?in\b|\bvalue your (trade|car|vehicle)\b|\bappraisal\b|\bsell (us )?your (car|vehicle)\b|\binstant (cash )?offer\b|\bwhat s my car worth\b"),
    "service": re.compile(r"\b(schedule|book|request) (a |an |your )?(service|maintenance|repair)\b|\bservice appointment\b|\bschedule service\b|\bservice (request|scheduler|center)\b|\b(order|request) parts\b|\bparts (order|request)\b|\bbook .{0,12}appointment\b"),
    "careers": re.compile(r"\b(job|employment) application\b|\bcareers?\b|\bapply (for|now)\b.{0,24}\b(job|position)\b|\bresume\b|\bcurriculum\b|\bcover letter\b|\bbewerb\w+|\bposition applied\b"),
    "order": re.compile(r"\badd to (cart|bag|basket)\b|\bcheck ?out\b|\bplace order\b|\bbuy now\b|\bbilling\b|\bpayment\b|\bcredit card\b|\bdonat\w+|\bwarenkorb\b|\bproceed to\b|\bcart\b|\bquantity\b"),
    "poll": re.compile(r"\bvote\b|\bpoll\b|\bsurvey\b"),
    "contact": re.compile(
        r"\bcontact|\bget in touch\b|\bsend (us )?(a |an |your |my )?(message|e ?mail|inquiry|enquiry|question|feedback)\b|\b(write|talk|reach out) to us\b|\bmessage us\b|\binquir\w+|\benquir\w+|\bask (us )?(a )?question|\bfeedback\b|\bsupport request\b|"
        r"\bkontakt\w*|\bnachricht\b|\bcontact[eo]\w*|\bcontatt\w+|\bcontat\w+|\bnous ecrire\b|\bescrib\w+nos\b|\brequest (a |more )?(quote|information|info|callback|call back|demo)\b|\bget a quote\b|\bcheck availability\b|\bhow can we help\b|\bhave a question\b|\bsupport\b|обратн\w+ связ|связаться|напишите|お問い合わせ|联系"
    ),
}  # fmt: skip
_SEND = re.compile(
    r"^(send|submit|send (it|message|email|now|inquiry|enquiry|request|mail|form|your message)|contact( us| dealer)?|get in touch|absenden|senden|abschicken|nachricht senden|enviar( mensaje)?|envoyer|invia|inviare|verzenden|versturen|verstuur|отправить|odeslat|wyslij|submit (form|request|inquiry|enquiry|message|question|feedback)|email us|ask|request (info|information|quote))\b"
)
PEOPLE = (Kind.FULL_NAME, Kind.FIRST_NAME, Kind.LAST_NAME)


def judge(form: FormSeen, *, page_title: str = "", page_url: str = "") -> Verdict:
    mapped = map_fields(form)
    tally = _Tally()
    _by_fields(form, mapped, tally)
    _by_words(form, tally, page_title, page_url)
    scores = dict(tally.scores)
    score = scores.get("contact", 0.0)
    other, against = max(((k, v) for k, v in scores.items() if k != "contact"), key=lambda kv: kv[1], default=("", 0.0))
    contact = score >= ENOUGH and score > against
    purpose = "contact" if contact else other if against >= 2 else "other"
    return Verdict(form, purpose, score - max(0.0, against) / 2, contact, tuple(tally.reasons), scores, mapped)


def _by_fields(form: FormSeen, mapped: dict[str, Mapped], tally: _Tally) -> None:
    kinds: Counter[Kind] = Counter()
    for one in form.controls:
        kinds[mapped[one.uid].kind] += 1
    real = [
        c
        for c in form.controls
        if c.tag != "button" and c.type != "hidden" and mapped[c.uid].kind not in (Kind.HONEYPOT, Kind.HIDDEN)
    ]
    texts = [c for c in real if c.type not in ("checkbox", "radio") and c.tag != "select"]
    area = any(c.tag in ("textarea", "widget") and mapped[c.uid].kind is Kind.MESSAGE for c in real)
    if area:
        tally.add("contact", 3, "a message box")
    elif kinds[Kind.MESSAGE]:
        tally.add("contact", 1, "a message line")
    if kinds[Kind.EMAIL]:
        tally.add("contact", 1.5 if area else 0.5, "an email box")
    if any(kinds[k] for k in PEOPLE):
        tally.add("contact", 1, "a name")
    if kinds[Kind.PHONE] or kinds[Kind.PHONE_AREA]:
        tally.add("contact", 0.5, "a phone")
    if kinds[Kind.SUBJECT]:
        tally.add("contact", 1, "a subject")
    if kinds[Kind.PASSWORD] == 1:
        tally.add("login", 5, "a password")
    if kinds[Kind.PASSWORD] > 1:
        tally.add("registration", 6, "two passwords")
    if kinds[Kind.PASSWORD]:
        tally.add("contact", -4, "a password")
    if form.method == "get" and form.index >= 0 and form.action:
        tally.add("contact", -1.5, "sent by GET")
        tally.add("search", 1, "sent by GET")
    if any(c.type == "search" for c in real):
        tally.add("search", 3, "a search box")
    if len(texts) == 1 and not area and not kinds[Kind.EMAIL]:
        tally.add("search", 1.5, "one text box")
    if len(texts) == 1 and kinds[Kind.EMAIL]:
        tally.add("newsletter", 2.5, "only an email box")
    if kinds[Kind.EMAIL] and not area and len(texts) <= 3:
        tally.add("newsletter", 1, "email without a message")
    if kinds[Kind.FILE] and not area:
        tally.add("careers", 1, "a file")
    if not texts:
        tally.add("contact", -3, "nothing to write in")


def _by_words(form: FormSeen, tally: _Tally, page_title: str, page_url: str) -> None:
    texts = form.texts
    buttons = [plain(one) for one in texts.get("buttons", "").split(" | ")]
    if any(_SEND.search(one) for one in buttons):
        tally.add("contact", 1, "a send button")
    places: Iterable[tuple[str, str, float]] = (
        ("button", " / ".join(buttons), 2.0),
        ("heading", plain(" / ".join(texts.get(s, "") for s in ("heading", "legend", "inner", "aria"))), 2.0),
        ("names", plain(f"{form.id} {form.name} {form.classes} {form.action}"), 1.5),
        ("before", plain(texts.get("before", ""))[-200:], 0.8),
        ("around", plain(form.container), 0.8),
        ("fields", plain(" ".join(c.name for c in form.controls if c.tag != "button")), 0.5),
    )
    for place, said, weight in places:
        for purpose, pattern in PURPOSES.items():
            found = pattern.search(said)
            if found:
                tally.add(purpose, weight, f'"{found.group()}" in its {place}')
    page = plain(f"{page_title} {urlsplit(page_url).path}")
    for purpose in ("contact", "service", "finance", "trade_in", "careers"):
        if PURPOSES[purpose].search(page) and texts.get("landmark") not in ("header", "nav", "footer"):
            tally.add(purpose, 1, "the page is about it")
