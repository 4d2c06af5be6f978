"""Measured values by name, one a run, and what is made of them: medians and ratios."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Spread(NamedTuple):
    median: float
    low: float
    high: float


def spread(values: list[float]) -> Spread:
    return Spread(statistics.median(values), min(values), max(values))


class Figures:
    """Names are like ``fan-out/1000/W32/ours/per_cpu``."""

    def __init__(self, values: dict[str, list[float]] | None = None) -> None:
        self._values = values or {}

    def add(self, prefix: str, values: Mapping[str, float]) -> None:
        """Add what one run gave."""
        for name, value in values.items():
            self._values.setdefault(f"{prefix}/{name}", []).append(value)

    @property
    def runs(self) -> int:
        return max((len(values) for values in self._values.values()), default=0)

    def has(self, name: str) -> bool:
        return name in self._values

    def all(self, name: str) -> list[float]:
        return self._values[name]

    def median(self, name: str) -> float:
        return statistics.median(self._values[name])

    def ratio(self, name: str, base: str) -> Spread:
        """Run by run, since both were measured at nearly the same time."""
        pairs = zip(self._values[name], self._values[base], strict=True)
        return spread([value / reference for value, reference in pairs])

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(self._values, indent=1))

    @classmethod
    def load(cls, path: Path) -> Figures:
        return cls(json.loads(path.read_text()))
