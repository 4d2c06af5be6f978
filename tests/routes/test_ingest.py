"""Pieces of streamed logs: whatever arrives, a commit has a bounded number of lines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.models import LogLineIn, RecordStream, TextStream
from app.routes.ingest import BITE, PIECE_LINES, record_pieces, text_pieces


async def chunks(content: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def collect(pieces: AsyncIterator[list[LogLineIn]]) -> list[list[LogLineIn]]:
    return [piece async for piece in pieces]


@pytest.mark.parametrize("size", [1000, 256 * 1024, 2**20])
@pytest.mark.parametrize("line", [b"\n", b"\r\n", b"x\n", b"y" * 99 + b"\n"])
def test_pieces_of_text(size: int, line: bytes) -> None:
    count = 400_000 // len(line)
    pieces = asyncio.run(collect(text_pieces(chunks(line * count, size), TextStream())))
    assert max(map(len, pieces)) <= PIECE_LINES + BITE
    last = {one.line: one.text for piece in pieces for one in piece}
    assert last == dict.fromkeys(range(1, count + 1), line.decode().rstrip())


@pytest.mark.parametrize("size", [1000, 256 * 1024, 2**20])
def test_pieces_of_records(size: int) -> None:
    content = b'{"text":""}\n' * 40_000
    pieces = asyncio.run(collect(record_pieces(chunks(content, size), RecordStream())))
    assert max(map(len, pieces)) <= PIECE_LINES
    assert sum(map(len, pieces)) == 40_000
