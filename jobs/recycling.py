from jobs.runtime import job
from webapp.recycling import recycle, repair, undo


@job
def perform_repair(repair_id: int) -> None:
    repair.perform_repair(repair_id)


@job
def perform_recycle(batch_id: int) -> None:
    recycle.perform_recycle(batch_id)


@job
def perform_undo(undo_id: int) -> None:
    undo.perform_undo(undo_id)
