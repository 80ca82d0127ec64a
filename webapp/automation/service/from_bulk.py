"""Leads of a bulk action as dealerships of a project: judged, added in the chunk's own transaction, taken out again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from webapp.accounts.models import User
from webapp.automation.models import ProjectDealership
from webapp.automation.queries.projects import UNTOUCHED
from webapp.automation.service.dealerships import LeadsSorted, ids_sql, make_now, sort_leads
from webapp.automation.service.file_matching import one_at_a_time
from webapp.automation.service.membership import MembershipRefused, add_ids, open_project
from webapp.automation.states import CONTACT_STATUS
from webapp.core.db import db
from webapp.core.work import WorkError
from webapp.leads.models import BulkAction
from webapp.leads.service.own import Codes

UNDO = 1_000  # leads a step


def judge(lead_ids: Sequence[int], params: dict[str, Any], by: User) -> Codes:
    return _codes(lead_ids, sort_leads(*ids_sql(lead_ids, by), twins=False, by=by), params["project"])


def _codes(lead_ids: Sequence[int], found: LeadsSorted, project_id: int) -> Codes:
    there = set(
        db.session.scalars(
            sa.text(
                "SELECT d.lead_id FROM project_dealerships pd JOIN dealerships d ON d.id = pd.dealership_id"
                " WHERE pd.project_id = :project AND d.lead_id = ANY(CAST(:leads AS bigint[]))"
            ),
            {"project": project_id, "leads": list(lead_ids)},
        )
    )
    good = {*found.known, *(pick.lead_id for pick in found.new)}
    return {
        lead_id: "unchanged" if lead_id in there else "" if lead_id in good else found.codes.get(lead_id, "no_website")
        for lead_id in lead_ids
    }


def run(lead_ids: Sequence[int], row: BulkAction, by: User) -> Codes:
    """Dealerships for those that are none yet, and all of them into the project."""
    try:
        project = open_project(row.params["project"], by)
    except MembershipRefused as refused:
        raise WorkError(str(refused)) from None
    one_at_a_time(by.company_id)  # what is found now is what is made
    found = sort_leads(*ids_sql(lead_ids, by), twins=False, by=by)
    codes = _codes(lead_ids, found, project.id)
    make_now(found.new, by)
    wanted = [lead_id for lead_id, code in codes.items() if not code]
    ids = db.session.scalars(
        sa.text("SELECT id FROM dealerships WHERE company_id = :company AND lead_id = ANY(CAST(:leads AS bigint[]))"),
        {"company": by.company_id, "leads": wanted},
    ).all()
    add_ids(project, ids, by=by, reason="from leads", batch_id=row.batch_id)
    return codes


def undo(of: BulkAction, row: BulkAction, position: int, by: User) -> tuple[list[int], set[int]]:
    """Out of the project again, where nothing has happened to them; the dealerships stay."""
    added = db.session.execute(
        sa.text(
            f"SELECT pd.id, d.lead_id, ({UNTOUCHED}) AS untouched FROM status_changes s"
            " JOIN project_dealerships pd ON pd.id = s.subject_id JOIN dealerships d ON d.id = pd.dealership_id"
            " WHERE s.batch_id = CAST(:batch AS uuid) AND s.machine = :machine AND s.old_status IS NULL AND s.company_id = :company"
            " AND d.lead_id > :position ORDER BY d.lead_id LIMIT :size FOR UPDATE OF pd"
        ),
        {
            "batch": str(of.batch_id),
            "machine": CONTACT_STATUS.name,
            "company": by.company_id,
            "position": position,
            "size": UNDO,
        },
    ).all()
    gone = [one for one in added if one.untouched]
    db.session.execute(sa.delete(ProjectDealership).where(ProjectDealership.id.in_([one.id for one in gone])))
    return [one.lead_id for one in added], {one.lead_id for one in gone}
