"""Named SQL from ``db/queries/*.sql``: each statement follows a line ``-- name: the_name``."""

from __future__ import annotations

import re

from app.resources import SQL

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


class Queries:
    """``Queries("tasks").insert_task`` is the statement of that name in ``tasks.sql``."""

    def __init__(self, file: str) -> None:
        parts = _NAME.split((SQL / "queries" / f"{file}.sql").read_text())
        self._file = file
        self._statements = {
            name: text.strip().removesuffix(";")
            for name, text in zip(parts[1::2], parts[2::2], strict=True)
        }

    def __getattr__(self, name: str) -> str:
        try:
            return self._statements[name]
        except KeyError:
            raise AttributeError(f"db/queries/{self._file}.sql has no statement {name!r}") from None
