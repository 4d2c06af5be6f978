"""Streamed logs: bytes as they arrive to pieces of lines, of bounded size.

A piece is one commit, for which everybody else waits; and the lines may be short.
"""

from __future__ import annotations

import codecs
from collections.abc import AsyncIterator

from app import decoding
from app.errors import FieldError, Problem, TooLarge
from app.models import LogLineIn, RecordStream, TextStream
from livequeue_client.lines import LineAssembler

RECORD_LIMIT = 1024 * 1024  # bytes of one NDJSON record
PIECE_LINES = 5000  # at which a piece is enough
BITE = 8192  # characters looked at before that is asked again


async def text_pieces(
    chunks: AsyncIterator[bytes], options: TextStream
) -> AsyncIterator[list[LogLineIn]]:
    """Plain output as a terminal means it; a rewritten line comes again under its number."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    assembler = LineAssembler()

    def changed() -> list[LogLineIn]:
        return [
            LogLineIn(text=line.text, stream=options.stream, level=options.level, line=line.number)
            for line in assembler.take()
        ]

    async for chunk in chunks:
        text = decoder.decode(chunk)
        for start in range(0, len(text), BITE):
            assembler.feed(text[start : start + BITE])
            if assembler.pending >= PIECE_LINES:
                yield changed()
        if assembler.pending:
            yield changed()
    assembler.feed(decoder.decode(b"", final=True))
    assembler.finish()
    yield changed()


async def record_pieces(
    chunks: AsyncIterator[bytes], options: RecordStream
) -> AsyncIterator[list[LogLineIn]]:
    """NDJSON records, one a line; only LF ends one.

    Raises Unprocessable, BadRequest or TooLarge naming the record; those before it are stored.
    """
    count = 0
    held = bytearray()

    def parse(record: bytearray) -> LogLineIn:
        nonlocal count
        count += 1
        try:
            line = decoding.from_json_lenient(LogLineIn, bytes(record))
        except Problem as problem:
            raise _in_record(problem, count) from None
        if options.batch is not None:
            line.line = count  # so that the same stream sent again is recognised, record by record
        elif options.producer is None:
            line.line = None  # numbers are a producer's
        return line

    async for chunk in chunks:
        held += chunk
        *records, held = held.split(b"\n")
        if len(held) > RECORD_LIMIT:
            raise TooLarge("problem.record_large", number=count + 1, most=RECORD_LIMIT // 2**20)
        for start in range(0, len(records), PIECE_LINES):
            piece = records[start : start + PIECE_LINES]
            lines: list[LogLineIn] = []
            try:
                lines.extend(parse(record) for record in piece if record.strip())
            except Problem:
                yield lines
                raise
            yield lines
    if held.strip():
        yield [parse(held)]


def _in_record(problem: Problem, number: int) -> Problem:
    errors = [
        FieldError(f"records[{number}].{error.field}", error.message) for error in problem.errors
    ]
    return Problem(
        "problem.in_record",
        number=number,
        detail=problem.detail,
        errors=errors,
        code=problem.code,
    )
