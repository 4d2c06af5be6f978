"""The task list: filters, orders and keyset pages.

A page token is the sort key and id of the last row seen, so pages stay right while tasks are
added: nothing is skipped, nothing comes twice.
"""

from __future__ import annotations

import base64
import sqlite3
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import UNSET, Meta

from app.errors import Unprocessable
from app.models import BULK_LIMIT, BatchAction, TaskFilter, TaskQuery, rfc3339
from app.rules.task import Task
from app.store.sql import Queries

_sql = Queries("tasks")


class _Order(NamedTuple):
    """One sort: expressions over the columns (the last one unique), each with its direction."""

    keys: tuple[str, ...]
    descending: tuple[bool, ...]


_ORDERS = {
    "active": _Order(("active", "id"), (True, True)),
    "id": _Order(("id",), (False,)),
    "-id": _Order(("id",), (True,)),
    "name": _Order(("name", "id"), (False, False)),
    "-name": _Order(("name", "id"), (True, True)),
    "updated_at": _Order(("updated_at", "id"), (False, False)),
    "-updated_at": _Order(("updated_at", "id"), (True, True)),
    # An unknown progress sorts below 0.
    "progress": _Order(("coalesce(progress, -1)", "id"), (False, False)),
    "-progress": _Order(("coalesce(progress, -1)", "id"), (True, True)),
}

_POSSIBLE = {
    "cancel": "active AND NOT cancel_requested",
    "retry": "NOT active AND claimable",
    "delete": "1",
}

# What SQLite can compare with: an integer beyond 64 bits is an error there.
_Key = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | str | float


class Page(NamedTuple):
    """Rows of the list, and the token of the next page, None on the last."""

    tasks: list[Task]
    next: str | None


def page(connection: sqlite3.Connection, query: TaskQuery) -> Page:
    """One page of the list. Raises Unprocessable for a token that is not of this order."""
    order = _ORDERS[query.sort]
    conditions, values = _conditions(query)
    if query.page is not None:
        seek, keys = _after(order, _decode_token(query.page, query.sort))
        conditions.append(seek)
        values += keys
    statement = _sql.list_tasks.replace(
        "/* columns */", f"{_sql.list_columns}, {', '.join(order.keys)}"
    )
    statement = statement.replace("/* conditions */", " AND ".join(conditions))
    statement = statement.replace("/* order */", _order_by(order))
    rows = connection.execute(statement, [*values, query.limit + 1]).fetchall()
    more = len(rows) > query.limit
    rows = rows[: query.limit]
    width = len(Task.__struct_fields__)
    token = _encode_token(query.sort, rows[-1][width:]) if more else None
    return Page([Task(*row[:width]) for row in rows], token)


def targets(connection: sqlite3.Connection, command: BatchAction) -> tuple[int, list[int]]:
    """How many tasks an action is for, and the ids of the first of them, lowest first.

    Of a filter's tasks only those are meant that the action can be done to, so repeating an action
    with more targets than one request takes gets to its end.
    """
    if command.ids is not UNSET:
        ids = list(dict.fromkeys(command.ids))
        return len(ids), ids
    assert command.filter is not UNSET  # noqa: S101 (the model has exactly one of the two)
    conditions, values = _conditions(command.filter)
    where = " AND ".join([*conditions, _POSSIBLE[command.action]])
    (count,) = connection.execute(
        _sql.count_tasks.replace("/* conditions */", where), values
    ).fetchone()
    listed = connection.execute(
        _sql.list_ids.replace("/* conditions */", where), [*values, BULK_LIMIT]
    ).fetchall()
    return count, [task_id for (task_id,) in listed]


def _conditions(wanted: TaskFilter) -> tuple[list[str], list[Any]]:
    conditions = ["1"]
    values: list[Any] = []
    for column, names in (("status", wanted.status), ("queue", wanted.queue)):
        if names:
            conditions.append(f"{column} IN ({', '.join('?' * len(names))})")
            values += names
    for label in wanted.label:
        key, colon, value = label.partition(":")
        path = f'$."{_label_key(key)}"'
        if colon:
            conditions.append("json_extract(labels, ?) = ?")
            values += [path, value]
        else:
            conditions.append("json_type(labels, ?) IS NOT NULL")
            values.append(path)
    if wanted.q:
        # Literal text: escape what LIKE takes for wildcards. LIKE ignores ASCII case.
        escaped = wanted.q.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        conditions.append("name LIKE ? ESCAPE '\\'")
        values.append(f"%{escaped}%")
    if wanted.since is not None:
        conditions.append("created_at >= ?")
        values.append(rfc3339(wanted.since))
    if wanted.until is not None:
        conditions.append("created_at < ?")
        values.append(rfc3339(wanted.until))
    return conditions, values


def _label_key(key: str) -> str:
    if not key or not all(character.isalnum() or character in "._-" for character in key):
        raise Unprocessable.field("label", "limit.label")
    return key


def _order_by(order: _Order) -> str:
    return ", ".join(
        f"{key} {'DESC' if descending else 'ASC'}"
        for key, descending in zip(order.keys, order.descending, strict=True)
    )


def _after(order: _Order, seen: list[Any]) -> tuple[str, list[Any]]:
    """The rows behind one seen. All keys of an order share a direction, so a row value does."""
    sign = "<" if order.descending[0] else ">"
    left = ", ".join(order.keys)
    return f"({left}) {sign} ({', '.join('?' * len(seen))})", seen


def _encode_token(sort: str, keys: tuple[Any, ...]) -> str:
    data = msgspec.json.encode([sort, *keys])
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode_token(token: str, sort: str) -> list[Any]:
    try:
        data = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        parts = msgspec.json.decode(data, type=list[_Key])
        if parts[0] == sort and len(parts) == 1 + len(_ORDERS[sort].keys):
            return list(parts[1:])
    except (ValueError, IndexError, msgspec.MsgspecError):
        pass
    raise Unprocessable.field("page", "limit.page")
