"""What a form is for, by a score for each purpose with the reasons that made it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from webapp.automation.engine import words
from webapp.automation.engine.mapping import map_fields
from webapp.automation.engine.naming import Mapped
from webapp.automation.engine.seen import FormSeen, Kind
from webapp.automation.engine.words import plain

ENOUGH = 3.5  # a contact form scores at least this


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
    "comment": re.compile(r"\b(leave|post|add|write|submit) (a |your |an? )?(comment|reply|response)\b|\bpost comment\b|\bcomment ?form\b|\bcommentform\b|\bcomments? post\b|\breply\b|回复|回復|コメント|\bpublik\w*|\bbeitrag\b|\bguest ?book\b|\bgastebuch\b|\bkommentar\b|\b(laisser|poster) un commentaire\b|\bdeja(r|me) un comentario\b|\bdeja un comentario\b|комментар"),
    "review": re.compile(r"\b(write|add|leave|submit|post) (a |your )?review\b|\breviews?\b|\brating\b|\brate\b|\bbewertung\w*|отзыв"),
    "share": re.compile(r"\b(tell|send|email|share|refer)\b.{0,24}\b(friends?|colleague)\b|\bemail this\b|\bshare (this|via|by)\b|\brecommend\b|\breblog\b|\bsend to (a )?(friend|phone)\b|\bweiterempfehl\w+|\benviar a un amigo\b|\bshare by email\b|\brefer a\b"),
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
_RATING = re.compile(r"\brating\b|\bstars?\b|\breview (title|text|body|textarea)\b|\breview ?textarea\b")
_PARKED = re.compile(
    r"\b(this|premium|the) .{0,30}\bdomain\b.{0,20}\b(is |may be )?(for sale|available)\b|\bbuy this domain\b|\boffer (for|on) this .{0,30}\bdomain\b"
)
_POSTED = re.compile(r"\bcomment (post|parent) ?(id)?\b|\bcomment id\b|\bpost id\b.*\bcomment\b")
PEOPLE = (Kind.FULL_NAME, Kind.FIRST_NAME, Kind.LAST_NAME)


def judge(form: FormSeen, *, page_title: str = "", page_url: str = "") -> Verdict:
    mapped = map_fields(form)
    tally = _Tally()
    _by_fields(form, mapped, tally)
    _by_words(form, tally, page_title, page_url)
    scores = dict(tally.scores)
    score = scores.get("contact", 0.0)
    other, against = max(((k, v) for k, v in scores.items() if k != "contact"), key=lambda kv: kv[1], default=("", 0.0))
    score -= max(0.0, against) / 2
    contact = score >= ENOUGH and score > against / 2
    purpose = "contact" if contact else other if against >= 2 else "other"
    return Verdict(form, purpose, score, contact, tuple(tally.reasons), scores, mapped)


def _by_fields(form: FormSeen, mapped: dict[str, Mapped], tally: _Tally) -> None:
    kinds: Counter[Kind] = Counter(mapped[one.uid].kind for one in form.controls)
    real = [
        c
        for c in form.controls
        if c.tag != "button"
        and c.type != "hidden"
        and mapped[c.uid].kind not in (Kind.HONEYPOT, Kind.HIDDEN, Kind.CAPTCHA)
    ]
    texts = [c for c in real if c.type not in ("checkbox", "radio") and c.tag != "select"]
    areas = [c for c in real if c.tag in ("textarea", "widget") and mapped[c.uid].kind is Kind.MESSAGE]
    reachable = kinds[Kind.EMAIL] or kinds[Kind.PHONE] or kinds[Kind.PHONE_AREA]
    if areas:
        worded = any(mapped[c.uid].source != "position" for c in areas)
        tally.add("contact", 3 if worded else 2.5, "a message box")
    elif kinds[Kind.MESSAGE]:
        tally.add("contact", 1, "a message line")
    else:
        tally.add("contact", -1.5, "no message box")
    if kinds[Kind.EMAIL]:
        tally.add("contact", 1.5 if areas else 0.5, "an email box")
    if any(kinds[k] for k in PEOPLE):
        tally.add("contact", 1, "a name")
    if kinds[Kind.PHONE] or kinds[Kind.PHONE_AREA]:
        tally.add("contact", 0.5, "a phone")
    if not reachable:
        tally.add("contact", -1.5, "no way to answer")
    if kinds[Kind.SUBJECT]:
        tally.add("contact", 1, "a subject")
    if kinds[Kind.PASSWORD]:
        tally.add("contact", -4, "a password")
        tally.add("registration" if kinds[Kind.PASSWORD] > 1 else "login", 5, "a password")
    if form.method == "get" and form.index >= 0 and form.action:
        tally.add("contact", -1.5, "sent by GET")
        tally.add("search", 1, "sent by GET")
    if any(c.type == "search" for c in real):
        tally.add("search", 3, "a search box")
    if len(texts) == 1 and not areas and not kinds[Kind.EMAIL]:
        tally.add("search", 1.5, "one text box")
    if len(texts) == 1 and kinds[Kind.EMAIL]:
        tally.add("newsletter", 2.5, "only an email box")
    if kinds[Kind.EMAIL] and not areas and len(texts) <= 3:
        tally.add("newsletter", 1, "email without a message")
    if not texts:
        tally.add("contact", -3, "nothing to write in")
    names = [plain(f"{c.name} {c.id}") for c in form.controls]
    if any(words.OTHERS.search(one) for one in names) or any(
        words.OTHERS.search(plain(c.texts.get("label", ""))) for c in texts
    ):
        tally.add("share", 4, "somebody else's address")
    if any(_RATING.search(one) for one in names):
        tally.add("review", 3, "a rating")
    if any(_POSTED.search(one) for one in names) or "wp-comments-post" in form.action:
        tally.add("comment", 4, "the fields of a comment")


def _by_words(form: FormSeen, tally: _Tally, page_title: str, page_url: str) -> None:
    texts = form.texts
    buttons = [plain(one) for one in texts.get("buttons", "").split(" | ")]
    sends = any(_SEND.search(one) for one in buttons)
    if sends:
        tally.add("contact", 1, "a send button")
    elif any(
        PURPOSES[one].search(" / ".join(buttons))
        for one in ("search", "login", "registration", "newsletter", "order", "filter")
    ):
        tally.add("contact", -2, "a button for something else")
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
    if _PARKED.search(page) or _PARKED.search(plain(texts.get("before", ""))):
        tally.add("order", 3, "a domain is for sale")
        tally.add("contact", -6, "it writes to whoever sells the domain")
    for purpose in ("contact", "service", "finance", "trade_in", "careers"):
        if PURPOSES[purpose].search(page) and texts.get("landmark") not in ("header", "nav", "footer"):
            tally.add(purpose, 1, "the page is about it")
