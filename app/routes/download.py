"""Log lines as a file: text or NDJSON, streamed as the client takes it, under a fitting name."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from urllib.parse import quote

import msgspec
from quart import Response

from app.ansi import plain
from app.errors import Problem
from app.event import LogLine
from app.json_line import json_line
from app.stream.patience import SlowResponse

_NAME_CHARS = 80
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f\ud800-\udfff/\\:*?"<>|]+')  # to some file system
_NOT_ASCII = re.compile(r"[^A-Za-z0-9._]+")

_encode = msgspec.json.Encoder().encode


def download(
    pieces: AsyncIterator[Iterable[LogLine]], *, format: str, raw: bool | None, name: str
) -> Response:
    """`format` is text or ndjson; `raw`: with escape sequences, by default only in NDJSON.

    `pieces` are read one by one, as the client takes them. `name` is without its ending.
    """
    text = format == "text"
    pieces = _whole_or_cut(pieces)
    clean = text if raw is None else not raw
    response = SlowResponse(
        _text(pieces, clean) if text else _records(pieces, clean),
        content_type="text/plain; charset=utf-8" if text else "application/x-ndjson",
        headers={"Content-Disposition": disposition(name, "log" if text else "ndjson")},
    )
    response.timeout = None  # as long as the client takes
    return response


async def _whole_or_cut(
    pieces: AsyncIterator[Iterable[LogLine]],
) -> AsyncIterator[Iterable[LogLine]]:
    """The same; when there can be no more of them before the end, the connection is cut.

    What the client has then must not seem to be all: its task was deleted, or the server stops.
    """
    try:
        async for lines in pieces:
            yield lines
    except Problem:
        raise asyncio.CancelledError from None  # ends the answer without an entry in the log


def disposition(name: str, ending: str) -> str:
    """The header that names a file (RFC 6266): as it is, and in ASCII for who needs that."""
    safe = _UNSAFE.sub("-", name)[:_NAME_CHARS].strip(" .-") or "log"
    ascii = _NOT_ASCII.sub("-", safe).strip(".-") or "log"
    return (
        f'attachment; filename="{ascii}.{ending}"; '
        f"filename*=UTF-8''{quote(f'{safe}.{ending}', safe='')}"
    )


async def _text(pieces: AsyncIterator[Iterable[LogLine]], clean: bool) -> AsyncIterator[bytes]:
    async for lines in pieces:
        yield "".join(_shown(line, clean) for line in lines).encode()


def _shown(line: LogLine, clean: bool) -> str:
    text = plain(line.text) if clean else line.text
    return f"{text}\n" if line.task_id is None else f"{line.time} #{line.task_id} {text}\n"


async def _records(pieces: AsyncIterator[Iterable[LogLine]], clean: bool) -> AsyncIterator[bytes]:
    async for lines in pieces:
        records = []
        for line in lines:
            line.sgr = ""  # for drawing only
            if clean:
                line.text = plain(line.text)
            records.append(_encode(line))
        yield json_line(b"".join(record + b"\n" for record in records))
