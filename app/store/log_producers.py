"""What the producers of logs have delivered: so that what is sent again is not stored again.

Each attempt of a task begins a new numbering. Who does not say which attempt it is about and sends
a number that was used in an earlier one may mean either: that is refused, as it cannot be known.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from app.catalogue import Text
from app.errors import Refused
from app.models import LogLineIn
from app.rules.lines import Numbering
from app.rules.task import Task
from app.store.sql import Queries

_sql = Queries("logs")
_decode_numbers = msgspec.json.Decoder(dict[int, int]).decode

ALL = 0  # attempts: of what is known by an Idempotency-Key


class _Row(NamedTuple):
    attempt: int
    batch: int
    lines: str
    earlier_batch: int
    earlier_line: int


class Delivered:
    """What a producer has delivered in one attempt: its last batch, and which lines its newest are.

    `attempt` is as the producer gives it.
    """

    def __init__(
        self, connection: sqlite3.Connection, task: Task, producer: str, attempt: int | UnsetType
    ) -> None:
        self.batch = 0
        self.numbering = Numbering()
        self._connection = connection
        self._task = task
        self._producer = producer
        self._said = attempt is not UNSET
        self._attempt = task.attempt if attempt is UNSET else attempt
        self._earlier_batch = self._earlier_line = 0  # the highest of earlier attempts
        found = connection.execute(_sql.get_producer, (task.id, producer)).fetchone()
        if found is None:
            return
        row = _Row(*found)
        numbers = _decode_numbers(row.lines)
        if row.attempt == self._attempt:
            self.batch, self.numbering = row.batch, Numbering(numbers)
            self._earlier_batch, self._earlier_line = row.earlier_batch, row.earlier_line
        else:
            self._earlier_batch = max(row.batch, row.earlier_batch)
            self._earlier_line = max([row.earlier_line, *numbers])

    def has(self, batch: int | None) -> bool:
        """Whether it has that batch. Raises Refused when that cannot be known."""
        if batch is None:
            return False
        if not self._said and batch <= self._earlier_batch:
            raise self._unclear(Text("problem.sent.batch", batch=batch))
        return batch <= self.batch

    def check(self, lines: Iterable[LogLineIn]) -> None:
        """Raises Refused when it cannot be known whether such lines are new."""
        if self._said or not self._earlier_line:
            return
        for line in lines:
            if line.line is not None and line.line <= self._earlier_line:
                raise self._unclear(Text("problem.sent.line", line=line.line))

    def next_turn(self) -> int:
        """A batch number above all. Raises Refused when it cannot be known what goes on here."""
        if not self._said and self._earlier_batch:
            raise self._unclear(Text("problem.sent.part"))
        return max(self.batch, self._earlier_batch) + 1

    def _unclear(self, what: Text) -> Refused:
        task = self._task
        return Refused("problem.unclear_attempt", what=what, id=task.id, attempt=task.attempt)

    def store(self, batch: int | None) -> None:
        """Its lines are stored, and with them a batch, if they are one."""
        values = (
            self._task.id,
            self._producer,
            self._attempt,
            self.batch if batch is None else batch,
            msgspec.json.encode(self.numbering.trim()).decode(),
            self._earlier_batch,
            self._earlier_line,
        )
        self._connection.execute(_sql.put_producer, values)

    def forget(self) -> None:
        """It sends nothing any more."""
        self._connection.execute(_sql.delete_producer, (self._task.id, self._producer))
