from jobs.runtime import job
from webapp.imports import service


@job
def perform_import_check(import_id: int) -> None:
    service.perform_check(import_id)


@job
def perform_import(import_id: int) -> None:
    service.perform_run(import_id)


@job
def perform_call_import(import_id: int) -> None:
    service.perform_run(import_id)


@job
def perform_import_undo(import_id: int) -> None:
    service.perform_undo(import_id)
