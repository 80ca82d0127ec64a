"""How sites say that a message came in, and that it did not: a help to the evidence, never evidence by themselves. Pure.

English, Spanish, French, German, Portuguese, Italian, Dutch, Arabic and Hebrew. Texts are compared without accents, in lower case.
"""

from __future__ import annotations

import re

from webapp.automation.engine.options import plain

_WHAT = (
    r"(message|inquiry|enquiry|request|form|submission|e ?mail|details|question|comments?|feedback|response|entry|mensaje|solicitud|consulta"
    r"|formulario|correo|message|demande|formulaire|courriel|nachricht|anfrage|formular|mail|mensagem|messaggio|richiesta|bericht|aanvraag)"
)
_DONE = (
    r"(sent|received|submitted|delivered|on its way|successful|successfully|enviad[oa]s?|recibid[oa]s?|envoye\w*|recue?|transmis\w*|gesendet|versendet"
    r"|verschickt|ubermittelt|abgeschickt|eingegangen|erhalten|empfangen|recebid[oa]|inviat[oa]|ricevut[oa]|verzonden|ontvangen)"
)
_SENT = re.compile(
    rf"\b{_WHAT}\b.{{0,50}}\b{_DONE}\b|\b{_DONE}\b.{{0,30}}\b{_WHAT}\b|\b(thank|gracias|merci|dank|obrigad|grazie|bedankt).{{0,60}}\b{_DONE}\b"
    r"|\bthanks? (you )?for (contacting|reaching out|your (message|inquiry|enquiry|request|interest|submission|email|question|feedback|note|details)|getting in touch"
    r"|writing|submitting|filling)"
    r"|\b(we|someone|representative|team|specialist|advisor|associate) (ll |will )?(be )?(get back to you|in touch|in contact|getting back|contacting you|contact you|respond|reply|reach out to you|call you|(write|call|come) back)\b"
    rf"|\bwe (have|ve|got|have got) (got |received )?(your|the) {_WHAT}\b"
    r"|\b(will|ll) (be in touch|get in touch|get back to you|contact you|respond to|reply|be contacted|hear from us)\b|\bhear from (us|someone)\b"
    r"|\b(hemos recibido|pondremos en contacto|responderemos|contactaremos con (usted|vosotros)|gracias por (contactar|su (mensaje|interes|consulta)|tu (mensaje|interes)|escribir|comunicar))"
    r"|\bavons bien recu\b|\b(repondrons|recontacterons|contacterons)\b|\bmerci (pour|de) (votre (message|demande|interet)|nous avoir)"
    r"|\bmelden uns\b|\bin verbindung setzen\b|\bdank\w* fur (ihre|deine) (nachricht|anfrage)\b|\bentraremos em contato\b|\brisponderemo\b|\bnemen contact\b"
    r"|ارسال رسالت|تم ارسال|تم الارسال|تم استلام|استلمنا|سنتواصل|سوف نتواصل|سنرد|נשלח|התקבל|ניצור|נחזור אליך"
)
_THANKS = re.compile(
    r"\bthank|\bgracias\b|\bmerci\b|\bdank\w*|\bobrigad[oa]\b|\bgrazie\b|\bbedankt\b|شكرا|תודה|\bsuccess|\bconfirm(ed|ation)\b"
)
_IDLE_THANKS = re.compile(
    r"\bthanks? (you )?for (visiting|stopping|shopping|browsing|choosing|your (visit|patience|business|support|order|purchase|subscri\w*|cooperation))"
    r"|\b(visitar(nos)?|votre visite|ihren besuch|your visit)\b|\bwhat you will read\b"
)
_REFUSED = re.compile(
    r"\b(not|n t|never|cannot|can not|couldn t|could not|unable to|failed to|didn t) (be |been |able to )?(sent|send|sending|submit|submitted|process|processed|deliver|delivered|complete|accept|accepted|saved|receive|verify|validate)"
    r"|\b(an|a|some|there was|there were|there is) (unexpected |unknown |technical |server |internal )?(error|errors|problem|problems|issue)\b|\b(error|failed|failure|oops|whoops)\b|\bsomething went wrong\b"
    r"|\b(looks like|marked as|considered|flagged as|identified as|suspected|detected) (as )?spam\b|\bspam\b.{0,30}\b(detected|blocked|rejected)|\bblocked\b|\bdenied\b|\bforbidden\b|\btoo many\b|\btry again\b"
    r"|\b(sorry|unfortunately)\b|\bcaptcha\b|\bnot a robot\b|\bare (you )?human\b"
    r"|\b(no se (pudo|ha podido|envio)|no ha sido|hubo un (error|problema)|ha ocurrido un error|se produjo un error|intentelo de nuevo|lo sentimos)\b"
    r"|\b(n a pas (pu|ete)|une erreur|erreur|echec|echoue|reessayer|desole\w*|impossible d)\b"
    r"|\b(nicht (gesendet|versendet|verschickt|ubermittelt|abgeschickt)|konnte nicht|fehler\w*|fehlgeschlagen|leider|erneut versuchen|noch einmal)\b"
    r"|\b(nao foi|erro|falhou|errore|non e stato|mislukt|fout|niet verzonden)\b"
    r"|خطا|فشل|تعذر|لم يتم|حاول مرة|שגיאה|נכשל|לא נשלח"
)
_COMPLAINS = re.compile(
    r"\b(is|are|was) (required|invalid|missing|not valid|incorrect|too (short|long))\b|\brequired field\b|\b(please|must|you need to) (enter|provide|fill|complete|select|choose|check|correct|specify|supply|accept|agree|review|confirm|include|type)\b"
    r"|\binvalid\b|\bnot (a )?valid\b|\bcan t be (blank|empty)\b|\bmust (be|contain|have|not)\b|\bmissing\b|\bone or more fields\b|\bcorrect the\b|\bthis field\b"
    r"|\b(obligatori[oa]|requerid[oa]|no (es )?valid[oa]|introduzca|introduce|rellene|complete|ingrese|seleccione|invalid[oa]|campo)\b"
    r"|\b(obligatoire|requis|veuillez|n est pas valide|invalide|saisir|saisissez|renseigne\w*|champ)\b"
    r"|\b(pflichtfeld\w*|erforderlich|bitte (geben|fullen|wahlen|prufen|korrigieren|tragen|bestatigen)|ungultig\w*|gultige\w*|muss|feld)\b"
    r"|\b(preencha|obrigatori[oa]|obbligatori[oa]|inserisci|compila|verplicht|vul)\b"
    r"|يرجى|الرجاء|مطلوب|غير صالح|غير صحيح|שדה חובה|נא ל|אנא|לא תקין"
)
_UNDER_WAY = re.compile(
    r"^(sending|submitting|loading|processing|please wait|one moment|uploading|enviando|cargando|envoi en cours|chargement|wird gesendet|wird geladen|bitte warten|laden|جار|שולח)\b.{0,40}$"
)
_THANKS_PAGE = re.compile(
    r"thank|thx|success|confirm|received|message[-_]?sent|[-_/=]sent\b|submitted|gracias|merci|danke|bestaetig|erfolg|enviado|obrigado|grazie|bedankt",
    re.I,
)


def thanks(text: str) -> bool:
    """The text says that a message came in, and nothing to the contrary."""
    return bool(_SENT.search(plain(text))) and not _otherwise(text)


def thanks_briefly(text: str) -> bool:
    """A few words of thanks or of success that do not say for what."""
    said = plain(text)
    return len(said) < 40 and bool(_THANKS.search(said)) and not _otherwise(text)


def thanks_at_length(text: str) -> bool:
    """Words of thanks or of success among others."""
    said = plain(text)
    return len(said) < 240 and bool(_THANKS.search(said)) and not _otherwise(text)


def _otherwise(text: str) -> bool:
    return refuses(text) or complains(text) or idle(text)


def refuses(text: str) -> bool:
    """The text says that a message did not come in, or that something went wrong."""
    return bool(_REFUSED.search(plain(text)))


def complains(text: str) -> bool:
    """The text finds fault with what was entered."""
    said = plain(text)
    return len(said) < 240 and bool(_COMPLAINS.search(said))


def under_way(text: str) -> bool:
    said = plain(text)
    return bool(_UNDER_WAY.search(said)) or text.rstrip().endswith(("...", "…"))


def idle(text: str) -> bool:
    """Thanks for something else, as for a visit."""
    return bool(_IDLE_THANKS.search(plain(text)))


def thanks_in(url: str) -> bool:
    """The address of a page of thanks: its path, query or fragment says so."""
    return bool(_THANKS_PAGE.search(re.sub(r"^[a-z]+://[^/]+", "", url)))
