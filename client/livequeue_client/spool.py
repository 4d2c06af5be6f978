"""A run's output on disk until the server has it: a folder of numbered batches.

A batch is numbered when its file is opened and fixed when the next one is; sending it again is
therefore harmless, also by another process. The folder is locked while its run lives; one that
can be locked was left behind. Past the bound the oldest batches give way to one line that says so.

    task.json       what to create, on which server; its id once known
    00000001.batch  lines of JSON: [stream, time, number of the first line, [text, ...]]
    end.json        how the run ended
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import threading
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from livequeue_client.lines import Line

BOUND = 64 * 1024 * 1024  # of one run
ALL_BOUND = 8 * BOUND  # of all that runs have left behind
BATCH_BYTES = 512 * 1024
BATCH_LINES = 10_000
_SLICE = 1000
_OURS = "livequeue"  # the stream of the spool's own remarks


def spool_root() -> Path:
    if given := os.environ.get("LIVEQUEUE_SPOOL"):
        return Path(given)
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "livequeue" / "spool"


@dataclass(slots=True)
class _Batch:
    number: int
    lines: int = 0
    size: int = 0
    newest: int = 0  # the highest line number in it
    dropped: int = 0  # this batch only tells that so many lines are gone


class Spool:
    def __init__(self, folder: Path, lock: IO[bytes], bound: int = BOUND) -> None:
        self.folder = folder
        self.task: dict[str, Any] = json.loads((folder / "task.json").read_bytes())
        self._lock_file = lock
        self._bound = bound
        self._guard = threading.Lock()
        self._batches: deque[_Batch] = deque()
        self._open: IO[bytes] | None = None  # the newest batch, still growing
        self._sending: int | None = None
        self._size = 0
        self._lost = _Batch(0)  # what could not be written
        for path in sorted(folder.glob("*.batch")):
            size = path.stat().st_size
            self._batches.append(_Batch(int(path.stem), size=size))
            self._size += size
        self._number = self._batches[-1].number if self._batches else 0

    @classmethod
    def create(cls, root: Path, task: dict[str, Any], bound: int = BOUND) -> Spool:
        folder = root / uuid.uuid4().hex
        folder.mkdir(parents=True, mode=0o700)
        lock = _lock(folder)
        if lock is None:
            raise BlockingIOError(f"{folder} is in use")
        (folder / "task.json").write_text(json.dumps(task))
        return cls(folder, lock, bound)

    @classmethod
    def leftover(cls, folder: Path) -> Spool | None:
        """The spool of a run that is gone, or None when it lives or is not one."""
        try:
            lock = _lock(folder)
            if lock is None:
                return None
            try:
                return cls(folder, lock)
            except (OSError, ValueError):
                lock.close()
        except OSError:
            pass
        return None

    @property
    def empty(self) -> bool:
        return not self._batches

    @property
    def backlog(self) -> bool:
        """Whether a whole batch waits, not just what has come since the last one was taken."""
        return len(self._batches) > 1

    def append(self, lines: Sequence[Line], time: str) -> None:
        with self._guard:
            for start in range(0, len(lines), _SLICE):
                part = lines[start : start + _SLICE]
                try:
                    self._write(part, time)
                except OSError:
                    self._lost.lines += len(part)
                    self._lost.newest = max(self._lost.newest, _newest(part))
            self._trim(time)

    def next_batch(self) -> tuple[int, list[dict[str, Any]]] | None:
        """The oldest batch, which from now on does not change."""
        with self._guard:
            if not self._batches:
                return None
            batch = self._batches[0]
            if self._open and batch.number == self._number:
                self._close()
            self._sending = batch.number
            return batch.number, list(_read(self._path(batch.number)))

    def delivered(self, number: int) -> None:
        with self._guard:
            self._sending = None
            if self._batches and self._batches[0].number == number:
                self._size -= self._batches.popleft().size
            self._path(number).unlink(missing_ok=True)

    def save(self, name: str, content: dict[str, Any]) -> None:
        """Put `content` into NAME.json, whole or not at all."""
        path = self.folder / f"{name}.json"
        scratch = path.with_suffix(".new")
        scratch.write_text(json.dumps(content))
        scratch.replace(path)

    def ending(self) -> dict[str, Any] | None:
        try:
            content: dict[str, Any] = json.loads((self.folder / "end.json").read_bytes())
        except (OSError, ValueError):
            return None
        return content

    def close(self) -> None:
        """Leave it for somebody else."""
        with self._guard:
            self._close()
            self._lock_file.close()

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.close()

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:08}.batch"

    def _write(self, lines: Sequence[Line], time: str) -> None:
        if self._open is None:
            self._number += 1
            self._open = self._path(self._number).open("ab", buffering=0)
            self._batches.append(_Batch(self._number))
        records = b"".join(_records(lines, time))
        if self._lost.lines:
            records = _remark(self._lost, self._lost.lines, "not writable", time) + records
        batch = self._batches[-1]
        if self._open.write(records) != len(records):  # the disk is full: not half a record
            self._open.truncate(batch.size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._lost = _Batch(0)
        batch.lines += len(lines)
        batch.newest = max(batch.newest, _newest(lines))
        batch.size += len(records)
        self._size += len(records)
        if batch.size >= BATCH_BYTES or batch.lines >= BATCH_LINES:
            self._close()

    def _close(self) -> None:
        if self._open:
            self._open.close()
            self._open = None

    def _trim(self, time: str) -> None:
        """Over the bound: turn the oldest unsent batches into one remark."""
        while self._size > self._bound:
            at = 1 if self._batches and self._batches[0].number == self._sending else 0
            if len(self._batches) <= at + 1:
                return
            remark = self._batches[at]
            if remark.dropped:
                gone = self._batches[at + 1]
                if gone.number == self._number:
                    return
                del self._batches[at + 1]
                self._path(gone.number).unlink(missing_ok=True)
                self._size -= gone.size
                remark.dropped += gone.lines
                remark.newest = max(remark.newest, gone.newest)
            else:
                remark.dropped = remark.lines
            text = _remark(remark, remark.dropped, "full", time)
            self._path(remark.number).write_bytes(text)
            self._size += len(text) - remark.size
            remark.size = len(text)


def leftovers(root: Path) -> Iterator[Path]:
    """The folders that may hold undelivered output, oldest first."""
    try:
        folders = [path for path in root.iterdir() if (path / "task.json").exists()]
        folders.sort(key=lambda path: path.stat().st_mtime)
    except OSError:
        return
    yield from folders


def prune(root: Path, bound: int = ALL_BOUND) -> None:
    """Remove the oldest leftovers beyond the bound, as when a server never comes back."""
    size = 0
    for folder in reversed(list(leftovers(root))):
        with suppress(OSError):
            size += sum(path.stat().st_size for path in folder.iterdir())
        if size > bound and (spool := Spool.leftover(folder)):
            spool.remove()


def _lock(folder: Path) -> IO[bytes] | None:
    lock = (folder / "lock").open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def _records(lines: Sequence[Line], time: str) -> Iterator[bytes]:
    """Runs of one stream whose numbers follow each other make one record."""
    start = 0
    for end in range(1, len(lines) + 1):
        if end < len(lines):
            last, line = lines[end - 1], lines[end]
            if line.number == last.number + 1 and line.stream == last.stream:
                continue
        first = lines[start]
        yield _record(first.stream, time, first.number, [line.text for line in lines[start:end]])
        start = end


def _record(stream: str, time: str, first: int, texts: list[str]) -> bytes:
    return json.dumps([stream, time, first, texts], separators=(",", ":")).encode() + b"\n"


def _remark(gone: _Batch, count: int, reason: str, time: str) -> bytes:
    """Stands where the lines are missing, under the number of the last of them."""
    text = f"\N{HORIZONTAL ELLIPSIS} {count:,} lines dropped, spool {reason}"
    return _record(_OURS, time, gone.newest, [text])


def _newest(lines: Sequence[Line]) -> int:
    return max(line.number for line in lines)


def _read(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a batch as the server takes them."""
    try:
        records = path.read_bytes().splitlines()
    except OSError:
        return  # somebody has cleaned up
    for record in records:
        try:
            stream, time, first, texts = json.loads(record)
        except ValueError:
            return  # the process died while writing it
        for number, text in enumerate(texts, first):
            yield {"line": number, "stream": stream, "time": time, "text": text}
