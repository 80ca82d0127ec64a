import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from tests.factories import PASSWORD, make_company, make_user, sign_in
from webapp.accounts.models import Invitation, User
from webapp.core.audit import AuditEvent

INVITE = {"email": "sam@example.com", "role": "manager", "form_token": "once-and-only"}
JOIN = {"name": "Sam Ortega", "password": "another good one"}


def link_on(page):
    found = re.search(r'id="shown-value">http://localhost(/[a-z]+/[\w-]{43})<', page.text)
    assert found, page.text
    return found[1]


def invited(admin_client, **facts):
    answer = admin_client.post("/settings/team/invite", data={**INVITE, **facts})
    assert (answer.status_code, answer.location) == (303, "/settings/team")
    return link_on(admin_client.get("/settings/team"))


def test_an_invitation_is_shown_once_kept_hashed_and_lets_one_person_in(as_admin, admin, new_client, db, kinds):
    link = invited(as_admin)
    assert "shown-value" not in as_admin.get("/settings/team").text
    assert link.rpartition("/")[2] not in db.session.scalars(sa.select(Invitation.token_hash)).one()
    guest = new_client()
    assert "Join Acme" in guest.get(link).text
    answer = guest.post(link, data=JOIN | {"role": "admin", "company_id": "1", "email": "x@example.com"})
    assert answer.status_code == 303
    sam = db.session.scalars(sa.select(User).where(User.name == "Sam Ortega")).one()
    assert (sam.email, sam.role, sam.company_id) == ("sam@example.com", "manager", admin.company_id)
    assert guest.get("/settings/profile").status_code == 200
    assert new_client().get(link).status_code == 404
    assert new_client().post(link, data=JOIN).status_code == 404
    assert kinds() == ["signed_in", "user_invited", "user_joined", "signed_in"]


def test_two_who_accept_at_once_make_one_user(as_admin, new_client, db, app):
    link = invited(as_admin)
    clients = [new_client() for _ in range(4)]
    for client in clients:
        client.lint = False
        client.get(link)
    with ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(lambda client: client.post(link, data=JOIN).status_code, clients))
    assert sorted(codes) == [303, 404, 404, 404]
    assert db.session.scalar(sa.select(sa.func.count()).where(User.email == "sam@example.com")) == 1


def test_an_invitation_ends_after_a_week(as_admin, client, new_client, travel):
    link = invited(as_admin)
    travel(days=6, hours=23)
    assert new_client().get(link).status_code == 200
    travel(days=7, minutes=1)
    assert new_client().get(link).status_code == 404
    assert new_client().post(link, data=JOIN).status_code == 404


def test_a_withdrawn_invitation_is_worth_nothing(as_admin, new_client, db, kinds):
    link = invited(as_admin)
    row_id = db.session.scalars(sa.select(Invitation.id)).one()
    assert as_admin.post(f"/settings/team/invitations/{row_id}/revoke").status_code == 303
    assert new_client().get(link).status_code == 404
    as_admin.post(f"/settings/team/invitations/{row_id}/revoke")
    assert kinds().count("invitation_revoked") == 1


def test_inviting_the_same_address_again_ends_the_first_link(as_admin, new_client):
    first = invited(as_admin)
    second = invited(as_admin, form_token="another-form")
    assert new_client().get(first).status_code == 404
    assert new_client().get(second).status_code == 200


def test_sending_the_same_form_twice_makes_one_invitation(as_admin, db):
    invited(as_admin)
    assert as_admin.post("/settings/team/invite", data=INVITE).status_code == 303
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Invitation)) == 1


def test_a_member_cannot_be_invited_but_somebody_elses_user_looks_like_anybody(as_admin, admin, new_client):
    make_user(admin.company, email="colleague@example.com", name="Cole")
    stranger = make_user(make_company("Rival"), email="rival@example.com")
    answer = as_admin.post("/settings/team/invite", data=INVITE | {"email": "Colleague@example.com"})
    assert answer.status_code == 422
    assert "Cole is in the team already." in answer.text
    link = invited(as_admin, email=stranger.email)
    answer = new_client().post(link, data=JOIN)
    assert answer.status_code == 422
    assert "has an account already" in answer.text


@pytest.mark.parametrize(
    "change", [{"email": "no address"}, {"role": "owner"}, {"email": ""}, {"form_token": ""}, {"email": "a@b\x00.com"}]
)
def test_an_invitation_that_does_not_fit_is_refused_with_what_was_typed(as_admin, change, db):
    answer = as_admin.post("/settings/team/invite", data=INVITE | change)
    assert answer.status_code == 422
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Invitation)) == 0


def test_an_admin_changes_roles_and_the_trail_tells(as_admin, admin, db):
    rep = make_user(admin.company, role="rep", name="Rep Person")
    as_admin.post(f"/settings/team/{rep.id}/role", data={"role": "manager", "company_id": "5", "deactivated_at": "1"})
    db.session.refresh(rep)
    assert (rep.role, rep.company_id, rep.deactivated_at) == ("manager", admin.company_id, None)
    event = db.session.scalars(sa.select(AuditEvent).where(AuditEvent.kind == "user_role_changed")).one()
    assert (event.user_id, event.subject_id, event.address) == (admin.id, rep.id, "127.0.0.1")
    assert event.details == {"before": "rep", "after": "manager"}
    assert as_admin.post(f"/settings/team/{rep.id}/role", data={"role": "god"}).status_code == 422


def test_the_last_admin_stays_an_admin(as_admin, admin, db):
    make_user(admin.company, role="admin", deactivated_at=sa.func.now())
    answer = as_admin.post(f"/settings/team/{admin.id}/role", data={"role": "rep"})
    assert answer.status_code == 422
    assert "last admin" in answer.text
    assert db.session.get(User, admin.id).role == "admin"


def test_two_admins_who_demote_each_other_at_once_leave_one(as_admin, admin, new_client, db):
    other = make_user(admin.company)
    second = sign_in(new_client(), other)
    for client in (as_admin, second):
        client.lint = False
        client.get("/settings/team")
    with ThreadPoolExecutor(2) as pool:
        jobs = [
            pool.submit(as_admin.post, f"/settings/team/{other.id}/role", data={"role": "rep"}),
            pool.submit(second.post, f"/settings/team/{admin.id}/role", data={"role": "rep"}),
        ]
        codes = sorted(job.result().status_code for job in jobs)
    assert codes in ([303, 403], [303, 422])
    assert db.session.scalar(sa.select(sa.func.count()).where(User.role == "admin")) == 1


def test_nobody_deactivates_himself(as_admin, admin, db):
    make_user(admin.company)
    answer = as_admin.post(f"/settings/team/{admin.id}/deactivate")
    assert answer.status_code == 422
    assert "You cannot deactivate yourself" in answer.text
    assert db.session.get(User, admin.id).is_active


def test_a_reset_link_is_shown_once_works_once_and_ends_sessions(as_admin, admin, new_client, kinds):
    rep = make_user(admin.company, role="rep")
    theirs = sign_in(new_client(), rep)
    assert as_admin.post(f"/settings/team/{rep.id}/reset-link").status_code == 303
    link = link_on(as_admin.get(f"/settings/team/{rep.id}"))
    guest = new_client()
    assert guest.post(link, data={"password": "tiny-pw"}).status_code == 422
    answer = guest.post(link, data={"password": "a brand new one"})
    assert answer.location == f"/login?email={rep.email.replace('@', '%40')}" or rep.email in answer.location
    assert theirs.get("/settings/profile").status_code == 303
    assert guest.post(link, data={"password": "a brand new one"}).status_code == 404
    assert guest.post("/login", data={"email": rep.email, "password": PASSWORD}).status_code == 422
    assert guest.post("/login", data={"email": rep.email, "password": "a brand new one"}).status_code == 303
    assert "reset_link_created" in kinds()


def test_a_reset_link_ends_after_a_day_or_with_the_next_one_or_with_the_account(as_admin, admin, new_client, travel):
    rep = make_user(admin.company, role="rep")

    def make():
        as_admin.post(f"/settings/team/{rep.id}/reset-link")
        return link_on(as_admin.get(f"/settings/team/{rep.id}"))

    first, second = make(), make()
    assert new_client().get(first).status_code == 404
    assert new_client().get(second).status_code == 200
    as_admin.post(f"/settings/team/{rep.id}/deactivate")
    assert new_client().get(second).status_code == 404
    assert as_admin.post(f"/settings/team/{rep.id}/reset-link").status_code == 409
    as_admin.post(f"/settings/team/{rep.id}/reactivate")
    third = make()
    travel(hours=25)
    assert new_client().post(third, data={"password": "a brand new one"}).status_code == 404


def test_an_invitation_does_not_open_the_reset_page_nor_the_other_way_round(as_admin, admin, new_client):
    link = invited(as_admin)
    assert new_client().get(link.replace("/invite/", "/reset/")).status_code == 404
    as_admin.post(f"/settings/team/{admin.id}/reset-link")
    reset = link_on(as_admin.get(f"/settings/team/{admin.id}"))
    assert new_client().get(reset.replace("/reset/", "/invite/")).status_code == 404
