"""What a report about a task (PATCH) does to it."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from app.models import TaskPatch
from app.rules import progress
from app.rules.lifecycle import (
    EVENT_OF,
    check_attempt,
    decided,
    finish,
    keep_alive,
    refusal,
    revive,
)
from app.rules.task import TERMINAL, Decision, Task


def decide_patch(task: Task, patch: TaskPatch, now: str, clock: float) -> Decision:
    """Apply a report. Raises Refused for what the present status does not allow.

    A report without status starts a pending tracked task and revives a stalled one: who reports
    is alive. What changes nothing gives no event and no version.
    """
    check_attempt(task, patch.attempt)
    if task.status in TERMINAL:
        return _patch_finished(task, patch, now)
    moved = patch.progress is not UNSET or patch.current is not UNSET or patch.total is not UNSET
    target = _target(task, patch, moved)
    event: str | None
    lifecycle: bool | None
    changes: dict[str, Any] = {}
    if moved:
        _move(task, patch, changes, target, clock)
    _describe(task, patch, changes)

    if target in TERMINAL:
        finish(task, changes, target, now)
        event, lifecycle = EVENT_OF[target], True
    elif target != task.status:
        revive(_with_timeout(task, changes), changes, now, clock)
        event, lifecycle = "TASK_STATUS_CHANGED", False
    else:
        lifecycle = None
        event = "TASK_UPDATED" if changes else None
        if target == "running":
            keep_alive(_with_timeout(task, changes), changes, now, clock)
    if event is None:
        return Decision(msgspec.structs.replace(task, **changes), changes)
    return decided(task, changes, now, event, _message(task, changes, target), lifecycle)


def _target(task: Task, patch: TaskPatch, moved: bool) -> str:
    """The status after the report."""
    if patch.status is UNSET:
        speaks = moved or patch.message is not UNSET
        starts = task.status == "pending" and not task.claimable
        return "running" if speaks and (starts or task.status == "stalled") else task.status
    if patch.status == "pending" and task.status != "pending":
        raise refusal(task, "problem.not_pending_again")
    return patch.status


def _move(task: Task, patch: TaskPatch, changes: dict[str, Any], target: str, clock: float) -> None:
    percent, current, total = progress.measure(task, patch.progress, patch.current, patch.total)
    if target == "completed":
        percent = 100.0
    if target == "running" and (percent != task.progress or current != task.current):
        progress.sample(task, changes, percent, current, total, clock)
    if percent != task.progress:
        changes["progress"] = percent
    if current != task.current:
        changes["current"] = current
    if total != task.total:
        changes["total"] = total


def _describe(task: Task, patch: TaskPatch, changes: dict[str, Any]) -> None:
    """The fields that are simply replaced."""
    if patch.message is not UNSET and patch.message != task.message:
        changes["message"] = patch.message
    if patch.unit is not UNSET and patch.unit != task.unit:
        changes["unit"] = patch.unit
    if patch.error is not UNSET and patch.error != task.error:
        changes["error"] = patch.error
    if patch.result is not UNSET and patch.result != task.result:
        changes["result"] = patch.result
    if patch.worker is not UNSET and patch.worker != task.worker:
        changes["worker"] = patch.worker
    if patch.heartbeat_timeout is not UNSET and patch.heartbeat_timeout != task.heartbeat_timeout:
        changes["heartbeat_timeout"] = patch.heartbeat_timeout
        if patch.heartbeat_timeout is None and task.heartbeat_due is not None:
            changes["heartbeat_due"] = None
    _arrange(task, patch, changes)


def _arrange(task: Task, patch: TaskPatch, changes: dict[str, Any]) -> None:
    """What the people who look after tasks set, at any time."""
    if patch.priority is not UNSET and patch.priority != task.priority:
        changes["priority"] = patch.priority
    if patch.labels is not UNSET:
        labels = msgspec.json.encode(patch.labels).decode()
        if labels != task.labels:
            changes["labels"] = labels


def _patch_finished(task: Task, patch: TaskPatch, now: str) -> Decision:
    """The end sticks: its repetition changes nothing, everything late is refused."""
    if patch.status is UNSET:
        late = any(
            getattr(patch, field) is not UNSET
            for field in TaskPatch.__struct_fields__
            if field not in ("labels", "priority", "attempt")
        )
    else:
        late = patch.status != task.status
    if late:
        raise refusal(task, "problem.late_report")
    changes: dict[str, Any] = {}
    _arrange(task, patch, changes)
    if not changes:
        return Decision(task, {})
    return decided(task, changes, now, "TASK_UPDATED", "updated")


def _with_timeout(task: Task, changes: dict[str, Any]) -> Task:
    """A heartbeat time-out that comes with this report already counts for it."""
    if "heartbeat_timeout" not in changes:
        return task
    return msgspec.structs.replace(
        task, heartbeat_timeout=changes["heartbeat_timeout"], heartbeat_due=None
    )


def _message(task: Task, changes: dict[str, Any], target: str) -> str:
    """English, for logs and scripts; pages make their own text."""
    if target == "failed":
        lines = (changes.get("error", task.error) or "").strip().splitlines()
        return f"failed: {lines[-1][:200]}" if lines else "failed"
    if target != task.status:
        return "is running" if target == "running" else target
    return "updated"
