"""Tasks in the database: read a row, apply what a rule decided, emit the one event it gives."""

from __future__ import annotations

import sqlite3
from functools import lru_cache
from typing import Any

from app.errors import NotFound
from app.rules.lifecycle import decide_delete
from app.rules.task import STATUSES, Decision, Task, event_data, task_json
from app.store.sql import Queries
from app.store.transaction import Transaction

_sql = Queries("tasks")
COLUMNS = Task.__struct_fields__
MAX_ID = 2**63 - 1

_get = _sql.get_task.replace("/* columns */", _sql.columns)
# The id is the database's to give, the rest is ours.
_insert = _sql.insert_task.replace("/* columns */", ", ".join(COLUMNS[1:])).replace(
    "/* values */", ", ".join("?" * len(COLUMNS[1:]))
)


def find(connection: sqlite3.Connection, task_id: int) -> Task | None:
    """The whole task, None when there is none of that id."""
    # An id above what SQLite holds is simply a task that does not exist.
    if task_id > MAX_ID:
        return None
    row = connection.execute(_get, (task_id,)).fetchone()
    return None if row is None else Task(*row)


def get(connection: sqlite3.Connection, task_id: int) -> Task:
    """The whole task. Raises NotFound."""
    task = find(connection, task_id)
    if task is None:
        raise NotFound("problem.no_task", id=str(task_id)[:30])
    return task


def current(tx: Transaction, task_id: int) -> Task:
    """The same inside a write, where what this writer last stored need not be read again."""
    task: Task | None = tx.known.tasks.get(task_id)
    return get(tx.connection, task_id) if task is None else task


def _know(tx: Transaction, task: Task) -> None:
    """Remember what was stored, unless it is large."""
    if len(task.payload or "") + len(task.result or "") + len(task.error or "") < 4096:
        tx.known.tasks[task.id] = task
    else:
        tx.known.tasks.pop(task.id, None)


def exists(connection: sqlite3.Connection, task_id: int) -> bool:
    """Whether there is a task of that id."""
    return find(connection, task_id) is not None


def insert(tx: Transaction, decision: Decision) -> Task:
    """Store a new task and tell of it; returns it with its id."""
    task = decision.task
    values = [getattr(task, column) for column in COLUMNS[1:]]
    task.id = tx.connection.execute(_insert, values).lastrowid or 0
    tx.emit(
        "TASK_CREATED",
        f"Task #{task.id} {decision.message}",
        task_json(task, tx.now, whole=False),
        task_id=task.id,
        queue=task.queue,
        lifecycle=decision.lifecycle,
    )
    return task


def apply(tx: Transaction, decision: Decision) -> Task:
    """Store what was decided and emit its event, if it has one; returns the task as it is now."""
    task, changes = decision.task, decision.changes
    if changes:
        tx.connection.execute(_update(tuple(changes)), (*changes.values(), task.id))
        _know(tx, task)
    if decision.event is not None:
        tx.emit(
            decision.event,
            f"Task #{task.id} {decision.message}",
            event_data(decision),
            task_id=task.id,
            queue=task.queue,
            lifecycle=decision.lifecycle,
        )
    return task


def delete(tx: Transaction, task_id: int) -> None:
    """Remove a task; its log lines are left for the background. Raises NotFound."""
    decision = decide_delete(get(tx.connection, task_id), tx.now)
    tx.connection.execute(_sql.delete_task, (task_id,))
    tx.known.tasks.pop(task_id, None)
    tx.known.log_ends.pop(task_id, None)
    tx.connection.execute(_sql.note_deleted, (task_id,))
    tx.emit(
        "TASK_DELETED",
        f"Task #{task_id} {decision.message}",
        event_data(decision),
        task_id=task_id,
        queue=decision.task.queue,
        lifecycle=True,
    )


def counts(connection: sqlite3.Connection) -> dict[str, int]:
    """How many tasks there are of each status, all six always named."""
    found: dict[str, int] = dict(connection.execute(_sql.count_by_status).fetchall())
    return {status: found.get(status, 0) for status in STATUSES}


def queues(connection: sqlite3.Connection) -> list[str]:
    """The names of all queues that have tasks, sorted."""
    rows: list[tuple[Any, ...]] = connection.execute(_sql.list_queues).fetchall()
    return [str(name) for (name,) in rows]


@lru_cache(maxsize=512)
def _update(columns: tuple[str, ...]) -> str:
    """The statement that sets just these columns: few sets occur, and SQLite keeps each compiled.

    Indexed columns that do not change stay out of it, or their indexes would be rewritten.
    """
    assignments = ", ".join(f"{column} = ?" for column in columns)
    return _sql.update_task.replace("/* assignments */", assignments)
