"""One declaration per API operation: it checks the key, its scope and rate, reads and validates what is
sent, gives a repeated Idempotency-Key its first answer, writes the answer, and describes all of it in OpenAPI.

    @endpoint(bp, "GET", "/calls/<int:call_id>", scope="calls:read", tag="Calls", summary="One call", answer=CallOut)
    def get_call(caller: Caller, call_id: int): ...

A view gets the Caller, the path's arguments, and `query` and `body` as declared. It returns what the answer
model is read from (a row, a dict), or (that, status), or a Response. `ApiProblem` ends it with a problem.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Annotated, Any, TypeVar, cast

import structlog
from flask import Blueprint, Response, current_app, request
from flask.sansio.app import App
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.exc import OperationalError

from webapp.core.api import PREFIX, ApiProblem
from webapp.core.db import LostRace, atomic, can_repeat
from webapp.core.jsonbody import find_poison, read_json
from webapp.core.once import hash_request, keep_answer, take_once
from webapp.core.ratelimit import RateLimiter

M = TypeVar("M", bound=BaseModel)
View = Callable[..., Any]

PER_MINUTE = 6_000  # requests of one key, where an operation names no other number
BAD_KEYS_PER_MINUTE = 300  # of one address
KEY_SECONDS = 3.0  # a key is looked up anew this often: so long may a revoked one still work
MAX_BODY = 64 * 1024
TURNS = 3  # tries of a write that lost to a deadlock
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,200}")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: an API key and the company it belongs to."""

    key_id: int
    company_id: int
    scopes: frozenset[str]
    user_id: int | None = None  # who made the key: what it writes is put down to them


@dataclass(frozen=True, slots=True)
class Endpoint:
    method: str
    path: str  # as Flask writes it, with the prefix
    name: str
    scope: str
    tag: str
    summary: str
    description: str
    query: type[BaseModel] | None
    body: type[BaseModel] | None
    body_schema: dict[str, Any] | None
    answer: type[BaseModel] | None
    status: int
    also: dict[int, str]
    once: bool
    max_bytes: int
    per_minute: int
    example: Any
    problems: tuple[str, ...] = field(default=())
    body_optional: bool = False


ENDPOINTS: list[Endpoint] = []


class Out(BaseModel):
    """Base of what the API answers."""

    model_config = ConfigDict(from_attributes=True)


class In(BaseModel):
    """Base of what the API takes: an unknown field is an error, not a surprise."""

    model_config = ConfigDict(extra="forbid", str_max_length=10_000)


class PageQuery(In):
    cursor: Annotated[str | None, Field(max_length=500, description="`next` of the page before.")] = None
    limit: Annotated[int, Field(ge=1, le=200, description="Rows of a page.")] = 50


def api_blueprint(name: str, import_name: str) -> Blueprint:
    return Blueprint(name, import_name, url_prefix=PREFIX)


def use_keys(app: App, find_key: Callable[[str], Any]) -> None:
    """Say how a bearer token is found: `find_key(token)` gives a row with id, company_id and scopes, or None."""
    app.extensions["api_keys"] = find_key


def endpoint(
    bp: Blueprint, method: str, path: str, *, scope: str, tag: str, summary: str, description: str = "",
    query: type[BaseModel] | None = None, body: type[BaseModel] | None = None, body_schema: dict[str, Any] | None = None,
    answer: type[BaseModel] | None = None, status: int = 200, also: dict[int, str] | None = None, once: bool = False,
    max_bytes: int = MAX_BODY, per_minute: int = PER_MINUTE, example: Any = None, problems: Sequence[str] = (), body_optional: bool = False,
) -> Callable[[View], View]:  # fmt: skip
    """Declare an operation. `once`: a write that takes an Idempotency-Key. `body_schema`: the view reads the
    parsed body itself (`body` is then only documented). `body_optional`: no body is an empty object. `also`: further
    statuses and when they come."""

    def wrap(view: View) -> View:
        spec = Endpoint(
            method, PREFIX + path, view.__name__.removesuffix("_api"), scope, tag, summary, description or (view.__doc__ or ""), query, body,
            body_schema, answer, status, also or {}, once, max_bytes, per_minute, example, tuple(problems), body_optional,
        )  # fmt: skip
        ENDPOINTS.append(spec)
        has_body = body is not None or body_schema is not None

        @wraps(view)
        def run(**args: Any) -> Response:
            caller = authenticate(spec)
            if query is not None:
                args["query"] = _read_query(query)
            raw: Any = None
            if has_body:
                raw = {} if body_optional and _has_no_body() else read_json(request, max_bytes)
                args["body"] = raw if body_schema is not None else check_body(cast("type[BaseModel]", body), raw)
            key = request.headers.get("Idempotency-Key") if once else None
            for turn in range(TURNS):
                try:
                    if key is not None:
                        return _perform_once(spec, caller, key, raw, lambda: _answer(spec, view(caller, **args)))
                    return _answer(spec, view(caller, **args))
                except (OperationalError, LostRace) as error:
                    # Rolled back as a whole, so asking again is safe: two writers wanted the same rows.
                    if not can_repeat(error) or turn == TURNS - 1:
                        raise
            raise AssertionError("unreachable")

        bp.add_url_rule(path, endpoint=view.__name__, view_func=run, methods=[method])
        return view

    return wrap


# --- who asks --------------------------------------------------------------------------------------------


def authenticate(spec: Endpoint) -> Caller:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    caller = _find_caller(token) if kind.lower() == "bearer" and 0 < len(token) <= 200 else None
    if caller is None:
        _limit(f"address:{request.remote_addr}", BAD_KEYS_PER_MINUTE)
        raise ApiProblem(
            401, detail="Send a valid key: Authorization: Bearer <key>.", headers={"WWW-Authenticate": "Bearer"}
        )
    structlog.contextvars.bind_contextvars(company_id=caller.company_id, api_key_id=caller.key_id)
    _limit(f"key:{caller.key_id}:{spec.per_minute}", int(current_app.config.get("API_PER_MINUTE") or spec.per_minute))
    if spec.scope not in caller.scopes:
        raise ApiProblem(403, "missing_scope", detail=f"This key lacks the scope {spec.scope}.", scope=spec.scope)
    return caller


def _find_caller(token: str) -> Caller | None:
    app = current_app
    keep: float = app.config.get("API_KEY_SECONDS", 0.0 if app.config["SETTINGS"].env == "test" else KEY_SECONDS)
    known: dict[bytes, tuple[float, Caller]] = app.extensions.setdefault("api_callers", {})
    digest = hashlib.sha256(token.encode("utf-8", "replace")).digest()
    now = time.monotonic()
    if (held := known.get(digest)) is not None and held[0] > now:
        return held[1]
    row = app.extensions["api_keys"](token)
    if row is None:
        known.pop(digest, None)
        return None
    caller = Caller(row.id, row.company_id, frozenset(row.scopes), row.created_by_id)
    if keep:
        if len(known) > 1000:
            known.clear()
        known[digest] = (now + keep, caller)
    return caller


def _limit(subject: str, per_minute: int) -> None:
    limiter = current_app.extensions.get("api_limiter")
    if limiter is None:
        limiter = current_app.extensions["api_limiter"] = RateLimiter(current_app.config["SETTINGS"].redis_url)
    wait = limiter.hit(subject, per_minute)
    if wait:
        raise ApiProblem(
            429,
            detail=f"At most {per_minute} requests a minute; go on in {wait} s.",
            headers={"Retry-After": str(wait)},
        )


# --- what was sent ---------------------------------------------------------------------------------------


def _has_no_body() -> bool:
    return not request.content_length and "Transfer-Encoding" not in request.headers


def field_errors(error: ValidationError) -> list[dict[str, str]]:
    """pydantic's findings as [{"field": "dotted.path", "message": ...}]."""
    found = []
    for each in error.errors(include_url=False, include_context=False, include_input=False):
        message = each["msg"].removeprefix("Value error, ")
        found.append({"field": ".".join(str(part) for part in each["loc"]) or "(body)", "message": message})
    return found


def check_body(model: type[M], raw: Any) -> M:
    """The body as the model, or ApiProblem 422 naming each field."""
    if not isinstance(raw, dict):
        raise ApiProblem(422, errors=[{"field": "(body)", "message": "must be a JSON object"}])
    if (poison := find_poison(raw)) is not None:
        raise ApiProblem(422, errors=[{"field": clean_name(poison[0]), "message": poison[1]}])
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise ApiProblem(422, errors=[{**e, "field": clean_name(e["field"])} for e in field_errors(error)]) from None


def clean_name(name: str) -> str:
    """A field's name as it may be sent back: whatever a client typed, the answer stays valid JSON text."""
    return name.encode("utf-8", "replace").decode()[:200].replace("\x00", "\ufffd")


def _read_query(model: type[BaseModel]) -> BaseModel:
    given: dict[str, Any] = {}
    fields = model.model_fields
    for name, values in request.args.lists():
        known = fields.get(name)
        if "\x00" in name or any("\x00" in value for value in values):
            raise ApiProblem(422, errors=[{"field": clean_name(name), "message": "must not hold NUL characters"}])
        if len(values) > 1 or (known is not None and "list" in str(known.annotation)):
            given[name] = values
        else:
            given[name] = values[0]
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise ApiProblem(422, errors=[{**e, "field": clean_name(e["field"])} for e in field_errors(error)]) from None


# --- cursors ---------------------------------------------------------------------------------------------


def write_cursor(*parts: Any) -> str:
    """An opaque cursor from the sort key of a page's last row."""
    return base64.urlsafe_b64encode(json.dumps(parts, default=str, separators=(",", ":")).encode()).decode().rstrip("=")


def read_cursor(model: type[M], cursor: str) -> M:
    """The cursor's parts as the fields of `model`, in order; ApiProblem 422 when it is none of ours."""
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(parts, list) or find_poison(parts) is not None:
            raise ValueError
        return model.model_validate(dict(zip(model.model_fields, parts, strict=True)))
    except (ValueError, RecursionError):
        message = "is not a cursor of this list; start again without it"
        raise ApiProblem(422, "invalid_cursor", errors=[{"field": "cursor", "message": message}]) from None


# --- the answer ------------------------------------------------------------------------------------------


def json_answer(body: bytes | str, status: int = 200) -> Response:
    return Response(body, status, mimetype="application/json")


def _answer(spec: Endpoint, result: Any) -> Response:
    status = spec.status
    if isinstance(result, tuple):
        result, status = result
    if isinstance(result, Response):
        return result
    assert spec.answer is not None
    model = result if isinstance(result, spec.answer) else spec.answer.model_validate(result)
    response = json_answer(model.model_dump_json(), status)
    if status == 201 and getattr(model, "id", None) is not None:
        response.headers["Location"] = f"{request.path}/{model.id}"  # type: ignore[attr-defined]
    return response


def _perform_once(spec: Endpoint, caller: Caller, key: str, raw: Any, call: Callable[[], Response]) -> Response:
    if not _IDEMPOTENCY_KEY.fullmatch(key):
        message = "must be 1 to 200 visible ASCII characters"
        raise ApiProblem(422, errors=[{"field": "Idempotency-Key", "message": message}])
    asked = json.dumps([request.path, raw], sort_keys=True, separators=(",", ":"))
    status, body, repeated = _once(f"api:{spec.name}", caller.company_id, key, hash_request(asked.encode()), call)
    response = json_answer(json.dumps(body), status)
    if repeated:
        response.headers["Idempotent-Replayed"] = "true"
    if status == 201 and body.get("id") is not None:
        response.headers["Location"] = f"{request.path}/{body['id']}"
    return response


@atomic
def _once(
    scope: str, company_id: int, key: str, request_hash: str, call: Callable[[], Response]
) -> tuple[int, dict[str, Any], bool]:
    """The key and its effect in one transaction: both stand, or neither. A refused request leaves the key free."""
    seen = take_once(company_id, scope, key, request_hash)
    if seen is not None:
        if seen.request_hash != request_hash:
            raise ApiProblem(
                422, "idempotency_key_reused", title="This Idempotency-Key was used for another request",
                errors=[{"field": "Idempotency-Key", "message": "was used with another body"}],
            )  # fmt: skip
        return seen.status or 200, seen.body or {}, True
    response = call()
    if response.status_code >= 400:
        raise ApiProblem.given(response)
    body = json.loads(response.get_data())
    keep_answer(company_id, scope, key, response.status_code, body)
    return response.status_code, body, False
