"""Mappings learned of a form, and the same form some time later, in a real Chromium."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser

from tests.automation.reading_support import Stage, by_key
from webapp.automation.engine.mapping import map_fields
from webapp.automation.engine.saved import Fit, fingerprint, fit, learn
from webapp.automation.engine.seen import Kind

FORM = "<form method=post action=/send>{}<button>Send</button></form>"
NAME, MAIL = "<label>Name <input name=name></label>", "<label>Email <input type=email name=mail required></label>"
TEXT = "<label>Message <textarea name=text></textarea></label>"


@pytest.fixture(scope="module")
def stage(browser: Browser) -> Iterator[Stage]:
    made = Stage(browser)
    yield made
    made.context.close()


def later(stage: Stage, before: str, after: str, **changes: str) -> Fit:
    first = stage.form(FORM.format(before))
    saved = learn(first, map_fields(first), "http://dealer.test/")
    if changes:
        fields = {key: dict(said) for key, said in saved.fields.items()}
        for key, kind in changes.items():
            fields[key]["kind"] = kind
        saved = replace(saved, fields=fields, edited=True)
    second = stage.form(FORM.format(after))
    return fit(second, map_fields(second), saved)


SAME = {
    "values and what is typed": (NAME + MAIL, NAME.replace("<input", "<input value=Ann") + MAIL),
    "the order of attributes": ("<label>Name <input id=i name=name></label>", "<label>Name <input name=name id=i></label>"),
    "tokens": (NAME + "<input type=hidden name=csrf value=1>", NAME + "<input type=hidden name=csrf value=2>"),
    "generated names": ("<label>Name <input name=f_8a61b2c3d4e5f607></label>", "<label>Name <input name=f_99f0e1d2c3b4a596></label>"),
    "options": ("<select name=s><option>A</select>", "<select name=s><option>B<option>C</select>"),
    "the order of fields": (NAME + MAIL, MAIL + NAME),
}  # fmt: skip


@pytest.mark.parametrize("case", SAME)
def test_a_fingerprint_does_not_change_with(stage: Stage, case: str) -> None:
    before, after = SAME[case]
    assert fingerprint(stage.form(FORM.format(before))) == fingerprint(stage.form(FORM.format(after)))


OTHER = {
    "a field more": (NAME, NAME + MAIL),
    "a field less": (NAME + MAIL, NAME),
    "a field renamed": (NAME, NAME.replace("name=name", "name=who")),
    "another sort of field": (NAME, "<label>Name <textarea name=name></textarea></label>"),
}


@pytest.mark.parametrize("case", OTHER)
def test_a_fingerprint_changes_with(stage: Stage, case: str) -> None:
    before, after = OTHER[case]
    assert fingerprint(stage.form(FORM.format(before))) != fingerprint(stage.form(FORM.format(after)))


def test_a_learned_mapping_names_kind_selector_and_label(stage: Stage) -> None:
    form = stage.form(FORM.format(NAME + MAIL))
    saved = learn(form, map_fields(form), "http://dealer.test/contact")
    assert saved.fields["mail"] == {
        "kind": "email",
        "selector": 'input[name="mail"]',
        "label": "Email",
        "required": "yes",
    }
    assert (saved.contact_url, saved.fingerprint, saved.edited) == (
        "http://dealer.test/contact",
        fingerprint(form),
        False,
    )


def test_an_unchanged_form_fits_exactly(stage: Stage) -> None:
    found = later(stage, NAME + MAIL + TEXT, NAME + MAIL + TEXT)
    assert (found.state, found.changes) == ("exact", ())


def test_a_renamed_field_is_repaired_by_its_label(stage: Stage) -> None:
    found = later(stage, NAME + MAIL, NAME + MAIL.replace("name=mail", "name=address_7"), mail="email")
    assert found.state == "repaired"
    assert found.changes == ('"Email" is now address_7',)
    assert sorted(one.kind for one in found.mapped.values()) == [Kind.EMAIL, Kind.FULL_NAME, Kind.SUBMIT]


def test_a_field_with_another_name_and_label_is_repaired_by_its_kind(stage: Stage) -> None:
    found = later(stage, NAME + MAIL, NAME + "<label>Your e-mail address <input name=em></label>")
    assert (found.state, found.changes) == ("repaired", ('"Email" is now em',))


def test_a_field_that_is_gone_breaks_the_mapping_and_is_named(stage: Stage) -> None:
    found = later(stage, NAME + MAIL + TEXT, NAME + TEXT)
    assert found.state == "broken"
    assert found.reason == 'gone: "Email"'


def test_an_optional_field_that_is_gone_is_told_and_no_more(stage: Stage) -> None:
    found = later(stage, NAME + MAIL + TEXT, MAIL + TEXT)
    assert (found.state, found.changes) == ("repaired", ('gone: "Name"',))


def test_any_field_of_an_edited_mapping_that_is_gone_breaks_it(stage: Stage) -> None:
    found = later(stage, NAME + MAIL + TEXT, MAIL + TEXT, name="full_name")
    assert (found.state, found.reason) == ("broken", 'gone: "Name"')


def test_a_new_field_is_told(stage: Stage) -> None:
    found = later(stage, NAME, NAME + "<label>Shoe size <input name=shoe required></label>")
    assert (found.state, found.changes) == ("repaired", ('new: "Shoe size"',))


def test_a_persons_choice_wins_over_the_engines(stage: Stage) -> None:
    odd = "<label>Reference <input name=ref></label>"
    found = later(stage, NAME + odd, NAME + odd, ref="stock_number")
    assert Kind.STOCK_NUMBER in {one.kind for one in found.mapped.values()}
    assert found.state == "exact"


def test_what_a_person_fixed_for_a_field_comes_with_the_fit(stage: Stage) -> None:
    body = FORM.format("<label>About <select name=s><option>A<option>B</select></label>")
    form = stage.form(body)
    saved = learn(form, map_fields(form), "")
    saved = replace(saved, edited=True, fields={"s": {**saved.fields["s"], "kind": "subject", "option": "B"}})
    found = fit(form, map_fields(form), saved)
    assert found.fixed == {by_key(form, "s").uid: {"option": "B"}}


def test_a_trap_set_since_then_is_not_filled_for_an_old_mapping(stage: Stage) -> None:
    found = later(stage, NAME + MAIL, NAME + f"<div style='display:none'>{MAIL}</div>")
    assert Kind.EMAIL not in {one.kind for one in found.mapped.values()}
    assert found.state == "broken"
