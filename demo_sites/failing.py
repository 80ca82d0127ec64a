"""One site for each of the sixteen ways to fail, named fail-<type>; and faults of pages that have no type of their own."""

from __future__ import annotations

from flask import Response, redirect

from demo_sites.captchas import _frame
from demo_sites.server import Site, keep, page, server, site
from demo_sites.visiting import LINES, declare, form, put


def _fails(kind: str, title: str, **more: object) -> Site:
    expect = {"failure": kind, **{key: value for key, value in more.items() if key not in ("closed", "start")}}
    facts = {key: value for key, value in more.items() if key in ("closed", "start")}
    return declare(f"fail-{kind.replace('_', '-')}", title, expect, topic="failures", **facts)


crash = _fails("browser_crash", "The browser dies on it")


@crash.get("/")
def dies() -> Response:
    """Whoever started the browser leaves in `state["crash"]` how to end it."""
    server().state["crash"]()
    server().hold(5)
    made: Response = page("Gone", "")
    return made


_fails("network_error", "Nobody is there", closed=True)
put(_fails("ip_blocked", "403 everywhere"), "*", "<h1>Forbidden</h1>", status=403)
put(
    _fails("rate_limited", "Too many", retry_after=45),
    "*",
    "<h1>Slow down</h1>",
    status=429,
    headers={"Retry-After": "45"},
)
put(
    _fails("bot_detection", "A wall"),
    "*",
    "<h1>Just a moment...</h1>",
    status=403,
    headers={"cf-mitigated": "challenge"},
)

captcha = _fails("captcha_detected", "A box to tick")


@captcha.get("/")
def box() -> Response:
    frame = _frame("/recaptcha/api2/anchor?ar=1&amp;size=normal").replace("PORT", str(server().port))
    made: Response = page("Contact us", f"<h1>Contact us</h1>{form(more=frame)}")
    return made


slow = _fails("page_timeout", "Never answers")
slow.get("*")(lambda: (server().hold(), page("Late", ""))[1])

elsewhere = _fails("unexpected_redirect", "Moved to another company")
elsewhere.get("/")(lambda: redirect(server().url_of("visit-home")))

put(_fails("form_not_found", "No form at all"), "/", "<h1>Motors</h1><p>Call 512-555-0100.</p>")
put(
    _fails("multiple_forms", "Two that are alike"), "/",
    f'<h1>Contact us</h1><section><h2>Contact our north store</h2>{form("/north")}</section><section><h2>Contact our south store</h2>{form("/south")}</section>',
)  # fmt: skip
put(
    _fails("form_changed", "Not the form it was", mapping=True), "/",
    f'<h1>Contact us</h1>{form(lines="<label>Name <input name=name required></label><label>Phone <input type=tel name=phone required></label><label>Message <textarea name=message></textarea></label>")}',
)  # fmt: skip
put(
    _fails("field_not_found", "Asks what nobody knows"),
    "/",
    f"<h1>Contact us</h1>{form(more='<label>Loyalty card serial <input name=x9 required></label>')}",
)
put(
    _fails("dropdown_option_missing", "Sells no such car"), "/",
    f'<h1>Contact us</h1>{form(more="<label>Make <select name=make required><option value=>Choose</option><option>Tesla</option><option>Lucid</option></select></label>")}',
)  # fmt: skip
put(
    _fails("field_disabled", "Locked for good"),
    "/",
    f"<h1>Contact us</h1>{form(lines=LINES.replace(' name=&quot;email&quot;'.replace('&quot;', chr(34)), ' name=email disabled'))}",
)
put(
    _fails("javascript_error", "Its script breaks it", submission="not_sent"), "/",
    f'<h1>Contact us</h1>{form()}<script>document.forms[0].addEventListener("submit", (event) => {{ event.preventDefault(); collectLead(document.forms[0]); }});</script>',
)  # fmt: skip

refused = _fails("submission_failed", "Says no", submission="rejected")
put(refused, "/", f"<h1>Contact us</h1>{form('/no')}")


@refused.post("/no")
def says_no() -> Response:
    keep(accepted=False)
    text = f'<h1>Contact us</h1><div role="alert" class="error">Your message could not be sent. Please try again later.</div>{form("/no")}'
    made: Response = page("Contact us", text)
    return made


empty = site("fault-cut", "Hangs up", {"failure": "network_error"}, topic="failures", dealership=False)


@empty.get("/")
def hangs_up() -> Response:
    from flask import request

    request.environ["werkzeug.socket"].close()
    raise ConnectionAbortedError


broken = site("fault-500", "Broken server", {"failure": "network_error"}, topic="failures", dealership=False)
broken.get("*")(lambda: page("Error", "<h1>Internal Server Error</h1>", status=500))

circle = site("fault-circle", "Redirects in a circle", {"failure": "network_error"}, topic="failures", dealership=False)
circle.get("/")(lambda: redirect("/b"))
circle.get("/b")(lambda: redirect("/"))

script = site(
    "fault-leads-away",
    "A script leads to another company",
    {"failure": "unexpected_redirect"},
    topic="failures",
    dealership=False,
)
script.get("/")(
    lambda: page("Moving", f'<p>Moving</p><script>location.href = "{server().url_of("visit-home")}";</script>')
)

hung = site("fault-loop", "A script without an end", {"failure": "page_timeout"}, topic="failures", dealership=False)
hung.get("/")(
    lambda: page(
        "Loop", f"<h1>Contact us</h1>{form()}<script>addEventListener('load', () => {{ for (;;); }});</script>"
    )
)

unseen = declare(
    "fault-unseen",
    "Sends through a worker that no page shows",
    {"failure": "submission_failed", "submission": "unconfirmed"},
    topic="failures",
)
put(
    unseen, "/",
    f"""<h1>Contact us</h1>{form()}<script>document.forms[0].addEventListener("submit", (event) => {{ event.preventDefault();
new SharedWorker("/worker.js").port.postMessage(new URLSearchParams(new FormData(event.target)).toString()); }});</script>""",
)  # fmt: skip
unseen.get("/worker.js")(
    lambda: Response(
        "onconnect = ({ports: [port]}) => { port.onmessage = ({data}) => fetch('/send', {method: 'POST', body: data, headers: "
        "{'Content-Type': 'application/x-www-form-urlencoded'}}); };",
        mimetype="text/javascript",
    )
)
