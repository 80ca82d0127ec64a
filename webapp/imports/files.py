"""What an uploaded file is: its kind by content, encoding, separator, and its rows, strictly read."""

from __future__ import annotations

import codecs
import csv
import io
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import clevercsv
from charset_normalizer import from_bytes

DELIMITERS = {",": "Comma", ";": "Semicolon", "\t": "Tab", "|": "Pipe"}
ENCODINGS = {
    "utf-8-sig": "UTF-8", "cp1252": "Windows-1252 (Western)", "utf-16": "UTF-16", "utf-16-le": "UTF-16 little-endian",
    "utf-16-be": "UTF-16 big-endian", "latin-1": "ISO 8859-1", "cp1250": "Windows-1250 (Central European)",
    "cp1251": "Windows-1251 (Cyrillic)", "cp1253": "Windows-1253 (Greek)", "cp1254": "Windows-1254 (Turkish)",
    "mac_roman": "Mac Roman", "cp850": "DOS 850", "shift_jis": "Shift JIS", "gb18030": "GB 18030", "big5": "Big5",
}  # fmt: skip
MAX_FIELD = 131_072  # characters of one cell
MAX_COLUMNS = 500
MAX_ROWS = 1_048_576
MAX_UNPACKED = 512 * 1024 * 1024  # bytes of all parts of a workbook
MAX_RATIO = 100  # unpacked size to packed, of parts over 1 MiB: honest sheets reach 30
MAX_ENTRIES = 10_000
SAMPLE = 64 * 1024
_KINDS = {
    b"%PDF": "a PDF", b"\x89PNG": "a picture", b"\xff\xd8\xff": "a picture", b"GIF8": "a picture", b"\x1f\x8b": "a gzip archive",
    b"7z\xbc\xaf": "a 7z archive", b"Rar!": "a RAR archive", b"\x7fELF": "a program", b"MZ\x90": "a program", b"SQLite": "a database",
    b"{\\rtf": "a text document (RTF)",
}  # fmt: skip

csv.field_size_limit(MAX_FIELD)


class FileRefused(Exception):
    """The file cannot be read; the text is for the person who sent it."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """`sure` is False for a guess; `hint` is what a statistical guess would have said."""

    name: str
    sure: bool
    hint: str = ""


def kind_of(stream: BinaryIO) -> str:
    """ "text", "xlsx" or "xls", by content whatever the name says. Raises FileRefused; leaves the stream at its start."""
    head = stream.read(4096)
    stream.seek(0)
    if not head.strip():
        raise FileRefused("The file is empty.")
    if head.startswith(b"PK"):
        check_workbook(stream)
        return "xlsx"
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return "xls"
    for magic, name in _KINDS.items():
        if head.startswith(magic):
            raise FileRefused(f"This is {name}, not a table. Send a CSV file or an Excel workbook.")
    if head.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html")):
        raise FileRefused("This is a web page, not a table. Export the list as CSV or Excel.")
    return "text"


def check_workbook(stream: BinaryIO) -> None:
    """Judge a zip by its directory, without unpacking it. Raises FileRefused; leaves the stream at its start."""
    try:
        with zipfile.ZipFile(stream) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, struct.error, NotImplementedError):
        raise FileRefused("This workbook is damaged: it cannot be opened.") from None
    finally:
        stream.seek(0)
    names = {entry.filename for entry in entries}
    if not any(name.startswith("xl/") for name in names) and "content.xml" not in names:
        raise FileRefused("This is a zip archive, not a workbook. Send the file inside it.")
    if len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > MAX_UNPACKED:
        raise FileRefused("This workbook unpacks to more than 512 MB. Send it as CSV, or split it.")
    if any(e.file_size > 1024 * 1024 and e.file_size > MAX_RATIO * max(e.compress_size, 1) for e in entries):
        raise FileRefused("This workbook is packed more than a hundredfold, as no honest sheet is. Send it as CSV.")
    if any(entry.flag_bits & 1 for entry in entries):
        raise FileRefused("This workbook is protected by a password. Save it without one.")


def find_encoding(stream: BinaryIO) -> Encoding:
    """UTF-16 by its mark, UTF-8 when all of the file is, else Windows-1252. Leaves the stream at its start."""
    head = stream.read(SAMPLE)
    try:
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and not head.startswith(codecs.BOM_UTF32_LE):
            return Encoding("utf-16", True)
        nuls = head[:4096].count(0)
        if nuls * 4 > len(head[:4096]):
            if head[:64:2].count(0) == 0:
                return Encoding("utf-16-le", False)
            if head[1:64:2].count(0) == 0:
                return Encoding("utf-16-be", False)
            raise FileRefused("This is not a text file. Send a CSV file or an Excel workbook.")
        decoder = codecs.getincrementaldecoder("utf-8")("strict")
        chunk: bytes = head
        while chunk:
            decoder.decode(chunk)
            chunk = stream.read(1024 * 1024)
        decoder.decode(b"", final=True)
        return Encoding("utf-8-sig", True)
    except UnicodeDecodeError:
        best = from_bytes(head).best()
        return Encoding("cp1252", False, best.encoding if best else "")
    finally:
        stream.seek(0)


def read_sample(stream: BinaryIO, encoding: str) -> str:
    """The first 64 KiB as text, cut at a line's end. Leaves the stream at its start."""
    raw = stream.read(SAMPLE)
    stream.seek(0)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(raw, final=False)
    cut = max(text.rfind("\n"), text.rfind("\r"))
    return text[: cut + 1] if len(raw) == SAMPLE and cut > 0 else text


def find_delimiter(sample: str) -> str:
    """csv.Sniffer over the four usual separators; clevercsv where it cannot tell; a comma where neither can."""
    some = sample[:16_384]
    try:
        found = csv.Sniffer().sniff(some, delimiters="".join(DELIMITERS)).delimiter
        if found in DELIMITERS:
            return found
    except csv.Error:
        pass
    try:
        dialect = clevercsv.Sniffer().sniff(some[:8192], delimiters=list(DELIMITERS))
    except clevercsv.Error:
        return ","
    return dialect.delimiter if dialect and dialect.delimiter in DELIMITERS else ","


def read_rows(stream: BinaryIO, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Records with their number (the first is 1), blank ones included except at the end. Closes the stream.

    Raises FileRefused, with the line, for what is not sound CSV: an open quote, an overlong cell, wrong bytes.
    """
    number = start = 0
    blank: list[int] = []
    with io.TextIOWrapper(stream, encoding=encoding, newline="") as text:
        reader = csv.reader(text, delimiter=delimiter, strict=True)
        while True:
            start = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise FileRefused(_csv_fault(str(error), start, reader.line_num)) from None
            except UnicodeError:
                raise FileRefused(
                    f"Near line {start}: bytes that are not {ENCODINGS.get(encoding, encoding)}. Choose another encoding."
                ) from None
            number += 1
            if len(cells) > MAX_COLUMNS:
                raise FileRefused(f"Line {start} has {len(cells):,} columns; {MAX_COLUMNS} is the limit.")
            if number > MAX_ROWS:
                raise FileRefused(f"The file has more than {MAX_ROWS:,} rows. Split it.")
            if not any(cells):
                blank.append(number)
                continue
            for missed in blank:
                yield missed, []
            blank.clear()
            yield number, cells


def _csv_fault(text: str, start: int, end: int) -> str:
    if "unexpected end" in text:
        return f"Line {start}: a quote is opened there and never closed. Correct it, or choose another separator."
    if "field larger" in text:
        return f"Line {start}: a cell is longer than {MAX_FIELD:,} characters, or a quote is never closed."
    if "expected after" in text:
        where = f"Line {start}" if end <= start else f"Lines {start} to {end}"
        return f"{where}: text follows a closing quote. A quote inside a cell must be doubled."
    return f"Line {start}: {text}."
