"""The API's own pages: its description for programs, and for people."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from flask import Blueprint, Response, current_app, redirect, render_template, url_for
from flask_login import current_user

from webapp.core.api import PREFIX
from webapp.core.openapi import all_codes, build_document

bp = Blueprint("api", __name__)


@lru_cache(maxsize=4)
def _document(base_url: str) -> dict[str, Any]:
    return build_document(base_url)


def document() -> dict[str, Any]:
    """Built at the first request: by then every feature has declared its operations."""
    return _document(current_app.config["SETTINGS"].base_url.rstrip("/"))


@bp.get(f"{PREFIX}/openapi.json")
def openapi() -> Response:
    return Response(json.dumps(document()), mimetype="application/json")


@bp.get(f"{PREFIX}/problems")
def problems() -> Any:
    """Where the `type` of a problem leads a person; the browser keeps the fragment."""
    return redirect(url_for("api.docs"))


@bp.get("/api/docs")
def docs() -> str:
    made = document()
    groups = {tag["name"]: [] for tag in made["tags"]}  # type: ignore[var-annotated]
    for path, operations in made["paths"].items():
        for method, operation in operations.items():
            groups[operation["tags"][0]].append(_shown(made, path, method.upper(), operation))
    frame = "base.html" if current_user and current_user.is_authenticated else "shared/bare.html"
    return render_template(
        "api/docs.html",
        frame=frame,
        groups=groups,
        info=made["info"],
        base_url=made["servers"][0]["url"],
        codes=all_codes(),
    )


def _shown(made: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    good = {status: answer for status, answer in operation["responses"].items() if status < "400"}
    status, answer = next(iter(good.items()))
    schema = _resolved(made, answer["content"]["application/json"]["schema"])
    return {
        "id": operation["operationId"], "path": path, "method": method, "summary": operation["summary"],
        "text": operation["description"].split("\n\nScope:")[0].split("\n\n"), "scope": operation["x-scope"],
        "parameters": [
            {**each, "kind": _kind(made, each["schema"])} for each in operation.get("parameters", [])
        ],
        "body": _fields(made, _resolved(made, body["schema"])) if body else [],
        "example": json.dumps(body["example"], indent=2) if "example" in body else "",
        "curl": _curl(made["servers"][0]["url"], path, method, body.get("example")),
        "status": status, "answer": _fields(made, schema),
        "codes": [
            f"{code} {answer['$ref'].rpartition('/')[2]}" for code, answer in operation["responses"].items() if "$ref" in answer
        ],
        "also": [(code, answer["description"]) for code, answer in list(good.items())[1:]],
    }  # fmt: skip


def _curl(base_url: str, path: str, method: str, example: Any) -> str:
    lines = [f"curl {base_url}{path.replace('{', '').replace('}', '')}"]
    if method != "GET":
        lines[0] = f"curl -X {method} {base_url}{path.replace('{', '').replace('}', '')}"
    lines.append('-H "Authorization: Bearer $REBOUND_KEY"')
    if example is not None:
        lines += ['-H "Content-Type: application/json"', f"-d '{json.dumps(example)}'"]
    return " \\\n  ".join(lines)


def _resolved(made: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return made["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for branch in schema.get("oneOf", []):
        if "$ref" in branch:
            return _resolved(made, branch)
    return schema


def _fields(made: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": name, "kind": _kind(made, facts), "required": name in schema.get("required", []),
         "text": facts.get("description", "")}
        for name, facts in schema.get("properties", {}).items()
    ]  # fmt: skip


def _kind(made: dict[str, Any], schema: dict[str, Any]) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return name if "properties" in made["components"]["schemas"][name] else _kind(made, _resolved(made, schema))
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return " or ".join(dict.fromkeys(_kind(made, branch) for branch in schema[union]))
    if "enum" in schema:
        return ", ".join(str(value) for value in schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    if schema.get("type") == "array":
        return f"list of {_kind(made, schema.get('items', {}))}"
    word = {"date-time": "time", "date": "date"}.get(schema.get("format", ""), str(schema.get("type", "anything")))
    limits = [
        f"{words} {schema[key]}"
        for key, words in (("minimum", "from"), ("maximum", "to"), ("maxLength", "up to"))
        if key in schema and schema[key] != 2**63 - 1
    ]
    return f"{word} {' '.join(limits)}".strip()
