"""Small pages for the reader: no server, each host answered from a dictionary in a context with the engine's init script."""

from collections.abc import Callable

from playwright.sync_api import Browser, BrowserContext, Page, Route

from webapp.automation.engine.mapping import map_fields
from webapp.automation.engine.read import INIT_SCRIPT, read_forms
from webapp.automation.engine.seen import Control, FormSeen, Kind

Show = Callable[..., Page]
HOME = "http://dealer.test/"


class Stage:
    """One context and one tab; `show` puts a page there, `others` by address are what its frames load."""

    def __init__(self, browser: Browser) -> None:
        self.pages: dict[str, str] = {}
        self.context: BrowserContext = browser.new_context()
        self.context.add_init_script(INIT_SCRIPT)
        self.context.route("**/*", self._answer)
        self.page = self.context.new_page()

    def _answer(self, route: Route) -> None:
        body = self.pages.get(route.request.url)
        if body is None:
            route.fulfill(status=404, body="")
        else:
            route.fulfill(body=f"<!doctype html><meta charset=utf-8>{body}", content_type="text/html")

    def show(self, body: str, **others: str) -> Page:
        self.pages = {HOME: body} | {f"http://{host.replace('_', '.')}/": text for host, text in others.items()}
        self.page.goto(HOME, wait_until="load")
        return self.page

    def read(self, body: str, **others: str) -> list[FormSeen]:
        return read_forms(self.show(body, **others))

    def form(self, body: str, **others: str) -> FormSeen:
        return self.read(body, **others)[0]

    def kinds(self, body: str) -> dict[str, Kind]:
        """Kind by key of the first form; `body` is what stands inside it."""
        self.page.set_content(f"<form method=post>{body}<button>Send</button></form>")
        form = read_forms(self.page)[0]
        mapped = map_fields(form)
        return {one.key: mapped[one.uid].kind for one in form.controls if one.tag != "button"}


def by_key(form: FormSeen, key: str) -> Control:
    return next(one for one in form.controls if one.key == key)
