"""How a task begins, ends and begins again: create, cancel, retry, delete, signs of life."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from app.catalogue import Text
from app.errors import Refused
from app.models import TaskCreate, rfc3339
from app.rules import progress
from app.rules.task import TERMINAL, Decision, Task

EVENT_OF = {"completed": "TASK_COMPLETED", "failed": "TASK_FAILED", "cancelled": "TASK_CANCELLED"}


def decide_create(command: TaskCreate, now: str, clock: float) -> Decision:
    """A new task, with id 0 until it is stored. Terminal ones are born finished."""
    status = command.status
    task = Task(
        id=0,
        name=command.name,
        queue=command.queue,
        status=status,
        progress=None,
        current=None,
        total=None,
        unit=command.unit,
        message=command.message,
        payload=command.payload,
        result=command.result,
        error=command.error,
        labels=msgspec.json.encode(command.labels).decode(),
        priority=command.priority,
        claimable=int(command.claimable),
        attempt=1,
        max_retries=command.max_retries,
        run_at=None if command.run_at is None else rfc3339(command.run_at),
        created_at=now,
        updated_at=now,
        started_at=None if status in ("pending", "cancelled") else now,
        finished_at=now if status in TERMINAL else None,
        heartbeat_at=None,
        heartbeat_timeout=command.heartbeat_timeout,
        heartbeat_due=None,
        worker=command.worker,
        cancel_requested=0,
        rate=None,
        speed=None,
        sampled_from=None,
        sampled_at=None,
        eta_seconds=None,
        last_line=0,
        version=1,
    )
    given = UNSET if command.progress is None else command.progress
    task.progress, task.current, task.total = progress.measure(
        task, given, command.current, command.total
    )
    if status == "completed":
        task.progress = 100.0
    if status == "running":
        task.heartbeat_at = now
        if task.heartbeat_timeout is not None:
            task.heartbeat_due = clock + task.heartbeat_timeout
        if task.progress is not None or task.current is not None:
            task.sampled_from = task.sampled_at = clock
    message = f"created: {task.name}" if status == "pending" else f"created, {status}: {task.name}"
    return Decision(task, {}, "TASK_CREATED", message, status in TERMINAL)


def decide_cancel(task: Task, force: bool, now: str) -> Decision:
    """Cancel at once where nobody listens; else ask the producer, who learns it by heartbeat."""
    if task.status in TERMINAL:
        raise refusal(task, "problem.already_over")
    listens = task.status == "running" and task.heartbeat_timeout is not None
    if not listens or force:
        changes: dict[str, Any] = {}
        finish(task, changes, "cancelled", now)
        return decided(task, changes, now, "TASK_CANCELLED", "cancelled", True)
    if task.cancel_requested:
        return Decision(task, {})
    return decided(task, {"cancel_requested": 1}, now, "TASK_UPDATED", "asked to cancel")


def decide_retry(task: Task, now: str) -> Decision:
    """A new attempt of a finished claimable task; refused for what somebody else runs."""
    if task.status not in TERMINAL:
        raise refusal(task, "problem.not_over")
    if not task.claimable:
        raise refusal(task, "problem.not_from_queue")
    changes: dict[str, Any] = {"status": "pending", "attempt": task.attempt + 1}
    for column in ("progress", "current", "started_at", "finished_at", "error", "result"):
        changes[column] = None
    for column in ("message", "worker", "heartbeat_at", "heartbeat_due"):
        changes[column] = None
    changes["cancel_requested"] = 0
    progress.settle(task, changes)
    return decided(task, changes, now, "TASK_STATUS_CHANGED", "queued again", False)


def decide_delete(task: Task, now: str) -> Decision:
    """Any task may be deleted; its log goes in the background."""
    return decided(task, {}, now, "TASK_DELETED", "deleted", True)


def decide_heartbeat(task: Task, attempt: int | UnsetType, now: str, clock: float) -> Decision:
    """A sign of life: no event and no version, unless it revives a stalled task."""
    check_attempt(task, attempt)
    changes: dict[str, Any] = {}
    if task.status == "stalled":
        revive(task, changes, now, clock)
        return decided(task, changes, now, "TASK_STATUS_CHANGED", "is running again", False)
    if task.status == "running":
        changes["heartbeat_at"] = now
        if task.heartbeat_timeout is not None:
            changes["heartbeat_due"] = clock + task.heartbeat_timeout
    return Decision(msgspec.structs.replace(task, **changes), changes)


def decide_output(task: Task, attempt: int | UnsetType, now: str, clock: float) -> Decision:
    """Log lines arrived: they start a pending tracked task and revive a stalled one.

    Lines of a finished task are kept as well: they say nothing about its state.
    """
    check_attempt(task, attempt)
    changes: dict[str, Any] = {}
    if task.status == "stalled":
        revive(task, changes, now, clock)
        return decided(task, changes, now, "TASK_STATUS_CHANGED", "is running again", False)
    if task.status == "pending" and not task.claimable:
        revive(task, changes, now, clock)
        return decided(task, changes, now, "TASK_STATUS_CHANGED", "is running", False)
    if task.status == "running":
        keep_alive(task, changes, now, clock)
    return Decision(msgspec.structs.replace(task, **changes), changes)


def check_attempt(task: Task, attempt: int | UnsetType) -> None:
    """The fence: what an earlier attempt still sends must not touch the present one."""
    if attempt is not UNSET and attempt != task.attempt:
        raise refusal(task, "problem.other_attempt", given=attempt)


def refusal(task: Task, key: str, **values: Any) -> Refused:
    """That `task` cannot do this, at its present status and attempt."""
    status = Text(f"status.{task.status}")
    return Refused(key, id=task.id, status=status, attempt=task.attempt, **values)


def revive(task: Task, changes: dict[str, Any], now: str, clock: float) -> None:
    """To running, from pending or stalled."""
    changes["status"] = "running"
    if task.started_at is None:
        changes["started_at"] = now
    changes["heartbeat_at"] = now
    if task.heartbeat_timeout is not None:
        changes["heartbeat_due"] = clock + task.heartbeat_timeout


def keep_alive(task: Task, changes: dict[str, Any], now: str, clock: float) -> None:
    """Whatever a producer sends is a sign of life; noted once a second, as each costs a write."""
    timeout, due = task.heartbeat_timeout, task.heartbeat_due
    if timeout is not None and (due is None or clock + timeout - due >= 1.0):
        changes["heartbeat_at"] = now
        changes["heartbeat_due"] = clock + timeout


def finish(task: Task, changes: dict[str, Any], status: str, now: str) -> None:
    """To a terminal status. Only completion moves the progress."""
    changes["status"] = status
    changes["finished_at"] = now
    if task.started_at is None and status != "cancelled":
        changes["started_at"] = now
    if status == "completed" and task.progress != 100.0:
        changes["progress"] = 100.0
    if task.heartbeat_due is not None:
        changes["heartbeat_due"] = None
    progress.settle(task, changes)


def decided(
    task: Task,
    changes: dict[str, Any],
    now: str,
    event: str,
    message: str,
    lifecycle: bool | None = None,
) -> Decision:
    """A change that is told: one version up, one event."""
    changes["updated_at"] = now
    changes["version"] = task.version + 1
    return Decision(msgspec.structs.replace(task, **changes), changes, event, message, lifecycle)


def decide_stall(task: Task, now: str) -> Decision:
    """The heartbeat of a running task is overdue: it may be dead, or only out of reach."""
    changes: dict[str, Any] = {"status": "stalled", "heartbeat_due": None}
    progress.settle(task, changes)
    return decided(
        task, changes, now, "TASK_STATUS_CHANGED", "has not been heard of and is stalled"
    )
