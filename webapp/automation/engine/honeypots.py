"""Fields set as traps for machines: never filled, whatever they are called."""

from __future__ import annotations

import re

from webapp.automation.engine.seen import Control
from webapp.automation.engine.words import plain

# Hidden by themselves; "later_step" and "collapsed" only wait to be opened, "type" is plain hidden, "frame" hides a whole frame.
BY_ITSELF = frozenset({"display", "visibility", "opacity", "clipped", "size", "offscreen", "aria_hidden"})
_NAMED = re.compile(
    r"honey ?p[o0]t|\bhoney|\bhp\b|\bhps?[ _](?=\w)|\bno ?bots?\b|\bbot ?(test\d*|trap|check|field|catcher)\b|\bspam ?(trap|bot|catcher)\b|\bnot? ?(for )?humans?\b|"
    r"\b(leave|keep) ?(this|it|me)? ?(field )?(blank|empty)\b|\b(do ?not|dont|never) ?(fill|use|touch|enter)\b|\bhide ?(it|me)\b|"
    r"gform validation container|frm verify|gfield visibility hidden honeypot|\bwpforms field hp\b|\bemail 2 verify\b|\bbee ?(box|trap)\b|"
    r"\btrap\b|\bhoneypot\w*|\bfake ?(field|name|email)\b|\bff hpot\b|\bare you (a )?(ro)?bot\b|\bgotcha\b|\bapbct\b|\b(first|last|sur) ?name (confirm\w*|confirmation)\b|\bspam ?tracker\b"
)
_SAYS = re.compile(
    r"\b(leave|keep) .{0,24}\b(as is|alone|blank|empty|unchanged|untouched|clear)\b|"
    r"\b(should|must) (not be (changed|filled)|be (left|kept) (blank|empty|unchanged|alone))\b|\bleft (blank|empty|unchanged)\b|"
    r"\b(do not|don t|dont|never|please don t|not to) (fill|type (in|here)|write (in|here)|complete|change|touch|enter (anything|text)|use this)\b|"
    r"\bfor validation( purposes)?\b|\bdient der validierung\b|\bunverandert (bleiben|lassen)\b|\bsirve de validacion\b|\bno deberia cambia\w*|\bif you (are|re) (a )?(human|person|real)\b|\bhumans?\b.{0,30}\b(leave|ignore|blank|not)\b|\bhoney ?pot\b|\bspam ?trap\b|"
    r"\bonly fill in if you are not human\b|\bnot human\b|\bignore this (field|text|box)\b|\bspam ?bots?\b|\btrap for\b|"
    r"\bnicht (ausfullen|andern|befullen|eintragen)\b|\b(leer|frei) ?(lassen|bleiben)\b|\bfreilassen\b|"
    r"\bno (rellen\w+|complet\w+|llen\w+)\b|\b(dej\w+|manten\w+) (este|el|en)?.{0,12}(blanco|vacio)\b|"
    r"\bne (pas )?(remplir|remplissez|completez|rien)\b|\bne remplissez pas\b|\blaiss\w+ .{0,20}vide\b|"
    r"\bnao (preencher?|preencha)\b|\bdeix\w+ .{0,20}(branco|vazio)\b|\bnon (compilare|riempire|completare)\b|\blasci\w+ .{0,20}(vuoto|bianco)\b|"
    r"\bniet (invullen|in te vullen)\b|\bleeg (laten|houden)\b|не заполня|оставьте (это )?(поле )?пуст"
)
_UNLESS = re.compile(
    r"\b(or|oder|ou|o|или) (leave|оставьте|lassen|laiss\w*|dej\w*)\b|\b(blank|empty|leer|vide|vacio) (if|unless|when|for|wenn|si|se|to)\b|\bif (you )?(none|unknown|not applicable|n a)\b"
)
_ODD_NAMES = re.compile(r"^(b [0-9a-f]{16,} [0-9a-f]{6,})$")


def trap(control: Control) -> str:
    """Why a control is a trap, or ""."""
    if control.tag == "button" or control.type in ("hidden", "submit", "file"):
        return ""
    for said in (control.name, control.id, control.classes, control.wrapper):
        if said and (_NAMED.search(plain(said)) or _ODD_NAMES.search(plain(said))):
            return f"named as a trap: {said[:60]}"
    for source in ("label", "aria", "placeholder", "title", "before", "after", "hint"):
        text = plain(control.texts.get(source, ""))
        found = _SAYS.search(text) if text and len(text) < 240 else None
        if found and not _UNLESS.search(text):
            return f'says so: "{control.texts[source][:60]}"'
    if control.tag == "select" or control.type in ("checkbox", "radio", "switch"):
        return ""
    if out_of_sight(control) and (not control.labelled or control.why_hidden == "aria_hidden"):
        return f"hidden by itself: {control.why_hidden}"
    closed = control.autocomplete in ("off", "nope", "new-password", "false", "chrome-off")
    if control.tab_index == -1 and closed and not control.required and control.tag in ("input", "textarea"):
        return "not reachable by keyboard and closed to autofill"
    return ""


def out_of_sight(control: Control) -> bool:
    """Hidden by itself, with nothing that acts for it: a person could not fill it in either."""
    return not control.visible and not control.proxied and control.why_hidden in BY_ITSELF
