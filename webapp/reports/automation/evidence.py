"""What an attempt left behind, on its way out of the server: under names of our own, with the enquiry's words taken out of page sources."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, BinaryIO
from urllib.parse import quote, quote_plus

from webapp.core.storage import NoSuchFile, Storage

SOURCE_AT_MOST = 4 * 1024 * 1024  # bytes of one page source
PICTURES = (
    ("before", "screenshot_before_path"),
    ("after", "screenshot_after_path"),
    ("error", "screenshot_error_path"),
)
SOURCE = "page_source_path"
_LOOKS = ((b"\x89PNG\r\n\x1a\n", ".png"), (b"\xff\xd8\xff", ".jpg"), (b"RIFF", ".webp"))
HIDDEN = "[taken out]"
SHORT = 11  # letters: so short a text is hidden only as a whole word


@dataclass(frozen=True, slots=True)
class Enquiry:
    """The texts of a contact request that must not travel, longest first."""

    texts: tuple[str, ...]

    @classmethod
    def of(cls, request: Any) -> Enquiry:
        """Names, addresses, phones and the message, as they are and as a page writes them."""
        digits = re.sub(r"\D", "", request.phone)[-10:]
        given = [
            request.email, request.phone, request.message, request.street, f"{request.first_name} {request.last_name}".strip(),
            *(line.strip() for line in request.message.splitlines() if len(line.strip()) > SHORT), request.last_name, request.first_name,
        ]  # fmt: skip
        if len(digits) == 10:
            given += [digits, f"({digits[:3]}) {digits[3:6]}-{digits[6:]}", f"{digits[:3]}-{digits[3:6]}-{digits[6:]}", f"{digits[:3]} {digits[3:6]} {digits[6:]}",
                      f"{digits[:3]}.{digits[3:6]}.{digits[6:]}"]  # fmt: skip
        found = {text for text in given if len(text) >= 3}
        found |= {
            form
            for text in found
            for form in (html.escape(text), html.escape(text, quote=False), quote(text), quote_plus(text))
        }
        return cls(tuple(sorted(found, key=len, reverse=True)))

    def hide(self, text: str) -> str:
        """Short ones only as whole words: "Ana" stays in "Analytics"."""
        for known in self.texts:
            if known in text:
                text = (
                    text.replace(known, HIDDEN)
                    if len(known) > SHORT
                    else re.sub(rf"(?<!\w){re.escape(known)}(?!\w)", HIDDEN, text)
                )
        return text


def folder_of(attempt_id: int) -> str:
    return f"evidence/attempt-{int(attempt_id):08}"


def open_picture(storage: Storage, key: str) -> tuple[BinaryIO, str] | None:
    """The stored picture and the ending that its first bytes call for; None when it is gone."""
    try:
        stream = storage.open(key)
    except NoSuchFile:
        return None
    head = stream.read(16)
    stream.seek(0)
    return stream, next((ending for looks, ending in _LOOKS if head.startswith(looks)), ".bin")


def read_source(storage: Storage, key: str, enquiry: Enquiry) -> bytes | None:
    """A page's source as text; None when it is gone."""
    try:
        with storage.open(key) as stream:
            content = stream.read(SOURCE_AT_MOST)
    except NoSuchFile:
        return None
    return enquiry.hide(content.decode("utf-8", "replace")).encode()


def keys_of(attempt: Any) -> Iterable[tuple[str, str]]:
    """(name, storage key) of each picture there is."""
    return [(name, getattr(attempt, column)) for name, column in PICTURES if getattr(attempt, column)]
