"""A record of `logging` as lines of a task's log, encoded as the server takes them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from logging import LogRecord
from typing import Any

RECORD_CHARS = 1024 * 1024  # of one record's text
FIELDS_BYTES = 16 * 1024  # of one record's fields as JSON
_DEPTH = 16  # arrays and objects within each other; a deeper field is kept as text
_STREAM_CHARS = 64
_CUT = "\N{HORIZONTAL ELLIPSIS}"

_LEVELS = ((50, "critical"), (40, "error"), (30, "warning"), (20, "info"), (10, "debug"))
_STANDARD = frozenset(LogRecord("", 0, "", 0, "", (), None).__dict__) | {
    "message",
    "asctime",
    "taskName",  # since Python 3.12
}


def lines_of(record: LogRecord, text: str) -> list[bytes]:
    """A line of JSON for each line of `text`, the formatted record; its fields go with the first.

    Never raises, whatever a program puts into a record.
    """
    if len(text) > RECORD_CHARS:
        text = f"{text[:RECORD_CHARS]}{_CUT} ({len(text) - RECORD_CHARS:,} characters more)"
    common: dict[str, Any] = {
        "level": level_of(record.levelno),
        "stream": _stream(record.name),
        "time": moment(record.created),
    }
    first, *rest = text.removesuffix("\n").split("\n")
    line = encode(common | {"text": first})
    if fields := b",".join(_fields(record)):
        line = line[:-1] + b',"fields":{' + fields + b"}}"
    return [line, *(encode(common | {"text": text}) for text in rest)]


def encode(line: dict[str, Any]) -> bytes:
    """ASCII only, so that half a surrogate pair arrives as such, to be replaced visibly."""
    return json.dumps(line, separators=(",", ":")).encode()


def level_of(number: int) -> str:
    """The level at or below a number, which a program may make up."""
    return next((name for least, name in _LEVELS if number >= least), "trace")


def moment(seconds: float) -> str | None:
    try:
        time = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError, TypeError):
        return None
    return time.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _stream(logger: str | None) -> str:
    """A long name keeps its end, which tells more."""
    name = logger or "root"
    return name if len(name) <= _STREAM_CHARS else _CUT + name[1 - _STREAM_CHARS :]


def _fields(record: LogRecord) -> Iterator[bytes]:
    """What `extra` has added, as members of a JSON object of at most `FIELDS_BYTES`."""
    room = FIELDS_BYTES - 64  # for braces, and the member that says how many are missing
    missing = 0
    for name, value in list(record.__dict__.items()):
        if name in _STANDARD:
            continue
        key = json.dumps(str(name)).encode() + b":"
        if len(key) + 100 > room:
            missing += 1
            continue
        member = key + _value(value, room - len(key) - 1)
        room -= len(member) + 1
        yield member
    if missing:
        yield encode({_CUT: f"{missing} more"})[1:-1]


def _value(value: Any, room: int) -> bytes:
    """JSON of the value if there is room for it and JSON has it; else the beginning of its text."""
    if isinstance(value, str):
        return _text(value, room)
    pieces: list[str] = []
    size = 0
    try:
        for piece in _encoder.iterencode(value):  # only as much as there is room for
            pieces.append(piece[:room])
            size += len(piece)
            if size > room:
                return _text("".join(pieces), room, cut=True)
        if not _deeper(value, _DEPTH):
            return "".join(pieces).encode()
        return _text("".join(pieces), room)
    except Exception:  # JSON does not have it: NaN, a circle, a key that is no text
        return _text(_shown(value), room)


def _text(text: str, room: int, *, cut: bool = False) -> bytes:
    chars = room
    while True:
        cut = cut or chars < len(text)
        encoded = json.dumps(text[:chars] + _CUT if cut else text).encode()
        if len(encoded) <= room:
            return encoded
        chars = min(chars, len(text)) * 3 // 4


def _shown(value: Any) -> str:
    try:
        return repr(value) if isinstance(value, BaseException | bytes) else str(value)
    except Exception:  # a program's own code
        return object.__repr__(value)


def _deeper(value: Any, limit: int) -> bool:
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list | tuple):
        return False
    return not limit or any(_deeper(child, limit - 1) for child in value)


_encoder = json.JSONEncoder(allow_nan=False, separators=(",", ":"), default=_shown)
