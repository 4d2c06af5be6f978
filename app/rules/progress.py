"""Progress, rate and remaining time.

Progress never leaves 0 to 100, is never NaN and does not go back within an attempt: deliveries
arrive late, twice and shuffled, and a bar that jumps back looks broken.
"""

from __future__ import annotations

from math import exp
from typing import Any

from msgspec import UNSET, UnsetType

from app.rules.task import Task

SMOOTHING = 10.0  # seconds: what happened this long ago counts 1/e
LONGEST_ETA = 10 * 365 * 86_400.0  # seconds; anything longer is "unknown"

Number = float | None | UnsetType


def measure(
    task: Task, progress: Number, current: Number, total: Number
) -> tuple[float | None, float | None, float | None]:
    """The new (progress, current, total) after a report; UNSET = not in the report.

    A total of 0 or None is unknown, hence an unknown progress unless one is given. A count below
    the stored one is a late delivery and ignored, unless the total changed too: a new phase.
    """
    whole = task.total if total is UNSET else (total or None)
    count = task.current if current is UNSET else current
    if (
        count is not None
        and task.current is not None
        and count < task.current
        and whole == task.total
    ):
        count = task.current
    if progress is not UNSET:
        percent = progress
    elif current is UNSET and total is UNSET:
        percent = task.progress
    elif whole is None:
        # Only a report that speaks of the total can make a known progress unknown.
        percent = task.progress if total is UNSET else None
    else:
        percent = task.progress if count is None else percent_of(count, whole)
    if percent is not None and task.progress is not None and percent < task.progress:
        percent = task.progress
    return percent, count, whole


def percent_of(current: float, total: float) -> float:
    """Percent, cut (not rounded) to two places, so that 100 means done; over 100 is 100."""
    return min(100.0, current * 10_000 // total / 100)


def sample(
    task: Task,
    changes: dict[str, Any],
    progress: float | None,
    current: float | None,
    total: float | None,
    clock: float,
) -> None:
    """Put the new rate, speed and ETA of a moved task into `changes`. `clock` in unix seconds."""
    since, before = task.sampled_from, task.sampled_at
    rate, speed, eta = task.rate, task.speed, None
    counted = current is not None and total is not None
    if since is None or before is None or clock < before:
        # The first sample, or a clock set back: nothing to compare with yet.
        changes["sampled_from"] = clock
    else:
        if current is not None and task.current is not None and current >= task.current:
            rate = smooth(rate, current - task.current, since, before, clock)
        if not counted and progress is not None and task.progress is not None:
            speed = smooth(speed, progress - task.progress, since, before, clock)
    changes["sampled_at"] = clock
    if current is not None and total is not None:
        if rate:
            eta = (total - current) / rate
    elif progress is not None and speed:
        eta = (100.0 - progress) / speed
    # All counted and still running: it is finishing, and nobody knows for how long.
    eta = round(eta, 1) if eta is not None and 0 < eta <= LONGEST_ETA else None
    if rate != task.rate:
        changes["rate"] = rate
    if speed != task.speed:
        changes["speed"] = speed
    if eta != task.eta_seconds:
        changes["eta_seconds"] = eta


def smooth(
    rate: float | None, delta: float, since: float, before: float, now: float
) -> float | None:
    """Exponential average of delta per second for samples at any distance, also zero.

    Divided by the weight seen since the first sample, so it is right from the second sample on
    instead of creeping up from nothing. None until time has passed.
    """
    span = now - before
    decay = exp(-span / SMOOTHING)
    seen = 1.0 - exp(-(now - since) / SMOOTHING)
    if seen < 1e-6:
        return rate
    gain = (1.0 - decay) / span if span > 1e-6 else 1.0 / SMOOTHING
    old = 0.0 if rate is None else rate * (1.0 - exp(-(before - since) / SMOOTHING))
    # Five digits: more is noise, and every digit travels in every event.
    return float(f"{(old * decay + delta * gain) / seen:.5g}")


def settle(task: Task, changes: dict[str, Any]) -> None:
    """A task that does not run has no rate and no remaining time."""
    for column in ("rate", "speed", "eta_seconds", "sampled_from", "sampled_at"):
        if getattr(task, column) is not None:
            changes[column] = None
