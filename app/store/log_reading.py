"""Reads one log by number, level, stream, time and text.

Whatever may have to look at many lines does so in steps of a fraction of a second, each in a
snapshot of its own: no reader is kept from others, and nobody works for a client who has left.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import msgspec

from app.ansi import plain
from app.event import LogLine
from app.models import LineFilter, LogFilter, LogQuery, rfc3339
from app.rules.task import TERMINAL
from app.store import tasks
from app.store.events import cursor_of, epoch_of
from app.store.log_block import EVERY, Block, Wanted, ahead
from app.store.log_chunks import blocks, place_of, read_range
from app.store.log_misses import Misses, misses_of
from app.store.matching import Count, Matcher, matcher

STEP = 0.25  # seconds of looking in one snapshot
PIECE = 1000  # lines of a download read at once, about


class Sought(NamedTuple):
    """What a query asks for: facts about a line, and a text in it."""

    wanted: Wanted
    text: Matcher | None

    @property
    def all(self) -> bool:
        """Whether nothing but the number matters."""
        return self.wanted.all and self.text is None

    def between(self, first: int, last: int | None) -> Sought:
        """The same, but only among the lines with these numbers; None: to the end."""
        last = EVERY if last is None else last
        return self._replace(wanted=msgspec.structs.replace(self.wanted, first=first, last=last))


def sought(query: LineFilter) -> Sought:
    """Raises Unprocessable when the text is not one to look for."""
    wanted = Wanted(
        levels=tuple(query.level),
        streams=tuple(query.stream),
        since="" if query.since is None else rfc3339(query.since),
        until="~" if query.until is None else rfc3339(query.until),
    )
    return Sought(wanted, matcher_of(query, "q"))


def matcher_of(query: LineFilter, field: Literal["q", "mark"]) -> Matcher | None:
    """What finds that text of the query. Raises Unprocessable."""
    text: str | None = getattr(query, field)
    if not text:
        return None
    return matcher(text, ignore_case=query.ignore_case, regex=query.regex, field=field)


class Deadline:
    """True once a step has taken its time."""

    def __init__(self) -> None:
        self._end = time.monotonic() + STEP

    def __bool__(self) -> bool:
        return time.monotonic() > self._end


@dataclass(frozen=True, slots=True)
class Look:
    """Lines of a log to look at in one go, from number `first` to `last`.

    Those at `places` of the block pass all filters but the text's; `data` is their plain text.
    `misses`: where to remember that none has the text, if they are a whole chunk.
    """

    first: int
    last: int
    block: Block
    places: Sequence[int]
    data: bytes
    text: Matcher | None
    misses: Misses | None = None

    def count(self) -> Count:
        """How many of the lines match, and how often they have the text."""
        if self.text is None or not self.places:
            return Count(len(self.places), 0)
        count = self.text.count(self.data)
        if not count.lines:
            self._remember()
        return count

    def matching(self) -> Sequence[int]:
        """Where in the block they are."""
        if self.text is None or not self.places:
            return self.places
        found = self.text.lines(self.data)
        if not found:
            self._remember()
        return [self.places[index] for index in found]

    def _remember(self) -> None:
        if self.misses is not None and self.block.id is not None:
            self.misses.add(self.block.id)


def looks(
    connection: sqlite3.Connection, task_id: int, sought: Sought, *, newest_first: bool = False
) -> Iterator[Look]:
    """All wanted lines; what cannot hold any is left out.

    A snapshot is needed for as long as this runs.
    """
    found = blocks(connection, task_id, sought.wanted, newest_first=newest_first)
    misses = known_misses(connection, sought)
    for block in found if sought.text is None else ahead(found, misses):
        parts = parts_of(block, sought, misses)
        yield from reversed(list(parts)) if newest_first else parts


def known_misses(connection: sqlite3.Connection, sought: Sought) -> Misses:
    """Chunks without the text, as far as it was looked for."""
    return set() if sought.text is None else misses_of(epoch_of(connection), sought.text)


def parts_of(block: Block, sought: Sought, misses: Misses) -> Iterator[Look]:
    """A block in parts that even the slowest pattern can be found in quickly."""
    wanted, text = sought
    facts, places = block.facts, block.places(wanted)
    first, last = max(wanted.first, facts.first), min(wanted.last, facts.last)
    if text is None or not places:
        yield Look(first, last, block, places, b"", text)
        return
    if block.id in misses:
        yield Look(first, last, block, (), b"", text)
        return
    whole = len(places) == len(block)
    data = block.text if whole else block.text_at(places)
    while (end := _cut(data, text.step)) < len(data):
        part, data = data[:end], data[end + 1 :]
        count = part.count(b"\n") + 1
        upto = facts.first + places[count] - 1
        yield Look(first, upto, block, places[:count], part, text)
        first, places, whole = upto + 1, places[count:], False
    yield Look(first, last, block, places, data, text, misses if whole else None)


def _cut(data: bytes, size: int) -> int:
    """Where the last line ends that is in the first `size` bytes, or else the first line."""
    if len(data) <= size:
        return len(data)
    end = data.rfind(b"\n", 0, size)
    if end < 0:
        end = data.find(b"\n", size)
    return end if end >= 0 else len(data)


class Reading:
    """One answer of `GET /api/tasks/ID/logs`."""

    def __init__(self, task_id: int, query: LogQuery) -> None:
        """Raises Unprocessable when a text is not one to look for."""
        self._task_id = task_id
        self._newest = query.tail is not None
        self._missing = query.limit if query.tail is None else query.tail
        self._sought = sought(query).between(query.from_ or 1, query.to)
        self._mark = matcher_of(query, "mark")
        self._found: list[list[LogLine]] = []
        self._answer: dict[str, Any] = {}

    @property
    def quick(self) -> bool:
        """Whether it is found in one step."""
        return self._sought.all

    def step(self, connection: sqlite3.Connection) -> dict[str, Any] | None:
        """The answer, or None when it takes another step. Raises NotFound."""
        if not self._answer:
            self._begin(connection)
        if not (self._take_range(connection) if self.quick else self._look(connection)):
            return None
        parts = reversed(self._found) if self._newest else self._found
        lines = [line for part in parts for line in part]
        if self._mark is not None:
            for line in lines:
                line.hits = self._mark.spans(plain(line.text)) or None
        return self._answer | {"lines": lines}

    def _begin(self, connection: sqlite3.Connection) -> None:
        task = tasks.get(connection, self._task_id)
        self._answer = {
            "first": place_of(connection, task.id).first,
            "total": task.last_line,
            "ended": task.status in TERMINAL,
            "cursor": cursor_of(connection),
        }
        # What comes while it looks is told by the events after that cursor.
        self._narrow(1, task.last_line)

    def _narrow(self, first: int, last: int) -> None:
        wanted = self._sought.wanted
        self._sought = self._sought.between(max(wanted.first, first), min(wanted.last, last))

    def _take_range(self, connection: sqlite3.Connection) -> bool:
        # Numbers have no gaps but for what retention removed.
        first, last = (
            max(self._sought.wanted.first, self._answer["first"]),
            self._sought.wanted.last,
        )
        if self._newest:
            first = max(first, last - self._missing + 1)
        else:
            last = min(last, first + self._missing - 1)
        if first <= last:
            self._found.append(read_range(connection, self._task_id, first, last))
        return True

    def _look(self, connection: sqlite3.Connection) -> bool:
        """Whether all was found that is wanted."""
        deadline = Deadline()
        for look in looks(connection, self._task_id, self._sought, newest_first=self._newest):
            if not self._missing:
                break
            found = look.matching()
            found = found[-self._missing :] if self._newest else found[: self._missing]
            if found:
                self._found.append(list(look.block.lines(found)))
                self._missing -= len(found)
            if deadline:
                if self._newest:
                    self._narrow(1, look.first - 1)
                else:
                    self._narrow(look.last + 1, EVERY)
                return False
        return True


def read(connection: sqlite3.Connection, task_id: int, query: LogQuery) -> dict[str, Any]:
    """The answer in one snapshot, however long it takes. Raises NotFound, Unprocessable."""
    reading = Reading(task_id, query)
    while (answer := reading.step(connection)) is None:
        pass
    return answer


def piece(
    connection: sqlite3.Connection, task_id: int, query: LogFilter, first: int
) -> tuple[list[LogLine], int | None]:
    """Some of the lines from number `first` on, and where to go on: None at the end.

    One call looks for a bounded time, so there may be none although there are more. Raises NotFound
    when the task was deleted meanwhile, as its lines are going then.
    """
    tasks.get(connection, task_id)
    what = sought(query).between(first, query.to)
    if what.all:
        first = max(first, place_of(connection, task_id).first)
        upto = min(what.wanted.last, first + PIECE - 1)
        lines = read_range(connection, task_id, first, upto)
        return lines, None if not lines or upto == what.wanted.last else lines[-1].n + 1
    lines = []
    deadline = Deadline()
    for look in looks(connection, task_id, what):
        if found := look.matching():
            lines += look.block.lines(found)
        if len(lines) >= PIECE or deadline:
            return lines, look.last + 1
    return lines, None
