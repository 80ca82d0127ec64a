"""Which option of a list fits an enquiry: by meaning, never a placeholder, an honest fallback or none. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache

import phonenumbers
from babel import Locale

from webapp.automation.engine.outcome import Enquiry
from webapp.automation.engine.seen import Kind, Option
from webapp.imports.tables import US_STATES

PROVINCES = {
    "AB": "alberta", "BC": "british columbia", "MB": "manitoba", "NB": "new brunswick", "NL": "newfoundland and labrador",
    "NS": "nova scotia", "NT": "northwest territories", "NU": "nunavut", "ON": "ontario", "PE": "prince edward island",
    "QC": "quebec", "SK": "saskatchewan", "YT": "yukon",
}  # fmt: skip
STATES = {letters: name for name, letters in US_STATES.items()} | PROVINCES
PLACEHOLDER = re.compile(
    r"^\W*$|^\W*(please )?(select|choose|pick|specify)\b(?!.*\bother\b)|^\W*(bitte|auswahl)\b|ausw[aä]hlen|w[aä]hlen sie"
    r"|^\W*(s[eé]lectionne|choisi|veuillez)|^\W*(seleccion|elij|elig|escoj)|^\W*(اختر|إختر|בחר)|^\W*n/?a\W*$"
    r"|^\W*(year|make|model|trim|state|country|subject|department|topic|title|loading)\W*$|^loading\b|no results",
    re.I,
)
OPEN = r"any|either|no preference|both|all|flexible|egal|beliebig|indiff[eé]rent|peu importe|cualquiera|indiferente"
UNSURE = r"not sure|unsure|undecided|don'?t know|unknown|nicht sicher|je ne sais pas|no s[eé]|not applicable|none of"
OTHER = r"other|others|something else|andere[sr]?|sonstige[s]?|autres?|otro|otra|otros|prefer not|rather not|أخرى|אחר"
GENERAL = (
    r"general|contact us|information|info|inquiry|enquiry|question|allgemein|anfrage|renseignement|question|consulta"
    r"|informaci[oó]n|عام|استفسار"
)
SALES = r"sales|buy|buying|purchase|purchasing|new (car|vehicle)s?|used (car|vehicle)s?|vehicle|inventory|verkauf|kauf|vente|achat|ventas|compra"
NOT_A_BUYER = r"service|parts|repair|career|job|press|finance|billing|complaint|warranty|body shop|trade|sell"
CONTACT_WORDS = {
    "email": r"e-?mail|mail|correo|courriel|بريد|דוא",
    "sms": r"sms|text|texts|texting|text message|mobile message|whatsapp",
    "phone": r"phone|call|telephone|telefon|anruf|t[eé]l[eé]phone|appel|tel[eé]fono|llamada|mobile|cell|voice|هاتف|טלפון",
}
VEHICLE = {
    Kind.VEHICLE_YEAR: "vehicle_year",
    Kind.VEHICLE_MAKE: "vehicle_make",
    Kind.VEHICLE_MODEL: "vehicle_model",
    Kind.VEHICLE_TRIM: "vehicle_trim",
    Kind.STOCK_NUMBER: "stock_number",
    Kind.VIN: "vin",
}


def plain(text: str) -> str:
    """Lower case, accents off, everything but letters and digits a single space."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return re.sub(r"[\W_]+", " ", bare.casefold()).strip()


def tight(text: str) -> str:
    return plain(text).replace(" ", "")


def is_placeholder(option: Option) -> bool:
    """ "Select one", "--", "Year": an option that stands for no choice."""
    return PLACEHOLDER.search(option.label.strip()) is not None and not _says(OTHER, option)


def state_name(letters: str) -> str:
    """ "TX" to "Texas"; "" for an unknown one."""
    return STATES.get(letters.upper(), "").title().replace(" Of ", " of ").replace(" And ", " and ")


@lru_cache(maxsize=64)
def country_names(code: str) -> tuple[str, ...]:
    """What lists call it, English first: names in five languages and, for the US, the usual short forms."""
    names = [str(Locale(language).territories.get(code, "")) for language in ("en", "es", "fr", "de", "ar")]
    more = {"US": ["United States of America", "USA", "U.S.A.", "U.S.", "America"], "GB": ["UK", "Great Britain"]}
    return tuple(dict.fromkeys(filter(None, names + more.get(code, []))))


def choose_option(kind: Kind, options: Iterable[Option], enquiry: Enquiry) -> Option | None:
    """The best option by meaning, or an honest "Other", "Any", "General inquiry"; None when none fits."""
    real = [option for option in options if not option.disabled and not is_placeholder(option)]
    match kind:
        case Kind.STATE:
            return _choose_state(real, enquiry.state)
        case Kind.COUNTRY:
            return _named(real, [enquiry.country, *country_names(enquiry.country)])
        case Kind.PHONE_COUNTRY:
            return _choose_dialling(real, enquiry)
        case Kind.PREFERRED_CONTACT:
            return _choose_contact(real, enquiry)
        case Kind.SUBJECT:
            return _choose_subject(real, enquiry)
        case Kind.VEHICLE_CONDITION:
            return _choose_condition(real, enquiry)
        case Kind.POSTAL_CODE:
            return _named(real, [enquiry.postal_code])
        case Kind.CITY:
            return _named(real, [enquiry.city])
        case Kind.TIME | Kind.DATE:
            return _first(real, OPEN, UNSURE, r"as soon as|asap|so bald|d[eè]s que|cuanto antes")
    if kind in VEHICLE:
        wanted = str(getattr(enquiry, VEHICLE[kind]))
        return (_choose_named(real, wanted) if wanted else None) or _first(real, OPEN, UNSURE, OTHER)
    return _first(real, OTHER, UNSURE, OPEN)


def _says(words: str, option: Option) -> bool:
    return re.search(rf"(?<!\w)(?:{words})(?!\w)", option.label, re.I) is not None


def _first(options: list[Option], *words: str) -> Option | None:
    return next((option for each in words for option in options if _says(each, option)), None)


def _named(options: list[Option], names: Iterable[str]) -> Option | None:
    """By label or value, exactly; then by a label that says the name and more, as "TX - Texas"."""
    wanted = [tight(name) for name in names if name]
    tests: tuple[Callable[[Option, str], bool], ...] = (
        lambda option, name: name in (tight(option.label), tight(option.value)),
        lambda option, name: name in _pieces(option),
    )
    for test in tests:
        found = next((option for name in wanted for option in options if test(option, name)), None)
        if found is not None:
            return found
    return None


def _pieces(option: Option) -> set[str]:
    return {tight(piece) for piece in re.split(r"[()\[\]/,|]|\s[-–—:]\s|(?<=US)-", option.label) if piece}


def _choose_state(options: list[Option], letters: str) -> Option | None:
    return _named(options, [state_name(letters), letters, f"US-{letters}", f"CA-{letters}"]) if letters else None


def _choose_dialling(options: list[Option], enquiry: Enquiry) -> Option | None:
    try:
        number = phonenumbers.parse(enquiry.phone, "US")
    except phonenumbers.NumberParseException:
        return None
    region = phonenumbers.region_code_for_number(number) or enquiry.country
    code = str(number.country_code)
    dialling = [
        option
        for option in options
        if re.search(rf"(?<!\d)\+?{code}(?!\d)", f"{option.label} {option.value}")
        or tight(option.value) == region.lower()
    ]
    names = [region, *country_names(region)]
    return _named(dialling, names) or next(
        (o for o in dialling if any(plain(name) in plain(o.label) for name in names[1:])),
        dialling[0] if dialling else None,
    )


def _choose_contact(options: list[Option], enquiry: Enquiry) -> Option | None:
    def by(way: str) -> Option | None:
        rival = "sms" if way == "phone" else ""
        fitting = [o for o in options if _says(CONTACT_WORDS[way], o)]
        return next((o for o in fitting if not rival or not _says(CONTACT_WORDS[rival], o)), None)

    wish = enquiry.preferred_contact
    if wish:
        return by(wish) or _first(options, OPEN)
    return by("email") or _first(options, OPEN) or (by("phone") if enquiry.phone else None)


def _choose_subject(options: list[Option], enquiry: Enquiry) -> Option | None:
    """Their own subject's words; else sales where a vehicle is asked for; else general, sales, other."""
    said = {word for word in plain(enquiry.subject).split() if len(word) > 3}
    scored = [(len(said & set(plain(option.label).split())), -number) for number, option in enumerate(options)]
    if scored and max(scored)[0] > 0:
        return options[-max(scored)[1]]
    buyers = [option for option in options if not _says(NOT_A_BUYER, option)]
    vehicle = enquiry.vehicle_make or enquiry.vehicle_model or enquiry.stock_number or enquiry.vin
    order = (SALES, GENERAL, OTHER) if vehicle else (GENERAL, SALES, OTHER)
    return _first(buyers, *order)


def _choose_condition(options: list[Option], enquiry: Enquiry) -> Option | None:
    """What the enquiry says in its own words; it has no field for it."""
    said = plain(f"{enquiry.subject} {enquiry.message}")
    for words in (r"certified|cpo", r"used|pre owned|preowned", r"new"):
        if re.search(rf"\b({words})\b", said):
            found = next((option for option in options if re.search(rf"\b({words})\b", plain(option.label))), None)
            if found is not None:
                return found
    return _first(options, OPEN, UNSURE, OTHER)


def _choose_named(options: list[Option], wanted: str) -> Option | None:
    """A make, model or trim: the same name, else the one option that begins with it, or that it begins with."""
    name = tight(wanted)
    tests: tuple[Callable[[str], bool], ...] = (
        lambda text: text == name,
        lambda text: text.startswith(name) or (len(text) >= 3 and name.startswith(text)),
        lambda text: len(name) >= 3 and name in text,
    )
    for test in tests:
        found = [option for option in options if test(tight(option.label)) or test(tight(option.value))]
        if len(found) == 1 or (found and test is tests[0]):
            return found[0]
    return None
