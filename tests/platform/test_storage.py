"""Stored files are whole or not there, named by key alone, and never outside their folder."""

import errno
import hashlib
from io import BytesIO, RawIOBase
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest

from webapp.core.storage import KEY, NoSpace, NoSuchFile, Storage, TooLarge


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(str(tmp_path / "kept"))


class Broken(RawIOBase):
    """Gives some bytes and then the error."""

    def __init__(self, error: BaseException) -> None:
        self.chunks: list[Any] = [b"some", error]

    def read(self, size: int = -1) -> bytes:
        chunk = self.chunks.pop(0)
        if isinstance(chunk, BaseException):
            raise chunk
        return cast(bytes, chunk)


def left_over(storage: Storage) -> list[Path]:
    assert storage.folder is not None
    return [path for path in storage.folder.rglob("*") if path.is_file()]


def test_a_file_comes_back_as_it_went_in(storage: Storage) -> None:
    content = b"\x00 some bytes \xff" * 200_000
    stored = storage.save(BytesIO(content), suffix=".csv")
    assert (stored.size, stored.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert KEY.fullmatch(stored.key)
    assert stored.key.endswith(".csv")
    with storage.open(stored.key) as stream:
        assert stream.read() == content
    assert list(storage.keys()) == [stored.key]


def test_a_deleted_file_is_gone_and_may_be_deleted_again(storage: Storage) -> None:
    key = storage.save(BytesIO(b"x")).key
    storage.delete(key)
    storage.delete(key)
    assert not storage.exists(key)
    with pytest.raises(NoSuchFile):
        storage.open(key)


@pytest.mark.parametrize(
    "key",
    [
        "../secret",
        "ab/../../secret",
        "/etc/passwd",
        "",
        "ab/" + "0" * 30 + "/../x",
        "ab/" + "0" * 30 + "\n",
        "AB/" + "0" * 30,
        "s3://x/y",
    ],
)
def test_only_keys_made_here_are_looked_up(storage: Storage, key: str) -> None:
    for act in (storage.open, storage.exists, storage.delete, storage.size):
        with pytest.raises(NoSuchFile):
            act(key)


def test_a_link_is_not_followed(storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    assert storage.folder is not None
    (storage.folder / "ab").mkdir()
    (storage.folder / "ab" / ("0" * 30)).symlink_to(tmp_path / "secret")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / ("1" * 30)).write_text("secret")
    (storage.folder / "cd").symlink_to(outside)
    for key in ("ab/" + "0" * 30, "cd/" + "1" * 30):
        with pytest.raises(NoSuchFile):
            storage.open(key)


def test_a_file_beyond_the_limit_leaves_nothing(storage: Storage) -> None:
    with pytest.raises(TooLarge, match="larger than 1 KiB"):
        storage.save(BytesIO(b"x" * 1025), limit=1024)
    assert left_over(storage) == []
    assert storage.save(BytesIO(b"x" * 1024), limit=1024).size == 1024


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (OSError(errno.ENOSPC, "full"), NoSpace),
        (OSError(errno.EIO, "broken"), OSError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
    ids=["disk full", "disk broken", "interrupted"],
)
def test_a_file_that_could_not_be_written_leaves_nothing(
    storage: Storage, error: BaseException, raised: type[BaseException]
) -> None:
    with pytest.raises(raised):
        storage.save(cast(BinaryIO, Broken(error)))
    assert left_over(storage) == []


def test_any_file_system_of_fsspec_will_do() -> None:
    storage = Storage("memory://bucket/rebound")
    key = storage.save(BytesIO(b"far away"), suffix=".pdf").key
    with storage.open(key) as stream:
        assert stream.read() == b"far away"
    assert list(storage.keys()) == [key]
    storage.delete(key)
    assert not storage.exists(key)
