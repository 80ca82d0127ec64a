"""Bulk changes of leads."""

from __future__ import annotations

from jobs.runtime import job
from webapp.leads import service


@job
def perform_bulk(row_id: int) -> None:
    service.perform_bulk(row_id)
