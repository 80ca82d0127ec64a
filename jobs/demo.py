from jobs.runtime import job
from webapp.demo import service


@job
def perform_demo(row_id: int) -> None:
    service.perform(row_id)
