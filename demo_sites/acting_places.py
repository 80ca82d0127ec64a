"""Where a form may stand: in frames, in shadow roots, over several pages, behind a dialog or an accordion."""

from __future__ import annotations

from typing import Any

from demo_sites.acting import BASIC, EMAIL, MESSAGE, NAMES, PHONE, SEND, SENT, THANKS
from demo_sites.server import Site, keep, page, server, site

FORM = f'<h1>Contact us</h1><form method="post" action="/send" id="contact">{BASIC}{SEND}</form>'


TOPIC = """<p><label>How can we help? * <select name="topic" required><option value="">Select one</option><option>Sales</option>
<option>Service</option></select></label></p>"""


def _takes(made: Site) -> None:
    @made.post("/send")
    def take() -> Any:
        keep()
        return page("Thank you", THANKS)


def _place(name: str, title: str, body: str, *, more: dict[str, str] | None = None) -> Site:
    """`body` may say {port}; `more` are further pages by path."""
    made = site(name, title, SENT, topic="acting", dealership=False)
    for path, text in {"/": body, **(more or {})}.items():

        def show(text: str = text) -> Any:
            return page(title, text.replace("{port}", str(server().port)))

        made.get(path)(show)
    _takes(made)
    return made


def frame(source: str, more: str = "") -> str:
    return f'<h1>Get in touch</h1><iframe src="{source}" width="600" height="700" {more}></iframe>'


_place("frame-same", "A form in a frame", frame("/form"), more={"/form": FORM})
_place("frame-guest", "The form that other sites frame", FORM)
_place("frame-cross", "A form in a frame of another origin", frame("http://frame-guest.localhost:{port}/"))
_place(
    "frame-nested",
    "A form two frames deep",
    frame("/middle"),
    more={"/middle": frame("http://frame-guest.localhost:{port}/")},
)
_place(
    "frame-sandbox",
    "A form in a sandboxed frame",
    frame("/form", 'sandbox="allow-forms allow-scripts"'),
    more={"/form": FORM},
)
_place(
    "frame-lazy",
    "A form in a frame that loads late",
    '<div style="height:3000px">Our cars.</div>' + frame("/form", 'loading="lazy"'),
    more={"/form": FORM},
)

_SHADOW = """<div id="host"></div><template id="inner">%s</template><script>
const root = document.getElementById('host').attachShadow({mode: '%s'});
root.appendChild(document.getElementById('inner').content.cloneNode(true));</script>"""
_place("shadow-open", "A form in an open shadow root", _SHADOW % (FORM, "open"))
_place("shadow-closed", "A form in a closed shadow root", _SHADOW % (FORM, "closed"))
_place("shadow-framed", "A shadow root in a frame", frame("/form"), more={"/form": _SHADOW % (FORM, "closed")})
_place("shadow-frame", "A frame in a shadow root", _SHADOW % (frame("/form"), "open"), more={"/form": FORM})

_WIZARD = """<style>.step{display:none}.step.now{display:block}.wrong{color:#b00}</style><h1>Contact us</h1>
<form method="post" action="/send" novalidate>
<div class="step now">%s<button type="button" data-to="1">Next</button></div>
<div class="step">%s<button type="button" data-to="0">Back</button> <button type="button" data-to="2">Continue</button></div>
<div class="step">%s<button type="button" data-to="1">Back</button> <button type="reset">Clear form</button>
<button type="submit">Send request</button></div></form>
<script>
const steps = [...document.querySelectorAll('.step')];
document.querySelectorAll('[data-to]').forEach(b => b.addEventListener('click', () => {
  const now = steps.findIndex(s => s.classList.contains('now')), to = Number(b.dataset.to);
  steps[now].querySelectorAll('.wrong').forEach(e => e.remove());
  const bad = to > now ? [...steps[now].querySelectorAll('input,textarea,select')].filter(e => !e.checkValidity()) : [];
  bad.forEach(e => { e.setAttribute('aria-invalid', 'true');
    e.insertAdjacentHTML('afterend', '<span class="wrong error" role="alert">Please check this field: it is not valid.</span>'); });
  if (bad.length) return;
  setTimeout(() => { steps[now].classList.remove('now'); steps[to].classList.add('now'); }, 80);
}));</script>"""
_place("wizard", "Three steps", _WIZARD % (NAMES, EMAIL + PHONE, MESSAGE))
_refusing = _place(
    "wizard-refuses",
    "A step that does not let on",
    _WIZARD % (NAMES, EMAIL.replace("required", 'required pattern="[a-z]+@example[.]org"') + PHONE, MESSAGE),
)
_refusing.expect = {"failure": "submission_failed", "submission": "not_sent"}
_place(
    "wizard-review",
    "Two steps and a review",
    _WIZARD % (NAMES + EMAIL, MESSAGE, "<h2>Review your request</h2><p>Please check your entries before sending.</p>"),
)
_pages = site("wizard-pages", "Steps that are pages", SENT, topic="acting", dealership=False)


@_pages.get("/")
def first_page() -> Any:
    return page(
        "Contact",
        f'<h1>Contact us</h1><form method="post" action="/two">{NAMES}{EMAIL}{PHONE}{TOPIC}<button>Next step</button></form>',
    )


@_pages.post("/two")
def second_page() -> Any:
    from flask import request

    kept = "".join(f'<input type="hidden" name="{k}" value="{v}">' for k, v in request.form.items())
    return page(
        "Contact",
        f'<h1>Contact us</h1><form method="post" action="/send">{kept}{MESSAGE}<button name="do" value="back">Back</button>'
        '<button name="do" value="send">Send message</button></form>',
    )


_takes(_pages)
_place(
    "behind-dialog",
    "A form in a dialog",
    f"""<button type="button" id="open">Contact us</button><dialog id="d">{FORM}</dialog>
<script>document.getElementById('open').addEventListener('click', () => document.getElementById('d').showModal());</script>""",
)
_place("behind-accordion", "A form in an accordion", f"<details><summary>Contact us</summary>{FORM}</details>")
_place(
    "no-form-tag",
    "Controls without a form",
    f"""<div class="contact-form"><h1>Contact us</h1>{BASIC}<p><button type="button" id="go">Send message</button></p></div>
<script>document.getElementById('go').addEventListener('click', async () => {{
  const data = new FormData();
  document.querySelectorAll('.contact-form [name]').forEach(e => data.append(e.name, e.value));
  await fetch('/send', {{method: 'POST', body: data}});
  document.querySelector('.contact-form').innerHTML = '<p role="status">Thank you, your message has been sent.</p>';
}});</script>""",
)
