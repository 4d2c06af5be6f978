"""Text of producers to log lines: what ends a line, what is replaced, where a long one is cut."""

from __future__ import annotations

import re

from livequeue_client.lines import WINDOW, cut

_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
_LINE_END = re.compile(r"\r?\n")


def clean(text: str) -> str:
    """NUL and halves of surrogate pairs, which the database cannot hold, become U+FFFD."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def split(text: str) -> list[str]:
    """The stored lines of one sent line: more than one when it holds line ends or is too long.

    Only LF and CRLF end a line. After a lone CR the rest replaces what was before it.
    """
    text = clean(text)
    parts = _LINE_END.split(text) if "\n" in text else [text]
    if len(parts) > 1 and not parts[-1]:
        parts.pop()
    return [piece for part in parts for piece in cut(_overwrite(part))]


def single(text: str) -> str:
    """The one stored line of a numbered sent line: its producer keeps count, so it is never two."""
    return cut(_overwrite(_LINE_END.sub(" ", clean(text))))[0]


class Numbering:
    """Which of a producer's newest lines became which line of the task.

    A producer sends a line again, under its own number, when it was rewritten (or when it does not
    know whether it arrived); it is then replaced in place. Numbers older than the window are
    settled: what is sent of them again is dropped.
    """

    __slots__ = ("_settled", "known")

    def __init__(self, known: dict[int, int] | None = None) -> None:
        self.known: dict[int, int] = known or {}
        self._settle()

    def _settle(self) -> None:
        """Below which number lines are settled; it only moves when the window is cut."""
        self._settled = min(self.known) if len(self.known) >= WINDOW else 0

    def place(self, number: int) -> int | None:
        """The task's line it is already; 0 when it is settled; None when it is new."""
        found = self.known.get(number)
        return 0 if found is None and number < self._settled else found

    def add(self, number: int, n: int) -> None:
        """A new line was given the number `n` of the task."""
        self.known[number] = n

    def trim(self) -> dict[int, int]:
        """Forget all but the newest `WINDOW` numbers; returns those."""
        if len(self.known) > WINDOW:
            self.known = {number: self.known[number] for number in sorted(self.known)[-WINDOW:]}
        self._settle()
        return self.known


def _overwrite(text: str) -> str:
    if "\r" not in text:
        return text
    return next((part for part in reversed(text.split("\r")) if part), "")
