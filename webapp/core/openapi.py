"""The OpenAPI 3.1 document, made of the declarations in `apikit.ENDPOINTS`: what validates is what is described."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from webapp.core.api import CODES
from webapp.core.apikit import ENDPOINTS, Endpoint

REF = "#/components/schemas/{model}"
_PATH_ARGUMENT = re.compile(r"<(?:(?P<kind>\w+):)?(?P<name>\w+)>")
PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem details.",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable: decide by this."},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
        "reference": {"type": "string", "description": "The request's id in our log."},
    },
}
# Further codes an answer of that status may carry.
EXTRA_CODES: dict[str, tuple[int, str]] = {
    "invalid_json": (400, "The body is not JSON"),
    "missing_scope": (403, "The key lacks the scope the operation needs"),
    "claim_lost": (409, "The token no longer holds a lead of the hopper"),
    "invalid_cursor": (422, "The cursor is none of this list's"),
    "idempotency_key_reused": (422, "The Idempotency-Key was used for another request"),
}


def all_codes() -> list[dict[str, Any]]:
    rows = [{"status": status, "code": code, "title": title} for status, (code, title) in CODES.items()]
    rows += [{"status": status, "code": code, "title": title} for code, (status, title) in EXTRA_CODES.items()]
    return sorted(rows, key=lambda row: (row["status"], row["code"]))


def build_document(base_url: str) -> dict[str, Any]:
    endpoints = sorted(ENDPOINTS, key=lambda e: (e.tag, e.path, e.method))
    models: set[tuple[type[BaseModel], str]] = set()
    for spec in endpoints:
        models |= {(model, "validation") for model in (spec.query, spec.body) if model is not None}
        if spec.answer is not None:
            models.add((spec.answer, "serialization"))
    ordered: Any = sorted(models, key=lambda pair: (pair[0].__name__, pair[1]))
    refs, definitions = models_json_schema(ordered, ref_template=REF)
    schemas: dict[str, Any] = definitions.get("$defs", {})
    paths: dict[str, dict[str, Any]] = {}
    for spec in endpoints:
        address = _PATH_ARGUMENT.sub(lambda found: "{" + found["name"] + "}", spec.path)
        paths.setdefault(address, {})[spec.method.lower()] = _operation(spec, refs, schemas)
    for model in {spec.query for spec in endpoints if spec.query is not None}:
        schemas.pop(_name(refs[(model, "validation")]), None)
    schemas["Problem"] = PROBLEM
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Rebound API",
            "version": "1",
            "description": "Calls in, leads and numbers out. Every request carries an API key; every answer is JSON; "
            "every error is a problem with a stable `code`.",
        },
        "servers": [{"url": base_url}],
        "security": [{"key": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(spec.tag for spec in endpoints)],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "An API key of your company."}
            },
            "schemas": dict(sorted(schemas.items())),
            "responses": {
                code: {
                    "description": title,
                    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
                }
                for code, title in CODES.values()
            },
        },
    }


def _name(ref: dict[str, Any]) -> str:
    return str(ref["$ref"]).rpartition("/")[2]


def _operation(spec: Endpoint, refs: dict[Any, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    parameters = [
        {"name": found["name"], "in": "path", "required": True,
         "schema": {"type": "integer", "minimum": 1} if found["kind"] == "int" else {"type": "string"}}
        for found in _PATH_ARGUMENT.finditer(spec.path)
    ]  # fmt: skip
    if spec.query is not None:
        schema = schemas[_name(refs[(spec.query, "validation")])]
        for name, facts in schema.get("properties", {}).items():
            shown = {key: value for key, value in facts.items() if key not in ("title", "description")}
            parameters.append(
                {"name": name, "in": "query", "required": name in schema.get("required", []),
                 "description": facts.get("description", ""), "schema": _plain(shown)}
            )  # fmt: skip
    if spec.once:
        parameters.append(
            {"name": "Idempotency-Key", "in": "header", "required": False,
             "description": "The same key and body again get the first answer, and no second effect.",
             "schema": {"type": "string", "minLength": 1, "maxLength": 200}}
        )  # fmt: skip
    operation: dict[str, Any] = {
        "operationId": spec.name,
        "tags": [spec.tag],
        "summary": spec.summary,
        "description": f"{spec.description.strip()}\n\nScope: `{spec.scope}`.".strip(),
        "x-scope": spec.scope,
        "responses": _responses(spec, refs),
    }
    if parameters:
        operation["parameters"] = parameters
    if spec.body is not None or spec.body_schema is not None:
        schema = spec.body_schema or refs[(spec.body, "validation")]
        content: dict[str, Any] = {"schema": schema}
        if spec.example is not None:
            content["example"] = spec.example
        operation["requestBody"] = {"required": not spec.body_optional, "content": {"application/json": content}}
    return operation


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """A query parameter is never null: leave the null branch of an optional one out."""
    branches = [branch for branch in schema.get("anyOf", []) if branch.get("type") != "null"]
    if len(branches) == 1:
        schema = {**{key: value for key, value in schema.items() if key != "anyOf"}, **branches[0]}
    if schema.get("default", "") is None:
        schema = {key: value for key, value in schema.items() if key != "default"}
    return schema


def _responses(spec: Endpoint, refs: dict[Any, Any]) -> dict[str, Any]:
    assert spec.answer is not None
    content = {"application/json": {"schema": refs[(spec.answer, "serialization")]}}
    found: dict[str, Any] = {str(spec.status): {"description": "Done.", "content": content}}
    for status, words in spec.also.items():
        found[str(status)] = {"description": words, "content": content}
    statuses = [401, 403, 429, 503]
    if "<" in spec.path:
        statuses.append(404)
    if spec.query is not None or spec.body is not None or spec.body_schema is not None:
        statuses.append(422)
    if spec.body is not None or spec.body_schema is not None:
        statuses += [400, 413, 415]
    if "conflict" in spec.problems:
        statuses.append(409)
    for status in sorted(statuses):
        found[str(status)] = {"$ref": f"#/components/responses/{CODES[status][0]}"}
    return dict(sorted(found.items()))
