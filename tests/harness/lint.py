"""A test client that reads every HTML page it gets and fails on what a browser would forgive."""

from html.parser import HTMLParser

VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
IMPLIED_END = frozenset("p li dt dd option optgroup thead tbody tfoot tr td th colgroup rp rt".split())
INTERACTIVE = frozenset(("a", "button", "select", "textarea", "label"))
REFERENCES = ("for", "aria-labelledby", "aria-describedby", "aria-controls", "form", "list", "popovertarget")
NEEDS_NO_LABEL = frozenset(("hidden", "submit", "button", "reset", "image"))
SAFE_SCRIPT_TYPES = frozenset(("application/json", "application/ld+json"))
LOADS = (("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("link", "href"))

Attributes = dict[str, str]


class Reader(HTMLParser):
    """Collects faults, each with its line, and what must be judged at the end."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.stack: list[tuple[str, Attributes]] = []
        self.ids: set[str] = set()
        self.references: list[tuple[str, str, str]] = []
        self.labelled: set[str] = set()
        self.unlabelled: list[tuple[str, str, str]] = []
        self.headings = 0
        self.title = ""
        self.is_page = False
        self.forms: list[tuple[str, bool, bool]] = []
        self.names: list[tuple[str, list[str], str]] = []

    def fault(self, text: str) -> None:
        self.faults.append(f"line {self.getpos()[0]}: {text}")

    def handle_starttag(self, tag: str, pairs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in pairs}
        if len(attributes) != len(pairs):
            self.fault(f"<{tag}> has the same attribute twice")
        self._attributes(tag, attributes)
        self._element(tag, attributes)
        if tag not in VOID:
            self.stack.append((tag, attributes))
        if tag in ("a", "button", "h1", "h2", "h3", "h4", "legend", "summary"):
            named = attributes.get("aria-label") or attributes.get("aria-labelledby") or ""
            self.names.append((tag, [named], f"line {self.getpos()[0]}"))
        if tag in ("img", "svg") and (attributes.get("alt") or attributes.get("aria-label")):
            self._text(attributes.get("alt") or attributes["aria-label"])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if tag not in [open_tag for open_tag, _ in self.stack]:
            self.fault(f"</{tag}> closes nothing")
            return
        while self.stack:
            open_tag, _ = self.stack.pop()
            if open_tag == tag:
                break
            if open_tag not in IMPLIED_END:
                self.fault(f"</{tag}> closes while <{open_tag}> is open")
        if self.names and self.names[-1][0] == tag:
            _, words, where = self.names.pop()
            if not "".join(words).strip():
                self.faults.append(f"{where}: <{tag}> says nothing")

    def handle_data(self, data: str) -> None:
        if self.stack and self.stack[-1][0] == "title" and not self._inside("svg"):
            self.title += data
        self._text(data)

    def _text(self, words: str) -> None:
        for _, said, _ in self.names:
            said.append(words)

    def _inside(self, tag: str) -> bool:
        return any(open_tag == tag for open_tag, _ in self.stack)

    def _attributes(self, tag: str, attributes: Attributes) -> None:
        for name, value in attributes.items():
            if name == "style":
                self.fault(f"<{tag}> has a style attribute")
            if name.startswith(("on", "hx-on")):
                self.fault(f"<{tag}> has an inline handler, {name}")
            if name in ("href", "src", "action") and value.strip().lower().startswith("javascript:"):
                self.fault(f"<{tag}> has a javascript: address")
            if name in REFERENCES and not (tag == "form" or value == ""):
                self.references += [(name, part, f"line {self.getpos()[0]}") for part in value.split()]
        if "id" in attributes:
            if not attributes["id"] or " " in attributes["id"]:
                self.fault(f"<{tag}> has an odd id, {attributes['id']!r}")
            if attributes["id"] in self.ids:
                self.fault(f"the id {attributes['id']!r} is there twice")
            self.ids.add(attributes["id"])
        for loader, source in LOADS:
            address = attributes.get(source, "")
            if tag == loader and address.startswith(("http:", "https:", "//")):
                self.fault(f"<{tag}> loads {address} from elsewhere")

    def _element(self, tag: str, attributes: Attributes) -> None:
        if tag == "html":
            self.is_page = True
            if not attributes.get("lang"):
                self.fault("<html> has no lang")
        if tag == "h1" and not self._inside("dialog"):
            self.headings += 1
        if tag == "style" or (tag == "link" and attributes.get("href", "").startswith("data:")):
            self.fault("there is inline style")
        if tag == "script" and not attributes.get("src") and attributes.get("type") not in SAFE_SCRIPT_TYPES:
            self.fault("there is inline script")
        if tag == "img" and "alt" not in attributes:
            self.fault("<img> has no alt")
        if tag == "label" and attributes.get("for"):
            self.labelled.add(attributes["for"])
        if tag == "a" and attributes.get("target") == "_blank" and "noopener" not in attributes.get("rel", ""):
            self.fault("a link opens a new tab without rel=noopener")
        if tag in INTERACTIVE and tag != "select":
            for open_tag, _ in self.stack:
                if open_tag in ("a", "button") or (open_tag == tag == "label"):
                    self.fault(f"<{tag}> stands inside <{open_tag}>")
        if tag == "button" and "type" not in attributes:
            self.fault("<button> has no type")
        self._form(tag, attributes)

    def _form(self, tag: str, attributes: Attributes) -> None:
        if tag == "form":
            if self._inside("form"):
                self.fault("<form> stands inside <form>")
            if attributes.get("method", "").lower() not in ("get", "post", "dialog"):
                self.fault("<form> has no method")
            if attributes.get("method", "").lower() != "dialog" and "action" not in attributes:
                self.fault("<form> has no action")
        if tag not in ("input", "select", "textarea"):
            return
        if tag == "input" and attributes.get("type", "text").lower() in NEEDS_NO_LABEL:
            return
        named = attributes.get("aria-label") or attributes.get("aria-labelledby") or attributes.get("title")
        if not named and not self._inside("label"):
            what = attributes.get("name") or attributes.get("id") or "?"
            self.unlabelled.append((attributes.get("id", ""), what, f"line {self.getpos()[0]}"))

    def verdict(self) -> list[str]:
        for _id, what, where in self.unlabelled:
            if _id not in self.labelled:
                self.faults.append(f"{where}: the field {what!r} has no label")
        for tag, _ in self.stack:
            if tag not in IMPLIED_END and tag not in ("html", "body"):
                self.faults.append(f"<{tag}> is never closed")
        if self.is_page:
            if self.headings != 1:
                self.faults.append(f"the page has {self.headings} <h1>, not one")
            if not self.title.strip():
                self.faults.append("the page has no title")
            for name, target, where in self.references:
                if target not in self.ids:
                    self.faults.append(f"{where}: {name} names {target!r}, which is not on the page")
        return self.faults


def faults_of(html: str) -> list[str]:
    """What is wrong with a page, or with a fragment of one; nothing when all is well."""
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader.verdict()


def check_html(html: str, where: str) -> None:
    found = faults_of(html)
    if found:
        raise AssertionError(f"{where} is not sound HTML:\n  " + "\n  ".join(found))
