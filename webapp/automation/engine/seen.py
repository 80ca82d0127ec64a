"""What the scan reports of a page: its forms and their controls, as facts without a judgement."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What a control asks for. Those in LEFT_ALONE are never touched."""

    FIRST_NAME = "first_name"
    MIDDLE_NAME = "middle_name"
    LAST_NAME = "last_name"
    FULL_NAME = "full_name"
    EMAIL = "email"
    CONFIRM_EMAIL = "confirm_email"
    PHONE = "phone"
    PHONE_AREA = "phone_area"
    PHONE_PREFIX = "phone_prefix"
    PHONE_LINE = "phone_line"
    PHONE_COUNTRY = "phone_country"
    PHONE_EXTENSION = "phone_extension"
    COMPANY = "company"
    STREET = "street"
    STREET_2 = "street_2"
    CITY = "city"
    STATE = "state"
    POSTAL_CODE = "postal_code"
    COUNTRY = "country"
    SUBJECT = "subject"
    MESSAGE = "message"
    PREFERRED_CONTACT = "preferred_contact"
    VEHICLE_CONDITION = "vehicle_condition"
    VEHICLE_YEAR = "vehicle_year"
    VEHICLE_MAKE = "vehicle_make"
    VEHICLE_MODEL = "vehicle_model"
    VEHICLE_TRIM = "vehicle_trim"
    STOCK_NUMBER = "stock_number"
    VIN = "vin"
    DATE = "date"
    TIME = "time"
    CONSENT = "consent"
    SMS_CONSENT = "sms_consent"
    MARKETING = "marketing"
    FILE = "file"
    HIDDEN = "hidden"
    HONEYPOT = "honeypot"
    CAPTCHA = "captcha"
    PASSWORD = "password"  # noqa: S105  a kind of field
    SUBMIT = "submit"
    UNKNOWN = "unknown"


LEFT_ALONE = frozenset(
    {Kind.MARKETING, Kind.FILE, Kind.HIDDEN, Kind.HONEYPOT, Kind.CAPTCHA, Kind.PASSWORD, Kind.SUBMIT, Kind.UNKNOWN}
)


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    label: str
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Control:
    """One control. `uid` finds it again while its page stands; `key` is its name, else "#id", else "@n" among its form's controls.

    `visible` as a person sees it: size, opacity, place, ancestors; `proxied` when something visible acts for it (a styled label, a
    listbox widget). `texts` by source: label, aria, placeholder, title, before, after, heading, in the order the page gives them.
    `tag` is input, select, textarea, button or widget (a custom listbox or an editable element); `type` the input's type in lower case, of
    a select "one" or "multiple", of a widget its role or "editable", of a link that serves as a button "link". Further texts: `over` (a label
    laid over it), `hint` (all words of its field). `why_hidden`: "later_step" and "collapsed" wait to be opened; "type", "display",
    "visibility", "opacity", "clipped", "size", "offscreen", "aria_hidden" hide this one by itself.
    """

    uid: str
    key: str
    tag: str
    type: str
    name: str = ""
    id: str = ""
    autocomplete: str = ""
    texts: dict[str, str] = field(default_factory=dict)
    classes: str = ""
    container: str = ""  # classes and ids of the nearest ancestors
    value: str = ""
    checked: bool = False
    required: bool = False
    disabled: bool = False
    readonly: bool = False
    visible: bool = True
    proxied: bool = False
    why_hidden: str = ""
    max_length: int | None = None
    pattern: str = ""
    input_mode: str = ""
    tab_index: int | None = None
    options: tuple[Option, ...] = ()
    selector: str = ""  # CSS, as stable as the page allows: for saved mappings and for people
    box: tuple[float, float, float, float] | None = None  # x, y, width, height on the page, in CSS pixels
    role: str = ""
    proxy: str = ""  # uid of what a person acts on instead: `read.locate_proxy`
    labelled: bool = False  # a label of its own is visible
    wrapper: str = ""  # classes and id of the largest box that holds no other control


@dataclass(frozen=True, slots=True)
class FormSeen:
    """A form, or controls that belong together without one (`index` -1). `frame` numbers the page's frames, 0 the page itself.

    `texts`: legend, heading (the first inside, else the one above), above, before (what stands over it), inner (all headings inside), aria,
    buttons, links, words (all its text, at most 1,500 characters), landmark (header, nav, footer, aside, main, dialog), as the page gives them.
    """

    uid: str
    index: int
    frame: int
    controls: tuple[Control, ...]
    action: str = ""
    method: str = "get"
    name: str = ""
    id: str = ""
    classes: str = ""
    container: str = ""
    texts: dict[str, str] = field(default_factory=dict)
    visible: bool = True
    in_shadow: bool = False
    selector: str = ""
    box: tuple[float, float, float, float] | None = None
    frame_url: str = ""
