"""Dealerships from a file: kept, looked at, judged without writing, then made in chunks with their leads."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from typing import BinaryIO

import sqlalchemy as sa
from flask import current_app

from webapp.accounts.models import Company, User
from webapp.automation.dealership_rows import Row, mark_twins, parse_row, suggest_columns
from webapp.automation.service import file_matching as matching
from webapp.automation.service.membership import add_ids, open_project
from webapp.core.audit import record_event
from webapp.core.db import atomic, db
from webapp.core.once import IdempotencyKey, keep_answer, take_once
from webapp.core.scratch import scratch_folder
from webapp.core.storage import NoSuchFile, get_storage
from webapp.imports import files
from webapp.imports.cells import guard, storable, strip_guard
from webapp.imports.files import FileRefused
from webapp.imports.reading import READER
from webapp.imports.tables import unique_headers
from webapp.leads.service import create_list

SCOPE = "automation.dealership_file"
MOST_ROWS = 50_000
CHUNK = 5_000
SHOWN = 8
SAMPLES = 20
READING = 60.0  # seconds for a workbook
TOO_MANY = f"The file has more than {MOST_ROWS:,} rows. Import it as leads first, then make dealerships of that list: it runs in the background."
NOT_TAKEN = ("refused", "twin", "dnc")


@dataclass(frozen=True, slots=True)
class Upload:
    """A kept file and what was chosen for it; `columns` column number -> field, `result` once it has run. `list_id` None: the
    list `new_list` is made when it runs.
    """

    token: str
    filename: str
    storage_key: str
    encoding: str = "utf-8-sig"
    delimiter: str = ","
    headers: list[str] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)
    list_id: int | None = None
    new_list: str = ""
    project_id: int | None = None
    twins: bool = False
    result: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judged:
    """`counts` by outcome: new, known, twin, dnc, refused. Of the new ones `with_lead` use a lead of the list, `unplaced` have no
    place on the map. `refused` and `sample` are the first rows of their kind.
    """

    counts: dict[str, int]
    with_lead: int
    unplaced: int
    sample: list[Row]
    refused: list[Row]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def not_taken(self) -> int:
        return sum(self.counts.get(name, 0) for name in NOT_TAKEN)


def keep_upload(stream: BinaryIO, wanted: Upload, *, by: User) -> Upload:
    """Store the file, find its shape and columns. The same token twice is the first file. Raises FileRefused, StorageError."""
    there = find_upload(wanted.token, by)
    if there is not None:
        return there
    forget_unconfirmed(by.company_id)
    kind = files.kind_of(stream)
    key = _as_text(stream, kind)
    try:
        upload = _look(replace(wanted, storage_key=key, filename=storable(wanted.filename)[:200] or "file"), kind)
        return _keep(upload, by)
    except FileRefused:
        get_storage().delete(key)
        raise


def _as_text(stream: BinaryIO, kind: str) -> str:
    """The storage key of the table as text; of a workbook its first sheet."""
    limit = current_app.config["SETTINGS"].max_upload_mb * 1024 * 1024
    if kind == "text":
        return get_storage().save(stream, suffix=".csv", limit=limit).key
    with scratch_folder("dealerships") as folder:
        book, table = folder / "book", folder / "table.csv"
        with book.open("wb") as target:
            shutil.copyfileobj(stream, target, 1024 * 1024)
        try:
            done = subprocess.run(
                [sys.executable, str(READER), str(book), str(table), ""],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=READING, check=True,
            )  # fmt: skip
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            raise FileRefused(
                "This sheet claims more cells than can be read. Send it as CSV, or delete its empty cells."
            ) from None
        answer = json.loads(done.stdout)
        if "error" in answer:
            raise FileRefused(answer["error"])
        with table.open("rb") as result:
            return get_storage().save(result, suffix=".csv", limit=limit).key


def _look(upload: Upload, kind: str) -> Upload:
    with get_storage().open(upload.storage_key) as stream:
        encoding = files.find_encoding(stream).name if kind == "text" else "utf-8"
        delimiter = files.find_delimiter(files.read_sample(stream, encoding)) if kind == "text" else ","
    upload = replace(upload, encoding=encoding, delimiter=delimiter)
    rows = _read(upload)
    first = next(rows, None)
    if first is None or next(rows, None) is None:
        raise FileRefused("The file has no rows below its header.")
    headers = [
        name[:80] for name in unique_headers([storable(strip_guard(cell.strip().strip("\ufeff"))) for cell in first[1]])
    ]
    if sum(1 for _ in islice(rows, MOST_ROWS)) == MOST_ROWS:
        raise FileRefused(TOO_MANY)
    return replace(upload, headers=headers, columns=suggest_columns(headers))


def _read(upload: Upload) -> Iterator[tuple[int, list[str]]]:
    return files.read_rows(get_storage().open(upload.storage_key), upload.encoding, upload.delimiter)


def find_upload(token: str, by: User) -> Upload | None:
    """Of the company; None when it was never sent or is forgotten."""
    body = db.session.scalar(
        sa.select(IdempotencyKey.body).where(
            IdempotencyKey.company_id == by.company_id, IdempotencyKey.scope == SCOPE, IdempotencyKey.key == token
        )
    )
    return Upload(**body) if body else None


@atomic
def _keep(upload: Upload, by: User) -> Upload:
    taken = take_once(by.company_id, SCOPE, upload.token)
    if taken is not None and taken.body:
        get_storage().delete(upload.storage_key)
        return Upload(**taken.body)
    keep_answer(by.company_id, SCOPE, upload.token, 200, asdict(upload))
    return upload


@atomic
def choose(upload: Upload, columns: dict[str, str], *, twins: bool, by: User) -> Upload:
    """Correct the columns by hand."""
    changed = replace(upload, columns=columns, twins=twins)
    keep_answer(by.company_id, SCOPE, upload.token, 200, asdict(changed))
    return changed


@atomic
def forget_unconfirmed(company_id: int) -> None:
    """Files of yesterday that nobody confirmed; the counts of those that ran stay with them for a day."""
    rows = db.session.execute(
        sa.delete(IdempotencyKey)
        .where(
            IdempotencyKey.company_id == company_id, IdempotencyKey.scope == SCOPE,
            IdempotencyKey.created_at < sa.func.rebound_now() - sa.text("interval '1 day'"),
        )
        .returning(IdempotencyKey.body)
    ).scalars()  # fmt: skip
    for body in rows:
        if body:
            get_storage().delete(body["storage_key"])


# --- judging -----------------------------------------------------------------------------------------------------------


def parse(upload: Upload, by: User) -> list[Row]:
    """Every row below the header, those of one website told. Raises FileRefused, NoSuchFile."""
    country = db.session.get_one(Company, by.company_id).country
    rows = [
        parse_row(number, cells, upload.columns, upload.headers, country)
        for number, cells in islice(_read(upload), 1, MOST_ROWS + 2)
        if any(cell.strip() for cell in cells)
    ]
    mark_twins(rows, allowed=upload.twins)
    return rows


@atomic
def judge(upload: Upload, *, by: User) -> tuple[Judged, list[Row]]:
    """What a run would do now, writing nothing. Raises FileRefused, NoSuchFile."""
    rows = parse(upload, by)
    matching.find_known(rows, twins=upload.twins, company_id=by.company_id)
    if upload.list_id is not None:
        matching.find_leads(rows, list_id=upload.list_id, company_id=by.company_id)
    matching.judge_dnc(rows, company_id=by.company_id, country=_country(by))
    return summarise(rows), rows


def summarise(rows: Sequence[Row]) -> Judged:
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.outcome or "new"] = counts.get(row.outcome or "new", 0) + 1
    new = [row for row in rows if row.outcome is None]
    return Judged(
        counts, sum(1 for row in new if row.lead_id is not None), sum(1 for row in new if row.placed_by is None), new[:SHOWN],
        [row for row in rows if row.outcome in NOT_TAKEN][:SAMPLES],
    )  # fmt: skip


def write_refused(upload: Upload, rows: Sequence[Row]) -> Iterator[str]:
    """CSV of the rows that are not taken: line, reason, then their own cells."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["line", "reason", *(guard(header) for header in upload.headers)])
    for row in rows:
        if row.outcome in NOT_TAKEN:
            writer.writerow([row.number, row.reason, *(guard(storable(cell)) for cell in row.cells)])
            yield out.getvalue()
            out.seek(0)
            out.truncate()
    yield out.getvalue()


def _country(by: User) -> str:
    return db.session.get_one(Company, by.company_id).country


# --- making ------------------------------------------------------------------------------------------------------------


def perform(upload: Upload, *, by: User) -> Upload:
    """Make the dealerships, each with its lead, and put them and the known ones into the project. In chunks, each of its own
    transaction; started twice, the second finds the first one's.

    Raises FileRefused, NoSuchFile, LookupError for a list or project that is gone, MembershipRefused.
    """
    if upload.result:
        return upload
    list_id = _ready(upload, by)
    rows = parse(upload, by)
    matching.find_known(rows, twins=upload.twins, company_id=by.company_id)
    matching.find_leads(rows, list_id=list_id, company_id=by.company_id)
    counts = {
        "new": 0,
        "leads": 0,
        "known": 0,
        "twin": 0,
        "dnc": 0,
        "refused": 0,
        "unplaced": 0,
        "added": 0,
        "list_id": list_id,
    }
    for at in range(0, len(rows), CHUNK):
        for name, number in _make_chunk(upload, rows[at : at + CHUNK], list_id, by).items():
            counts[name] += number
    return _finish(upload, counts, by)


@atomic
def _ready(upload: Upload, by: User) -> int:
    if upload.project_id is not None:
        open_project(upload.project_id, by)
    if upload.list_id is not None:
        matching.check_list(upload.list_id, by.company_id)
        return upload.list_id
    return create_list(upload.new_list, by=by, form_token=f"dealerships-{upload.token}"[:100]).id


@atomic
def _make_chunk(upload: Upload, rows: Sequence[Row], list_id: int, by: User) -> dict[str, int]:
    matching.one_at_a_time(by.company_id)
    project = open_project(upload.project_id, by) if upload.project_id is not None else None
    matching.find_known(rows, twins=upload.twins, company_id=by.company_id)
    leads = matching.make_leads(rows, list_id=list_id, by=by, country=_country(by))
    made = matching.write_dealerships(rows, company_id=by.company_id)
    found = summarise(rows)
    known = [row.dealership_id for row in rows if row.outcome == "known" and row.dealership_id is not None]
    added = add_ids(project, [*made, *known], by=by, reason="from a file").added if project is not None else 0
    return {**found.counts, "new": len(made), "leads": leads, "unplaced": found.unplaced, "added": added}


@atomic
def _finish(upload: Upload, counts: dict[str, int], by: User) -> Upload:
    done = replace(upload, result=counts)
    keep_answer(by.company_id, SCOPE, upload.token, 200, asdict(done))
    record_event(
        "dealerships_imported", f"Made {counts['new']:,} dealerships of {upload.filename}", by=by, counts=counts, list_id=counts["list_id"],
    )  # fmt: skip
    return done


__all__ = [
    "MOST_ROWS", "NOT_TAKEN", "FileRefused", "Judged", "NoSuchFile", "Upload", "choose", "find_upload", "judge", "keep_upload", "perform",
    "write_refused",
]  # fmt: skip
