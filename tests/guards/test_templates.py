"""The dialect of docs/ui-parts.md, held for every template: what htmx 4 and our content policy would refuse."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "templates"
PAGES = sorted(path for path in FOLDER.rglob("*") if path.suffix in (".html", ".jinja"))
# Mail and PDF are read without our stylesheet and without scripts, so they carry their own styles.
STYLED_APART = ("pdf", "mail", "email", "emails", "mails")
SCREEN = [path for path in PAGES if not set(path.relative_to(FOLDER).parts) & set(STYLED_APART)]

COMMENT = re.compile(r"\{#.*?#\}", re.S)
# A tag, with template expressions inside its attributes taken whole (they may hold ">" and quotes).
TAG = re.compile(
    r"<([a-zA-Z][\w-]*)((?:\{\{.*?\}\}|\{%.*?%\}|\"(?:\{\{.*?\}\}|\{%.*?%\}|[^\"])*\"|'(?:\{\{.*?\}\}|\{%.*?%\}|[^'])*'|[^<>\"'])*)>",
    re.S,
)
REQUEST = re.compile(r"\bhx-(get|post|put|patch|delete)\s*=")
NAMES = re.compile(r"<symbol id=\"([^\"]+)\"")

REFUSED = {
    "hx-on": re.compile(r"\bhx-on[:\s=-]"),
    "hx-boost, hx-prompt, hx-vars, hx-vals or hx-headers with js:": re.compile(
        r"\bhx-(boost|prompt|vars)\b|=\s*[\"']js:"
    ),
    "hx-disabled-elt": re.compile(r"\bhx-disabled-elt\b"),
    "hx-inherit, hx-ext": re.compile(r"\bhx-(inherit|ext)\b"),
    "an event handler attribute": re.compile(r"\son[a-z]+\s*=", re.I),
    "a style attribute": re.compile(r"\sstyle\s*=", re.I),
    'href="#"': re.compile(r"href\s*=\s*[\"']#[\"']"),
    "javascript:": re.compile(r"javascript:", re.I),
}


def text_of(path: Path) -> str:
    # Line numbers must survive the removal of comments.
    return COMMENT.sub(lambda found: "\n" * found.group().count("\n"), path.read_text(encoding="utf-8"))


def tags_of(text: str) -> list[tuple[int, str, str]]:
    return [(text.count("\n", 0, found.start()) + 1, found[1].lower(), found[2]) for found in TAG.finditer(text)]


def faults_in(text: str) -> list[str]:
    """One line a fault: "12: a style attribute: <div style=...>"."""
    found = []
    for line, name, attributes in tags_of(text):
        shown = f"<{name}{' '.join(attributes.split())[:70] and ' ' + ' '.join(attributes.split())[:70]}>"
        found += [f"{line}: {fault}: {shown}" for fault, pattern in REFUSED.items() if pattern.search(" " + attributes)]
        if REQUEST.search(attributes):
            missing = [need for need in ("hx-target", "hx-swap") if not re.search(rf"\b{need}\s*=", attributes)]
            found += [f"{line}: no {need} of its own: {shown}" for need in missing]
        trigger = re.search(r"hx-trigger\s*=\s*\"([^\"]*)\"", attributes)
        if trigger and "[" in trigger[1]:
            found.append(f"{line}: a filter in hx-trigger needs eval: {shown}")
        if name == "style" or (name == "script" and "src" not in attributes):
            found.append(f"{line}: inline {name}")
        for url in re.findall(
            r"\b(?:src|action|formaction|hx-get|hx-post)\s*=\s*[\"'](?:https?:)?//[^\"']*", attributes
        ):
            found.append(f"{line}: a foreign address: {url}")
        if name == "link" and re.search(r"href\s*=\s*[\"'](?:https?:)?//", attributes):
            found.append(f"{line}: a foreign stylesheet: {shown}")
        if name == "use" and "asset(" not in attributes:
            found.append(f"{line}: an icon from outside the sprite: {shown}")
    return found


def forms_without_token(text: str) -> list[str]:
    """Forms that post, by method or hx_form, and carry no token before their end."""
    found = []
    for opened in re.finditer(r"<form\b", text):
        body = text[opened.start() : text.find("</form>", opened.start())]
        head = TAG.match(body)
        attributes = head[2] if head else body.split(">")[0]
        posts = (
            re.search(r"method\s*=\s*[\"']post", attributes, re.I)
            or "hx_form(" in attributes
            or "hx-post" in attributes
        )
        token = re.search(r"csrf\(\)|csrf_token|hidden_tag\(\)", body)
        line = text.count("\n", 0, opened.start()) + 1
        if posts and not token:
            found.append(f"{line}: a form posts without a token")
        if posts and "hx_form(" not in attributes and not re.search(r"\baction\s*=", attributes):
            found.append(f"{line}: a form posts without an action, so it needs scripts")
    return found


@pytest.mark.parametrize("path", SCREEN, ids=lambda path: str(path.relative_to(FOLDER)))
def test_a_template_keeps_to_the_dialect(path: Path) -> None:
    text = text_of(path)
    assert faults_in(text) + forms_without_token(text) == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_a_template_names_only_icons_of_the_sprite(path: Path) -> None:
    known = set(NAMES.findall((ROOT / "static" / "icons.svg").read_text()))
    named = re.findall(r"\bicon\(\s*\"([a-z0-9-]+)\"", text_of(path))
    assert sorted(set(named) - known) == []


def test_states_and_navigation_name_only_icons_of_the_sprite() -> None:
    known = set(NAMES.findall((ROOT / "static" / "icons.svg").read_text()))
    named = {
        (name, str(path.relative_to(ROOT)))
        for path in (ROOT / "webapp").rglob("*.py")
        for name in re.findall(r"\bicon=\"([a-z0-9-]+)\"", path.read_text(encoding="utf-8"))
    }
    assert sorted(pair for pair in named if pair[0] not in known) == []


def test_fragments_stand_alone() -> None:
    """A fragment that extended a page would put a page into a page; a layout (something extends it) may."""
    texts = {str(path.relative_to(FOLDER)): text_of(path) for path in SCREEN}
    layouts = {name for text in texts.values() for name in re.findall(r"\{%-?\s*extends\s+\"([^\"]+)\"", text)}
    wrong = [
        name
        for name, text in texts.items()
        if Path(name).name.startswith("_") and "{% extends" in text and name not in layouts
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "bad",
    [
        '<button hx-on:click="go()">x</button>',
        '<div hx-get="/x" hx-target="#a">x</div>',
        '<div hx-get="/x" hx-swap="outerHTML">x</div>',
        '<p style="width:40%">x</p>',
        '<a href="#">x</a>',
        "<a href='javascript:void(0)'>x</a>",
        '<img src="x.png" onerror="go()">',
        "<script>go()</script>",
        "<style>p{}</style>",
        '<script src="https://cdn.example/x.js"></script>',
        '<link rel="stylesheet" href="//cdn.example/x.css">',
        '<input hx-get="/x" hx-target="#a" hx-swap="none" hx-trigger="keyup[ctrlKey]">',
        '<body hx-boost="true">',
        '<div class="{{ a > b }}" style="x">',
    ],
)
def test_the_lint_sees_what_it_refuses(bad: str) -> None:
    assert faults_in(bad)


@pytest.mark.parametrize(
    "good",
    [
        '<a href="#main">x</a>',
        '<a href="https://example.com" rel="noopener">x</a>',
        '<div hx-get="/x" hx-target="#a" hx-swap="outerHTML">x</div>',
        '<p data-on="x" title="style = none">x</p>',
        '<form {{ ui.hx_form(url, "#a") }}>{{ ui.csrf() }}</form>',
    ],
)
def test_the_lint_lets_good_markup_pass(good: str) -> None:
    assert faults_in(good) + forms_without_token(good) == []


def test_the_lint_sees_a_form_without_a_token() -> None:
    assert forms_without_token('<form method="post" action="/x"><button>x</button></form>')
    assert forms_without_token('<form {{ ui.hx_form("/x") }}><button>x</button></form>')
    assert not forms_without_token('<form method="get" action="/x"></form>')


def test_static_files_stay_small() -> None:
    sheets = ("app.css", "parts.css", "layout.css")
    sizes = {name: (ROOT / "static" / name).stat().st_size for name in (*sheets, "app.js", "js/keys.js")}
    assert sum(sizes[name] for name in sheets) <= 46_080
    assert len((ROOT / "static" / "app.js").read_text().splitlines()) < 400
    assert not re.search(r"\beval\(|new Function|innerHTML", (ROOT / "static" / "app.js").read_text())
