"""Tasks and reports in few words."""

from __future__ import annotations

from typing import Any

from app.models import TaskCreate, TaskPatch
from app.rules.lifecycle import decide_create
from app.rules.task import Decision, Task
from app.rules.update import decide_patch

NOW = "2026-11-25T15:00:00.000Z"
LATER = "2026-11-25T15:00:10.000Z"
CLOCK = 1_795_618_800.0  # unix seconds of NOW


def task(status: Any = "running", **fields: Any) -> Task:
    """A task of that status, with some fields set as they would be stored."""
    heartbeat_timeout = fields.pop("heartbeat_timeout", None)
    created: Any = "running" if status == "stalled" else status
    command = TaskCreate(name="backup", status=created, heartbeat_timeout=heartbeat_timeout)
    made = decide_create(command, NOW, CLOCK).task
    made.id = 42
    made.status = status
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def patch(before: Task, clock: float = CLOCK, **fields: Any) -> Decision:
    """What a report with these fields decides."""
    return decide_patch(before, TaskPatch(**fields), LATER, clock)
