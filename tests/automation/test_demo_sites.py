"""The dealership sites of the demo: each answers, and its server judges what it is sent as declared."""

import csv
import io
import json
import math
import re
import socket
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator

import pytest
import zipcodes

from demo_sites.dealers import DEALERS
from demo_sites.dealers_index import COLUMNS
from demo_sites.loading import dealerships
from demo_sites.server import SITES, Site, SiteServer
from webapp.automation.engine.failures import FailureType
from webapp.automation.engine.outcome import SUBMISSIONS

OWN = dealerships()
VALUES = {
    "F": "Jordan", "L": "Reyes", "N": "Jordan Reyes", "E": "jordan.reyes@example.com", "P": "(614) 555-0142", "Z": "43215", "S": "CR-V",
    "M": "Is the CR-V still there?",
}  # fmt: skip
CF7 = "/wp-json/contact-form-7/v1/contact-forms/11/feedback"
AJAX = "/wp-admin/admin-ajax.php"
ASP = "ctl00$ContentPlaceHolder1$txt"
# Site: where its form is posted, what a full one holds, and its honeypots. A name before ":" is the host that takes it.
GOOD = {
    "maple-street-motors": (CF7, "your-name=N your-email=E your-subject=S your-message=M", ""),
    "lakeview-auto": (CF7, "first-name=F last-name=L your-email=E your-tel=P your-message=M acceptance-1=1", ""),
    "buckeye-valley-honda": ("/contact-us/", "input_1.3=F input_1.6=L input_2=E input_3=P input_4=M input_6=", "input_6"),
    "granville-chevrolet": (
        AJAX,
        "wpforms[fields][0][first]=F wpforms[fields][0][last]=L wpforms[fields][1]=E wpforms[fields][5]=Sales wpforms[fields][2]=M wpforms[hp]=",
        "wpforms[hp] wpforms[fields][3]",
    ),
    "hocking-hills-jeep": (AJAX, "form_fields[name]=N form_fields[email]=E form_fields[field_1b2c]=P", "form_fields[field_72ab]"),
    "marion-subaru": (
        "/contact-marion-subaru/",
        "item_meta[6]=F item_meta[7]=L item_meta[8]=E item_meta[9]=Z item_meta[10]=M",
        "frm_verify_2",
    ),
    "union-county-kia": (AJAX, "1=N 2=E 5=P 3=M", "hp"),
    "wayne-motors": (
        "/contact/",
        "et_pb_contact_name_0=N et_pb_contact_email_0=E et_pb_contact_message_0=M",
        "et_pb_contactform_validate_0",
    ),
    "olentangy-auto": ("/api/v1/form/63a1", "fields[Name]=N fields[Email]=E fields[Field]=M", ""),
    "linden-garage": ("/_api/form-submission-service/v4/submissions", "first_name=F last_name=L email=E phone=P message=M", ""),
    "short-north-motors": ("/api/form/SaveFormSubmission", "fname=F lname=L email=E textarea-yui_4-field=M", ""),
    "findlay-hyundai": (
        "/submissions/v3/public/submit/formsnext/multipart/44021/2f1c",
        "firstname=F lastname=L email=E phone=P message=M",
        "",
    ),
    "great-seal-auto": ("formboard:/submit/241", "q3_name[first]=F q3_name[last]=L q4_email=E q6_whatCan=M", "website"),
    "flag-city-cars": ("questionpad:/forms/Xk3/complete-submission", "name=N email=E phone=P message=M", ""),
    "pickaway-motors": ("/form/contact", "name=N email=E subject=S message=M form_build_id=form-g7Jk2", "url"),
    "clark-county-toyota": (
        "/ContactUs.aspx",
        f"__VIEWSTATE=x __EVENTTARGET=lnkSubmit {ASP}FirstName=F {ASP}LastName=L {ASP}Email=E {ASP}Zip=Z {ASP}Comments=M",
        "",
    ),
    "logan-auto": (
        "/contact-us.html",
        "jform[contact_name]=N jform[contact_email]=E jform[contact_subject]=S jform[contact_message]=M b1946ac92492d2347c6235b4d2611184=1",
        "",
    ),
    "bobs-auto-ranch": ("/cgi-bin/formmail.pl", "recipient=bob realname=N email=E phone=P comments=M", ""),
    "riverbend-ford": ("/message", "name=N email=E phone=P message=M", ""),
    "scioto-valley-ford": (
        "/contact-submit",
        "contact.firstName=F contact.lastName=L contact.email=E contact.phone=P contact.address.postalCode=Z comments=M contact.preferredContact=EMAIL",
        "",
    ),
    "miami-valley-nissan": ("/api/lead", "FirstName=F LastName=L Email=E Phone=P Year=2022 Make=Honda Model=CR-V", ""),
    "queen-city-honda": ("/contact-us/", "vehicle_interest=other full_name=N email_address=E phone_number=P message=M", ""),
    "gem-city-chevrolet": ("/leads/contact", "firstName=F lastName=L email=E phone=P department=Sales comments=M", ""),
    "north-coast-cars": ("/api/contact", "fullName=N email=E phone=P message=M", ""),
    "lake-erie-auto": ("/start", "condition=used make=Honda first_name=F last_name=L email=E phone=P details=M agree=1", ""),
    "firelands-jeep": ("/send", "visitor_name=N visitor_email=E visitor_phone=P visitor_message=M", ""),
    "amish-country-auto": ("/component/send", "first=F last=L email=E message=M", ""),
    "tusc-motors": ("/component/send", "first=F last=L email=E message=M", ""),
    "stark-auto-mall": ("/contact.php", "name=N email=E phone1=614 phone2=555 phone3=0142 question=M", ""),
    "rose-city-motors": ("/contact", "first=F last=L email=E mobile=P message=M", ""),
    "casa-de-autos": ("/contacto.php", "nombre=F apellido=L correo=E telefono=P cp=Z mensaje=M acepto=si", ""),
    "monroe-gate-autos": ("/nous-joindre", "prenom=F nom=L courriel=E tel=P objet=S votre_message=M", ""),
    "wooster-wheels": ("/write", "who=N mail=E text=M", ""),
    "kokosing-auto": ("/about/contact", "contact_name=N contact_email=E contact_phone=P contact_message=M", ""),
    "hometown-cars": ("/contact", "fullname=N email=E phone=P message=M terms=1", ""),
    "mountaineer-motors": ("/cgi/contact", "name=N email=E message=M", ""),
    "ohio-river-auto": ("/post.php", "name=N email=E comments=M", ""),
    "bluegrass-auto": ("/note", "name=N email=E phone=P text=M", ""),
    "wolverine-imports": ("/contact", "firstName=F lastName=L email=E topic=Sales message=M", ""),
    "hoosier-motors": ("/graphql", "name=N email=E zip=Z message=M", ""),
    "three-rivers-auto": (
        "/inquiries",
        "authenticity_token=t inquiry[first_name]=F inquiry[last_name]=L inquiry[email]=E inquiry[email_confirmation]=E inquiry[topic]=buy inquiry[body]=M",
        "",
    ),
    "wheeling-auto-park": ("/contact-form", "name=N email=E subject=S message=M", ""),
    "athens-auto": ("/sendmail.php", "fname=F lname=L mail=E tel=P reach=email comments=M", ""),
    "fort-wayne-kia": ("/contact-us", "name=N email=E phone=P message=M", "website email2 fax city2 confirm_human"),
    "adrian-toyota": ("/contact/form.htm", "first=F last=L email=E phone=P zip=Z message=M contact_ok=1", ""),
    "shifting-gears": ("/contact", "name=N email=E message=M", ""),
    "lakeshore-cars": ("/api/messages", "given=F family=L mail=E body=M", ""),
    "blue-ridge-subaru": ("/contact/", "name=N email=E phone=P message=M", ""),
    "middletown-motors": ("/contact", "name=N email=E message=M", ""),
    "quiet-lane-autos": ("/contact", "name=N email=E message=M", ""),
}  # fmt: skip


@pytest.fixture(scope="module")
def sites() -> Iterator[SiteServer]:
    with SiteServer() as running:
        yield running


def full_form(name: str) -> dict[str, str]:
    pairs = (cell.rsplit("=", 1) for cell in GOOD[name][1].split())
    return {key: VALUES.get(value, value) for key, value in pairs}


def post(sites: SiteServer, name: str, form: dict[str, str]) -> bool:
    """Whether the site's server took it; exactly one row must come of it."""
    host, _, path = GOOD[name][0].rpartition(":")
    sent: dict[str, str] = form
    if name == "union-county-kia":
        sent = {"formData": json.dumps({"fields": {key: {"value": value} for key, value in form.items()}})}
    before = len(sites.forms_of(name))
    sites.app.test_client().post(path, data=sent, base_url=f"http://{host or name}.localhost")
    assert len(sites.forms_of(name)) == before + 1
    return sites.forms_of(name)[-1].accepted


def ask(sites: SiteServer, name: str, path: str = "/") -> tuple[int, dict[str, str], str]:
    """Over the wire, redirects not followed."""
    address = f"http://127.0.0.1:{sites.port}{path}"

    class Still(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *args: object) -> None:
            return None

    asked = urllib.request.Request(address, headers={"Host": f"{name}.localhost:{sites.port}"})
    try:
        with urllib.request.build_opener(Still).open(asked, timeout=10) as answer:
            return answer.status, dict(answer.headers), answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, dict(refused.headers), refused.read().decode()


def by_expectation(kind: str, value: object) -> list[Site]:
    return [one for one in OWN if one.expect.get(kind) == value]


def test_the_demo_has_enough_of_each_kind():
    assert len(OWN) >= 44
    assert len(by_expectation("ok", True)) >= 26
    assert by_expectation("skipped", True)
    causes = {one.expect.get("failure") for one in OWN} | {one.later.get("failure") for one in OWN} - {None}
    assert set(FailureType) - causes == {FailureType.BROWSER_CRASH}  # no page crashes its renderer safely
    assert {one.expect.get("submission") for one in OWN} <= {None, *SUBMISSIONS}
    assert {one.name for one in by_expectation("ok", True)} <= set(GOOD)
    assert all(one.dealership and one.builder and one.topic == "dealership" for one in OWN)
    assert len({one.builder for one in OWN}) >= len(OWN) - 2


@pytest.mark.parametrize("name", [one.name for one in OWN if ("GET", "*") not in one.views and not one.closed])
def test_the_pages_of_a_dealership_stand_and_its_links_lead_somewhere(sites, name):
    client = sites.app.test_client()
    base = f"http://{name}.localhost"
    seen, ahead = set(), ["/"]
    while ahead:
        path = ahead.pop()
        if path in seen:
            continue
        seen.add(path)
        answer = client.get(path, base_url=base)
        assert answer.status_code == 200, path
        links = (
            re.findall(r"""(?:href|HREF|<use href)=["']([^"'#]+)""", answer.text) if "html" in answer.mimetype else []
        )
        ahead += ["/" + link.lstrip("/") for link in links if not re.match(r"https?:|tel:|mailto:|javascript:", link)]
    assert DEALERS[name].phone in client.get("/", base_url=base).text
    assert len(seen) > 5


@pytest.mark.parametrize("name", GOOD)
def test_a_full_form_is_taken_and_a_careless_one_is_not(sites, name):
    sites.state.clear()
    form = full_form(name)
    assert not post(sites, name, {})
    email = next(key for key, value in form.items() if value == VALUES["E"])
    assert not post(sites, name, form | {email: "jordan at example"})
    assert not post(sites, name, form | {email: " "})
    for honeypot in GOOD[name][2].split():
        assert not post(sites, name, form | {honeypot: "x"}), honeypot
    for consent in ("acceptance-1", "agree", "acepto", "terms", "contact_ok"):
        if consent in form:
            assert not post(sites, name, {key: value for key, value in form.items() if key != consent})
    assert post(sites, name, form)
    assert sites.forms_of(name)[-1].form.items() >= {key: [value] for key, value in form.items()}.items()


def test_an_opt_in_that_was_left_ticked_is_noted(sites):
    assert post(sites, "queen-city-honda", full_form("queen-city-honda") | {"offers_optin": "yes"})
    assert sites.forms_of("queen-city-honda")[-1].note == "offers_optin was given"
    assert post(sites, "queen-city-honda", full_form("queen-city-honda") | {"offers_optin": " "})
    assert sites.forms_of("queen-city-honda")[-1].note == "", "an empty box is nothing that was given"


def test_the_wrong_form_of_a_page_is_never_taken(sites):
    client = sites.app.test_client()
    for path in ("/login", "/finance/apply", "/trade/value", "/service/schedule", "/newsletter"):
        client.post(path, data={"x": "1"}, base_url="http://gem-city-chevrolet.localhost")
        assert (sites.received[-1].path, sites.received[-1].accepted) == (path, False)


def test_walls_say_no_as_walls_do(sites):
    status, headers, _ = ask(sites, "speedway-cars", "/any")
    assert (status, headers["Retry-After"]) == (429, "3600")
    status, headers, _ = ask(sites, "cardinal-auto")
    assert (status, headers["cf-mitigated"]) == (403, "challenge")
    assert {ask(sites, "fortress-motors", path)[0] for path in ("/", "/contact", "/robots.txt")} == {403}
    status, headers, _ = ask(sites, "old-town-motors")
    assert (status, headers["Location"]) == (301, sites.url_of("motor-domains", "/?from=oldtownmotors"))
    assert "Disallow: /\n" in ask(sites, "private-reserve-motors", "/robots.txt")[2]
    closed = int(sites.url_of("last-chance-cars").split(":")[2].rstrip("/"))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", closed), 5)


def test_the_form_that_changes_changes_after_its_first_message(sites):
    sites.forget()
    before = ask(sites, "shifting-gears", "/contact")[2]
    assert post(sites, "shifting-gears", full_form("shifting-gears"))
    after = ask(sites, "shifting-gears", "/contact")[2]
    assert 'name="name"' in before
    assert 'name="name"' not in after
    assert "Code from our letter" in after
    assert not post(sites, "shifting-gears", full_form("shifting-gears"))


def test_what_a_site_thinks_is_spam_is_not_taken(sites):
    answer = sites.app.test_client().post(
        CF7, data=full_form("maple-street-motors"), base_url="http://parkway-autos.localhost"
    )
    assert answer.get_json()["status"] == "spam"
    assert not sites.accepted("parkway-autos")


def test_held_requests_end_with_the_server():
    for name in ("sleepy-hollow-auto", "slowpoke-auto"):
        own = SiteServer().start()
        came: list[bytes] = []
        ended = threading.Event()

        def read(
            port: int = own.port, name: str = name, came: list[bytes] = came, ended: threading.Event = ended
        ) -> None:
            with socket.create_connection(("127.0.0.1", port)) as line:
                line.sendall(f"GET / HTTP/1.1\r\nHost: {name}.localhost\r\n\r\n".encode())
                while got := line.recv(65536):
                    came.append(got)
            ended.set()

        threading.Thread(target=read, daemon=True).start()
        while not own.visits:
            assert not ended.wait(0.01)
        own.stop()
        assert ended.wait(10)
        assert not own.server.connections


def test_a_hundred_posts_at_once_all_arrive(sites):
    sites.forget()
    together = threading.Barrier(100)

    def send(number: int) -> None:
        together.wait()
        body = f"name=Visitor+{number}&email=v{number}%40example.com&message=Hello".encode()
        asked = urllib.request.Request(
            f"http://127.0.0.1:{sites.port}/message", body, {"Host": f"riverbend-ford.localhost:{sites.port}"}
        )
        with urllib.request.urlopen(asked, timeout=30) as answer:
            answer.read()

    threads = [threading.Thread(target=send, args=(number,)) for number in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = {one.form["name"][0] for one in sites.accepted("riverbend-ford")}
    assert names == {f"Visitor {number}" for number in range(100)}


def test_one_connection_carries_many_requests(sites):
    with socket.create_connection(("127.0.0.1", sites.port), 10) as line, line.makefile("rb") as answers:
        for _ in range(3):
            line.sendall(b"GET /nowhere HTTP/1.1\r\nHost: tusc-motors.localhost\r\n\r\n")
            assert answers.readline().startswith(b"HTTP/1.1 404")
            length = 0
            while (header := answers.readline().strip().lower()) != b"":
                if header.startswith(b"content-length:"):
                    length = int(header.split(b":")[1])
            assert answers.read(length) == b"Not here.\n"


def test_www_and_a_declared_host_name_lead_to_a_site_and_others_nowhere(sites):
    client = sites.app.test_client()
    assert client.get("/", base_url="http://www.tusc-motors.localhost").status_code == 200
    assert "for sale" in client.get("/", base_url="http://premium-auto-names.test").text
    assert client.get("/", base_url="http://nobody.localhost").status_code == 404


def miles(a: float, b: float, c: float, d: float) -> float:
    a, b, c, d = map(math.radians, (a, b, c, d))
    return 3958.8 * math.acos(min(1, math.sin(a) * math.sin(c) + math.cos(a) * math.cos(c) * math.cos(b - d)))


def test_the_import_file_places_the_dealerships_around_columbus(sites):
    text = ask(sites, "127.0.0.1", "/dealerships.csv")[2]
    rows = list(csv.DictReader(io.StringIO(text)))
    assert list(rows[0]) == COLUMNS
    assert len(rows) == len(OWN) == len({row["website"] for row in rows})
    assert Counter(bool(row["latitude"]) for row in rows)[False] >= 4
    assert sum(not row["latitude"] and not row["postal_code"] for row in rows) == 2
    assert all(re.fullmatch(r"\(\d{3}\) 555-01\d\d", row["phone"]) for row in rows)
    assert len({row["phone"] for row in rows}) == len(rows)
    far = []
    for row in rows:
        if row["latitude"]:
            here = float(row["latitude"]), float(row["longitude"])
            (zip_code,) = zipcodes.matching(row["postal_code"])
            assert (zip_code["state"], miles(*here, float(zip_code["lat"]), float(zip_code["long"])) < 12) == (
                row["state"],
                True,
            )
            far.append(miles(*here, 39.9612, -82.9988))
    assert min(far) < 2
    assert sum(distance < 200 for distance in far) > 50
    assert 3 <= sum(distance > 200 for distance in far) <= 6


def test_the_start_page_lists_the_sites_and_what_arrived(sites):
    sites.forget()
    assert post(sites, "tusc-motors", full_form("tusc-motors"))
    client = sites.app.test_client()
    page = client.get("/", base_url="http://127.0.0.1").text
    assert all(one.title.replace("'", "&#39;") in page for one in OWN)
    listed = {one["name"]: one for one in client.get("/sites.json", base_url="http://localhost").get_json()}
    assert set(listed) == set(SITES)
    assert (listed["tusc-motors"]["accepted"], listed["tusc-motors"]["url"]) == (1, sites.url_of("tusc-motors"))
    assert [one["site"] for one in client.get("/received", base_url="http://127.0.0.1").get_json()] == ["tusc-motors"]
    assert client.post("/forget", base_url="http://127.0.0.1").status_code == 303
    assert sites.received == []
