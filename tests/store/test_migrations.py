from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from app.resources import SQL
from app.store.migrations import SchemaTooNew, migrate


def objects(connection: sqlite3.Connection) -> list[tuple[str, ...]]:
    return connection.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"
    ).fetchall()


def test_the_migrations_lead_to_the_schema() -> None:
    migrated, declared = sqlite3.connect(":memory:"), sqlite3.connect(":memory:")
    migrate(migrated)
    declared.executescript((SQL / "schema.sql").read_text())
    assert objects(migrated) == objects(declared)
    for table in ("event_floor",):
        query = f"SELECT * FROM {table}"  # noqa: S608
        assert migrated.execute(query).fetchall() == declared.execute(query).fetchall()
    migrated.close()
    declared.close()


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "l.db")
    migrate(connection)
    before = objects(connection)
    migrate(connection)
    assert objects(connection) == before
    connection.close()


def test_a_file_of_a_newer_version_is_refused() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("PRAGMA user_version = 9999")
    with pytest.raises(SchemaTooNew, match="newer version"):
        migrate(connection)
    connection.close()
