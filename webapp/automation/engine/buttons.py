"""Which of a form's buttons sends it, which leads on, and which must never be pressed. Pure, but for the search around a form."""

from __future__ import annotations

import re
from typing import Literal

from webapp.automation.engine.options import plain
from webapp.automation.engine.seen import Control, FormSeen

Role = Literal["submit", "next", "back", "clear", "other"]
_NEXT = re.compile(
    r"^(go to )?(next|continue|proceed|weiter|fortfahren|suivant|continuer|etape suivante|siguiente|continuar|seguir|proximo|avanti|volgende|verder|التالي|متابعة|הבא|המשך)\b"
    r"|\b(next|nachster|prochaine|siguiente) (step|page|schritt|etape|paso)\b|^step \d|\bnext$"
)
_BACK = re.compile(
    r"^(go )?(back|previous|prev|return|zuruck|vorherige|retour|precedent|etape precedente|atras|volver|anterior|indietro|terug|vorige|السابق|رجوع|חזרה|הקודם)\b"
    r"|\b(previous|vorheriger|precedente) (step|page|schritt|etape)\b"
)
_CLEAR = re.compile(
    r"\b(reset|clear|cancel|close|start over|loschen|zurucksetzen|abbrechen|schliessen|effacer|annuler|reinitialiser|fermer|borrar|limpiar|cancelar|cerrar|مسح|الغاء|ביטול|נקה)\b"
)
_SEND = re.compile(
    r"\b(send|submit|request|contact|inquire|enquire|get (a|my|your|the|started|in touch|quote|price|info)|finish|complete|apply|book|schedule|ask|go|done|message|email|check availability|absenden"
    r"|senden|abschicken|anfragen|nachricht|envoyer|soumettre|valider|demander|enviar|mandar|solicitar|contactar|invia|verzenden|versturen)\b|ارسال|إرسال|שלח|שליחה"
)
_WEAK = re.compile(r"^(go|done|ask|finish|complete|message|email|request|contact|book|schedule|apply)$")
_OTHER = re.compile(
    r"\b(search|upload|browse|choose file|attach|add( another)?|remove|delete|show|hide|login|log in|sign in|subscribe|print|share|calculate|play|select|apply code|edit|suche|buscar|rechercher)\b"
)


def words_on(control: Control) -> str:
    """What stands on a button, or what it is called."""
    texts = control.texts
    return (
        next((texts[s] for s in ("label", "aria", "title") if texts.get(s)), "")
        or control.value
        or control.name
        or control.id
    )


def role_of(control: Control) -> Role:
    said = plain(words_on(control))
    if control.type == "reset" or _CLEAR.search(said):
        return "clear"
    if _BACK.search(said) or re.search(r"(^|[-_ ])(prev|previous|back)([-_ ]|$)", control.classes):
        return "back"
    if _NEXT.search(said) or re.search(
        r"(^|[-_ ])(next|gform_next_button|wpforms-page-next)([-_ ]|$)", control.classes
    ):
        return "next"
    if control.type in ("submit", "image"):
        return "other" if _OTHER.search(said) and not _SEND.search(said) else "submit"
    if _SEND.search(said) or re.search(r"\b(submit|send)", f"{control.name} {control.id} {control.classes}", re.I):
        return "submit"
    return "other"


def choose_button(form: FormSeen) -> tuple[Control, Role] | None:
    """The button to press now: the one that leads on while fields wait behind it, else the one that sends. None when there is neither."""
    seen = [(one, role_of(one)) for one in form.controls if one.tag == "button" and one.visible]
    onward = [pair for pair in seen if pair[1] == "next"]
    sending = [pair for pair in seen if pair[1] == "submit"]
    waiting = any(one.why_hidden == "later_step" and one.tag != "button" for one in form.controls)
    if onward and (waiting or not sending):
        return onward[-1]
    if sending:
        areas = [at for at, one in enumerate(form.controls) if one.tag == "textarea" and (one.visible or one.proxied)]

        def rank(pair: tuple[Control, Role]) -> tuple[bool, ...]:
            said = plain(words_on(pair[0]))
            behind = not areas or form.controls.index(pair[0]) > areas[-1]
            sends = bool(_SEND.search(said))
            return pair[0].type == "submit", sends and not _WEAK.search(said), behind, sends

        return max(sending, key=rank)
    alone = [pair for pair in seen if pair[1] == "other"]
    if len(alone) != 1 or _OTHER.search(plain(words_on(alone[0][0]))):
        return None
    return alone[0][0], "next" if waiting else "submit"  # "OK" under one question of several
