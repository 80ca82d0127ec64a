"""Which form of a page is the one to write to. Pure: facts in, a choice with its reasons out."""

from __future__ import annotations

from dataclasses import dataclass

from webapp.automation.engine.failures import Failed, FailureType
from webapp.automation.engine.judge import Verdict, judge
from webapp.automation.engine.naming import Mapped
from webapp.automation.engine.seen import FormSeen

ALIKE = 1.0  # two contact forms whose scores differ by less are a tie


@dataclass(frozen=True, slots=True)
class Choice:
    form: FormSeen
    mapped: dict[str, Mapped]
    score: float
    reasons: tuple[str, ...]
    verdicts: tuple[Verdict, ...] = ()  # of all forms, in the order given


def choose_form(forms: list[FormSeen], *, page_title: str = "", page_url: str = "") -> Choice:
    """The contact form. Raises Failed(FORM_NOT_FOUND) or, for two that score alike and are no copies, Failed(MULTIPLE_FORMS)."""
    verdicts = [judge(one, page_title=page_title, page_url=page_url) for one in forms]
    evidence = tuple(f"{_called(v.form)}: {v.purpose}, {v.score:.1f} ({'; '.join(v.reasons[:4])})" for v in verdicts)
    fits = sorted((v for v in verdicts if v.contact), key=_rank, reverse=True)
    if not fits:
        said = f"none of its {len(forms)} forms is a contact form" if forms else "the page has no form"
        raise Failed(FailureType.FORM_NOT_FOUND, said.capitalize() + ".", evidence=evidence)
    best = fits[0]
    rivals = [v for v in fits[1:] if _rank(best) - _rank(v) < ALIKE and not _copies(best.form, v.form)]
    if rivals:
        both = ", ".join(_called(v.form) for v in (best, *rivals))
        raise Failed(
            FailureType.MULTIPLE_FORMS, f"{len(rivals) + 1} contact forms are alike: {both}.", evidence=evidence
        )
    return Choice(best.form, best.mapped, best.score, best.reasons, tuple(verdicts))


def _rank(verdict: Verdict) -> float:
    """A form in sight goes before one that has to be opened first."""
    return verdict.score + ALIKE * verdict.form.visible


def _called(form: FormSeen) -> str:
    return form.texts.get("heading") or form.texts.get("legend") or form.id or form.name or f"form {form.index}"


def _copies(one: FormSeen, other: FormSeen) -> bool:
    """The same form twice, as in a dialog and in the footer: same fields, same address, same heading."""

    def facts(form: FormSeen) -> tuple[object, ...]:
        names = sorted(
            c.name or c.texts.get("label", "") for c in form.controls if c.tag != "button" and c.type != "hidden"
        )
        return names, form.action, form.texts.get("heading", ""), form.texts.get("legend", "")

    return facts(one) == facts(other)
