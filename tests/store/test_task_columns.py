"""The columns the store selects are the fields of a Task, in their order, and all of the table."""

from __future__ import annotations

import sqlite3

from app.rules.task import Task
from app.store.migrations import migrate
from app.store.sql import Queries

FIELDS = list(Task.__struct_fields__)
_sql = Queries("tasks")


def _names(columns: str) -> list[str]:
    return [name.strip() for name in columns.replace("\n", " ").split(",")]


def test_columns_are_the_fields() -> None:
    assert _names(_sql.columns) == FIELDS
    large = {"payload", "result"}
    expected = ["NULL" if name in large else name for name in FIELDS]
    assert _names(_sql.list_columns) == expected


def test_the_table_has_no_others() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    rows = connection.execute("PRAGMA table_info(tasks)").fetchall()
    connection.close()
    assert {name for _, name, *_ in rows} == set(FIELDS)
