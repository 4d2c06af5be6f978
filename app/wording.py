"""Numbers, durations and times in words; static/js/format.js says the same in the browser."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from app.catalogue import Translate, messages, number, translator

BYTE_UNITS = frozenset({"B", "byte", "bytes"})
_SIZES = ("B", "kB", "MB", "GB", "TB", "PB")
_JOINT = " · "
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


class Wording:
    """The words of one language at one moment."""

    def __init__(self, language: str, now: datetime) -> None:
        self.language = language
        self.now = now
        self.t: Translate = translator(language)

    def number(self, value: float) -> str:
        return number(self.language, value)

    def quantity(self, value: float, unit: str | None) -> str:
        """`2,680 files`, `1.2 GB`"""
        if unit in BYTE_UNITS:
            return self.size(value)
        return f"{self.number(value)} {unit}" if unit else self.number(value)

    def size(self, value: float) -> str:
        power = 0
        while abs(value) >= 1000 and power < len(_SIZES) - 1:
            value /= 1000
            power += 1
        digits = 1 if power and value < 100 else 0
        scale = 10**digits
        return f"{self.number(math.floor(value * scale + 0.5) / scale)} {_SIZES[power]}"

    def field(self, name: str) -> str:
        """A field of a request as the page calls it: `status[0]` is Status."""
        bare = name.partition("[")[0]
        return self.t(f"field.{bare}") if f"field.{bare}" in messages(self.language) else name

    def percent(self, value: float) -> str:
        return self.t("progress.percent", value=math.floor(value))

    def duration(self, seconds: float) -> str:
        """Exact enough to compare: `45 s`, `3 min 12 s`, `2 h 14 min`, `3 d 4 h`."""
        whole = max(0, math.floor(seconds))
        if whole < 1:
            return self.t("duration.instant")
        if whole < _MINUTE:
            return self.t("duration.seconds", seconds=whole)
        if whole < 10 * _MINUTE:
            return self.t("duration.minutes_seconds", minutes=whole // 60, seconds=whole % 60)
        return self._long(whole)

    def remaining(self, seconds: float) -> str:
        """No more exact than a forecast is: `45 s`, `3 min`, `2 h 14 min`."""
        whole = max(1, math.ceil(seconds))
        if whole < _MINUTE:
            return self.t("duration.seconds", seconds=whole)
        return self._long(whole + 59 if whole < _HOUR - 59 else whole)

    def _long(self, whole: int) -> str:
        if whole < _HOUR:
            return self.t("duration.minutes", minutes=whole // 60)
        if whole < _DAY:
            return self.t("duration.hours", hours=whole // _HOUR, minutes=whole % _HOUR // 60)
        return self.t("duration.days", days=whole // _DAY, hours=whole % _DAY // _HOUR)

    def ago(self, timestamp: str | None) -> str:
        """`just now`, `20 s ago`, `3 min ago`, `2 h ago`, `5 d ago`, then the date."""
        if not timestamp:
            return self.t("time.never")
        age = math.floor((self.now - parse(timestamp)).total_seconds())
        if age < 10:
            return self.t("time.now")
        if age >= 30 * _DAY:
            return timestamp[:10]
        if age < _MINUTE:
            coarse = self.t("duration.seconds", seconds=age // 10 * 10)
        elif age < _HOUR:
            coarse = self.t("duration.minutes", minutes=age // _MINUTE)
        elif age < _DAY:
            coarse = self.t("duration.only_hours", hours=age // _HOUR)
        else:
            coarse = self.t("duration.only_days", days=age // _DAY)
        return self.t("time.ago", duration=coarse)

    def until(self, timestamp: str) -> str:
        """`in 3 d 4 h`, `now` for what is over."""
        seconds = (parse(timestamp) - self.now).total_seconds()
        if seconds <= 0:
            return self.t("storage.now")
        return self.t("time.in", duration=self.remaining(seconds))

    def progress(self, task: Mapping[str, Any]) -> str:
        """`1,204 / 2,680 files · 45 % · 3 min left`"""
        return "".join(self.progress_parts(task))

    def progress_parts(self, task: Mapping[str, Any]) -> tuple[str, str]:
        """The counts, which may be cut where there is little room, and all else."""
        counts, parts = "", []
        current, total, unit = task["current"], task["total"], task["unit"]
        if current is not None and total:
            whole = self.quantity(total, unit)
            part = self.size(current) if unit in BYTE_UNITS else self.number(current)
            counts = self.t("progress.of", current=part, total=whole)
        elif current is not None:
            counts = self.quantity(current, unit)
        if task["progress"] is not None:
            parts.append(self.percent(task["progress"]))
        status, duration = task["status"], task["duration_seconds"]
        if status == "running" and task["eta_seconds"] is not None:
            parts.append(self.t("progress.left", duration=self.remaining(task["eta_seconds"])))
        elif status == "completed" and duration is not None:
            parts.append(self.t("progress.took", duration=self.duration(duration)))
        elif status in ("failed", "cancelled") and duration is not None:
            parts.append(self.t("progress.after", duration=self.duration(duration)))
        if counts:
            return counts, "".join(_JOINT + part for part in parts)
        if not parts and status == "pending":
            return "", self.t("progress.waiting")
        if not parts and status in ("running", "stalled"):
            return "", self.t("progress.unknown")
        return "", _JOINT.join(parts)

    def rate(self, task: Mapping[str, Any]) -> str:
        """`12.5 files per second`, while it runs."""
        if task["status"] != "running" or not task["rate"]:
            return ""
        return self.t("progress.rate", rate=self.quantity(task["rate"], task["unit"]))


def parse(timestamp: str) -> datetime:
    return datetime.fromisoformat(timestamp).astimezone(UTC)


def exact(timestamp: str | None) -> str:
    """`2026-11-25 15:00:00.123 UTC`"""
    return timestamp.replace("T", " ").replace("Z", " UTC") if timestamp else ""


def bar_colour(progress: float | None) -> str:
    """The colour class of a progress bar; its status does not matter."""
    if progress is None or progress < 50:
        return "bg-primary"
    return "bg-info" if progress < 100 else "bg-success"


def bar_value(progress: float) -> str:
    """`aria-valuenow`: 40, 45.5; never rounded up to 100."""
    return f"{math.floor(progress * 10 + 1e-6) / 10:g}"


def reason(task: Mapping[str, Any]) -> str:
    """The small line under a task's name: why it failed, else what it does."""
    if task["status"] == "failed" and task["error"]:
        error: str = task["error"]
        return error.strip().split("\n", 1)[0][:300]
    return task["message"] or ""
