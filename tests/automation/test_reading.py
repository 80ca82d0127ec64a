"""What the reader sees of a page, in a real Chromium."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.automation.reading_support import Stage, by_key
from webapp.automation.engine.read import control_again, find_again, locate, locate_form, locate_proxy, read_forms


@pytest.fixture(scope="module")
def stage(browser: Browser) -> Iterator[Stage]:
    made = Stage(browser)
    yield made
    made.context.close()


LABELS = {
    "by its for": ("<label for=a>Last name</label><input id=a name=x>", "label", "Last name"),
    "by wrapping": ("<label>Your phone <input name=x></label>", "label", "Your phone"),
    "by aria-label": ("<input name=x aria-label='City'>", "aria", "City"),
    "by aria-labelledby": ("<b id=l>Company</b><p><input name=x aria-labelledby=l>", "aria", "Company"),
    "by placeholder": ("<input name=x placeholder='ZIP code'>", "placeholder", "ZIP code"),
    "by the text before": ("<div>Stock number: <input name=x></div>", "before", "Stock number:"),
    "by the line above": ("<p>E-mail<br><input name=x></p>", "before", "E-mail"),
    "by the cell to the left": ("<table><tr><td>Trim</td><td><input name=x></td></tr></table>", "before", "Trim"),
    "by the cell above": (
        "<table><tr><td>First</td><td>Last</td></tr><tr><td><input name=y></td><td><input name=x></td></tr></table>",
        "before",
        "Last",
    ),
    "by its term": ("<dl><dt>Town</dt><dd><input name=x></dd></dl>", "before", "Town"),
    "by its row": ("<ul><li><span>Model</span><div><input name=x></div></li></ul>", "before", "Model"),
    "by the text after a box": ("<input type=checkbox name=x> I agree<br>", "after", "I agree"),
    "by a label laid over it": (
        "<div style='position:relative'><input name=x style='width:200px;height:30px'>"
        "<span style='position:absolute;left:8px;top:6px'>Full name</span></div>",
        "over",
        "Full name",
    ),
    "by its component's attribute": (
        "<x-field label='Postal code'></x-field><script>document.querySelector('x-field').attachShadow({mode:'open'})"
        ".innerHTML='<input name=x>'</script>",
        "label",
        "Postal code",
    ),
}


@pytest.mark.parametrize("case", LABELS)
def test_a_control_is_named(stage: Stage, case: str) -> None:
    body, source, text = LABELS[case]
    control = by_key(stage.form(f"<form>{body}<button>Go</button></form>"), "x")
    assert control.texts.get(source) == text


def test_a_label_around_two_fields_names_neither(stage: Stage) -> None:
    form = stage.form("<form><label>Name <input name=n> Email <input name=e></label><button>Go</button></form>")
    assert [by_key(form, key).texts.get("label") for key in "ne"] == [None, None]
    assert [by_key(form, key).texts["before"] for key in "ne"] == ["Name", "Email"]


HIDDEN = {
    "display:none": "display",
    "visibility:hidden": "visibility",
    "opacity:0": "opacity",
    "filter:opacity(0)": "opacity",
    "position:absolute;left:-9999px": "offscreen",
    "position:absolute;top:-5000px": "offscreen",
    "position:absolute;clip:rect(0,0,0,0)": "clipped",
    "clip-path:inset(50%)": "clipped",
    "height:0;overflow:hidden": "clipped",
    "position:absolute;width:1px;height:1px;overflow:hidden": "clipped",
    "transform:scale(0)": "size",
    "width:60px;overflow:hidden;text-indent:0;white-space:nowrap": "",
}


OF_BOXES_ONLY = ("height:0;overflow:hidden", "position:absolute;width:1px;height:1px;overflow:hidden")


@pytest.mark.parametrize("style", HIDDEN)
def test_a_control_in_a_box_hidden_by_style_is_told_with_its_reason(stage: Stage, style: str) -> None:
    form = stage.form(f"<form><input name=y><div style='{style}'><input name=x></div><button>Go</button></form>")
    control = by_key(form, "x")
    assert (control.visible, control.why_hidden) == (not HIDDEN[style], HIDDEN[style])


@pytest.mark.parametrize("style", [one for one in HIDDEN if one not in OF_BOXES_ONLY])
def test_a_control_hidden_by_its_own_style_is_told_with_its_reason(stage: Stage, style: str) -> None:
    form = stage.form(f"<form><input name=y><div><input name=x style='{style}'></div><button>Go</button></form>")
    control = by_key(form, "x")
    assert (control.visible, control.why_hidden) == (not HIDDEN[style], HIDDEN[style])


def test_a_field_closed_to_screen_readers_and_the_keyboard_is_hidden(stage: Stage) -> None:
    form = stage.form(
        "<form><div aria-hidden=true><input name=x tabindex=-1></div><input name=y><button>Go</button></form>"
    )
    assert by_key(form, "x").why_hidden == "aria_hidden"


WAITING = {
    "a later step": (
        "<form><div><input name=y></div><div class=step style='display:none'><input name=x><textarea name=m></textarea></div><button>Next</button></form>",
        "later_step",
    ),
    "a step moved aside": (
        "<form style='width:300px;overflow:hidden'><div style='display:flex;width:600px'><div style='width:300px'><input name=y></div>"
        "<div style='width:300px;flex:none'><input name=x><input name=z></div></div><button>Next</button></form>",
        "later_step",
    ),
    "a closed dialog": ("<dialog><form><input name=x><input name=y><button>Go</button></form></dialog>", "collapsed"),
    "a closed tab": ("<div role=tabpanel hidden><form><input name=x><input name=y><button>Go</button></form></div>", "collapsed"),
    "closed details": ("<details><summary>Write</summary><form><input name=x><input name=y><button>Go</button></form></details>", "collapsed"),
    "an accordion within the form": (
        "<form><input name=y><div class=accordion-body style='display:none'><input name=x><input name=z></div><button>Go</button></form>",
        "collapsed",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WAITING)
def test_what_waits_to_be_opened_is_told_from_what_is_hidden_by_itself(stage: Stage, case: str) -> None:
    body, reason = WAITING[case]
    control = by_key(stage.form(body), "x")
    assert (control.visible, control.why_hidden) == (False, reason)


def test_what_lies_below_the_fold_is_visible(stage: Stage) -> None:
    form = stage.form("<div style='height:4000px'></div><form><input name=x><button>Go</button></form>")
    control = by_key(form, "x")
    assert control.visible
    assert control.box is not None
    assert control.box[1] > 3900


PROXIED = {
    "a box under its styled label": (
        "<input type=checkbox id=c name=x style='position:absolute;opacity:0'><label for=c>I agree</label>",
        "I agree",
    ),
    "a box inside a role": (
        "<span role=checkbox style='display:inline-block;width:20px;height:20px'><input type=checkbox name=x style='opacity:0'></span>",
        "",
    ),
    "a box under a drawn one": (
        "<div><input type=checkbox name=x style='opacity:0'><span style='display:inline-block;width:20px;height:20px'>v</span> I agree</div>",
        "v",
    ),
    "a list behind a widget": (
        "<select name=x style='display:none'><option>A</select><div class=select2-container style='width:90px;height:20px'>A</div>",
        "A",
    ),
    "an input that a floating label shows": (
        "<div style='width:200px;height:40px'><input id=v name=x style='opacity:0'><label for=v>Phone</label></div>",
        None,
    ),
}


@pytest.mark.parametrize("case", PROXIED)
def test_a_hidden_control_with_something_visible_acting_for_it_is_proxied(stage: Stage, case: str) -> None:
    body, said = PROXIED[case]
    form = stage.form(f"<form><input name=y><div>{body}</div><button>Go</button></form>")
    control = by_key(form, "x")
    assert (control.visible, control.proxied) == (False, True)
    proxy = locate_proxy(stage.page, form, control)
    assert proxy is not None
    assert proxy.is_visible()
    if said is not None:
        assert proxy.inner_text().strip() == said


def test_a_list_drawn_for_a_hidden_select_is_no_second_field(stage: Stage) -> None:
    form = stage.form(
        "<form><div><select name=x style='display:none'><option>A</select>"
        "<button type=button aria-haspopup=listbox style='width:90px;height:20px'>A</button></div><button>Go</button></form>"
    )
    assert [(one.tag, one.proxied) for one in form.controls] == [("select", True), ("button", False)]


REQUIRED = {
    "the attribute": "<input name=x required>",
    "aria": "<input name=x aria-required=true>",
    "a star": "<label>Name* <input name=x></label>",
    "a star drawn by style": "<style>.r::after{content:'*'}</style><label class=r for=i>Name</label><input id=i name=x>",
    "a word": "<label>Name (required) <input name=x></label>",
    "a class": "<label for=i>Name</label><input id=i name=x class='wpcf7-validates-as-required'>",
}


@pytest.mark.parametrize("how", REQUIRED)
def test_a_field_is_required_by(stage: Stage, how: str) -> None:
    assert by_key(stage.form(f"<form>{REQUIRED[how]}<button>Go</button></form>"), "x").required


def test_an_optional_field_is_not_required_by_the_word_optional(stage: Stage) -> None:
    assert not by_key(
        stage.form("<form><label>Phone (not required) <input name=x></label><button>Go</button></form>"), "x"
    ).required


def test_forms_in_frames_of_other_sites_and_nested_ones_are_seen_where_they_stand(stage: Stage) -> None:
    forms = stage.read(
        "<form><input name=own><button>Go</button></form><iframe src='http://builder.test/' style='margin:50px;border:0' width=400 height=300></iframe>"
        "<iframe src='http://builder.test/' style='display:none'></iframe>",
        builder_test="<form><input name=framed><button>Go</button></form><iframe srcdoc='<form><input name=nested><button>Go</button></form>'></iframe>",
    )
    names = [(form.controls[0].name, form.visible) for form in forms]
    assert names == [("own", True), ("framed", True), ("framed", False), ("nested", True), ("nested", False)]
    framed = forms[1].controls[0]
    shown = locate(stage.page, forms[1], framed)
    assert shown is not None
    there = shown.bounding_box()
    assert there is not None
    assert framed.box is not None
    assert framed.box[:2] == pytest.approx((there["x"], there["y"]), abs=1)
    assert forms[1].frame_url == "http://builder.test/"


CLOSED = "<div id=h></div><script>document.getElementById('h').attachShadow({mode:'%s'}).innerHTML='<form><label for=q>Name</label><input id=q><button>Go</button></form>'</script>"


@pytest.mark.parametrize("mode", ["open", "closed"])
def test_shadow_roots_are_looked_into_and_the_page_cannot_tell(stage: Stage, mode: str) -> None:
    form = stage.form(CLOSED % mode)
    assert form.in_shadow
    assert by_key(form, "#q").texts["label"] == "Name"
    field = locate(stage.page, form, by_key(form, "#q"))
    assert field is not None
    field.fill("Ann")
    assert field.input_value() == "Ann"
    told = stage.page.evaluate("""() => [String(Element.prototype.attachShadow), Element.prototype.attachShadow.name,
        document.getElementById('h').shadowRoot === null, Object.keys(window).length]""")
    fresh = stage.context.browser.new_page()  # type: ignore[union-attr]
    fresh.set_content(CLOSED % mode)
    assert told == fresh.evaluate("""() => [String(Element.prototype.attachShadow), Element.prototype.attachShadow.name,
        document.getElementById('h').shadowRoot === null, Object.keys(window).length]""")
    fresh.close()


def test_controls_without_a_form_are_grouped_by_the_box_that_has_their_button(stage: Stage) -> None:
    forms = stage.read(
        "<div><input name=q><button>Search</button></div>"
        "<section><h2>Contact us</h2><div><label>Name <input name=n></label></div><div><textarea name=m></textarea></div><div role=button>Send</div></section>"
    )
    assert [[c.key for c in form.controls if c.tag != "button"] for form in forms] == [["q"], ["n", "m"]]
    assert [form.index for form in forms] == [-1, -1]
    assert forms[1].texts["heading"] == "Contact us"


def test_widgets_are_controls(stage: Stage) -> None:
    form = stage.form(
        "<form><div role=combobox aria-label=Make aria-controls=l tabindex=0>Pick</div>"
        "<ul id=l role=listbox><li role=option>Audi<li role=option data-value=b>BMW</ul><div contenteditable aria-label=Message>Hi</div>"
        "<button>Go</button></form>"
    )
    assert [(one.tag, one.type) for one in form.controls] == [
        ("widget", "combobox"),
        ("widget", "editable"),
        ("button", "submit"),
    ]
    assert [one.label for one in form.controls[0].options] == ["Audi", "BMW"]


def test_controls_named_like_a_forms_own_properties_do_no_harm(stage: Stage) -> None:
    form = stage.form(
        "<form action=/send id=real><input name=id><input name=action><input name=parentNode><input name=elements><button>Go</button></form>"
    )
    assert (form.id, form.action, len(form.controls)) == ("real", "/send", 5)


def test_a_broken_table_keeps_its_forms_controls(stage: Stage) -> None:
    form = stage.form(
        "<table><form action=/send><tr><td>Name</td><td><input name=n></td></tr><tr><td><button>Go</button></td></tr></form></table>"
    )
    assert form.controls[0].key == "n"
    assert form.action == "/send"


def test_an_element_keeps_its_uid_until_its_document_goes(stage: Stage) -> None:
    body = "<form><input name=x><button>Go</button></form>"
    first = stage.form(body)
    assert read_forms(stage.page)[0].controls[0].uid == first.controls[0].uid
    again = stage.form(body)
    assert again.controls[0].uid != first.controls[0].uid


def test_a_control_is_found_again_after_the_site_drew_its_form_anew(stage: Stage) -> None:
    form = stage.form(
        "<div id=app></div><script>const draw = () => app.innerHTML = '<form><label>Name <input name=n></label>"
        "<label>Mail <input type=email></label><label><input type=radio name=r value=a>A</label><label><input type=radio name=r value=b>B</label>"
        "<button>Go</button></form>'; draw()</script>"
    )
    stage.page.evaluate("draw()")
    for control in form.controls:
        assert locate(stage.page, form, control) is not None, control.key
    radio = locate(stage.page, form, next(c for c in form.controls if c.value == "b"))
    assert radio is not None
    assert radio.get_attribute("value") == "b"
    assert locate_form(stage.page, form) is not None


def test_a_form_that_is_gone_is_not_taken_for_another(stage: Stage) -> None:
    form = stage.form(
        "<form id=contact><input name=email><textarea name=message></textarea><button>Send</button></form>"
    )
    stage.page.evaluate("document.body.innerHTML = '<form id=find><input name=q><button>Search</button></form>'")
    assert find_again(read_forms(stage.page), form) is None
    assert locate(stage.page, form, form.controls[0]) is None


def test_of_two_equal_successors_none_is_taken(stage: Stage) -> None:
    form = stage.form("<form><label>Part <input></label><label>Part <input></label><button>Go</button></form>")
    stage.page.evaluate("document.forms[0].innerHTML = document.forms[0].innerHTML")
    assert control_again(read_forms(stage.page)[0], form.controls[0]) is None


def test_half_a_letter_in_a_label_is_replaced_and_can_be_kept(stage: Stage) -> None:
    form = stage.form(
        "<form><label for=x>Name</label><input id=x name=x><button>Send</button></form>"
        "<script>document.querySelector('label').textContent = 'Your name \\ud83d';</script>"
    )
    assert by_key(form, "x").texts["label"].encode() == "Your name \ufffd".encode()


def test_a_library_of_old_that_spoils_how_lists_are_told_spoils_nothing(stage: Stage) -> None:
    form = stage.form(
        "<script>Array.prototype.toJSON = function () { return '[' + this.join(', ') + ']'; };"
        " Object.prototype.toJSON = String.prototype.toJSON = function () { return 'spoilt'; };</script>"
        "<form><select name=x aria-label=Model><option>Civic<option>Accord</select><input name=y><button>Send</button></form>"
    )
    assert [one.label for one in by_key(form, "x").options] == ["Civic", "Accord"]
    assert by_key(form, "y").tag == "input"
