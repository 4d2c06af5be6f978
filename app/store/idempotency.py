"""Answers kept so that a retried request changes nothing and is answered as the first was."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

import msgspec

from app.errors import Unprocessable
from app.store.sql import Queries

_sql = Queries("idempotency")


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """``fingerprint`` is a hash of method, path and body: the key may not be used for another."""

    key: str
    fingerprint: str


def recall(connection: sqlite3.Connection, key: IdempotencyKey) -> tuple[bool, Any]:
    """(known, stored answer). Raises Unprocessable when the key belongs to another request."""
    row = connection.execute(_sql.find_key, (key.key,)).fetchone()
    if row is None:
        return False, None
    if row[0] != key.fingerprint:
        raise Unprocessable("problem.key_reused")
    return True, msgspec.json.decode(row[1])


def remember(connection: sqlite3.Connection, key: IdempotencyKey, answer: Any, now: str) -> None:
    text = msgspec.json.encode(answer).decode()
    connection.execute(_sql.insert_key, (key.key, key.fingerprint, text, now))
