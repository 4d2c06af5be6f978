"""Finds text in log lines: literally, ignoring case, or by regular expression.

Many lines are searched as one text, their UTF-8 joined by LF; no hit crosses a line end. Ignoring
case is Unicode's simple case folding, as in a browser's `/iu`: é is É, я is Я, ß is ẞ, k is the
Kelvin sign; but ß is not ss, and İ is only itself.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import re2  # type: ignore[import-untyped]

from app.catalogue import Text
from app.errors import Unprocessable

LONGEST = 1000  # characters of what is looked for
REMEMBERED = 8  # texts that were looked for last
MARKS = 500  # hits in one line that `spans` gives

# RE2's own object: its module would keep every pattern it was ever given, and wrap every hit.
_RE2 = re2._re2.RE2
_ANYWHERE, _WHOLE = _RE2.Anchor.UNANCHORED, _RE2.Anchor.ANCHOR_BOTH
_PROGRAM_BYTES = 64 * 1024  # of a compiled pattern: 2700 instructions
_STATE_BYTES = 8 * 1024 * 1024  # that RE2 may take to be quick
# At worst RE2 takes a nanosecond for each instruction and byte; nearly always it is far quicker.
_STEP_WORK = 40_000_000
_STEP_LEAST = 16 * 1024  # no line is longer

# What would mean something else in many lines than in each, and what is less than a character.
_OF_ONE_TEXT = re.compile(rb"\\[Az]|\(\?[a-zA-Z-]*m")
_PART_OF_CHARACTER = re.compile(rb"(?<!\\)(?:\\\\)*\\C")
# What RE2 finds wrong with a pattern, as the catalogue calls it.
_FAULTS = {
    "missing )": "open_parenthesis",
    "missing ]": "open_bracket",
    "unexpected )": "unexpected",
    "no argument for repetition operator": "repeat",
    "bad repetition operator": "repeat_twice",
    "invalid repetition size": "size",
    "invalid character class": "class",
    "invalid character class range": "class",
    "invalid escape sequence": "escape",
    "invalid named capture group": "group",
    "invalid perl operator": "operator",
    "trailing \\": "trailing",
}
# What may stand around a place: nothing, a letter, something else.
_PLACES = [
    (before + after, len(before)) for before in (b"", b"a", b"-") for after in (b"", b"a", b"-")
]


class Count(NamedTuple):
    """How many lines have hits, and how many hits those have."""

    lines: int
    hits: int


class Matcher(Protocol):
    """One thing to look for.

    Hits do not overlap and are not empty; but a pattern that can be empty (`a*`, `^$`) also finds
    the lines where it is, and then one hit is counted for each line.
    """

    step: int
    """How many bytes to search at once: a pattern made to be slow takes about 40 ms for them."""

    def __hash__(self) -> int:
        """By identity: there is one for each text, as long as it is remembered."""

    def count(self, data: bytes) -> Count:
        """Of the lines in `data`."""

    def lines(self, data: bytes) -> list[int]:
        """Which of the lines in `data` have hits, from 0."""

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Start and end of the hits in one line (the first `MARKS`), in UTF-16 units."""


@lru_cache(maxsize=REMEMBERED)
def matcher(
    text: str, *, ignore_case: bool = False, regex: bool = False, field: str = "q"
) -> Matcher:
    """What finds `text`; made once for many calls, as it gets quicker with use.

    Raises Unprocessable that names `field`: empty, too long, two lines, not a pattern for RE2.
    """
    if not text:
        raise Unprocessable.field(field, "limit.empty")
    if len(text) > LONGEST:
        raise Unprocessable.field(field, "limit.characters.most", value=LONGEST)
    if "\n" in text:
        raise Unprocessable.field(field, "limit.one_line")
    data = text.encode(errors="replace")  # half a surrogate pair is in no line
    if regex:
        return _pattern(data, ignore_case, field)
    if not ignore_case:
        return _Literal(data)
    compiled = _compiled(data, literal=True, ignore_case=True)
    return _Folded(compiled, data) if data.isascii() else _Pattern(compiled)


class _Searching:
    """Whatever knows where the next hit is."""

    def lines(self, data: bytes) -> list[int]:
        found: list[int] = []
        line = at = 0
        while (start := self._next(data, at)[0]) >= 0:
            line += data.count(b"\n", at, start)
            found.append(line)
            line += 1
            at = data.find(b"\n", start) + 1
            if not at:
                break
        return found

    def spans(self, text: str) -> list[tuple[int, int]]:
        data = text.encode()
        found: list[tuple[int, int]] = []
        at = 0
        for _ in range(MARKS):
            start, end = self._next(data, at)
            if start < 0:
                break
            if start < end:
                found.append((start, end))
            at = max(end, start + 1)
        return found if text.isascii() else _utf16(data, found)

    def _next(self, data: bytes, at: int) -> tuple[int, int]:
        """Start and end of the first hit that starts at `at` or later; -1 when there is none."""
        raise NotImplementedError


class _Literal(_Searching):
    step = 1 << 30

    def __init__(self, needle: bytes) -> None:
        self._needle = needle
        self._match = _compiled(needle, literal=True).Match
        # To the end of the line; the empty group saves a copy of that.
        self._rest_of_line = re.compile(re.escape(needle) + b"().*")

    def count(self, data: bytes) -> Count:
        # RE2 sees that there is nothing in a third of the time, others count three times as fast.
        if self._match(_ANYWHERE, data, 0, len(data))[0][0] < 0:
            return Count(0, 0)
        return Count(len(self._rest_of_line.findall(data)), data.count(self._needle))

    def _next(self, data: bytes, at: int) -> tuple[int, int]:
        start = data.find(self._needle, at)
        return start, start + len(self._needle)


class _Pattern(_Searching):
    """An expression that means in many lines what it means in each."""

    def __init__(self, compiled: Any) -> None:
        self._match = compiled.Match
        self.step = max(_STEP_WORK // compiled.ProgramSize(), _STEP_LEAST)
        self._can_be_empty = any(
            self._match(_WHOLE, data, place, place)[0][0] >= 0 for data, place in _PLACES
        )

    def count(self, data: bytes) -> Count:
        if self._can_be_empty:
            # It is at nearly every place, and to look at each would take a call.
            lines = len(self.lines(data))
            return Count(lines, lines)
        lines = hits = at = 0
        line_end = -1
        while (span := self._next(data, at))[0] >= 0:
            start, at = span
            hits += 1
            if start > line_end:
                lines += 1
                line_end = data.find(b"\n", at)
                if line_end < 0:
                    line_end = len(data)
        return Count(lines, hits)

    def _next(self, data: bytes, at: int) -> tuple[int, int]:
        # Further spans are those of named groups, which RE2 captures whatever it is told.
        return self._match(_ANYWHERE, data, at, len(data))[0]  # type: ignore[no-any-return]


class _PatternOfOneLine(_Pattern):
    """An expression with a meaning of its own for where the text starts and ends."""

    def count(self, data: bytes) -> Count:
        counts = [_Pattern.count(self, line) for line in data.split(b"\n")]
        return Count(sum(count.lines for count in counts), sum(count.hits for count in counts))

    def lines(self, data: bytes) -> list[int]:
        return [
            index for index, line in enumerate(data.split(b"\n")) if self._next(line, 0)[0] >= 0
        ]


class _Folded(_Pattern):
    """ASCII ignoring case: several times as fast where the whole text can be folded."""

    def __init__(self, compiled: Any, needle: bytes) -> None:
        super().__init__(compiled)
        self._lower = _Literal(needle.lower())
        # Two characters beyond ASCII fold into it: the Kelvin sign and the long s.
        self._only_ascii = not any(letter in needle.lower() for letter in b"ks")
        self.step = self._lower.step

    def count(self, data: bytes) -> Count:
        if not self._foldable(data):
            return super().count(data)
        return self._lower.count(data.lower()) if self._next(data, 0)[0] >= 0 else Count(0, 0)

    def lines(self, data: bytes) -> list[int]:
        if not self._foldable(data):
            return super().lines(data)
        return self._lower.lines(data.lower()) if self._next(data, 0)[0] >= 0 else []

    def _foldable(self, data: bytes) -> bool:
        """Whether ASCII is all that matters."""
        return self._only_ascii or data.isascii()


def _pattern(data: bytes, ignore_case: bool, field: str) -> _Pattern:
    # Without memory for more, what is too large is refused before it takes long to compile.
    draft = _compiled(data, ignore_case=ignore_case, memory=_PROGRAM_BYTES)
    if not draft.ok():
        fault, _, part = draft.error().decode(errors="replace").partition(": ")
        if "too large" in fault:
            raise Unprocessable.field(field, "limit.regex.large")
        reason = Text(f"regex.{_FAULTS[fault]}", part=part) if fault in _FAULTS else fault
        raise Unprocessable.field(field, "limit.regex.bad", reason=reason)
    if _PART_OF_CHARACTER.search(data):
        raise Unprocessable.field(field, "limit.regex.part")
    if _OF_ONE_TEXT.search(data):
        return _PatternOfOneLine(_compiled(data, ignore_case=ignore_case))
    return _Pattern(_compiled(b"(?m)" + data, ignore_case=ignore_case))


def _compiled(
    pattern: bytes,
    *,
    literal: bool = False,
    ignore_case: bool = False,
    memory: int = _STATE_BYTES,
) -> Any:
    options = re2.Options()
    options.case_sensitive = not ignore_case
    options.literal = literal
    options.max_mem = memory
    options.never_capture = True
    options.never_nl = True
    options.log_errors = False
    return _RE2(pattern, options)


def _utf16(data: bytes, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ascending spans of UTF-8 as UTF-16 units, in which browsers count."""
    found: list[tuple[int, int]] = []
    at = units = 0
    for span in spans:
        ends: list[int] = []
        for place in span:
            units += len(data[at:place].decode().encode("utf-16-le")) // 2
            ends.append(units)
            at = place
        found.append((ends[0], ends[1]))
    return found
