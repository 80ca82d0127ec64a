"""One log for the program and its libraries: a console for people, JSON lines in files for machines.

Events never vary, fields do: `log.info("lead_repaired", lead_id=7)`. What is bound with
`structlog.contextvars` (request_id, job_id, company_id, user_id) stands on every line. Personal
data and secrets are taken out by the name of their field and, in free text, by their looks.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import sys
from collections.abc import Mapping
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from webapp.config import Settings

FILE_BYTES = 10 * 1024 * 1024
FILES_KEPT = 5
MAX_TEXT = 8_000  # characters of one value
HIDDEN = "[hidden]"

_SECRET = re.compile(
    r"(^|_)(phones?|mobile|emails?|e_mail|token|password|passwd|secret|body|bodies|authorization|cookies?"
    r"|api_?key|recipient|webhook_url|message_text)$",
    re.IGNORECASE,
)
_IN_TEXT = (
    (re.compile(r"(?<=://)[^\s/@:]*:[^\s/@]+(?=@)"), HIDDEN),
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "[email]"),
    (re.compile(r"(?<![\w.])\+\d[\d ().-]{6,18}\d"), "[phone]"),
    (re.compile(r"(?<![\w.])\(?\b\d{3}\)?[ .-]\d{3}[ .-]\d{4}\b"), "[phone]"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]+"), r"\1 " + HIDDEN),
)
# Line ends and terminal codes would let a visitor write log lines of their own; so would marks
# that turn the direction of writing.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def configure(settings: Settings) -> None:
    """Set up logging for this process; calling it again replaces what it set up before."""
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        redact,
    ]
    structlog.configure(
        processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=settings.env != "test",
    )
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if getattr(handler, "of_rebound", False)]:
        root.removeHandler(handler)
        handler.close()
    machine = _formatter(before, structlog.processors.JSONRenderer())
    for handler in (_console(settings, before, machine), *_files(settings.logs, machine)):
        handler.of_rebound = True  # type: ignore[attr-defined]
        root.addHandler(handler)
    root.setLevel(logging.INFO)
    for name in ("werkzeug", "rq", "alembic", "fontTools", "weasyprint", "clevercsv", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _formatter(before: list[Processor], renderer: Processor) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=before,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )


def _console(settings: Settings, before: list[Processor], machine: logging.Formatter) -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    if settings.log_format == "json":
        handler.setFormatter(machine)
    else:
        people = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty() or bool(os.environ.get("FORCE_COLOR")))
        handler.setFormatter(_formatter(before, people))
    handler.setLevel(logging.ERROR if settings.env == "test" else logging.INFO)
    return handler


def _files(folder: Path, machine: logging.Formatter) -> list[logging.Handler]:
    folder.mkdir(parents=True, exist_ok=True)
    handlers: list[logging.Handler] = []
    for name, level in (("rebound.log", logging.INFO), ("errors.log", logging.ERROR)):
        handler = SharedRotatingFile(folder / name)
        handler.setFormatter(machine)
        handler.setLevel(level)
        handlers.append(handler)
    return handlers


class SharedRotatingFile(RotatingFileHandler):
    """A rotating file that several processes write: whoever finds it full turns it, once for all."""

    def __init__(self, path: Path, *, size: int = FILE_BYTES, kept: int = FILES_KEPT) -> None:
        super().__init__(path, maxBytes=size, backupCount=kept, encoding="utf-8", delay=True)

    def emit(self, record: logging.LogRecord) -> None:
        if self.stream is not None and self._turned_by_another():
            self.stream.close()
            self.stream = None
        super().emit(record)

    def doRollover(self) -> None:
        with open(f"{self.baseFilename}.lock", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self._turned_by_another():
                if self.stream is not None:
                    self.stream.close()
                self.stream = self._open()
            else:
                super().doRollover()

    def _turned_by_another(self) -> bool:
        try:
            named = Path(self.baseFilename).stat()
        except FileNotFoundError:
            return True
        if self.stream is None:
            return False
        held = os.fstat(self.stream.fileno())
        return (named.st_dev, named.st_ino) != (held.st_dev, held.st_ino)


def redact(logger: Any, method: str, event: EventDict) -> EventDict:
    """Hide personal data and secrets, and keep each line one line."""
    for key, value in event.items():
        if key in ("exception", "stack"):
            # Traces have many lines; indented, none of them can pass for a line of the log.
            event[key] = "\n".join("  " + _plain(line) for line in str(value).splitlines())
        elif not key.startswith("_"):
            event[key] = _clean(key, value)
    return event


def _clean(key: str, value: Any) -> Any:
    if _SECRET.search(key) and value not in (None, "", 0, False, True):
        return HIDDEN
    if isinstance(value, str):
        return _plain(value)
    if isinstance(value, Mapping):
        return {_plain(str(name)): _clean(str(name), inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean("", inner) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return _plain(str(value))


def _plain(text: str) -> str:
    text = text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + f"... ({len(text)} characters)"
    for pattern, instead in _IN_TEXT:
        text = pattern.sub(instead, text)
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
