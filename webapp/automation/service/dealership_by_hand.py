"""One dealership by hand: a file of one row, judged and written at once."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from webapp.accounts.models import Company, User
from webapp.automation.dealership_rows import Row, locate
from webapp.automation.models import Dealership
from webapp.automation.service import file_matching as matching
from webapp.automation.service.dealerships import Facts
from webapp.automation.service.membership import add_ids, open_project
from webapp.core.audit import record_event
from webapp.core.db import atomic, db
from webapp.core.once import keep_answer, take_once
from webapp.leads.models import Lead
from webapp.leads.service import create_list

SCOPE = "automation.dealership"


@dataclass(frozen=True, slots=True)
class ByHand:
    """`list_id` None: the list `new_list` is made. `twins` allows a website that another dealership has."""

    facts: Facts
    phone: str | None
    email: str | None
    list_id: int | None
    new_list: str
    project_id: int | None
    twins: bool

    def as_row(self, country: str) -> Row:
        f = self.facts
        lat, lng, placed_by = locate(f.point, f.postal_code, country)
        return Row(
            1, [], name=f.name, website=f.website, contact_url=f.contact_url, address=f.address, city=f.city, state=f.state,
            postal_code=f.postal_code, lat=lat, lng=lng, placed_by=placed_by, phone=self.phone, email=self.email, source="",
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Made:
    """`known_by` says what the lead was known by, "" for a new one; `kept` which of its facts differ from what was typed."""

    dealership_id: int
    name: str
    lead_id: int
    lead: str
    known_by: str
    kept: list[str]
    project: str


class DealershipKnown(Exception):
    """The company has it already; the text follows its name and says by what. `can_twin` when nothing but the website is the same."""

    def __init__(self, there: Dealership, text: str, *, can_twin: bool = False):
        self.dealership_id, self.name, self.can_twin = there.id, there.name, can_twin
        super().__init__(f"{there.name} {text}")


class NotToContact(Exception):
    """Its phone, its email or its domain is on the do-not-contact list; `kind` says which, the text why."""

    def __init__(self, text: str, kind: str):
        self.kind = kind
        super().__init__(text)


@atomic
def make_dealership(wanted: ByHand, *, by: User, form_token: str) -> Made:
    """With the lead of the list that has its website, phone or email, else with a new one. The same form twice is one dealership.

    Raises DealershipKnown, NotToContact, NameTaken for the new list, LookupError for a list or project that is gone,
    MembershipRefused; then nothing is written.
    """
    taken = take_once(by.company_id, SCOPE, form_token)
    if taken is not None:
        return Made(**(taken.body or {}))
    matching.one_at_a_time(by.company_id)
    project = open_project(wanted.project_id, by) if wanted.project_id is not None else None
    country = db.session.get_one(Company, by.company_id).country
    row = wanted.as_row(country)
    matching.find_known([row], twins=wanted.twins, company_id=by.company_id)
    if row.outcome == "known":
        raise _known(row, same=wanted.twins)
    list_id = _list(wanted, by)
    matching.find_leads([row], list_id=list_id, company_id=by.company_id)
    matching.make_leads([row], list_id=list_id, by=by, country=country, cause="user")
    if row.outcome is not None:
        raise _not_to_contact(row)
    made = matching.write_dealerships([row], company_id=by.company_id)
    if not made:  # an undone merge gives a lead its dealership back without this lock
        there = db.session.get_one(Dealership, row.dealership_id)
        raise DealershipKnown(there, f"was made this moment of the lead with the same {_KINDS[row.known_by]}.")
    dealership = db.session.get_one(Dealership, made[0])
    record_event(
        "dealership_made", f"Made the dealership {dealership.name}", by=by, subject=dealership, lead_id=row.lead_id,
        list_id=list_id, known_by=row.known_by,
    )  # fmt: skip
    if project is not None:
        add_ids(project, made, by=by)
    done = _tell(row, dealership, project.name if project is not None else "")
    keep_answer(by.company_id, SCOPE, form_token, 201, asdict(done))
    return done


_KINDS = {"host": "website", "phone": "phone", "email": "email"}


def _list(wanted: ByHand, by: User) -> int:
    if wanted.list_id is None:
        return create_list(wanted.new_list, by=by).id
    matching.check_list(wanted.list_id, by.company_id)
    return wanted.list_id


def _known(row: Row, *, same: bool) -> DealershipKnown:
    there = db.session.get_one(Dealership, row.dealership_id)
    if same:
        return DealershipKnown(there, "has this website, this name and this postal code: it is the same house.")
    return DealershipKnown(there, "has this website already.", can_twin=True)


def _not_to_contact(row: Row) -> NotToContact:
    """`row.reason` is the import's: "its phone is on the do-not-contact list: asked us"."""
    kind = row.reason.split(" ")[1]
    text = row.reason.replace("its domain", "the domain of its website or email", 1)
    return NotToContact(f"{text[0].upper()}{text[1:].rstrip('.')}.", kind)


def _tell(row: Row, dealership: Dealership, project: str) -> Made:
    lead = db.session.get_one(Lead, dealership.lead_id)
    given = {"phone": row.phone, "email": row.email} if row.known_by else {}
    kept = [name for name, text in given.items() if text and text.lower() != (getattr(lead, name) or "").lower()]
    return Made(dealership.id, dealership.name, lead.id, lead.name, _KINDS.get(row.known_by, ""), kept, project)
