"""Whatever is sent: no 500, and every row of the file ends in one outcome."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from tests.harness.client import Client
from tests.imports.corpus import CASES
from tests.imports.support import check, columns_of, confirm, newest, outcomes, signed_in, text_of, upload
from webapp.core.db import db
from webapp.imports.models import Import
from webapp.leads.models import Lead


@pytest.mark.parametrize(("name", "content", "filename", "want"), CASES, ids=[case[0] for case in CASES])
def test_a_bad_file_is_refused_or_each_row_is_accounted_for(
    client: Client, worker: Any, name: str, content: bytes, filename: str, want: dict[str, Any]
) -> None:
    signed_in(client)
    answer = upload(client, content, filename)
    if "refused" in want:
        assert answer.status_code == 422
        assert want["refused"] in text_of(answer.text)
        assert db.session.scalar(sa.select(sa.func.count(Import.id))) == 0
        return
    assert answer.status_code == 303, answer.text[:2000]
    worker()
    row = newest()
    page = client.get(f"/imports/{row.id}")
    assert page.status_code == 200
    if "fault" in want:
        if row.preview.get("error") is None:  # the look goes no further than the first rows
            row = check(client, worker, row)
            page = client.get(f"/imports/{row.id}")
        assert want["fault"] in text_of(page.text)
        assert row.checked == {}
        return
    if "phone" not in columns_of(row).values():
        row.columns = {"0": "phone", "1": "full_name"}
        db.session.commit()
    row = check(client, worker, row)
    assert row.checked["counts"] == want, (row.message, row.checked)
    assert client.get(f"/imports/{row.id}").status_code == 200
    row = confirm(client, worker, row)
    assert row.result["counts"] == want
    assert len(outcomes(row)) == sum(want.values()) == row.total
    assert db.session.scalar(sa.select(sa.func.count(Lead.id))) == want.get("new", 0)
    for path in (f"/imports/{row.id}", "/imports", *(f"/imports/{row.id}/rows?outcome={outcome}" for outcome in want)):
        assert client.get(path).status_code == 200
    if set(want) - {"new"}:
        assert client.get(f"/imports/{row.id}/errors.csv").status_code == 200


def test_an_upload_over_the_limit_is_refused_with_413(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    signed_in(client)
    small = client.application.config["SETTINGS"].model_copy(update={"max_upload_mb": 1})
    monkeypatch.setitem(client.application.config, "SETTINGS", small)
    answer = upload(client, b"Phone\n" + b"212-555-0101\n" * 200_000)
    assert answer.status_code == 413


def test_only_the_upload_may_be_large(client: Client) -> None:
    signed_in(client)
    assert client.post("/imports/1/mapping", data={"x": "y" * 3_000_000}).status_code == 413


def test_an_open_quote_is_cured_by_another_separator(client: Client, worker: Any) -> None:
    signed_in(client)
    upload(client, 'Phone|Size\n212-555-0101|5" pipe\n212-555-0102|"6 inch\n', "a.txt")
    row = newest()
    assert "a quote is opened" in text_of(client.get(f"/imports/{row.id}").text)
    answer = client.post(
        f"/imports/{row.id}/reading", data={"encoding": "utf-8-sig", "delimiter": "bogus", "has_header": "yes"}
    )
    assert answer.status_code == 422


def test_the_encoding_and_header_can_be_overridden(client: Client, worker: Any) -> None:
    signed_in(client)
    upload(client, "Phone,Name\n212-555-0101,Žofie\n".encode("cp1250"))
    row = newest()
    assert (row.preview["encoding"], row.preview["sure"]) == ("cp1252", False)
    client.post(f"/imports/{row.id}/reading", data={"encoding": "cp1250", "delimiter": ",", "has_header": "yes"})
    row = newest()
    assert row.preview["odd"] == [[2, "Name", "Žofie"]]
    client.post(f"/imports/{row.id}/reading", data={"encoding": "cp1250", "delimiter": ",", "has_header": "no"})
    row = newest()
    assert (row.preview["headers"], row.preview["header_line"]) == (["Column 1", "Column 2"], 0)


def test_another_sheet_can_be_chosen(client: Client, worker: Any) -> None:
    import io

    import xlsxwriter

    signed_in(client)
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as made:
        made.add_worksheet("Notes").write(0, 0, "nothing here")
        sheet = made.add_worksheet("Leads")
        sheet.write_row(0, 0, ["Phone", "Name"])
        sheet.write_row(1, 0, ["212-555-0101", "Ann"])
    upload(client, out.getvalue(), "two.xlsx")
    worker()
    row = newest()
    assert row.preview["sheets"] == ["Notes", "Leads"]
    assert client.post(f"/imports/{row.id}/reading", data={"sheet": "Leads", "has_header": "yes"}).status_code == 303
    worker()
    row = newest()
    assert (row.preview["headers"], row.columns) == (["Phone", "Name"], {"0": "phone", "1": "full_name"})
    assert confirm(client, worker, check(client, worker, row)).result["counts"] == {"new": 1}
