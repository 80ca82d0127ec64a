"""Contact requests: what is submitted, one version after another."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields

import sqlalchemy as sa

from webapp.accounts.models import User
from webapp.automation.models import ContactRequest, Project, Run
from webapp.core.access import find_owned
from webapp.core.audit import record_event
from webapp.core.db import atomic, db


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """Columns of a contact request that a person writes; see the model."""

    first_name: str
    last_name: str
    email: str
    message: str
    phone: str = ""
    company: str = ""
    street: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    country: str = "US"
    subject: str = ""
    vehicle_year: str = ""
    vehicle_make: str = ""
    vehicle_model: str = ""
    vehicle_trim: str = ""
    stock_number: str = ""
    vin: str = ""
    preferred_contact: str = ""
    consents: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, row: ContactRequest) -> RequestFacts:
        found = {f.name: getattr(row, f.name) for f in fields(cls)}
        return cls(**found | {"consents": sorted(row.consents)})


class StaleRequest(Exception):
    """Somebody else saved the contact request since the form was made; `theirs` is the newest."""

    def __init__(self, theirs: ContactRequest):
        self.theirs = theirs
        super().__init__("saved by somebody else")


def tell_request(row: ContactRequest | None) -> str:
    """What a page showed, to tell whether it is still so."""
    if row is None:
        return ""
    said = json.dumps(asdict(RequestFacts.of(row)), sort_keys=True)
    return f"{row.version}-{hashlib.sha256(said.encode()).hexdigest()[:16]}"


def find_request(project_id: int) -> ContactRequest | None:
    """The newest version: what the next run submits."""
    return db.session.scalars(
        sa.select(ContactRequest).where(ContactRequest.project_id == project_id).order_by(ContactRequest.version.desc()).limit(1)
    ).first()  # fmt: skip


def is_used(row: ContactRequest) -> bool:
    """Whether an attempt has used it, or a run stands that will."""
    return row.used_at is not None or bool(
        db.session.scalar(sa.select(sa.exists().where(Run.contact_request_id == row.id)))
    )


@atomic
def save_request(project_id: int, facts: RequestFacts, *, seen: str, by: User) -> tuple[ContactRequest, bool]:
    """(the newest version, whether it is a new one): one that has been used is never changed.

    A run that goes on keeps the version it began with. Raises LookupError, StaleRequest.
    """
    project = find_owned(Project, project_id, by.company_id, lock=True)
    if project is None:
        raise LookupError("No such project")
    newest = find_request(project.id)
    if newest is not None and RequestFacts.of(newest) == facts:
        return newest, False
    if tell_request(newest) != seen and newest is not None:
        raise StaleRequest(newest)
    new = newest is None or is_used(newest)
    if new:
        version = 1 if newest is None else newest.version + 1
        row = ContactRequest(
            company_id=by.company_id, project_id=project.id, version=version, created_by_id=by.id, **asdict(facts)
        )
        db.session.add(row)
    else:
        assert newest is not None
        row = newest
        for name, value in asdict(facts).items():
            setattr(row, name, value)
    db.session.flush()
    db.session.refresh(row)
    verb = f"Wrote version {row.version} of" if new else "Changed"
    record_event(
        "contact_request_saved",
        f"{verb} the contact request of {project.name}",
        by=by,
        subject=row,
        version=row.version,
    )
    return row, new


def copy_request(row: ContactRequest, project: Project, by: User) -> ContactRequest:
    """As the first version of another project, in the transaction in hand."""
    made = ContactRequest(
        company_id=project.company_id,
        project_id=project.id,
        version=1,
        created_by_id=by.id,
        **asdict(RequestFacts.of(row)),
    )
    db.session.add(made)
    db.session.flush()
    return made
