"""What columns are called: our fields, and the headers that CRM and dialer exports give them.

Collected from exports of HubSpot, Salesforce, Pipedrive, VICIdial, GoHighLevel, Mailchimp, Apollo,
Google Contacts, Outlook and our own CSV files.
"""

from __future__ import annotations

import re

LEAD_FIELDS: dict[str, str] = {
    "phone": "Phone",
    "extension": "Extension",
    "phone_code": "Country calling code",
    "email": "Email",
    "first_name": "First name",
    "last_name": "Last name",
    "full_name": "Full name",
    "business": "Business",
    "title": "Job title",
    "website": "Website",
    "linkedin_url": "LinkedIn URL",
    "city": "City",
    "state": "State or region",
    "postal_code": "Postal code",
    "country": "Country",
    "zone": "Time zone",
    "source": "Source",
    "tags": "Tags",
    "status": "Status",
    "owner": "Owner",
}
CALL_FIELDS: dict[str, str] = {
    "call_id": "Call ID",
    "lead_id": "Lead ID (of Rebound)",
    "phone": "Phone dialed",
    "phone_code": "Country calling code",
    "started_at": "Started",
    "answered_at": "Answered",
    "ended_at": "Ended",
    "duration": "Duration",
    "call_status": "Call status or code",
    "disposition": "Disposition",
    "agent": "Agent",
    "recording": "Recording",
    "notes": "Notes",
}
FIELDS = {"leads": LEAD_FIELDS, "calls": CALL_FIELDS}

_LEADS: dict[str, str] = {
    "phone": """phone|phone number|phone e164|telephone|tel|phone 1 value|primary phone|main phone|contact phone|
        business phone|company phone|work phone|work direct phone|corporate phone|phone work|phone number 1|
        telephone number|contact number|direct phone|phone no|phone main|org phone|person phone|dealer phone|dealership phone|
        mobile|mobile phone|mobile phone number|cell|cell phone|cellphone|phone mobile|phone home|home phone|other phone|number""",
    "extension": "extension|ext|phone extension|phone ext|extn",
    "phone_code": "phone code|calling code|country calling code|dial code",
    "email": """email|e mail|email address|e mail address|mail|primary email|work email|business email|contact email|
        email 1|e mail 1 value|person email work|email work|person email""",
    "first_name": "first name|firstname|given name|first|fname|contact first name|forename|merge fname",
    "last_name": "last name|lastname|family name|surname|last|lname|contact last name|merge lname",
    "full_name": """name|full name|fullname|contact|contact name|lead name|person name|display name|person|lead|
        customer name|customer|contact person""",
    "business": """business|business name|company|company name|account name|organization|organisation|
        organization name|organization 1 name|associated company|dealership|dealership name|account|employer|store name|
        company name for emails|dealer name|dealer""",
    "title": "title|job title|position|role|jobtitle|organization 1 title|contact title",
    "website": """website|web site|url|website url|company website|domain|company domain name|web|homepage|
        company domain|website 1 value|web page|business website""",
    "linkedin_url": """linkedin|linked in|linked in url|linked in profile|person linked in url|linkedin url|linkedin profile|person linkedin url|linkedin profile url|linkedin bio|
        linkedin link|contact linkedin url""",
    "city": "city|town|mailing city|billing city|business city|company city|locality|address city|person city",
    "state": """state|region|province|state region|state province|mailing state province|mailing state|billing state|
        billing state province|business state|company state|address state|county or state""",
    "postal_code": """postal code|zip|zip code|zipcode|postcode|postal|mailing zip postal code|mailing zip|
        billing zip postal code|zip postal code|business postal code|company postal code|address zip|post code""",
    "country": """country|country region|mailing country|billing country|business country region|company country|
        country code|address country|nation""",
    "zone": "time zone|timezone|tz|iana time zone|zone|lead time zone",
    "source": """source|lead source|original source|lead origin|source id|utm source|contact source|
        lead source category|record source|how heard""",
    "tags": "tags|tag|labels|label|person labels|groups|categories|group membership",
    "status": "status|lead status|contact status|stage|lead stage|lifecycle stage|status name",
    "owner": """owner|contact owner|lead owner|owner name|account owner|assigned to|assigned user|deal owner|
        assigned|sales rep|owner email""",
}
_CALLS: dict[str, str] = {
    "call_id": "call id|callid|uniqueid|unique id|call uuid|uuid|call sid|sid|call ref|linkedid|caller code|id",
    "lead_id": "lead id|rebound lead id|vendor lead code|vendor id|vendor lead id",
    "phone": """phone|phone number|phone number dialed|number dialed|dialed number|destination|dst|to|callee|to number|
        customer number|called number|lead phone|contact phone|number|telephone|phone dialed""",
    "phone_code": "phone code|calling code|country calling code",
    "started_at": """started|started at|start|start time|call date|calldate|date|date time|datetime|call time|
        call start|start date|begin|call started|dialed at|event time|created at|call date time|timestamp""",
    "answered_at": "answered|answered at|answer time|connect time|connected at|answer",
    "ended_at": "ended|ended at|end|end time|call end|hangup time|hung up at|finished at|call ended|completed at",
    "duration": """duration|length in sec|length|call duration|talk time|billsec|seconds|duration seconds|
        duration sec|call length|duration s|talk sec|length seconds""",
    "call_status": """status|call status|result|call result|outcome|status code|dial status|dialstatus|hangup cause|
        call outcome|term reason|dial result|status name""",
    "disposition": "disposition|agent disposition|dispo|wrap up|wrap up code|disposition code|agent outcome|lead status",
    "agent": "agent|agent name|full name|user|operator|agent user|rep|handled by|agent email|caller|called by",
    "recording": """recording|recording file|recording filename|recording url|filename|recording location|
        recording link|record url""",
    "notes": "notes|note|comments|comment|call notes|remarks|description",
}
IGNORED = frozenset(
    " ".join(name.split())
    for name in """rebound line|rebound outcome|rebound reason|record id|contact id|lead id|id|entry list id|list id|called since last reset|
    gmt offset now|entry date|modify date|security phrase|called count|last local call time|rank|euid|leid|cc|
    list|dial attempts|answered count|last dial attempt|dial result|last status change|last contacted at|created at|
    member rating|optin time|optin ip|confirm time|confirm ip|latitude|longitude|gmtoff|dstoff|last changed""".split(
        "|"
    )
)


def normal_header(text: str) -> str:
    """ "E-Mail Address " and "e_mail address" are one header."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return re.sub(r"[\W_]+", " ", spaced).strip().lower()


def _names(table: dict[str, str]) -> dict[str, tuple[str, int]]:
    found: dict[str, tuple[str, int]] = {}
    for field, names in table.items():
        for rank, name in enumerate(names.split("|")):
            found.setdefault(" ".join(name.split()), (field, rank))
    return found


_KNOWN = {"leads": _names(_LEADS), "calls": _names(_CALLS)}


def custom_key(header: str) -> str:
    if header.startswith("custom:") and header[7:].isprintable() and 0 < len(header[7:]) <= 60:
        return header[7:]  # as our own export names what would be taken for a field
    return re.sub(r"\W+", "_", normal_header(header)).strip("_")[:60] or "column"


def suggest_columns(headers: list[str], kind: str) -> dict[str, str]:
    """Column number -> field. Of several columns that could be one field the best-known name gets it."""
    known, keys = _KNOWN[kind], [_plain(header) for header in headers]
    best: dict[str, tuple[int, int]] = {}
    for index, key in enumerate(keys):
        if key in known and not headers[index].startswith("custom:"):
            field, rank = known[key]
            best[field] = min(best.get(field, (rank, index)), (rank, index))
    if "full_name" in best and {"first_name", "last_name"} & set(best):
        del best["full_name"]
    chosen = {index: field for field, (_, index) in best.items()}
    columns: dict[str, str] = {}
    for index, header in enumerate(headers):
        if header.startswith("custom:") and kind == "leads":
            columns[str(index)] = f"custom:{custom_key(header)}"
        elif index in chosen:
            columns[str(index)] = chosen[index]
        elif kind == "leads" and keys[index] and keys[index] not in IGNORED:
            columns[str(index)] = f"custom:{custom_key(header)}"
    return columns


def _plain(header: str) -> str:
    key = normal_header(header)
    if key in _KNOWN["leads"] or key in _KNOWN["calls"]:
        return key
    return re.sub(r"^(contact|lead|person|custom) (?=\S)", "", key)


def looks_like_header(cells: list[str]) -> bool:
    """No digits-only, email or phone cell, and not all empty; a known name settles it."""
    if any(_plain(cell) in _KNOWN["leads"] or _plain(cell) in _KNOWN["calls"] for cell in cells):
        return True
    filled = [cell for cell in cells if cell.strip()]
    return bool(filled) and not any("@" in cell or re.search(r"\d{4}", cell) for cell in filled)


def unique_headers(cells: list[str]) -> list[str]:
    """Names for columns: blank ones are "Column 3", repeated ones get a number."""
    seen: dict[str, int] = {}
    names = []
    for index, cell in enumerate(cells):
        name = " ".join(cell.split()) or f"Column {index + 1}"
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return names


# Carrier and agent codes of VICIdial and its kin: code -> (call status, disposition).
CALL_CODES: dict[str, tuple[str, str | None]] = {
    "a": ("machine", None), "aa": ("machine", None), "am": ("machine", None), "al": ("machine", None),
    "afax": ("machine", None), "lvm": ("machine", None), "voicemail": ("machine", None),
    "answering machine": ("machine", None), "machine": ("machine", None), "vm": ("machine", None),
    "n": ("no_answer", None), "na": ("no_answer", None), "nanq": ("no_answer", None), "no answer": ("no_answer", None),
    "noanswer": ("no_answer", None), "rna": ("no_answer", None), "timeout": ("no_answer", None),
    "b": ("busy", None), "ab": ("busy", None), "busy": ("busy", None), "user busy": ("busy", None),
    "adc": ("invalid_number", None), "adct": ("invalid_number", None), "dc": ("invalid_number", None),
    "disconnected": ("invalid_number", None), "disconnected number": ("invalid_number", None),
    "invalid": ("invalid_number", None), "invalid number": ("invalid_number", None), "badnum": ("invalid_number", None),
    "wrong number": ("answered", "invalid"), "wn": ("answered", "invalid"), "unallocated number": ("invalid_number", None),
    "drop": ("dropped", None), "pdrop": ("dropped", None), "xdrop": ("dropped", None), "dropped": ("dropped", None),
    "abandoned": ("dropped", None), "idrop": ("dropped", None), "erri": ("failed", None), "failed": ("failed", None),
    "chanunavail": ("failed", None), "error": ("failed", None), "network": ("network", None),
    "network error": ("network", None), "congestion": ("congestion", None), "cong": ("congestion", None),
    "cancel": ("cancelled", None), "cancelled": ("cancelled", None), "canceled": ("cancelled", None),
    "sale": ("answered", "sale"), "sold": ("answered", "sale"), "ni": ("answered", "not_interested"),
    "np": ("answered", "not_interested"), "not interested": ("answered", "not_interested"),
    "dnc": ("answered", "dnc"), "dncl": ("answered", "dnc"), "do not call": ("answered", "dnc"),
    "callbk": ("answered", "callback"), "cbhold": ("answered", "callback"), "callback": ("answered", "callback"),
    "call back": ("answered", "callback"), "callback scheduled": ("answered", "callback"),
    "qualified": ("answered", "qualified"), "interested": ("answered", "qualified"), "appointment": ("answered", "qualified"),
    "xfer": ("answered", None), "answered": ("answered", None), "answer": ("answered", None), "human": ("answered", None),
    "contacted": ("answered", "contacted"), "connected": ("answered", None), "completed": ("answered", None),
    "dec": ("answered", "not_interested"), "incall": ("answered", None),
}  # fmt: skip

US_STATES: dict[str, str] = dict(
    pair.split("=")
    for pair in (
        "alabama=AL,alaska=AK,arizona=AZ,arkansas=AR,california=CA,colorado=CO,connecticut=CT,delaware=DE,"
        "district of columbia=DC,florida=FL,georgia=GA,hawaii=HI,idaho=ID,illinois=IL,indiana=IN,iowa=IA,kansas=KS,"
        "kentucky=KY,louisiana=LA,maine=ME,maryland=MD,massachusetts=MA,michigan=MI,minnesota=MN,mississippi=MS,"
        "missouri=MO,montana=MT,nebraska=NE,nevada=NV,new hampshire=NH,new jersey=NJ,new mexico=NM,new york=NY,"
        "north carolina=NC,north dakota=ND,ohio=OH,oklahoma=OK,oregon=OR,pennsylvania=PA,rhode island=RI,"
        "south carolina=SC,south dakota=SD,tennessee=TN,texas=TX,utah=UT,vermont=VT,virginia=VA,washington=WA,"
        "west virginia=WV,wisconsin=WI,wyoming=WY,puerto rico=PR"
    ).split(",")
)
COUNTRY_ALIASES: dict[str, str] = {
    "usa": "US", "u s a": "US", "u s": "US", "united states of america": "US", "america": "US", "uk": "GB",
    "u k": "GB", "england": "GB", "scotland": "GB", "wales": "GB", "great britain": "GB", "britain": "GB",
    "northern ireland": "GB", "deutschland": "DE", "espana": "ES", "españa": "ES", "brasil": "BR", "méxico": "MX",
    "holland": "NL", "korea": "KR", "russia": "RU", "czech republic": "CZ", "turkey": "TR", "uae": "AE",
}  # fmt: skip
ZONE_ALIASES: dict[str, str] = {
    "eastern": "America/New_York", "est": "America/New_York", "edt": "America/New_York", "et": "America/New_York",
    "est5edt": "America/New_York", "us eastern": "America/New_York", "eastern time": "America/New_York",
    "central": "America/Chicago", "cst": "America/Chicago", "cdt": "America/Chicago", "ct": "America/Chicago",
    "us central": "America/Chicago", "central time": "America/Chicago", "mountain": "America/Denver",
    "mst": "America/Denver", "mdt": "America/Denver", "mt": "America/Denver", "us mountain": "America/Denver",
    "mountain time": "America/Denver", "arizona": "America/Phoenix", "pacific": "America/Los_Angeles",
    "pst": "America/Los_Angeles", "pdt": "America/Los_Angeles", "pt": "America/Los_Angeles",
    "us pacific": "America/Los_Angeles", "pacific time": "America/Los_Angeles", "alaska": "America/Anchorage",
    "akst": "America/Anchorage", "hawaii": "Pacific/Honolulu", "hst": "Pacific/Honolulu", "gmt": "Europe/London",
    "bst": "Europe/London", "cet": "Europe/Berlin", "cest": "Europe/Berlin", "ist": "Asia/Kolkata",
}  # fmt: skip
