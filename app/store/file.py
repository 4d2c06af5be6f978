"""The database file as the operating system has it: one server's own, and still the same one."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import NamedTuple


class FileInUse(Exception):
    """Another server holds the lock on this database file."""


class FileReplaced(Exception):
    """The database file was moved, removed or replaced while the server held it."""


class Sizes(NamedTuple):
    """Bytes on disk."""

    file: int
    wal: int


class OwnedFile:
    """A file that no other server may use until it is released.

    The lock is on a file beside it: opening the database's own file by other means than SQLite
    would drop SQLite's locks.
    """

    def __init__(self, path: Path) -> None:
        """Raises FileInUse. One file, one lock, whatever links lead to it."""
        self.path = path = path.resolve()
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_nlink > 1:
            raise FileInUse(
                f"{path} has other names (hard links), under which another server could open it "
                "unnoticed: remove those, or start from a copy of the file"
            )
        self._lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise FileInUse(
                f"another LiveQueue server already uses {path}: stop it, or give this one "
                "another file with --db"
            ) from None
        self._identity = (0, 0)

    def release(self) -> None:
        """Let another server have it."""
        os.close(self._lock)

    def recognise(self) -> None:
        """Remember which file it is, now that there is one."""
        self._identity = self._identify()

    def check(self) -> None:
        """Raise FileReplaced unless the path still names that file."""
        try:
            same = self._identify() == self._identity
        except FileNotFoundError:
            same = False
        if not same:
            raise FileReplaced(f"{self.path} was moved or replaced while the server was running")

    def _identify(self) -> tuple[int, int]:
        status = self.path.stat()
        return status.st_dev, status.st_ino

    def sizes(self) -> Sizes:
        """As they are on disk now."""
        return Sizes(_size(self.path), _size(self.path.with_name(f"{self.path.name}-wal")))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
