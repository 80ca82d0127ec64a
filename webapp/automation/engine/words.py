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


@lru_cache(maxsize=16384)
def plain(text: str) -> str:
    """ "Prénom*:" and "txtFirstName" become "prenom" and "txt first name"; digits stay."""
    split = _CAMEL.sub(" ", text)
    bare = "".join(c for c in unicodedata.normalize("NFKD", split) if not unicodedata.combining(c)).lower()
    return _BREAK.sub(" ", bare.replace("ß", "ss")).strip()


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns))


NOT_THIS = _any(
    r"\buser ?(name|id)\b|\bbenutzer ?name\b|\bbrugernavn\b|\bgebruikersnaam\b|\bnom d utilisateur\b|\bnombre de usuario\b|\bnome (de )?(usuario|utente|utilizador)\b|\bpseudo\w*\b|имя пользователя|\blog ?in\b|\bscreen ?name\b|\bdomain\b|\bfile ?name\b|\bsearch\b|\bkeywords?\b|\bcoupon\b|\bpromo( ?code)?\b",
    r"\bcard ?(number|name|holder)\b|\bname on card\b|\bpet\b|\bchild|\bspouse\b|\bmaiden\b|\bemergency\b|\breferr(al|ed|er)\b|\bgift\b|\bqu?iz\b",
    r"\bjob ?title\b|\bnick ?name\b|\bpreferred name\b",
)
OTHERS = _any(
    r"\bfriend|\brecipi?ent|\breceiver|\bdestinatari|\bship(ping)? to\b|\bship ?name|^to ?(name|email|mail)\b|\btarget (e ?mail|name)\b|\bempfanger"
)
CAPTCHA = _any(
    r"captcha|\bsecurity (code|question|image)\b|\bverif(y|ication) ?(code|image|number)\b|\bvcode\b|\bsec ?code\b|\bhuman ?(verify|verification|check|test)\b",
    r"\b(characters|letters|digits|text|code|word)s? (shown|above|below|in the (image|picture|box)|you see)|\bturing\b|\bvalidation code\b|\bcontrol code\b",
    r"\banti ?(spam|ro?bots?)\w*|\b(spam|ro?bots?) (check|protection|prevention|question|test|filter|control|code|schutz)\b|^spam$|\bprotispam\w*|\bspamu\b|\bspamschutz\b|\bsicherheits?(code|frage|abfrage)\b",
    r"\bcodigo de (seguridad|verificacion)\b|\bcode de (securite|verification)\b|\bcodice di sicurezza\b|\bbeveiligingscode\b",
    r"\bhow much is\b|\bwhat is \d+|\b\w+ (plus|minus|times) \w+\b|\b(sum|result) of\b|\bwie ?viel ist\b|\bcuanto es\b|\bcombien font\b|\bquanto fa\b|\bhoeveel is\b",
    r"защитн\w* код|код с картинки|код на картинке|ты человек|验证码|проверочн\w* код",
)
SUM = re.compile(
    r"(?<![\d.,])\d{1,2}\s*[+x×*]\s*\d{1,2}\s*(=|\?|$)|(?<![\d.,])\d{1,2}\s*[-–−]\s*\d{1,2}\s*="
)  # on raw text
EMAIL = _any(
    r"e ?mail(?! (code|preferences|format|newsletter|subject|message|body|updates))|\bmail\b(?!ing| code| stop)|\bcorr[e][io]+\b(?! postal)|\bcourriel\b|\bposta elettronica\b|\be ?posta?\b|\bel past\w*|\bmejl\b",
    r"почт|электронн|e ?майл|имейл|邮箱|邮件|メール|이메일|電郵|電子郵件|البريد|ηλεκτρον|דואר",
)
OR_ELSE = _any(
    r"\b(or|oder|ou|o|of|или)\b.{0,12}\b(user\w*|name|login|id|number|nummer|phone|mobile|kunden\w*|nutzer\w*|utilizador|usuario|телефон|логин)\b",
    r"\b(user ?name|phone|mobile|login|id)\b.{0,6}\b(or|oder|ou|o)\b",
)
CONFIRM = _any(
    r"\b(confirm|repeat|retype|re ?type|re ?enter|verify|again|confirmation|validate)",
    r"\b(confirmar?|confirme[rz]?|repita|repetir|ripeti|conferma|bestatig|wiederhol|bevestig|herhaal|nochmals?)",
    r"подтверд|повтор",
)
PHONE = _any(
    r"phone(?! (type|os|model|brand|preference))|\b(tel|tele|telno|tel ?nr|telnum|telnr|tlf|tfn|fon|fone|telf)\b|\btelef(?!ax)[a-z]*|\btel ?\d\b",
    r"^mobile?$|\bmobile? ?(no|number|nr|num|telefono|telefon)\b|^(your |my |ihre? )?mobile?\b|\bmovil\b|\bcell\b|\bcelular\b|\bcellulare\b|\bcellular\b|\bhandy(nummer)?\b|\bgsm\b|\bwhats ?app\b",
    r"\brufnummer\b|\bcontact ?(no|num|number)\b|\bmob(ile)?no\b|\bmobiel\b|телефон|мобильн|电话|手机|電話|전화|手機|هاتف|טלפון|τηλεφ",
)
FAX = _any(r"fax|факс")
COUNTRY_CODE = _any(
    r"\b(country|dial(ing|ling)?|calling|intl) ?code\b|\bphone country\b|\b(mobile|phone) country ?code\b|\bphone ?code\b"
)
AREA_CODE = _any(r"\barea ?code\b|\bvorwahl\b")
EXCHANGE = _any(r"\bphone ?prefix\b|\bprefix\b")
EXTENSION = _any(r"\b(phone )?ext(ension)?\b")
POSTAL_CODE = _any(
    r"\bzip\b|zip ?code|\bzipcode|\bzip ?post|postal ?code|\bpostcode\b|\bpost ?code\b|\bpostal\b(?! address| mail)|\bplz\b|postleitzahl",
    r"codigo ?postal|^c ?p$|\bcode ?postal|\bcodpostal\b|\bcod postal\b|^c ?a ?p$|^cap\b|^cep$|\bcep$|\bpin ?code\b",
    r"\bpostnummer\b|\bpostnr\b|^psc$|\bkod pocztowy\b|почтовый индекс|\bиндекс\b|邮编|郵便|郵政|邮政|우편",
)
BOTH_NAMES = _any(
    r"\bfirst (name )?(and |n )?(last|surname|sur name)\b|\bname (and )?(surname|last ?name)\b|\bvor (und |u )?(nach|zu)name\b|\b(vorname|vornamen|name) (und |u )?(nachname|zuname|vorname|name)\b|\bnachname vorname\b",
    r"\bnombres? (y )?apellidos?\b|\bapellidos? y nombres?\b|\bnome (e )?cognome\b|\bcognome (e )?nome\b|\bprenoms? (et )?nom\b|\bnom (et )?prenoms?\b|\bvoor (en )?achternaam\b|\bimie i nazwisko\b|\bjmeno a prijmeni\b",
    r"\bnome (e )?(sobrenome|apelido)\b|имя и фамилия|фамилия имя|姓名|\bfull ?name\b|\bvollstandiger name\b|\bnombre completo\b|\bnome completo\b|\bcomplete name\b",
    r"\bnom complet\b|\bvolledige naam\b|полное имя|الاسم الكامل|الاسم بالكامل|\bad soyad\b",
)
FIRST_NAME = _any(
    r"\bfirst ?names?\b|^first$|\bfirst$|\bfname\b|\bf name\b|firstname|\bgiven ?names?\b|\bfore ?name\b|\bpre ?name\b",
    r"\bvorname\b|\bprenom\b|\bvoornaam\b|\bprimeiro nome\b|\bprimer nombre\b|\bnome proprio\b",
    r"\bmeno\b|\bfornavn\b|\bfornamn\b|\betunimi\b|\bimie\b|^名$|^名字$",
)
MIDDLE_NAME = _any(
    r"\bmiddle ?(name|initial)?\b|\bmname\b|\bsegundo nombre\b|^m ?i$|\bzweiter vorname\b|\btussenvoegsel\b|отчество"
)
LAST_NAME = _any(
    r"\blast ?names?\b|^last$|\blast$|\blname\b|\bl name\b|lastname|\bsur ?name\b|\bfamily ?name\b|\bsirname\b",
    r"\bnachname\b|\bfamilienname\b|\bzuname\b|\bapellidos?\b|\bprimer apellido\b|\bnom de famille\b|\bcognome\b|\bsobrenome\b|\bapelidos?\b|\bultimo nome\b",
    r"\bachternaam\b|фамилия|\betternavn\b|\befternamn\b|\bsukunimi\b|\bnazwisko\b|\bprijmeni\b|\bpriezvisko\b|^姓$|^姓氏$",
)
FULL_NAME = _any(
    r"\bnames?\b|fullname|yourname|\bauthor\b|\bfio\b|\brealname\b|\bnombres?\b|\bnom\b|\bnome\b|\bnaam\b|\bjmeno\b|\bnavn\b|\bnamn\b|\bnimi\b|\bnev\b|\bvardas\b",
    r"\bansprech(partner|person)\w*\b|\bcontact person\b|\bимя\b|представьтесь|как вас зовут|お名前|氏名|이름|الاسم|ονομα",
)
# What may stand beside "name" without making it the name of something else.
_BESIDE = frozenset(
    "please enter type write your full the a an my our own what is s contact contacts customer customers client sender person complete completo "
    "real legal here required requis obligatoire pflichtfeld obligatorio erforderlich field ihr ihre ihren dein deine su tu seu votre uw jouw je il "
    "tuo vostro vase de el la le o en first last and or y et und e i owner buyer applicant guest dit din ditt mit volledige qual enter vas vase jusu sinu teie nama visitor caller number 1 hello hi hey hallo hola bonjour may we know have tell us insert inserisci eingeben "
    "bitte digite introduce escribe veuillez saisir vul in ваше ваша введите ваш optional".split()
)
_THING = _any(
    r"\b(products?|compan(y|ies)|organi[sz]ation|business|firm|ship|shop|store|cards?|files?|users?|nick|display|events?|schools?|university|college|account|bank|projects?|teams?)",
    r"\b(groups?|class|courses?|items?|street|city|domain|host|model|brand|campaign|list|site|blog|hotel|venue|dog|cat|horse|band|artist|book|song|friend|tag|screen|publication)\b",
    r"\b(conference|job|position|building|property|vehicle|captcha|quiz|child|parent|students?|spouse|clinic|practice|restaurant|agency|broker|dealer|club|church|cemetery)\b",
    r"\b(destination|country|state|county|region|department|category|referrer|recipi?ent|planet\w*)\b|\bmembers? display\b",
)


_ASKED = _any(r"\bansprech(partner|person)\w*\b|\bcontact person\b|представьтесь|как вас зовут|お名前|氏名")


def is_a_persons_name(said: str, *, label: bool) -> bool:
    """Whether plain text with a word for name asks for the sender's: a label may say little else, an attribute only nothing contrary."""
    if _THING.search(said):
        return False
    return not label or bool(_ASKED.search(said)) or len({one for one in said.split() if one not in _BESIDE}) <= 1


COMPANY = _any(
    r"\b(company|organi[sz]ation|business|corporat(e|ion)|employer|dealership|agency)( name)?\b(?! (type|category|url|website|web|hours|size|phone|address|unit|sector|industry|description|number|id|reg\w*))",
    r"\bcompany ?name\b|\bfirma\b|\bfirmenname\b|\bfirmaname\b|\bunternehmen\b|\bempresa\b|\bsociete\b|\bentreprise\b|\bazienda\b|\bragione sociale\b|\bbedrijf(snaam)?\b|\bcompania\b|компани|организаци|公司|会社|貴社",
)
STREET_2 = _any(
    r"\b(address|addr|street|line|adresse|addressline) ?(line ?)?(2|two)\b|^(apt|apartment|suite|unit)\b|\badresszusatz\b|\bcomplemento?\b"
)
STREET = _any(
    r"\bstreet\b|(?<!ip )\baddress\b|\baddr\b|\baddress ?(line)? ?1\b|\bstrasse\b|\badresse\b|^str$|\banschrift\b|\bdireccion\b|\bcalle\b|\bdomicilio\b|^rue$|\bindirizzo\b|^via$|\bendereco\b|\brua\b|\badres\b|\bstraat\b",
    r"адрес|улица|地址|住所",
)
WHOLE_ADDRESS = _any(
    r"\baddress\b|\baddr\b|\badresse\b|\badres\b|\banschrift\b|\bdireccion\b|\bindirizzo\b|\bendereco\b|адрес|地址|住所"
)
CITY = _any(
    r"\bcity\b|\btown\b|\bsuburb\b|\blocality\b|cityname|^(wohn)?ort$|\bort\b|\bstadt\b|\bwohnort\b|\bciudad\b|\bpoblacion\b|\blocalidad\b|\bville\b|\bcitta\b|\bcomune\b|\bcidade\b|\bplaats\b|\bwoonplaats\b|\bstad\b|\bmiasto\b|\bmesto\b",
    r"город|城市",
)
STATE = _any(
    r"\bstates?\b|\bprovince\b|\bprov\b|\bregion\b|\bcounty\b|\bterritory\b|\bbundesland\b|\bkanton\b|\bprovincia\b|\bestado\b|\bdepartement\b|\bregione\b|\bprovincie\b|^uf$",
    r"област|регион|都道府県",
)
COUNTRY = _any(r"\bcountry\b|^nation\b|\bland\b|\bpais\b|\bpays\b|\bpaese\b|\bnazione\b|\bkraj\b|страна|国家")
SUBJECT = _any(
    r"\bsubject\b|\btopic\b|^regarding\b|\breason (for|of)\b|^reason$|\b(type|nature|kind) of (inquiry|enquiry|request|question|contact|message|issue)\b|\b(inquiry|enquiry|request|contact|message|question|issue|query) ?(type|category|reason|topic|about)\b",
    r"^(your )?department$|^category$|\b(how|what) can we help\b|\bpodemos ayudar\w*\b|\bкатегория\b|\bi am interested in\b|^interested in\b|\bpurpose of\b|\brequest type\b|\bservice ?request(ed)?\b",
    r"\bbetreff\b|\bthema\b|\basunto\b|\btema\b|\bsujet\b|^objet\b|\boggetto\b|\bassunto\b|\bonderwerp\b|\bmotivo\b|\bmotif\b|\banliegen\b|\bpredmet\b|\btemat\b|\bтема\b|主题|件名",
)
TITLE = _any(r"\btitle$|^titel$|^titulo$|^titre$|\bheadline\b")
MESSAGE = _any(
    r"\bmessages?\b|\bcomments?\b|\bmsg\b|\bmsgtext\b|\byour (text|question|query|inquiry|enquiry|feedback|request)\b",
    r"\bnachricht\b|\bmitteilung\b|\bihre (frage|anfrage)\b|\bkommentar\b|\bmensajes?\b|\bcomentarios?\b|\bmessaggio\b|\bcommenti\b|\bmensagem\b|\bcommentaires?\b|\bbericht\b|\bberichttekst\b|\bzprava\b|\bwiadomosc\b|\bzinute\b|\bmeddelande\b|\bbesked\b",
    r"сообщени|комментари|留言|内容|お問い合わせ|رسالة",
)
MESSAGE_WIDE = _any(
    r"\bquestions?\b|\binquiry\b|\benquiry\b|\bfeedback\b|\bdescri\w+\b|\bdetails?\b|\bremarks?\b|\bnotes?\b|\bsuggestions?\b|\bquer(y|ies)\b|\brequests?\b|\bhow (can|may) we (help|assist)\b|\btell us\b|\bwhat (can|would)\b|\badditional info\w*|\btext\b|\bcontent\b|\bbody\b",
    r"\banfrage\b|\bbemerkung\w*|\banmerkung\w*|\bfrage\b|\bconsulta\b|\bpregunta\b|\bobservaciones\b|\brichiesta\b|\bnote\b|\bopmerking\w*|\bvraag\b|\bduvida\b|\bobserva\w+\b|\bdemande\b|вопрос|текст|описание",
)
PREFERRED_CONTACT = _any(
    r"\b(preferred|prefered|preference|best|desired|favou?rite)\b.{0,30}\b(contact|method|way|reach|communication|response)\b(?!.{0,12}\btime)",
    r"\bcontact (preference|method|by|via|me by|me via|you by)\b|\bhow (should|would|can|do) (we|you)\b.{0,30}\b(contact|reach|respond|contacted)\b|\bprefer to be contacted\b|\bcontactpref\w*|\bcontact with\b",
    r"\bkontaktart\b|\bbevorzugte\w* kontakt\w*|\bforma de contacto\b|\bmedio de contacto\b|\bmoyen de contact\b|\bmodalita di contatto\b|\bforma de contato\b|\bvoorkeur\b.*contact",
)
VEHICLE_CONDITION = _any(
    r"\bnew (or |and )?(pre ?owned|used)\b|^(vehicle |car )?condition$|\binventory type\b|\bneu oder gebraucht\b|\bstock type\b"
)
VEHICLE_YEAR = _any(
    r"\b(vehicle|model|car|desired|auto) ?year\b|^(select |choose )?(a )?year$|\bbaujahr\b|\bano del vehiculo\b|^annee$|^ano$|^anno$|^jahr$|\byear of (vehicle|car|manufacture)\b"
)
VEHICLE_MAKE = _any(
    r"\b(vehicle|car|auto|desired|select) ?make\b|^(a )?make$|^marca$|^marque$|^marke$|^merk$|^brand$|\bmarca del vehiculo\b|^марка"
)
VEHICLE_TRIM = _any(r"^trim( level)?$|\b(vehicle|car|desired) ?trim\b|\bausstattung\b")
VEHICLE_MODEL = _any(
    r"\b(vehicle|car|auto|desired|select) ?model\b|^(a )?model$|^modelo$|^modele$|^modell$|^modello$|^модель"
)
STOCK_NUMBER = _any(r"\bstock ?(number|no|num|id|nr)\b|^stock$|\bstocknumber\b|^stk\b|\binventory (number|id)\b")
VIN = _any(r"\bvin\b|\bvehicle identification\b|\bvin ?number\b|\bfahrgestell\w*")
DATE = _any(
    r"\bdate\b|\bdatum\b|\bfecha\b|\bdata\b(?! protection)|\bday\b|\bbirthday\b|\bgeburt\w*|\bappointment\b(?!.*time)|\bdob\b|\bдата\b"
)
TIME = _any(r"\btime\b|\buhrzeit\b|\bhora\b|\bheure\b|\borario\b|\btijd\b|\bвремя\b")
WEBSITE = _any(
    r"\bweb ?site\b|\burl\b|\bhome ?page\b|\bweb(seite)?\b|\bsitio web\b|\bsite (web|internet)\b|\bсайт\b|\bblog\b"
)
SALUTATION = _any(
    r"\b(salutation|honorific|prefix|anrede|civilite|tratamiento|titolo|aanhef|gender|sex|geschlecht|sexo|mr|mrs|herr|frau|madame|monsieur|senora?)\b"
)
TERMS = _any(
    r"\b(agree|accept|terms|conditions|privacy|policy|gdpr|consent|acknowledge|acceptance|disclaimer|authori[sz]e|read and|rules|agreement|guidelines)\b",
    r"\b(datenschutz\w*|einverstanden|einwillig\w*|agb|zustimm\w*|acepto|privacidad|condiciones|politica|accept\w*|confidentialite|accetto|autorizzo|consenso|trattamento|aceito|termos|akkoord|voorwaarden|rgpd|dsgvo|sutinku|taisykl\w*|souhlas\w*|zgadzam|regulamin\w*)\b",
    r"соглас|персональн|политик|соглашени",
)
CONTACT_ME = _any(
    r"\b(may|can|could|to|please) (contact|call|e ?mail|reach|phone) me\b|\bto be(ing)? contacted\b|\bcontact me (about|regarding|concerning|back|by|at)\b",
    r"\b(kontaktiert|kontaktieren) .{0,20}\b(werden|mich)\b|\b(contactarme|contacten|contactado|me contacter|recontacte\w*|contatt\w+mi)\b",
)
STRICT = _any(
    r"\b(privacy|terms|conditions|policy|guidelines|datenschutz\w*|agb|privacidad|condiciones|confidentialite|voorwaarden|have read|gdpr|rgpd|dsgvo)\b"
)
SMS = _any(
    r"\b(sms|text (me|messages?|messaging|alerts?|updates?)|texts|by text|via text|message and data rates|msg (and )?data)\b",
    r"\bmensajes de texto\b|\btextnachricht\w*|\bautodial\w*|\bautomated (calls|text)",
)
ADVERTISING = _any(
    r"\bnews ?letters?\b|\bsubscri\w+|\bmailing ?list\b|\b(special|exclusive|promotional|email) (offers?|e ?mails?)\b|\bpromotion\w*\b|\bmarketing\b|\boffers\b|\bnieuwsbrief\b|\bboletin\b|рассылк"
)
MARKETING = _any(
    r"\bnews ?letters?\b|\bnews\b|\bsubscri\w+|\bmailing ?list\b|\bopt ?in\b|\b(special|exclusive|promotional|email) (offers?|e ?mails?)\b|\bpromotion\w*\b|\bmarketing\b|\bupdates\b|\bsign (me )?up\b|\bkeep me (informed|posted|updated)\b|\boffers\b|\bsend me\b",
    r"\breceive\b.{0,20}\b(e ?mails?|news|information|offers|updates|promo\w*|messages)\b|\badd (me|my e ?mail)\b|\b(allow|admin) ?.{0,14}e ?mails?\b|\be ?mail ?list\b|\be mails schicken\b",
    r"\b(angebote|werbung|ofertas|promociones|offres|offerte|novidades|novedades|boletin|bollettino|nieuwsbrief|aanbiedingen|suscri\w*|abonn\w*|iscri\w*)\b",
    r"подпис|рассылк|новост|получать|\bnotify me\b|\bfollow ?up comments\b",
)

# Texts that name a kind, in order: the narrower before the wider.
TEXT_KINDS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (Kind.PREFERRED_CONTACT, PREFERRED_CONTACT),
    (Kind.VIN, VIN),
    (Kind.STOCK_NUMBER, STOCK_NUMBER),
    (Kind.EMAIL, EMAIL),
    (Kind.PHONE_AREA, AREA_CODE),
    (Kind.PHONE_EXTENSION, EXTENSION),
    (Kind.PHONE, PHONE),
    (Kind.POSTAL_CODE, POSTAL_CODE),
    (Kind.FULL_NAME, BOTH_NAMES),
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
    (Kind.SUBJECT, SUBJECT),
    (Kind.MESSAGE, MESSAGE),
    (Kind.FULL_NAME, FULL_NAME),
    (Kind.SUBJECT, TITLE),
    (Kind.MESSAGE, MESSAGE_WIDE),
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
