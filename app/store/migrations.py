"""Brings a database file to the newest schema at start; ``user_version`` says how far it is."""

from __future__ import annotations

import sqlite3

from app.resources import SQL


class SchemaTooNew(Exception):
    """The file was written by a newer LiveQueue."""


def migrate(connection: sqlite3.Connection) -> None:
    """Apply every ``db/migrations/NNNN_*.sql`` the file does not have yet, each in a transaction.

    Raises SchemaTooNew when the file's version is higher than the newest migration.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    steps = sorted((SQL / "migrations").glob("[0-9]*.sql"))
    newest = int(steps[-1].name[:4])
    if version > newest:
        raise SchemaTooNew(
            f"the database file has schema {version}, this LiveQueue knows {newest}: "
            "start the newer version, or choose another file with --db"
        )
    for step in steps:
        number = int(step.name[:4])
        if number > version:
            connection.executescript(
                f"BEGIN IMMEDIATE;\n{step.read_text()}\nPRAGMA user_version = {number};\nCOMMIT;"
            )
