"""Projects: facts, place, retries, membership, contact requests."""

from __future__ import annotations

from typing import Any

from tests.factories import (
    make_attempt,
    make_company,
    make_list,
    make_project,
    make_project_dealership,
    make_run,
)


def test_the_factories_make_a_project_with_a_run_and_an_attempt(db: Any) -> None:
    company = make_company()
    project = make_project(company)
    row = make_project_dealership(project, make_list(company))
    attempt = make_attempt(row, make_run(project), "failed", error_type="form_not_found")
    assert (attempt.project_id, attempt.attempt_number, row.contact_status) == (project.id, 1, "pending")
