"""The verbs of leads, lists, saved views and bulk changes."""

from webapp.leads.service.bulk import (
    AT_ONCE,
    CountMoved,
    Preview,
    Selection,
    check_params,
    count_chosen,
    perform_bulk,
    preview,
    run_bulk,
    undo_bulk,
)  # fmt: skip
from webapp.leads.service.leads import (
    Difference,
    StaleEdit,
    StatusRefused,
    create_lead,
    dnc_hooks,
    edit_hooks,
    move_hooks,
    set_status,
    update_lead,
    why_refused,
)  # fmt: skip
from webapp.leads.service.lists import (
    NameTaken,
    NotEmpty,
    archive_list,
    create_list,
    delete_list,
    delete_view,
    list_hooks,
    save_view,
    update_list,
    update_view,
)  # fmt: skip
from webapp.leads.service.own import BulkRefused, own_actions
from webapp.leads.tallies import fold_tallies

__all__ = [
    "AT_ONCE", "BulkRefused", "CountMoved", "Difference", "NameTaken", "NotEmpty", "Preview", "Selection", "StaleEdit",
    "StatusRefused", "archive_list", "check_params", "count_chosen", "create_lead", "create_list", "delete_list",
    "delete_view", "dnc_hooks", "edit_hooks", "fold_tallies", "list_hooks", "move_hooks", "own_actions", "perform_bulk", "preview", "run_bulk", "save_view",
    "set_status", "undo_bulk", "update_lead", "update_list", "update_view", "why_refused",
]  # fmt: skip
