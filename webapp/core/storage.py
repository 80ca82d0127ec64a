"""Files that rows name: exports, evidence, uploads. `STORAGE_URL` is a folder or an fsspec address.

A key is opaque and made here; a person's file name belongs into the row.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import fsspec
from flask import current_app
from fsspec.implementations.dirfs import DirFileSystem

from webapp.config import Settings

KEY = re.compile(r"[0-9a-f]{2}/[0-9a-f]{30}(\.[a-z0-9]{1,8})?")
CHUNK = 1024 * 1024


class StorageError(Exception):
    """The text can be shown to a person."""


class NoSuchFile(StorageError):
    pass


class TooLarge(StorageError):
    pass


class NoSpace(StorageError):
    pass


@dataclass(frozen=True, slots=True)
class Stored:
    """`size` in bytes, `sha256` in hex."""

    key: str
    size: int
    sha256: str


class Storage:
    def __init__(self, url: str) -> None:
        self.folder = None if "://" in url else Path(url).resolve()
        if self.folder is None:
            base, path = fsspec.core.url_to_fs(url)
        else:
            self.folder.mkdir(parents=True, exist_ok=True)
            base, path = fsspec.filesystem("file", auto_mkdir=True), str(self.folder)
        self.files = DirFileSystem(path=path, fs=base)

    def save(self, stream: BinaryIO, *, suffix: str = "", limit: int | None = None) -> Stored:
        """Keep all of `stream`; it is there whole, or not at all. `suffix` as in ".csv".

        Raises TooLarge beyond `limit` bytes and NoSpace when the disk is full.
        """
        name = secrets.token_hex(16)
        key = self._checked(f"{name[:2]}/{name[2:]}{suffix}")
        part = f"{key}.part" if self.folder else key
        digest, size = hashlib.sha256(), 0
        try:
            with self.files.open(part, "wb") as target:
                while chunk := stream.read(CHUNK):
                    size += len(chunk)
                    if limit is not None and size > limit:
                        raise TooLarge(f"The file is larger than {limit // 1024} KiB.")
                    digest.update(chunk)
                    target.write(chunk)
                if self.folder:
                    target.flush()
                    os.fsync(target.fileno())
            if part != key:
                self.files.mv(part, key)
        except BaseException as error:
            self._forget(part)
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise NoSpace("There is no space left for the file.") from error
            raise
        return Stored(key, size, digest.hexdigest())

    def open(self, key: str) -> BinaryIO:
        """For reading, in bytes. Raises NoSuchFile."""
        try:
            return cast(BinaryIO, self.files.open(self._checked(key), "rb"))
        except FileNotFoundError:
            raise NoSuchFile("The file is no longer there.") from None

    def exists(self, key: str) -> bool:
        return bool(self.files.isfile(self._checked(key)))

    def size(self, key: str) -> int:
        """In bytes. Raises NoSuchFile."""
        try:
            return int(self.files.size(self._checked(key)))
        except FileNotFoundError:
            raise NoSuchFile("The file is no longer there.") from None

    def delete(self, key: str) -> None:
        """Deleting what is gone already is no error."""
        self._forget(self._checked(key))

    def keys(self) -> Iterator[str]:
        """Every file kept here, in no order; parts of files that are being written are left out."""
        for path in self.files.find(""):
            if KEY.fullmatch(path):
                yield path

    def put(self, key: str, stream: BinaryIO) -> None:
        """Write a file back under the key it had: for restoring."""
        with self.files.open(self._checked(key), "wb") as target:
            while chunk := stream.read(CHUNK):
                target.write(chunk)

    def _checked(self, key: str) -> str:
        if not KEY.fullmatch(key):
            raise NoSuchFile("There is no such file.")
        if self.folder is not None and any((self.folder / part).is_symlink() for part in (key.partition("/")[0], key)):
            raise NoSuchFile("There is no such file.")
        return key

    def _forget(self, path: str) -> None:
        try:
            self.files.rm_file(path)
        except FileNotFoundError:
            return


def open_storage(settings: Settings) -> Storage:
    return Storage(settings.storage)


def get_storage() -> Storage:
    """The current app's."""
    storage: Storage | None = current_app.extensions.get("storage")
    if storage is None:
        storage = current_app.extensions["storage"] = open_storage(current_app.config["SETTINGS"])
    return storage
