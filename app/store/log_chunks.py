"""Where the lines of a log are: its newest ones as rows, the older ones sealed into chunks.

Rows can still be rewritten; a chunk is compressed, immutable, and searched as one text. A line
rewritten after it was sealed is a row again, and a row wins over a chunk's line until it is merged.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from app.event import LogLine
from app.store.log_block import Block, Colours, Facts, Stored, Wanted, size_of
from app.store.sql import Queries
from livequeue_client.lines import WINDOW

_sql = Queries("logs")

CHUNK_LINES = 4000
CHUNK_BYTES = 512 * 1024  # of text and fields, about
KEPT = WINDOW + 56  # newest lines that stay rows: nearly all rewrites are among them
OPEN_LINES = CHUNK_LINES + KEPT  # rows beyond which a log is sealed
OPEN_BYTES = 1024 * 1024  # the same, in bytes
ROW_LINES = 1000  # rows in one block
_NONE = "[0, {}]"  # colours at the start of a log


class Place(NamedTuple):
    """Where the lines of one log are."""

    first: int  # lines before it were removed by retention
    sealed: int  # lines up to it are in chunks
    open_bytes: int  # of its rows, about


def place_of(connection: sqlite3.Connection, task_id: int) -> Place:
    """Of a log without lines too."""
    row = connection.execute(_sql.get_place, (task_id,)).fetchone()
    return Place(1, 0, 0) if row is None else Place(*row)


# Reading


def read_range(
    connection: sqlite3.Connection, task_id: int, first: int, last: int
) -> list[LogLine]:
    """The lines from number `first` to `last`, as far as there are any."""
    wanted = Wanted(first=first, last=last)
    return [
        line
        for block in blocks(connection, task_id, wanted)
        for line in block.lines(block.places(wanted))
    ]


def blocks(
    connection: sqlite3.Connection, task_id: int, wanted: Wanted, *, newest_first: bool = False
) -> Iterator[Block]:
    """The blocks of a log that may hold wanted lines (and others), each read when its turn comes.

    A snapshot is needed for as long as this runs.
    """
    place = place_of(connection, task_id)
    sealed = _sealed(connection, task_id, place, wanted, newest_first)
    rows = _unsealed(connection, task_id, place, wanted, newest_first)
    for part in (rows, sealed) if newest_first else (sealed, rows):
        yield from part


def _sealed(
    connection: sqlite3.Connection, task_id: int, place: Place, wanted: Wanted, newest_first: bool
) -> Iterator[Block]:
    if wanted.first > place.sealed:
        return
    facts = connection.execute(
        _sql.chunk_facts, (task_id, task_id, wanted.first, wanted.last)
    ).fetchall()
    rewritten = rewritten_rows(connection, task_id, place.sealed)
    for id, *row in reversed(facts) if newest_first else facts:
        of_chunk = Facts(*row)
        newer = [line for line in rewritten if of_chunk.first <= line.n <= of_chunk.last]
        # What was rewritten may have become wanted.
        if newer or wanted.may_hold(of_chunk):
            block = read_chunk(connection, id, of_chunk)
            yield merged(connection, task_id, block, newer) if newer else block


def read_chunk(connection: sqlite3.Connection, id: int, facts: Facts) -> Block:
    """The lines of one chunk as they were sealed, read in the snapshot there is when it is used."""

    def read() -> tuple[bytes, bytes]:
        text, rest = connection.execute(_sql.get_chunk, (id,)).fetchone()
        return text, rest

    return Block.of_chunk(id, facts, read)


def open_chunk(connection: sqlite3.Connection, id: int) -> tuple[int, Block]:
    """The task of a chunk and its lines as they are by now."""
    task_id, *row = connection.execute(_sql.facts_of_chunk, (id,)).fetchone()
    facts = Facts(*row)
    block = read_chunk(connection, id, facts)
    found = connection.execute(_sql.rows, (task_id, facts.first, facts.last)).fetchall()
    if found:
        block = merged(connection, task_id, block, [Stored(*row) for row in found])
    return task_id, block


def sealed_lines(
    connection: sqlite3.Connection, task_id: int, numbers: Iterable[int]
) -> dict[int, LogLine]:
    """Lines of chunks by their numbers (ascending), as they were sealed; each chunk is read once.

    Without those that retention removed.
    """
    found: dict[int, LogLine] = {}
    rest = deque(numbers)
    while rest:
        chunk = connection.execute(_sql.chunk_of_line, (task_id, rest[0])).fetchone()
        if chunk is None or rest[0] > chunk[2]:
            rest.popleft()
            continue
        id, *row = chunk
        facts = Facts(*row)
        places: list[int] = []
        while rest and rest[0] <= facts.last:
            places.append(rest.popleft() - facts.first)
        found |= {line.n: line for line in read_chunk(connection, id, facts).lines(places)}
    return found


def open_rows(connection: sqlite3.Connection, task_id: int, first: int, last: int) -> Block | None:
    """Those of the lines from number `first` to `last` that are rows."""
    *place, raw = connection.execute(_sql.rows_text, (task_id, first, last)).fetchone()
    if raw is None:
        return None

    def read() -> tuple[Sequence[Stored], Colours]:
        rows = connection.execute(_sql.rows, (task_id, *place[:2])).fetchall()
        return [Stored(*row) for row in rows], colours_before(connection, task_id, place[0])

    return Block.of_rows((place[0], place[1], place[2], place[3]), raw, read)


def rewritten_rows(connection: sqlite3.Connection, task_id: int, sealed: int) -> list[Stored]:
    """Rows of lines that are in chunks too, ascending: few, nearly always none."""
    rows = connection.execute(_sql.rewritten, (task_id, sealed)).fetchall()
    return [Stored(*row) for row in rows]


def merged(
    connection: sqlite3.Connection, task_id: int, block: Block, newer: Iterable[Stored]
) -> Block:
    """A block with some of its lines replaced."""
    rows = block.rows()
    first = block.facts.first
    for row in newer:
        rows[row.n - first] = row
    return Block.of(rows, colours_before(connection, task_id, first))


def colours_before(connection: sqlite3.Connection, task_id: int, n: int) -> Colours:
    """What is in force where line `n` starts."""
    found = connection.execute(_sql.colours_before, (task_id, n)).fetchone()
    last, state = (0, _NONE) if found is None else found
    colours = Colours(state)
    # Of a log that was never sealed, as older versions left them, the nearest lines are enough.
    low = max(last + 1, n - 2 * CHUNK_LINES)
    for row in connection.execute(_sql.coloured_rows, (task_id, low, n)).fetchall():
        colours.pass_line(*row)
    return colours


def _unsealed(
    connection: sqlite3.Connection, task_id: int, place: Place, wanted: Wanted, newest_first: bool
) -> Iterator[Block]:
    low = max(wanted.first, place.sealed + 1, place.first)
    (end,) = connection.execute(_sql.last_row, (task_id,)).fetchone()
    high = min(wanted.last, end or 0)
    starts = range(low, high + 1, ROW_LINES)
    for start in reversed(starts) if newest_first else starts:
        block = open_rows(connection, task_id, start, min(start + ROW_LINES - 1, high))
        if block is not None:
            yield block


# Sealing


def is_due(place: Place, last: int) -> bool:
    """Whether a log whose newest line is `last` has enough rows for a chunk."""
    return last - place.sealed > OPEN_LINES or place.open_bytes > OPEN_BYTES


def seal(
    connection: sqlite3.Connection, task_id: int, last: int, *, chunks: int, rest: bool = False
) -> int:
    """Move up to `chunks` chunks of the oldest rows; returns how many were made.

    Its newest lines stay rows, unless it is the `rest` of a log that will get no more.
    """
    place = place_of(connection, task_id)
    _merge_rewritten(connection, task_id, place.sealed)
    upto = last if rest else last - KEPT
    colours = colours_before(connection, task_id, place.sealed + 1)
    sealed, made = place.sealed, 0
    while made < chunks:
        rows = _next_rows(connection, task_id, sealed, upto)
        if not rows:
            break
        size = sum(map(size_of, rows))
        if not rest and len(rows) < CHUNK_LINES and size < CHUNK_BYTES:
            break
        _write(connection, task_id, Block.of(rows, colours), colours)
        connection.execute(_sql.delete_rows, (task_id, rows[0].n, rows[-1].n))
        sealed = rows[-1].n
        made += 1
    connection.execute(_sql.put_sealed, (sealed, task_id))
    connection.execute(_sql.weigh_rows, (task_id,))
    return made


def _next_rows(
    connection: sqlite3.Connection, task_id: int, sealed: int, upto: int
) -> list[Stored]:
    """The oldest rows, about as many as a chunk holds."""
    rows: list[Stored] = []
    size = 0
    cursor = connection.execute(_sql.oldest_rows, (task_id, sealed, upto, CHUNK_LINES))
    for row in cursor:
        rows.append(Stored(*row))
        size += size_of(rows[-1])
        if size >= CHUNK_BYTES:
            break
    cursor.close()
    return rows


def _merge_rewritten(connection: sqlite3.Connection, task_id: int, sealed: int) -> None:
    """Lines rewritten after they were sealed go back into their chunks."""
    rewritten = rewritten_rows(connection, task_id, sealed)
    while rewritten:
        n = rewritten[0].n
        id, *row = connection.execute(_sql.chunk_of_line, (task_id, n)).fetchone()
        facts = Facts(*row)
        newer = [line for line in rewritten if line.n <= facts.last]
        rewritten = rewritten[len(newer) :]
        block = merged(connection, task_id, read_chunk(connection, id, facts), newer)
        (colours,) = connection.execute(_sql.chunk_colours, (id,)).fetchone()
        connection.execute(_sql.delete_chunk, (id,))
        _write(connection, task_id, block, Colours(colours))
        connection.executemany(_sql.delete_row, [(task_id, line.n) for line in newer])


def _write(connection: sqlite3.Connection, task_id: int, block: Block, colours: Colours) -> None:
    text, rest = block.compressed()
    size = len(text) + len(rest)
    values = (task_id, *block.facts, size, colours.state(), text, rest)
    connection.execute(_sql.insert_chunk, values)


# Removing


def remove_oldest(connection: sqlite3.Connection, task_id: int) -> bool:
    """Remove the oldest chunk of a log or, when it has none, some rows; False: it has no lines."""
    chunk = connection.execute(_sql.oldest_chunk, (task_id,)).fetchone()
    if chunk is not None:
        id, last = chunk
        connection.execute(_sql.delete_chunk, (id,))
    else:
        (last,) = connection.execute(_sql.last_old_row, (task_id, ROW_LINES)).fetchone()
        if last is None:
            return False
    connection.execute(_sql.put_first, (last + 1, task_id))
    if connection.execute(_sql.delete_rows, (task_id, 0, last)).rowcount:
        connection.execute(_sql.weigh_rows, (task_id,))
    return True
