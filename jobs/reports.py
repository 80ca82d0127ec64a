from __future__ import annotations

from contextlib import suppress
from importlib import import_module

from jobs.runtime import job
from webapp.notifications.service import notify
from webapp.reports.service import run_export

# Here, so that no work horse has to load it. Without Pango it cannot be loaded, and `write_report_pdf` says so.
with suppress(OSError):
    import_module("webapp.reports.pdf")

WORTH_A_WORD = 30  # seconds: who waited longer has gone on to other work


@job
def perform_export(row_id: int) -> None:
    export = run_export(row_id)
    if export is None or export.requested_by_id is None:
        return
    url, key = f"/exports/{export.id}", f"export-{export.id}-{export.fence}"
    if export.state == "failed":
        notify(export.company_id, "export_failed", f"{export.title} could not be made", body=export.message, url=url, level="bad",
               user_id=export.requested_by_id, dedupe_key=key)  # fmt: skip
    elif export.state == "done" and export.seconds >= WORTH_A_WORD:
        notify(export.company_id, "export_done", f"{export.title} is ready", body="It is kept for 7 days.", url=url, level="ok",
               user_id=export.requested_by_id, dedupe_key=key)  # fmt: skip
