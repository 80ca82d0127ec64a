"""The rules that keep the house sound, read from the source (docs: architecture)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from webapp import FEATURES
from webapp.config import ROOT
from webapp.core.queue import JOBS, QUEUES

SOURCES = sorted(p for folder in ("webapp", "jobs") for p in (ROOT / folder).rglob("*.py"))
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
MOST_LINES = 400


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def feature_of(path: Path) -> str:
    parts = path.relative_to(ROOT).parts
    return parts[1] if parts[0] == "webapp" and len(parts) > 2 else ""


def layer_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[2].removesuffix(".py")


def found(test: object) -> list[str]:
    return [f"{path.relative_to(ROOT)}: {what}" for path in SOURCES for what in test(path)]  # type: ignore[operator]


def test_features_import_only_leftward() -> None:
    def wrong(path: Path) -> Iterator[str]:
        feature = feature_of(path)
        if feature not in FEATURES:
            return
        right = {f"webapp.{name}" for name in FEATURES[FEATURES.index(feature) + 1 :]}
        yield from {m for m in imports(path) if ".".join(m.split(".")[:2]) in right}

    assert found(wrong) == []


def test_the_core_imports_no_feature_and_the_web_imports_no_job() -> None:
    features = {f"webapp.{name}" for name in FEATURES}

    def wrong(path: Path) -> Iterator[str]:
        for module in imports(path):
            if feature_of(path) == "core" and ".".join(module.split(".")[:2]) in features:
                yield module
            if path.is_relative_to(ROOT / "webapp") and (module == "jobs" or module.startswith("jobs.")):
                yield module

    assert found(wrong) == []


def test_rules_and_states_wait_for_nothing() -> None:
    def wrong(path: Path) -> Iterator[str]:
        if feature_of(path) in FEATURES and layer_of(path) == "rules":
            yield from (
                m for m in imports(path) if m.split(".")[0] in ("flask", "sqlalchemy", "redis") or m == "webapp.core.db"
            )

    assert found(wrong) == []


def test_services_know_no_request_and_only_the_database_module_commits() -> None:
    def wrong(path: Path) -> Iterator[str]:
        text = path.read_text()
        if (
            feature_of(path) in FEATURES
            and layer_of(path) == "service"
            and any(f"flask.{n}" in imports(path) for n in ("request", "session", "g"))
        ):
            yield "the request in a service"
        if "session.commit()" in text and path != ROOT / "webapp/core/db.py":
            yield "a commit"
        for node in ast.walk(ast.parse(text)):
            if feature_of(path) != "serve" and isinstance(node, ast.Assign | ast.AugAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                yield from ("assigns .status" for t in targets if isinstance(t, ast.Attribute) and t.attr == "status")

    assert found(wrong) == []


def test_a_broad_except_stands_only_where_work_and_jobs_end() -> None:
    allowed = {ROOT / "webapp/core/work.py", ROOT / "jobs/runtime.py"}

    def wrong(path: Path) -> Iterator[str]:
        for node in ast.walk(ast.parse(path.read_text())):
            broad = isinstance(node, ast.ExceptHandler) and (
                node.type is None or (isinstance(node.type, ast.Name) and node.type.id == "Exception")
            )
            if broad and path not in allowed:
                yield f"line {node.lineno}"  # type: ignore[attr-defined]

    assert found(wrong) == []


@pytest.mark.parametrize("folder", ["webapp", "jobs", "static", "templates", "tests"])
def test_no_file_has_grown_into_two(folder: str) -> None:
    files = [
        p for p in (ROOT / folder).rglob("*") if p.suffix in (".py", ".html", ".js", ".css") and "vendor" not in p.parts
    ]
    assert [f"{p.relative_to(ROOT)}: {n}" for p in files if (n := len(p.read_text().splitlines())) > MOST_LINES] == []


def test_no_utils_and_nothing_left_to_do() -> None:
    assert [p for p in SOURCES if p.stem in ("utils", "helpers", "common")] == []
    words = ("TODO", "FIXME", "XXX")
    assert [str(p) for p in (*SOURCES, *TEMPLATES) if any(word in p.read_text() for word in words)] == []


def test_every_job_that_can_be_rung_for_exists() -> None:
    for name, spec in JOBS.items():
        module, _, function = spec.path.rpartition(".")
        assert callable(getattr(import_module(module), function, None)), f"{name}: {spec.path}"
        assert spec.queue in QUEUES, name
