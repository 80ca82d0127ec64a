"""Reading a JSON body from a stranger: size, encoding, syntax and values that no column can hold.

`read_json` parses or raises an ApiProblem; `find_poison` names the first value in it that must not go on
(NUL, a lone surrogate, infinity, too deep), so that one bad item of a batch does not cost the others.
"""

from __future__ import annotations

import json
import math
import zlib
from typing import Any

from flask import Request
from pydantic_core import from_json
from werkzeug.exceptions import RequestEntityTooLarge

from webapp.core.api import ApiProblem

MAX_DEPTH = 50
MAX_INT = 2**63


def read_json(request: Request, max_bytes: int) -> Any:
    """The parsed body. At most `max_bytes`, also after decompression; raises ApiProblem 400, 413 or 415."""
    if not _is_json(request.mimetype):
        raise ApiProblem(415, detail="Send the body as JSON, with the header Content-Type: application/json.")
    request.max_content_length = max_bytes
    if (request.content_length or 0) > max_bytes:
        raise _too_large(max_bytes)
    try:
        raw = request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise _too_large(max_bytes) from None
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    if encoding == "gzip":
        raw = _gunzip(raw, max_bytes)
    elif encoding != "identity":
        raise ApiProblem(415, detail=f"The encoding {encoding[:40]!r} is not known; send plain JSON or gzip.")
    return parse_json(raw)


def parse_json(raw: bytes) -> Any:
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    if not raw.strip():
        raise ApiProblem(400, "invalid_json", detail="The body is empty.")
    try:
        return from_json(raw, allow_inf_nan=False)
    except ValueError:
        # The fast parser refuses a whole batch for one lone surrogate or NaN: the patient one lets
        # find_poison name the item.
        pass
    try:
        return json.loads(raw)
    except RecursionError:
        raise ApiProblem(400, "invalid_json", detail="The JSON is nested too deeply.") from None
    except UnicodeDecodeError:
        raise ApiProblem(400, "invalid_json", detail="The body is not UTF-8.") from None
    except ValueError as error:
        detail = (
            f"The body is not JSON: {error}" if isinstance(error, json.JSONDecodeError) else "A number is too long."
        )
        raise ApiProblem(400, "invalid_json", detail=detail) from None


def find_poison(value: Any, path: str = "", depth: int = 0) -> tuple[str, str] | None:
    """(dotted path, what is wrong) of the first value that cannot be stored, or None."""
    kind = type(value)
    if kind is str:
        wrong = _wrong_text(value)
        return (path, wrong) if wrong else None
    if kind is dict:
        if depth >= MAX_DEPTH:
            return path, f"is nested more than {MAX_DEPTH} levels deep"
        for name, inner in value.items():
            wrong = _wrong_text(name)
            if wrong:
                return path or "(name)", f"has a name that {wrong}"
            if (found := find_poison(inner, f"{path}.{name}" if path else name, depth + 1)) is not None:
                return found
    elif kind is list:
        if depth >= MAX_DEPTH:
            return path, f"is nested more than {MAX_DEPTH} levels deep"
        for index, inner in enumerate(value):
            if (found := find_poison(inner, f"{path}.{index}" if path else str(index), depth + 1)) is not None:
                return found
    elif kind is float and not math.isfinite(value):
        return path, "must be a finite number"
    elif kind is int and not -MAX_INT <= value < MAX_INT:
        return path, "must be a number of at most 64 bits"
    return None


def _wrong_text(text: str) -> str:
    if "\x00" in text:
        return "must not hold NUL characters"
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return "must be valid Unicode"
    return ""


def _is_json(mimetype: str) -> bool:
    return mimetype == "application/json" or (mimetype.startswith("application/") and mimetype.endswith("+json"))


def _too_large(max_bytes: int) -> ApiProblem:
    return ApiProblem(413, detail=f"The body may have at most {max_bytes // 1024} KiB.", max_bytes=max_bytes)


def _gunzip(raw: bytes, max_bytes: int) -> bytes:
    reader = zlib.decompressobj(wbits=31)
    try:
        plain = reader.decompress(raw, max_bytes + 1)
    except zlib.error:
        raise ApiProblem(400, "invalid_json", detail="The body says it is gzip, and is not.") from None
    if len(plain) > max_bytes:
        raise _too_large(max_bytes)
    if not reader.eof:
        raise ApiProblem(400, "invalid_json", detail="The gzip body ends too early.")
    return plain
