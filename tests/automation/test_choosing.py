"""Which of a page's forms is written to, in a real Chromium."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.automation.reading_support import Stage
from webapp.automation.engine.choose import choose_form
from webapp.automation.engine.failures import Failed, FailureType
from webapp.automation.engine.judge import judge


@pytest.fixture(scope="module")
def stage(browser: Browser) -> Iterator[Stage]:
    made = Stage(browser)
    yield made
    made.context.close()


WHO = "<label>Name <input name=name></label><label>Email <input type=email name=email></label><label>Phone <input type=tel name=phone></label>"
CONTACT = f"<h2>Contact us</h2><form id=contact action=/send method=post>{WHO}<label>Message <textarea name=message></textarea></label><button>Send</button></form>"
OTHERS = {
    "search": "<form action=/find role=search><input type=search name=q><button>Search</button></form>",
    "login": "<h2>Sign in</h2><form method=post><input name=user><input type=password name=p><button>Log in</button>"
    "<textarea name=g-recaptcha-response style='display:none'></textarea></form>",
    "registration": "<h2>Create an account</h2><form method=post><input type=email name=e><input type=password name=a><input type=password name=b><textarea name=bio></textarea><button>Register</button></form>",
    "newsletter": "<h3>Newsletter</h3><form method=post><input type=email name=EMAIL placeholder='Your email'><button>Subscribe</button></form>",
    "comment": "<h3>Leave a Reply</h3><form id=commentform action=/wp-comments-post.php method=post><textarea name=comment></textarea><input name=author placeholder=Name>"
    "<input name=email placeholder=Email><input type=hidden name=comment_post_ID value=3><button>Post Comment</button></form>",
    "review": f"<h3>Write a review</h3><form method=post>{WHO}<select name=rating><option>5<option>4</select><textarea name=review placeholder='Your review'></textarea><button>Submit</button></form>",
    "share": "<h3>Email a friend</h3><form method=post><input name=your_email placeholder='Your email'><input name=friend_email placeholder=\"Friend's email\"><textarea name=message></textarea><button>Send</button></form>",
    "filter": "<form action=/cars><select name=make><option>Audi</select><select name=year><option>2020</select><button>Apply filters</button></form>",
    "finance": f"<h2>Credit application</h2><form id=finance-application method=post>{WHO}<label>Social security number <input name=ssn></label><label>Comments <textarea name=c></textarea></label><button>Apply for financing</button></form>",
    "trade_in": f"<h2>Value your trade</h2><form id=trade-in method=post>{WHO}<label>VIN <input name=vin></label><label>Comments <textarea name=c></textarea></label><button>Get my trade-in value</button></form>",
    "service": f"<h2>Schedule service</h2><form id=schedule-service method=post>{WHO}<label>Date <input type=date name=d></label><label>Comments <textarea name=c></textarea></label><button>Book an appointment</button></form>",
    "careers": f"<h2>Job application</h2><form id=careers method=post>{WHO}<input type=file name=resume><label>Cover letter <textarea name=c></textarea></label><button>Apply now</button></form>",
    "order": f"<h2>Checkout</h2><form action=/checkout method=post>{WHO}<label>Order notes <textarea name=c></textarea></label><button>Place order</button></form>",
}  # fmt: skip


@pytest.mark.parametrize("purpose", OTHERS)
def test_a_form_for_something_else_is_known_for_it_and_never_chosen(stage: Stage, purpose: str) -> None:
    forms = stage.read(OTHERS[purpose])
    assert judge(forms[0]).purpose == purpose
    with pytest.raises(Failed) as failed:
        choose_form(forms)
    assert failed.value.kind is FailureType.FORM_NOT_FOUND
    assert purpose in failed.value.evidence[0]


def test_the_contact_form_is_found_among_all_others_with_reasons(stage: Stage) -> None:
    forms = stage.read("".join(OTHERS.values()) + CONTACT)
    choice = choose_form(forms)
    assert choice.form.id == "contact"
    assert any("message box" in one for one in choice.reasons)
    assert len(choice.verdicts) == len(forms)


def test_a_page_without_a_form_has_none(stage: Stage) -> None:
    with pytest.raises(Failed) as failed:
        choose_form(stage.read("<a href='mailto:a@b.test'>Write to us</a>"))
    assert failed.value.kind is FailureType.FORM_NOT_FOUND


def test_two_equal_contact_forms_are_a_tie_that_names_both(stage: Stage) -> None:
    pair = "".join(
        f"<section><h2>Contact {who}</h2><form method=post action=/{who}>{WHO}<textarea name=message></textarea><button>Send</button></form></section>"
        for who in ("sales", "parts")
    )
    with pytest.raises(Failed) as failed:
        choose_form(stage.read(pair))
    assert failed.value.kind is FailureType.MULTIPLE_FORMS
    assert "Contact sales" in failed.value.message
    assert "Contact parts" in failed.value.message


def test_a_copy_of_the_same_form_is_no_tie_and_the_one_in_sight_is_taken(stage: Stage) -> None:
    forms = stage.read(f"<div style='display:none'>{CONTACT}</div>{CONTACT}")
    choice = choose_form(forms)
    assert choice.form.visible


def test_a_form_in_a_frame_competes(stage: Stage) -> None:
    forms = stage.read(OTHERS["newsletter"] + "<iframe src='http://builder.test/'></iframe>", builder_test=CONTACT)
    choice = choose_form(forms)
    assert (choice.form.frame, choice.form.frame_url) == (1, "http://builder.test/")


def test_controls_without_a_form_compete(stage: Stage) -> None:
    loose = (
        f"<section><h2>Contact us</h2>{WHO}<textarea name=message></textarea><button>Send message</button></section>"
    )
    assert choose_form(stage.read(OTHERS["search"] + loose)).form.index == -1


def test_an_enquiry_without_a_message_box_is_chosen_by_its_words(stage: Stage) -> None:
    form = f"<h2>Contact our dealership</h2><form method=post>{WHO}<button>Contact dealer</button></form>"
    assert choose_form(stage.read(OTHERS["newsletter"] + form)).form.texts["heading"] == "Contact our dealership"


@pytest.mark.parametrize(
    ("heading", "button"),
    [
        ("Kontakt", "Absenden"),
        ("Contacto", "Enviar"),
        ("Contactez-nous", "Envoyer"),
        ("Contatti", "Invia"),
        ("Обратная связь", "Отправить"),
    ],
)
def test_the_contact_form_is_found_in_other_languages(stage: Stage, heading: str, button: str) -> None:
    form = f"<h1>{heading}</h1><form method=post id=it><input name=a><input type=email name=b><textarea name=c></textarea><button>{button}</button></form>"
    assert choose_form(stage.read(OTHERS["search"] + OTHERS["newsletter"] + form)).form.id == "it"
