"""The words that forms use, by language: English, Spanish, French, German, Portuguese, Italian, Dutch, some Russian and others.

Patterns match `plain` text: lower case, no accents, camelCase and punctuation turned into spaces, so that a label and a name read alike.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from webapp.automation.engine.seen import Kind

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})")
_BREAK = re.compile(r"[\W_]+")


@lru_cache(maxsize=8192)
def plain(text: str) -> str:
    """ "Prénom*:" and "txtFirstName" become "prenom" and "txt first name"; digits stay."""
    split = _CAMEL.sub(" ", text)
    bare = "".join(c for c in unicodedata.normalize("NFKD", split) if not unicodedata.combining(c)).lower()
    return _BREAK.sub(" ", bare.replace("ß", "ss")).strip()


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns))


# In the order in which they are asked; the first that fits a text names its kind.
NOT_THIS = _any(
    r"\buser ?(name|id)\b",
    r"\blog ?in\b",
    r"\bscreen ?name\b",
    r"\bdomain\b",
    r"\bfriend",
    r"\brecipient",
    r"\bfile ?name\b",
    r"\bsearch\b",
    r"\bkeywords?\b",
    r"\bcoupon\b",
    r"\bpromo( ?code)?\b",
    r"\bcard ?(number|name|holder)\b",
    r"\bname on card\b",
    r"\bpet\b",
    r"\bchild",
    r"\bspouse\b",
    r"\bmaiden\b",
    r"\bemergency\b",
    r"\breferr(al|ed|er)\b",
)
CAPTCHA = _any(
    r"captcha",
    r"\bsecurity (code|question|image)\b",
    r"\bverification code\b",
    r"\bverify (code|image)\b",
    r"\bvcode\b",
    r"\b(characters|letters|digits|text|code|word)s? (shown|above|below|in the (image|picture|box)|you see)",
    r"\banti ?spam\b",
    r"\bspam (check|protection|question)\b",
    r"\bhuman ?(verify|check|test)\b",
    r"\bsicherheitscode\b",
    r"\bcodigo de (seguridad|verificacion)\b",
    r"\bcode de (securite|verification)\b",
    r"\bcodice di sicurezza\b",
    r"^\s*(what is )?\d+ ([a-z]+ )?\d+$",
    r"\b(sum|result) of\b",
    r"защитн\w* код|код с картинки|код на картинке",
    r"验证码",
    r"\bturing\b",
)
EMAIL = _any(
    r"e ?mail",
    r"\bmail\b(?!ing)",
    r"\bcorreo\b",
    r"\bcourriel\b",
    r"\bposta elettronica\b",
    r"\be ?posta?\b",
    r"\bmejl\b",
    r"почт|электронн|e ?майл|имейл",
    r"邮箱|邮件|メール|이메일|電郵",
)
CONFIRM = _any(
    r"\b(confirm|repeat|retype|re ?type|re ?enter|verify|again|confirmation|validate)",
    r"\b(confirmar?|confirmez|repita|repetir|ripeti|conferma|bestatig|wiederhol|bevestig|herhaal|nochmals?)",
    r"подтверд|повтор",
    r"\bemail ?2\b|\bcemail\b|\bemail (address )?2\b",
)
PHONE = _any(
    r"phone",
    r"\b(tel|tele|telno|tel ?nr|telnum|tlf|tfn|fon|fone)\b",
    r"\btelef[a-z]*",
    r"\b(mobile|mobil|movil|cell|celular|cellulare|cellular|portable|handy|gsm|whats ?app)\b",
    r"\bmobile ?(no|number|nr)?\b",
    r"\brufnummer\b",
    r"\bcontact (no|number)\b",
    r"телефон|мобильн",
    r"电话|手机|電話|전화",
)
FAX = _any(r"\bfax", r"телефакс")
EXTENSION = _any(r"\b(phone )?ext(ension)?\b")
POSTAL_CODE = _any(
    r"\bzip\b|zip ?code|\bzipcode|\bzip ?post",
    r"postal ?code|\bpostcode\b|\bpost ?code\b|\bpostal\b|\bpostalcode\b",
    r"\bplz\b|postleitzahl",
    r"codigo ?postal|\bcp\b|code ?postal|\bcodpostal\b|\bcod postal\b",
    r"\bcap\b",
    r"\bcep\b",
    r"\bpin ?code\b",
    r"\bpostnummer\b|\bpostnr\b|\bpsc\b|\bkod pocztowy\b",
    r"почтовый индекс|\bиндекс\b",
    r"邮编|郵便",
)
FIRST_NAME = _any(
    r"\bfirst ?names?\b|\bfirst\b(?! (time|visit|choice|appointment|available|contact|preference|line|step|and last))|\bfname\b|\bf name\b|firstname",
    r"\bgiven ?names?\b|\bforename\b|\bfirst (initial)\b",
    r"\bvorname\b|\bprenom\b|\bvoornaam\b|\bprimeiro nome\b|\bprimer nombre\b|\bnome proprio\b",
    r"^имя$|\bваше имя$|\bfornavn\b|\bfornamn\b|\betunimi\b|\bimie\b",
)
MIDDLE_NAME = _any(
    r"\bmiddle ?(name|initial)?\b|\bmname\b|\bsecond name\b|\bsegundo nombre\b|\bm i\b|\bzweiter vorname\b|отчество"
)
LAST_NAME = _any(
    r"\blast ?names?\b|\blast\b(?! (time|visit|4|four|digits|step|service|purchase|update))|\blname\b|\bl name\b|lastname",
    r"\bsurname\b|\bsur name\b|\bfamily ?name\b|\bsirname\b",
    r"\bnachname\b|\bfamilienname\b|\bzuname\b|\bapellidos?\b|\bnom de famille\b|\bcognome\b|\bsobrenome\b|\bapelidos?\b|\bultimo nome\b",
    r"\bachternaam\b|фамилия|\betternavn\b|\befternamn\b|\bsukunimi\b|\bnazwisko\b|\bprijmeni\b",
)
FULL_NAME = _any(
    r"\b(full|your|contact|customer|client|sender|person|complete|real|my) ?name\b|fullname|yourname|\bauthor\b",
    r"\bnames?\b",
    r"\bfirst (and|&) last\b|\bvor und nachname\b|\bnombre( y apellidos?)?\b|\bnom( et prenoms?)?\b|\bnome( e cognome| completo)?\b|\bnaam\b",
    r"\bimie i nazwisko\b|\bjmeno\b|\bnavn\b|\bnamn\b|\bnimi\b|\bnev\b|\bnombres\b",
    r"\bимя\b|фио|представ|как вас зовут|姓名|お名前|이름",
)
COMPANY = _any(
    r"\bcompany\b|\bcompany ?name|\borgani[sz]ation\b|\bbusiness( name)?\b(?! (type|url|website|phone|hours))|\bemployer\b|\bdealership( name)?\b|\bcorporation\b",
    r"\bfirma\b|\bfirmenname\b|\bunternehmen\b|\bempresa\b|\bsociete\b|\bentreprise\b|\bazienda\b|\bragione sociale\b|\bbedrijf(snaam)?\b|\bcompania\b",
    r"компани|организаци",
    r"公司|会社",
)
STREET_2 = _any(
    r"\b(address|addr|street|line|adresse) ?(line ?)?2\b|\baddress ?2\b|\bapt\b|\bapartment\b|\bsuite\b|\bunit (no|number)?\b|\baddress line (two|2)\b|\badresszusatz\b|\bcomplemento?\b"
)
STREET = _any(
    r"\bstreet\b|\baddress\b|\baddr\b|\baddress ?(line)? ?1\b|\baddress ?1\b|\bmailing\b",
    r"\bstrasse\b|\badresse\b|\bstr\b|\banschrift\b|\bdireccion\b|\bcalle\b|\bdomicilio\b|\brue\b|\bindirizzo\b|\bvia\b|\bendereco\b|\brua\b|\badres\b|\bstraat\b",
    r"адрес|улица|地址|住所",
)
CITY = _any(
    r"\bcity\b|\btown\b|\bsuburb\b|\blocality\b|cityname|\bhome ?town\b",
    r"\bort\b|\bstadt\b|\bwohnort\b|\bciudad\b|\bpoblacion\b|\blocalidad\b|\bville\b|\bcitta\b|\bcomune\b|\bcidade\b|\bplaats\b|\bwoonplaats\b|\bstad\b|\bmiasto\b|\bmesto\b",
    r"город|城市",
)
STATE = _any(
    r"\bstates?\b|\bprovince\b|\bprov\b|\bregion\b|\bcounty\b|\bterritory\b",
    r"\bbundesland\b|\bkanton\b|\bprovincia\b|\bestado\b|\bdepartement\b|\bregione\b|\bprovincie\b|\buf\b",
    r"област|регион",
)
COUNTRY = _any(r"\bcountry\b|\bnation\b|\bland\b|\bpais\b|\bpays\b|\bpaese\b|\bnazione\b|\bkraj\b|страна|国家")
SUBJECT = _any(
    r"\bsubject\b|\btopic\b|\bregarding\b|\breason\b|\b(type|nature|kind) of (inquiry|enquiry|request|question|contact|message|issue)\b|\b(inquiry|enquiry|request|contact|message|question|issue) ?(type|category|reason|topic)\b",
    r"\bdepartment\b|\bcategory\b|\bhow can we help\b|\bwhat can we help\b|\bi am interested in\b|\binterested in\b|\bpurpose\b|\brequest type\b",
    r"\bbetreff\b|\bthema\b|\basunto\b|\btema\b|\bsujet\b|\bobjet\b|\boggetto\b|\bassunto\b|\bonderwerp\b|\bmotivo\b|\bmotif\b|\banliegen\b|\bpredmet\b|\btemat\b",
    r"\bтема\b|主题|件名",
    r"\btitle\b|\btitel\b|\btitulo\b|\btitre\b|\bheadline\b",
)
MESSAGE = _any(
    r"\bmessages?\b|\bcomments?\b|\bquestions?\b|\binquiry\b|\benquiry\b|\bfeedback\b|\bdescription\b|\bdetails\b|\bremarks?\b|\bnotes?\b|\byour text\b|\bmsg\b|\bquery\b|\bsuggestions?\b",
    r"\bhow (can|may) we (help|assist)\b|\btell us\b|\bwhat (can|would)\b|\badditional info\w*|\bspecial requests?\b",
    r"\bnachricht\b|\bmitteilung\b|\banfrage\b|\bbemerkung\w*|\bkommentar\b|\bihre frage\b|\bmensajes?\b|\bcomentarios?\b|\bconsulta\b|\bpregunta\b|\bmessaggio\b|\bcommenti\b|\brichiesta\b|\bmensagem\b|\bcommentaires?\b|\bvotre message\b|\bbericht\b|\bopmerking\w*|\bvraag\b|\bzprava\b|\bwiadomosc\b|\bberichttekst\b",
    r"сообщени|комментари|вопрос|текст|留言|内容|お問い合わせ",
)
PREFERRED_CONTACT = _any(
    r"\b(preferred|prefered|preference|best|desired|favou?rite)\b.{0,30}\b(contact|method|way|reach|communication|response)\b",
    r"\bcontact (preference|method|by|via|me by|me via|you by)\b|\bhow (should|would|can|do) (we|you)\b.{0,30}\b(contact|reach|respond|contacted)\b|\bpreferred contact\b|\bprefer to be contacted\b|\bcontactpref\w*|\bcontact with\b",
    r"\bkontaktart\b|\bbevorzugte\w* kontakt\w*|\bforma de contacto\b|\bmedio de contacto\b|\bmoyen de contact\b|\bmodalita di contatto\b|\bforma de contato\b|\bvoorkeur\b.*contact",
)
VEHICLE_CONDITION = _any(
    r"\bnew (or|and|/)? ?(pre ?owned|used)\b|\bcondition\b|\bvehicle (condition|status)\b|\bnew used\b|\binventory type\b|\bneu oder gebraucht\b|\bstock type\b"
)
VEHICLE_YEAR = _any(
    r"\b(vehicle|model|car|desired|auto) ?year\b|^(select |choose )?(a )?year$|\bbaujahr\b|\bano del vehiculo\b|\bannee\b|^ano$|^anno$|^jahr$|\byear of (vehicle|car|manufacture)\b"
)
VEHICLE_MAKE = _any(
    r"\b(vehicle|car|auto|desired|select)? ?make\b|^(a )?make$|\bmanufacturer\b|\bmarca\b|\bmarque\b|\bmarke\b|\bmerk\b|\bbrand\b|\bmarca del vehiculo\b|^марка"
)
VEHICLE_TRIM = _any(r"\btrim( level)?\b|\b(vehicle|car) ?trim\b|\bversion\b|\bausstattung\b|\bstyle\b")
VEHICLE_MODEL = _any(r"\b(vehicle|car|auto)? ?model\b|\bmodelo\b|\bmodele\b|\bmodell\b|\bmodello\b|^модель")
STOCK_NUMBER = _any(r"\bstock ?(number|no|num|id|nr)?\b|\bstocknumber\b|\bstk\b|\binventory (number|id)\b")
VIN = _any(r"\bvin\b|\bvehicle identification\b|\bvin ?number\b|\bvinnumber\b|\bfahrgestell\w*")
DATE = _any(
    r"\bdate\b|\bdatum\b|\bfecha\b|\bdata\b(?! protection)|\bday\b|\bbirthday\b|\bappointment\b(?!.*time)|\bdob\b|\bpreferred day\b|\bдата\b"
)
TIME = _any(
    r"\btime\b|\buhrzeit\b|\bhora\b|\bheure\b|\borario?\b|\btijd\b|\bbest time\b|\btime to (call|contact)\b|\bвремя\b"
)
WEBSITE = _any(
    r"\bweb ?site\b|\burl\b|\bhome ?page\b|\bweb(seite)?\b|\bsitio web\b|\bsite web\b|\bsite internet\b|\bсайт\b|\bblog\b"
)
SALUTATION = _any(
    r"\b(salutation|honorific|prefix|anrede|civilite|tratamiento|titolo|aanhef|mr mrs|gender|sex|geschlecht|sexo)\b"
)
TERMS = _any(
    r"\b(agree|accept|terms|conditions|privacy|policy|gdpr|consent|acknowledge|acceptance|disclaimer|authori[sz]e|read and)\b",
    r"\b(datenschutz\w*|einverstanden|einwillig\w*|agb|zustimm\w*|acepto|privacidad|condiciones|politica|accept\w*|confidentialite|conditions|accetto|privacy|autorizzo|consenso|trattamento|aceito|termos|akkoord|voorwaarden|rgpd|dsgvo)\b",
    r"соглас|персональн|политик",
)
SMS = _any(
    r"\b(sms|text (me|messages?|messaging|alerts?|updates?)|texts?|by text|via text|message and data rates|msg (&|and)? ?data)\b",
    r"\bmensajes de texto\b|\btextnachricht\w*|\bautodial\w*|\bautomated (calls|text)",
)
MARKETING = _any(
    r"\bnews ?letters?\b|\bsubscribe\b|\bmailing ?list\b|\bopt ?in\b|\b(special|exclusive|promotional|email) offers?\b|\bpromotions?\b|\bmarketing\b|\bupdates\b|\bsign (me )?up\b|\bkeep me (informed|posted|updated)\b|\boffers\b|\bsend me\b|\breceive (email|news|information|offers|updates|promo)\w*",
    r"\b(angebote|werbung|ofertas|promociones|offres|promotions|offerte|novidades|novedades|boletin|bollettino|nieuwsbrief|aanbiedingen|suscri\w*|abonn\w*|iscri\w*)\b",
    r"подпис|рассылк|новост|\bnotify me\b|\bfollow ?up comments\b",
)

# Texts that name a kind, in order: the narrower before the wider.
TEXT_KINDS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (Kind.CAPTCHA, CAPTCHA),
    (Kind.PREFERRED_CONTACT, PREFERRED_CONTACT),
    (Kind.VIN, VIN),
    (Kind.STOCK_NUMBER, STOCK_NUMBER),
    (Kind.EMAIL, EMAIL),
    (Kind.PHONE_EXTENSION, EXTENSION),
    (Kind.PHONE, PHONE),
    (Kind.POSTAL_CODE, POSTAL_CODE),
    (Kind.FIRST_NAME, FIRST_NAME),
    (Kind.MIDDLE_NAME, MIDDLE_NAME),
    (Kind.LAST_NAME, LAST_NAME),
    (Kind.COMPANY, COMPANY),
    (Kind.STREET_2, STREET_2),
    (Kind.STREET, STREET),
    (Kind.CITY, CITY),
    (Kind.COUNTRY, COUNTRY),
    (Kind.STATE, STATE),
    (Kind.VEHICLE_YEAR, VEHICLE_YEAR),
    (Kind.VEHICLE_MAKE, VEHICLE_MAKE),
    (Kind.VEHICLE_TRIM, VEHICLE_TRIM),
    (Kind.VEHICLE_MODEL, VEHICLE_MODEL),
    (Kind.VEHICLE_CONDITION, VEHICLE_CONDITION),
    (Kind.FULL_NAME, FULL_NAME),
    (Kind.SUBJECT, SUBJECT),
    (Kind.MESSAGE, MESSAGE),
    (Kind.DATE, DATE),
    (Kind.TIME, TIME),
)

_REQUIRED = re.compile(
    r"\b(required|mandatory|obligatorio|obligatoria|obligatoire|erforderlich|pflichtfeld|obrigat[óo]ri[oa]|obbligatori[oa]|verplicht)\b"
    r"|обязательн|必須|必填",
    re.I,
)
_NOT_REQUIRED = re.compile(
    r"not required|optional|opcional|facultati|freiwillig|facoltativ|optioneel|необязательн|non obligatoire|no obligatorio|nicht erforderlich|keine pflicht",
    re.I,
)
_STAR = re.compile(r"[*✱∗＊]\s*[:：)\]]?\s*$|^\s*[*✱∗＊]|[*✱∗＊]\s*[:：]")


def says_required(texts: dict[str, str]) -> bool:
    """Whether a control's own words demand it: a star, or "required" without "not"."""
    for source in ("label", "aria", "before", "over", "placeholder"):
        text = texts.get(source, "")
        if not text or len(text) > 160:
            continue
        if _NOT_REQUIRED.search(text):
            return False
        if _STAR.search(text) or _REQUIRED.search(text):
            return True
    return False
