"""A task as it is stored, and what a rule decides about it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

STATUSES = ("pending", "running", "stalled", "completed", "failed", "cancelled")
TERMINAL = frozenset({"completed", "failed", "cancelled"})
ACTIVE = frozenset({"pending", "running", "stalled"})


class Task(msgspec.Struct):
    """One row of `tasks`; the fields are its columns in the order the store selects them.

    Times are RFC 3339 UTC text, `heartbeat_due` and `sampled_*` unix seconds. `payload`, `result`
    and `labels` are JSON text; `claimable` and `cancel_requested` are 0 or 1.
    """

    id: int
    name: str
    queue: str
    status: str
    progress: float | None  # percent, None = unknown
    current: float | None
    total: float | None
    unit: str | None
    message: str | None
    payload: str | None
    result: str | None
    error: str | None
    labels: str
    priority: int
    claimable: int
    attempt: int
    max_retries: int
    run_at: str | None
    created_at: str
    updated_at: str
    started_at: str | None
    finished_at: str | None
    heartbeat_at: str | None
    heartbeat_timeout: float | None  # seconds, None = the producer sends no heartbeats
    heartbeat_due: float | None
    worker: str | None
    cancel_requested: int
    rate: float | None  # units a second, smoothed
    speed: float | None  # percent a second, smoothed
    sampled_from: float | None  # first progress sample of this attempt
    sampled_at: float | None  # newest progress sample
    eta_seconds: float | None
    last_line: int
    version: int


class Decision(msgspec.Struct):
    """What a rule decided: the task as it is afterwards, and how it got there.

    `changes` maps columns to new values, empty when there is nothing to store. `event` is the type
    of the one event the change gives; None for changes nobody is told about (a heartbeat).
    `lifecycle` is True when the task ends, False when it begins or begins again, else None.
    """

    task: Task
    changes: dict[str, Any]
    event: str | None = None
    message: str = ""
    lifecycle: bool | None = None


# Columns no event carries: internal ones, what changes without a version, and what may be large.
_SILENT = frozenset(
    {
        "heartbeat_at", "heartbeat_due", "speed", "sampled_from", "sampled_at", "last_line",
        "payload", "result",
    }
)  # fmt: skip


def event_data(decision: Decision) -> dict[str, Any]:
    """`data` of the decision's event: identity, the fields that changed, and the time.

    `status`, `progress` and `retry_count` are always there: small, and useful to watchers.
    """
    task = decision.task
    data: dict[str, Any] = {
        "id": task.id,
        "version": task.version,
        "status": task.status,
        "progress": task.progress,
        "retry_count": task.attempt - 1,
    }
    for column, value in decision.changes.items():
        if column == "labels":
            data["labels"] = msgspec.json.decode(value)
        elif column == "cancel_requested":
            data["cancel_requested"] = bool(value)
        elif column not in _SILENT:
            data[column] = value
    return data


def seconds_between(earlier: str, later: str) -> float:
    """Seconds from one RFC 3339 time to another, never negative (clocks do step back)."""
    span = datetime.fromisoformat(later) - datetime.fromisoformat(earlier)
    return max(0.0, round(span.total_seconds(), 3))


def duration_seconds(task: Task, now: str) -> float | None:
    """How long the attempt has run, in seconds; None before it started.

    A stalled task stopped counting when it was last heard of.
    """
    if task.started_at is None:
        return None
    if task.finished_at is not None:
        return seconds_between(task.started_at, task.finished_at)
    if task.status == "stalled":
        return seconds_between(task.started_at, task.heartbeat_at or task.updated_at)
    return seconds_between(task.started_at, now)


def task_json(task: Task, now: str, *, whole: bool = True) -> dict[str, Any]:
    """The task as clients see it, always with the same keys in the same order.

    `payload` and `result` are embedded as `msgspec.Raw`, so encode with msgspec; `whole=False`
    leaves the two out, as lists and events do.
    """
    fields: dict[str, Any] = {
        "id": task.id,
        "name": task.name,
        "queue": task.queue,
        "status": task.status,
        "progress": task.progress,
        "current": task.current,
        "total": task.total,
        "unit": task.unit,
        "message": task.message,
    }
    if whole:
        fields["payload"] = _raw(task.payload)
        fields["result"] = _raw(task.result)
    fields |= {
        "error": task.error,
        "labels": msgspec.json.decode(task.labels),
        "priority": task.priority,
        "claimable": bool(task.claimable),
        "attempt": task.attempt,
        "retry_count": task.attempt - 1,
        "max_retries": task.max_retries,
        "run_at": task.run_at,
        "created_at": task.created_at,
        "updated_at": task.updated_at,
        "started_at": task.started_at,
        "finished_at": task.finished_at,
        "heartbeat_at": task.heartbeat_at,
        "heartbeat_timeout": task.heartbeat_timeout,
        "worker": task.worker,
        "cancel_requested": bool(task.cancel_requested),
        "rate": task.rate,
        "eta_seconds": task.eta_seconds,
        "duration_seconds": duration_seconds(task, now),
        "version": task.version,
    }
    return fields


def _raw(text: str | None) -> msgspec.Raw | None:
    return None if text is None else msgspec.Raw(text)
