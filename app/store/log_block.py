"""Consecutive lines of a log in memory: one plain text to search, and columns of all else.

A chunk of the database is a block compressed; rows become a block when they are read.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from itertools import groupby
from typing import Any, NamedTuple, get_args

import msgspec
import zstandard

from app.ansi import carry, plain
from app.event import LogLine
from app.models import Level

LEVELS: tuple[str, ...] = get_args(Level)
EVERY = 2**62  # above all line numbers
_COMPRESSION = 3
_ANY_LEVEL = -1  # all bits: it is not known which levels occur
AHEAD = 3  # blocks that are decompressed while one is searched
_DECOMPRESSING = ThreadPoolExecutor(min(4, os.cpu_count() or 1), "decompress")
_CONTROL = re.compile(rb"[\x00-\x08\x0d-\x1b\x7f]")  # where a plain text may differ, but for LF
_pack = msgspec.msgpack.Encoder().encode


class Stored(NamedTuple):
    """One line as a row of log_lines holds it."""

    n: int
    attempt: int
    time: str
    sent_at: str | None
    level: str | None
    stream: str
    text: str
    fields: str | None  # JSON object


def size_of(row: Stored) -> int:
    """Characters that a line brings with it: what it weighs, about."""
    return len(row.text) + len(row.fields or "")


class Facts(NamedTuple):
    """What is known of a block without reading it."""

    first: int
    last: int
    min_time: str
    max_time: str
    levels: int  # as `level_bits` gives them
    text_bytes: int


class Wanted(msgspec.Struct, frozen=True):
    """Which lines to read: numbers (inclusive), levels, streams, and times in [since, until)."""

    first: int = 1
    last: int = EVERY
    levels: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()
    since: str = ""
    until: str = "~"  # after all times

    @property
    def all(self) -> bool:
        """Whether nothing but the number matters."""
        return not (self.levels or self.streams or self.since) and self.until == "~"

    def may_hold(self, facts: Facts) -> bool:
        """Whether such lines can be among those of a block."""
        return (
            facts.first <= self.last
            and facts.last >= self.first
            and (not self.levels or bool(facts.levels & level_bits(self.levels)))
            and facts.min_time < self.until
            and facts.max_time >= self.since
        )


class Colours:
    """What is in force where a line starts: it carries over lines of one attempt and stream."""

    def __init__(self, state: str = "[0, {}]") -> None:
        self._attempt, self._states = _read_colours(state)

    def pass_line(self, attempt: int, stream: str, text: str) -> str:
        """The state at the start of the next line, which is this one."""
        if attempt != self._attempt:
            self._states.clear()
            self._attempt = attempt
        state = self._states.get(stream, "")
        if "\x1b" in text and (after := carry(state, text)) != state:
            self._states[stream] = after
        return state

    def may_change(self, row: Stored) -> bool:
        """Whether passing this line may change what is in force."""
        return "\x1b" in row.text or row.attempt != self._attempt

    def copy(self) -> Colours:
        """The same, to go on from separately."""
        other = Colours()
        other._attempt, other._states = self._attempt, self._states.copy()
        return other

    def state(self) -> str:
        """To begin with later, as JSON: the attempt, and by stream what is not the default."""
        states = {stream: state for stream, state in self._states.items() if state}
        return msgspec.json.encode((self._attempt, states)).decode()


class End:
    """Where a growing log has got to, and its colours there; its last line may still change."""

    __slots__ = ("_after", "_before", "last")

    def __init__(self, last: int, colours: Colours) -> None:
        self.last = last
        self._after = colours
        self._before: Colours | None = None  # where the last line starts, once that was seen

    def start(self, row: Stored) -> str | None:
        """What is in force where the line starts: the next one, or the last one as it is now.

        None for any other line.
        """
        if row.n == self.last + 1:
            before = self._after
        elif row.n == self.last and self._before is not None:
            before = self._before
        else:
            return None
        self.last, self._before = row.n, before
        # Most lines change nothing, so that both may be one.
        self._after = before.copy() if before.may_change(row) else before
        return self._after.pass_line(row.attempt, row.stream, row.text)


_read_colours = msgspec.json.Decoder(tuple[int, dict[str, str]]).decode


class _Rest(msgspec.Struct, array_like=True, gc=False):
    """All about the lines but their plain text.

    Columns that repeat are runs: a value and for how many lines it holds. What few lines have is
    kept by their place in the block.
    """

    times: list[tuple[str, int]]
    attempts: list[tuple[int, int]]
    levels: list[tuple[str | None, int]]
    streams: list[tuple[str, int]]
    sent_at: dict[int, str]
    fields: dict[int, str]
    raw: dict[int, str]  # texts with escapes or controls in them
    colours: dict[int, str]  # in force at the start of a line

    @classmethod
    def of(cls, rows: Sequence[Stored], texts: Sequence[str], colours: Colours) -> _Rest:
        """`texts`: their plain ones; `colours` is moved on past them."""
        starts = [colours.pass_line(row.attempt, row.stream, row.text) for row in rows]
        return cls(
            _runs(row.time for row in rows),
            _runs(row.attempt for row in rows),
            _runs(row.level for row in rows),
            _runs(row.stream for row in rows),
            {place: row.sent_at for place, row in enumerate(rows) if row.sent_at is not None},
            {place: row.fields for place, row in enumerate(rows) if row.fields is not None},
            {place: row.text for place, row in enumerate(rows) if row.text != texts[place]},
            {place: start for place, start in enumerate(starts) if start},
        )


_unpack = msgspec.msgpack.Decoder(_Rest).decode


def _decompress(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompress(data)


class Block:
    """`text` is the plain text of its lines in UTF-8, joined by LF; places count from 0."""

    id: int | None = None  # of the chunk that it is, as it was sealed

    def __init__(self, facts: Facts, text: bytes, rest: Callable[[], _Rest]) -> None:
        self.facts = facts
        self._text = text
        self._read_rest = rest

    @property
    def text(self) -> bytes:
        return self._text

    @cached_property
    def _rest(self) -> _Rest:
        """Read when it is first needed: a search mostly needs the text alone."""
        return self._read_rest()

    def __len__(self) -> int:
        return self.facts.last - self.facts.first + 1

    @classmethod
    def of(cls, rows: Sequence[Stored], colours: Colours) -> Block:
        """Rows, at least one, whose numbers have no gap; `colours` is moved on past them."""
        texts = [plain(row.text) for row in rows]
        rest = _Rest.of(rows, texts, colours)
        text = "\n".join(texts).encode()
        times = [time for time, _ in rest.times]
        levels = level_bits(level for level, _ in rest.levels)
        facts = Facts(rows[0].n, rows[-1].n, min(times), max(times), levels, len(text))
        return cls(facts, text, lambda: rest)

    @classmethod
    def of_rows(
        cls,
        place: tuple[int, int, str, str],
        raw: bytes,
        read: Callable[[], tuple[Sequence[Stored], Colours]],
    ) -> Block:
        """The same of rows whose texts alone were read, joined by LF as `raw`.

        `place`: first and last number, first and last time. `read` reads the rows, if need be.
        """
        text = raw
        if _CONTROL.search(raw):
            text = "\n".join(map(plain, raw.decode().split("\n"))).encode()

        def rest() -> _Rest:
            rows, colours = read()
            return _Rest.of(rows, text.decode().split("\n"), colours)

        return cls(Facts(*place, _ANY_LEVEL, len(text)), text, rest)

    def compressed(self) -> tuple[bytes, bytes]:
        """Its text and all else, as a chunk stores them."""
        compress = zstandard.ZstdCompressor(_COMPRESSION).compress
        return compress(self.text), compress(_pack(self._rest))

    @classmethod
    def of_chunk(cls, id: int, facts: Facts, read: Callable[[], tuple[bytes, bytes]]) -> Block:
        """The same back again."""
        return _Chunk(id, facts, read)

    def prefetch(self) -> None:
        """Read it, and begin to make its text, which will be needed."""

    def places(self, wanted: Wanted) -> Sequence[int]:
        """Where its wanted lines are, ascending."""
        facts = self.facts
        chosen: Sequence[int] = range(
            max(0, wanted.first - facts.first), min(len(self), wanted.last - facts.first + 1)
        )
        if wanted.levels and facts.levels & ~level_bits(wanted.levels):
            chosen = _among(chosen, self._rest.levels, lambda level: level in wanted.levels)
        if wanted.streams:
            chosen = _among(chosen, self._rest.streams, lambda stream: stream in wanted.streams)
        if facts.min_time < wanted.since or facts.max_time >= wanted.until:
            chosen = _among(
                chosen, self._rest.times, lambda time: wanted.since <= time < wanted.until
            )
        return chosen

    def times(self) -> list[str]:
        """The times of all its lines."""
        return [time for time, count in self._rest.times for _ in range(count)]

    def text_at(self, places: Sequence[int]) -> bytes:
        """The plain text of the lines at some places, joined by LF."""
        lines = self.text.split(b"\n")
        return b"\n".join([lines[place] for place in places])

    def lines(self, places: Iterable[int]) -> Iterator[LogLine]:
        """The lines at some places."""
        rest, first = self._rest, self.facts.first
        texts = self.text.decode().split("\n")
        times, attempts = _Column(rest.times), _Column(rest.attempts)
        levels, streams = _Column(rest.levels), _Column(rest.streams)
        for place in places:
            line = LogLine(
                first + place,
                times.at(place),
                levels.at(place),
                streams.at(place),
                rest.raw.get(place) or texts[place],
                attempts.at(place),
                rest.sent_at.get(place),
                rest.colours.get(place, ""),
            )
            if place in rest.fields:
                line.fields = msgspec.Raw(rest.fields[place])
            yield line

    def rows(self) -> list[Stored]:
        """All its lines as rows."""
        return [
            Stored(
                line.n,
                line.attempt,
                line.time,
                line.sent_at,
                line.level,
                line.stream,
                line.text,
                None if line.fields is None else bytes(line.fields).decode(),
            )
            for line in self.lines(range(len(self)))
        ]


class _Chunk(Block):
    """Decompressed where it is needed; beforehand, on another thread, where that is known."""

    def __init__(self, id: int, facts: Facts, read: Callable[[], tuple[bytes, bytes]]) -> None:
        self.id = id
        self.facts = facts
        self._read = read
        self._coming: Future[bytes] | None = None

    @cached_property
    def _data(self) -> tuple[bytes, bytes]:
        return self._read()

    @cached_property
    def text(self) -> bytes:
        return _decompress(self._data[0]) if self._coming is None else self._coming.result()

    @cached_property
    def _rest(self) -> _Rest:
        return _unpack(_decompress(self._data[1]))

    def prefetch(self) -> None:
        self._coming = _DECOMPRESSING.submit(_decompress, self._data[0])


def ahead(blocks: Iterable[Block], misses: Container[int]) -> Iterator[Block]:
    """The same, while the next ones are prefetched: decompressing takes longer than most searches.

    Only that: what holds Python's lock would not be any quicker on two threads. `misses`: chunks
    that will not be opened.
    """
    waiting: deque[Block] = deque()
    for block in blocks:
        if block.id not in misses:
            block.prefetch()
        waiting.append(block)
        if len(waiting) > AHEAD:
            yield waiting.popleft()
    yield from waiting


class _Column:
    """Looks up a column of runs by place."""

    __slots__ = ("_ends", "_values")

    def __init__(self, runs: Iterable[tuple[Any, int]]) -> None:
        self._values: list[Any] = []
        self._ends: list[int] = []
        end = 0
        for value, count in runs:
            end += count
            self._values.append(value)
            self._ends.append(end)

    def at(self, place: int) -> Any:
        return self._values[bisect_right(self._ends, place)]


def _among(
    places: Sequence[int], runs: Iterable[tuple[Any, int]], wanted: Callable[[Any], bool]
) -> Sequence[int]:
    """Those of some places at which a column has a wanted value."""
    found: list[int] = []
    start = 0
    for value, count in runs:
        if wanted(value):
            found += range(start, start + count)
        start += count
    if len(found) == start:
        return places
    known = set(found)
    return [place for place in places if place in known]


def _runs(values: Iterable[Any]) -> list[tuple[Any, int]]:
    return [(value, sum(1 for _ in group)) for value, group in groupby(values)]


def level_bits(levels: Iterable[str | None]) -> int:
    """A bit for each level; the lowest is for lines without one."""
    return sum(1 << (0 if level is None else LEVELS.index(level) + 1) for level in set(levels))
