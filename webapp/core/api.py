"""The JSON API's shared half: RFC 9457 problems with stable codes, and what counts as the API."""

from __future__ import annotations

from typing import Any

from flask import Response, has_request_context, jsonify, request
from werkzeug.exceptions import HTTPException

PREFIX = "/api/v1"
CODES = {
    400: ("bad_request", "The request could not be read"),
    401: ("unauthorized", "An API key is needed"),
    403: ("forbidden", "This key may not do that"),
    404: ("not_found", "There is nothing here"),
    405: ("method_not_allowed", "This address does not take that method"),
    409: ("conflict", "It changed meanwhile"),
    413: ("too_large", "The body is too large"),
    415: ("unsupported_media_type", "Send application/json"),
    422: ("invalid", "Some fields cannot be used"),
    429: ("rate_limited", "Too many requests"),
    500: ("internal_error", "Something failed on our side"),
    503: ("unavailable", "A part of Rebound is away; try again"),
}


def is_api() -> bool:
    return has_request_context() and request.path.startswith(PREFIX + "/")


def problem(
    status: int, code: str | None = None, *, detail: str = "", title: str | None = None,
    errors: list[dict[str, Any]] | None = None, headers: dict[str, str] | None = None, **extra: Any,
) -> Response:  # fmt: skip
    """An application/problem+json answer. `errors`: [{"field": dotted path, "message": text}]."""
    default_code, default_title = CODES.get(status, CODES[400 if status < 500 else 500])
    body: dict[str, Any] = {
        "type": f"{PREFIX}/problems#{code or default_code}", "title": title or default_title, "status": status,
        "code": code or default_code,
    }  # fmt: skip
    if detail:
        body["detail"] = detail
    if errors is not None:
        body["errors"] = errors
    body.update({key: value for key, value in extra.items() if value not in (None, "")})
    response = jsonify(body)
    response.status_code = status
    response.mimetype = "application/problem+json"
    if status == 503:
        response.headers["Retry-After"] = "5"
    for name, value in (headers or {}).items():
        response.headers[name] = value
    return response


class ApiProblem(HTTPException):
    """Raise it below an API view: the answer is `problem(status, code, ...)`."""

    def __init__(self, status: int, code: str | None = None, **facts: Any) -> None:
        super().__init__(response=problem(status, code, **facts))
        self.code = status

    @classmethod
    def given(cls, response: Response) -> ApiProblem:
        """To end a transaction with a problem that was answered already."""
        error = cls(response.status_code)
        error.response = response
        return error
