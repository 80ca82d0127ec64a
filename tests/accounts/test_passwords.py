import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher

from tests.factories import PASSWORD, make_user, sign_in
from webapp.accounts import passwords
from webapp.accounts.models import User


def test_a_hash_is_argon2id_and_fits_only_its_password(db):
    made = passwords.hash_password(PASSWORD)
    assert made.startswith("$argon2id$")
    assert passwords.check_password(made, PASSWORD)
    assert not passwords.check_password(made, PASSWORD + "x")
    assert not passwords.check_password(None, PASSWORD)
    assert not passwords.check_password("not a hash", PASSWORD)
    assert not passwords.check_password(None, "nobody has this password")


@pytest.mark.parametrize("password", ["", "x" * 9, "x" * 201])
def test_a_length_outside_10_to_200_is_refused(db, password):
    with pytest.raises(ValueError, match="characters"):
        passwords.hash_password(password)


def test_any_letters_will_do(db):
    odd = "pässwörd \ud83d\ude00 \U0001f600 \ud800 ok"
    assert passwords.check_password(passwords.hash_password(odd), odd)


def test_a_long_password_does_not_pass_for_its_beginning(db):
    made = passwords.hash_password("x" * 200)
    assert not passwords.check_password(made, "x" * 201)


def test_production_hashes_cost_what_argon2_advises():
    hasher = passwords._make_hasher("production")
    assert (hasher.memory_cost, hasher.time_cost) == (65536, 3)


def test_an_old_hash_is_renewed_at_the_next_sign_in(client, db):
    old = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1).hash(PASSWORD)
    user = make_user()
    user.password_hash = old
    db.session.commit()
    sign_in(client, user)
    renewed = db.session.get(User, user.id).password_hash
    assert renewed != old
    assert not passwords.needs_rehash(renewed)


def test_two_hashes_at_once_and_no_more(app, monkeypatch):
    """Eight threads ask; the hasher waits until two are inside, and would see a third."""
    inside, most, both = [], [], threading.Barrier(2)

    class Slow:
        def verify(self, known, given):
            inside.append(1)
            most.append(len(inside))
            both.wait(5)
            inside.pop()
            return True

    monkeypatch.setattr(passwords, "_make_hasher", lambda env: Slow())
    monkeypatch.setattr(passwords, "_dummy_hash", lambda env: "dummy")

    def ask(_):
        with app.app_context():
            return passwords.check_password("known", PASSWORD)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(8)))
    assert max(most) == 2


def test_when_no_hash_can_be_had_the_answer_is_429_and_nothing_is_counted(client, admin, db, monkeypatch):
    monkeypatch.setattr(passwords, "WAIT_SECONDS", 0)
    monkeypatch.setattr(passwords, "_slots", threading.BoundedSemaphore(1))
    with passwords._slots:
        for _ in range(9):
            answer = client.post("/login", data={"email": admin.email, "password": PASSWORD})
            assert (answer.status_code, answer.headers["Retry-After"]) == (429, "2")
    sign_in(client, admin)
