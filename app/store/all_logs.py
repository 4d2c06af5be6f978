"""The lines of all logs in one order, in pages from either end.

The order is that of (time, task, n), written `TIME,TASK,N`. It never changes: a line keeps its
time, and whatever is stored later has a later one. A page merges chunks and rows, opening what
comes first; a line is on it once nothing unopened can come before it.
"""

from __future__ import annotations

import re
import sqlite3
from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from datetime import datetime
from operator import gt, lt
from typing import Any, NamedTuple

import msgspec

from app.ansi import plain
from app.errors import Unprocessable
from app.event import LogLine
from app.models import AllLogsQuery, rfc3339
from app.store.clock import MILLISECOND
from app.store.events import cursor_of
from app.store.log_block import AHEAD, EVERY, Block, level_bits
from app.store.log_chunks import open_chunk, open_rows
from app.store.log_misses import Misses
from app.store.log_reading import Deadline, known_misses, matcher_of, parts_of, sought
from app.store.log_search import among
from app.store.sql import Queries

_sql = Queries("logs")

FEW_ROWS, MANY_ROWS = 32, 1000  # of one log read at once: at first, and at most
_KEY = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z),(\d{1,19}),(\d{1,19})", re.ASCII)


class Key(NamedTuple):
    """The place of a line among all."""

    time: str
    task: int
    n: int

    def __str__(self) -> str:
        return ",".join(map(str, self))


FIRST, LAST = Key("0001-01-01T00:00:00.000Z", 0, 0), Key("9999-12-31T23:59:59.999Z", EVERY, EVERY)


def parse_key(field: str, text: str) -> Key:
    """Raises Unprocessable that names the field."""
    found = _KEY.fullmatch(text)
    if found is None:
        raise Unprocessable.field(field, "limit.place")
    return Key(found.group(1), int(found.group(2)), int(found.group(3)))


def end_of(connection: sqlite3.Connection) -> datetime:
    """Just after the newest line there is."""
    newest = connection.execute(_sql.newest_time).fetchone()[0] or FIRST.time
    return datetime.fromisoformat(newest) + MILLISECOND


class _Chunk(NamedTuple):
    bound: Key  # no line of it comes before
    id: int
    task: int
    block: Block


class _Rows(NamedTuple):
    bound: Key
    task: int
    first: int
    last: int
    size: int  # how many to read at once


_Source = _Chunk | _Rows


class Page:
    """One answer of `GET /api/logs`: back from a place (at first the newest), or on from one."""

    def __init__(self, query: AllLogsQuery) -> None:
        """Raises Unprocessable when something of the query cannot be understood."""
        self._query = query
        self._sought = sought(query)
        self._mark = matcher_of(query, "mark")
        self._back = query.after is None
        # Whether one key comes before another on the way this page goes.
        self._before: Callable[[Key, Key], bool] = gt if self._back else lt
        self._start = self._first_place()
        self._found: dict[Key, LogLine] = {}
        self._keys: list[Key] = []  # of what is found, ascending
        self._left_out = False  # lines were found for which there is no room
        self._opened: set[int] = set()  # chunks
        self._read: dict[int, Key] = {}  # how far rows were read, by task
        self._searched = 0
        self._cursor = ""
        self._misses: Misses = set()
        self._newest = ""
        self._batch = FEW_ROWS if self._sought.text is None else MANY_ROWS

    def _first_place(self) -> Key:
        query = self._query
        if query.after is not None:
            start = parse_key("after", query.after)
            return start if query.since is None else max(start, Key(rfc3339(query.since), 0, 0))
        start = LAST if query.before is None else parse_key("before", query.before)
        return start if query.until is None else min(start, Key(rfc3339(query.until), 0, 0))

    @property
    def quick(self) -> bool:
        """Whether it need not look for anything."""
        return self._sought.all

    def step(self, connection: sqlite3.Connection) -> dict[str, Any] | None:
        """The answer, or None when it takes another step.

        A page is cut short when time is up, unless the next one would start at the same place.
        """
        if not self._cursor:
            self._cursor = cursor_of(connection)
            self._misses = known_misses(connection, self._sought)
            self._newest = connection.execute(_sql.newest_time).fetchone()[0] or FIRST.time
        deadline = Deadline()
        opened = False
        with closing(self._chunks(connection)) as chunks:
            chunk = next(chunks, None)
            rows = self._rows(connection)
            while True:
                source = self._next_source(chunk, rows)
                farthest = self._farthest()
                if source is None:
                    edge = farthest if self._left_out else None
                    return self._answer(connection, self._keys, edge)
                bound = source.bound
                if farthest is not None and self._before(farthest, bound):
                    return self._answer(connection, self._keys, farthest)
                if opened and deadline:
                    edge = self._just_before(bound)
                    if not self._before(self._start, edge):
                        return None
                    settled = [key for key in self._keys if self._before(key, bound)]
                    return self._answer(connection, settled, edge)
                opened = True
                if isinstance(source, _Chunk):
                    self._opened.add(source.id)
                    self._take(source.task, source.block)
                    chunk = next(chunks, None)
                else:
                    rows.pop(-1 if self._back else 0)
                    self._open_rows(connection, source, rows)

    # What there is to open

    def _chunks(self, connection: sqlite3.Connection) -> Generator[_Chunk]:
        """In the order of their bounds; to be searched, some of them are prefetched."""
        statement = _sql.chunks_back_from if self._back else _sql.chunks_on_from
        waiting: deque[_Chunk] = deque()
        ahead = 0 if self._sought.text is None else AHEAD
        with closing(connection.execute(statement, self._parameters())) as cursor:
            for id, *bound in cursor:
                if id in self._opened:
                    continue
                chunk = _Chunk(self._clip(Key(*bound)), id, *open_chunk(connection, id))
                if ahead and chunk.block.id not in self._misses:
                    chunk.block.prefetch()
                waiting.append(chunk)
                if len(waiting) > ahead:
                    yield waiting.popleft()
            yield from waiting

    def _rows(self, connection: sqlite3.Connection) -> list[_Rows]:
        """Of each log at most one source, ascending."""
        found: list[_Rows] = []
        for task, first, last, oldest, newest in connection.execute(
            _sql.open_logs, self._parameters()
        ).fetchall():
            rows = self._rows_of(connection, task, first, last, oldest, newest)
            if rows is not None:
                found.append(rows)
        return sorted(found)

    def _rows_of(
        self,
        connection: sqlite3.Connection,
        task: int,
        first: int,
        last: int,
        oldest: str,
        newest: str,
    ) -> _Rows | None:
        """Those that come after the start of the page and were not read yet."""

        def time(n: int) -> str:
            return str(connection.execute(_sql.time_of_row, (task, n)).fetchone()[0])

        start, read = self._start, self._read.get(task)
        if self._back:
            if read is not None:
                last, newest = read.n - 1, read.time
            if first > last or oldest > start.time or newest < self._sought.wanted.since:
                return None
            if newest > start.time:
                last = first - 1 + bisect_right(range(first, last + 1), start.time, key=time)
                newest = start.time
            return _Rows(self._clip(Key(newest, task, last)), task, first, last, self._batch)
        if read is not None:
            first, oldest = read.n + 1, read.time
        if first > last or newest < start.time or oldest >= self._sought.wanted.until:
            return None
        if oldest < start.time:
            first += bisect_left(range(first, last + 1), start.time, key=time)
            oldest = start.time
        return _Rows(self._clip(Key(oldest, task, first)), task, first, last, self._batch)

    def _parameters(self) -> dict[str, Any]:
        query = self._query
        return {
            "time": self._start.time,
            "until": "~" if query.until is None else rfc3339(query.until),
            "levels": level_bits(query.level) or -1,
            **among(query),
        }

    def _next_source(self, chunk: _Chunk | None, rows: Sequence[_Rows]) -> _Source | None:
        best: _Source | None = None
        if rows:
            best = rows[-1 if self._back else 0]
        if chunk is not None and (best is None or self._before(chunk.bound, best.bound)):
            best = chunk
        return best

    def _clip(self, bound: Key) -> Key:
        """Nothing counts that comes before the start of the page."""
        return (min if self._back else max)(bound, self._start)

    # Taking lines out of it

    def _open_rows(self, connection: sqlite3.Connection, source: _Rows, rows: list[_Rows]) -> None:
        """Take the next rows of a log, and put the rest of them back among the sources."""
        _, task, first, last, size = source
        if self._back:
            first = max(first, last - size + 1)
        else:
            last = min(last, first + size - 1)
        block = open_rows(connection, task, first, last)
        if block is None:
            return
        self._take(task, block)
        if self._back:
            self._read[task] = Key(block.facts.min_time, task, first)
            bound, first, last = Key(block.facts.min_time, task, first - 1), source.first, first - 1
        else:
            self._read[task] = Key(block.facts.max_time, task, last)
            bound, first, last = Key(block.facts.max_time, task, last + 1), last + 1, source.last
        if first <= last:
            size = min(4 * size, MANY_ROWS)
            insort(rows, _Rows(self._clip(bound), task, first, last, size))

    def _take(self, task: int, block: Block) -> None:
        """Those of its lines that are nearest to the start of the page."""
        self._searched += len(block)
        places = [
            place
            for part in parts_of(block, self._sought, self._misses)
            for place in part.matching()
        ]
        if not places:
            return
        first, times = block.facts.first, block.times()

        def key(place: int) -> Key:
            return Key(times[place], task, first + place)

        limit, farthest = self._query.limit, self._farthest()
        # What lies between the start of the page and the farthest line that there is room for.
        low, high = (farthest, self._start) if self._back else (self._start, farthest)
        start = 0 if low is None else bisect_right(places, low, key=key)
        end = len(places) if high is None else bisect_left(places, high, key=key)
        taken = places[start:end][-limit:] if self._back else places[start:end][:limit]
        if len(taken) < (end if self._back else len(places) - start):
            self._left_out = True
        for place, line in zip(taken, block.lines(taken), strict=True):
            line.task_id = task
            if key(place) not in self._found:
                insort(self._keys, key(place))
            self._found[key(place)] = line
        while len(self._keys) > limit:
            self._left_out = True
            del self._found[self._keys.pop(0 if self._back else -1)]

    def _farthest(self) -> Key | None:
        """The last line of the page, once it is full."""
        if len(self._keys) < self._query.limit:
            return None
        return self._keys[0 if self._back else -1]

    def _just_before(self, bound: Key) -> Key:
        """From there on the way goes on with `bound`."""
        return Key(bound.time, bound.task, bound.n + (1 if self._back else -1))

    def _turned(self) -> Key:
        """From there the other way is all that this page does not go over."""
        time, task, n = self._start
        return Key(time, task, max(0, n - 1) if self._back else n + 1)

    def _answer(
        self, connection: sqlite3.Connection, keys: list[Key], edge: Key | None
    ) -> dict[str, Any]:
        """`edge`: where to go on, None at the end."""
        lines = [self._found[key] for key in keys]
        if self._mark is not None:
            for line in lines:
                line.hits = self._mark.spans(plain(line.text)) or None
        # Whatever matches from here on is not there yet.
        newest = Key(self._newest, 0, 0)
        older: Key | None
        if self._back:
            older = edge
            newer = keys[-1] if keys else newest if self._start is LAST else self._turned()
        else:
            older = keys[0] if keys else self._turned()
            newer = edge or max([newest, self._start, *keys[-1:]])
        ids = msgspec.json.encode(sorted({key.task for key in keys})).decode()
        names = connection.execute(_sql.names_of_tasks, (ids,)).fetchall()
        return {
            "lines": lines,
            "older": None if older is None else str(older),
            "newer": str(newer),
            "searched": self._searched,
            "done": edge is None,
            "cursor": self._cursor,
            "tasks": {str(id): {"name": name, "queue": queue} for id, name, queue in names},
        }
