"""Settings, Allowed hosts."""

import pytest
import sqlalchemy as sa

from tests.factories import make_company, make_user, sign_in
from webapp.accounts import hosts
from webapp.accounts.hosts import AllowedHost, allow_host, list_allowed
from webapp.accounts.service import Refused
from webapp.core.audit import AuditEvent

PATH = "/settings/allowed-hosts"


def test_nothing_is_allowed_until_an_admin_says_so(as_admin, admin):
    assert list_allowed(admin.company_id) == ()
    assert "No host of your own network is allowed" in as_admin.get(PATH).text


def test_a_host_is_allowed_in_its_one_spelling_and_the_trail_tells_by_whom(as_admin, admin, db):
    answer = as_admin.post(PATH, data={"pattern": " CRM.Internal.:8080 ", "note": "Our CRM"})
    assert (answer.status_code, answer.location) == (303, PATH)
    assert list_allowed(admin.company_id) == ("crm.internal:8080",)
    page = as_admin.get(PATH).text
    assert "crm.internal:8080" in page
    assert "Our CRM" in page
    assert "by Ana Admin" in page
    event = db.session.scalars(sa.select(AuditEvent).order_by(AuditEvent.id.desc())).first()
    assert (event.kind, event.summary, event.user_id) == (
        "setting_changed", "Allowed the host crm.internal:8080", admin.id,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("*.Demo.localhost", "*.demo.localhost"), ("10.0.0.5", "10.0.0.5"), ("[::1]:8080", "[::1]:8080"), ("::1", "::1"), ("bücher.internal", "xn--bcher-kva.internal")],
)  # fmt: skip
def test_names_addresses_and_wildcards_are_understood(admin, typed, kept):
    assert allow_host(typed, by=admin).pattern == kept


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "Enter a host"),
        ("*.com", "half of the internet"),
        ("https://crm.internal", "port is a number"),
        ("crm.internal:0", "port is a number"),
        ("0x7f.1", "four plain numbers"),
        ("169.254.169.254", "never contacted"),
        ("a b", "not the name of a host"),
        ("x" * 300, "cannot be longer"),
    ],
)
def test_what_cannot_be_allowed_is_told_beside_the_field_and_kept_for_correction(as_admin, admin, typed, says):
    answer = as_admin.post(PATH, data={"pattern": typed, "note": "why"})
    assert answer.status_code == 422
    assert says in answer.text
    assert 'value="why"' in answer.text
    assert 'id="pattern-error"' in answer.text
    assert list_allowed(admin.company_id) == ()


def test_the_same_host_twice_is_one_row(as_admin, admin):
    as_admin.post(PATH, data={"pattern": "crm.internal"})
    answer = as_admin.post(PATH, data={"pattern": "CRM.internal"})
    assert answer.status_code == 422
    assert "allowed already" in answer.text
    assert list_allowed(admin.company_id) == ("crm.internal",)


def test_there_is_an_end_to_it(admin, monkeypatch):
    monkeypatch.setattr(hosts, "MOST", 2)
    allow_host("a.internal", by=admin)
    allow_host("b.internal", by=admin)
    with pytest.raises(Refused, match="no longer needed"):
        allow_host("c.internal", by=admin)


def test_a_removed_host_is_refused_again_and_removing_twice_does_no_harm(as_admin, admin, db, kinds):
    remove = f"{PATH}/{allow_host('crm.internal', by=admin).id}/remove"
    before = len(kinds())
    assert as_admin.post(remove).status_code == 303
    assert list_allowed(admin.company_id) == ()
    assert as_admin.post(remove).status_code == 404
    assert kinds()[before:] == ["setting_changed"]


@pytest.mark.parametrize("role", ["rep", "manager"])
def test_only_admins_see_and_change_them(client, admin, role):
    row = allow_host("crm.internal", by=admin)
    sign_in(client, make_user(admin.company, role=role))
    assert client.get(PATH).status_code == 403
    assert client.post(PATH, data={"pattern": "x.internal"}).status_code == 403
    assert client.post(f"{PATH}/{row.id}/remove").status_code == 403
    assert "Allowed hosts" not in client.get("/settings/profile").text


def test_what_one_company_allows_opens_nothing_for_another(as_admin, admin, db):
    other = make_user(make_company("Other"))
    row = allow_host("crm.internal", by=other)
    assert list_allowed(admin.company_id) == ()
    assert "crm.internal" not in as_admin.get(PATH).text
    assert as_admin.post(f"{PATH}/{row.id}/remove").status_code == 404
    allow_host("crm.internal", by=admin)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(AllowedHost)) == 2
