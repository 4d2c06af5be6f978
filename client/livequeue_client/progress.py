"""Progress read from the output of programs that know nothing about us. Pure; no I/O.

Two steps. A reader for each style of output finds a `Sighting` in one line. `ProgressReader` then
decides over time: bars say what they are and count at once, while a mere "3/10" or "40 %" within
a sentence counts only when it is seen to rise. Of several bars at once the first one leads (the
outer loop), and when it has reached its end the next one begins a new series.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import NamedTuple


class Progress(NamedTuple):
    percent: float | None
    current: float | None = None
    total: float | None = None
    unit: str | None = None


class Sighting(NamedTuple):
    progress: Progress
    key: str  # what is counted: the same text around the numbers is the same series
    sure: bool  # a progress bar, and nothing else


ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][0-9A-B]|.)?")
LINE_CHARS = 2000  # a longer line is no progress report

_SIZE = r"(\d+(?:[.,]\d+)?) ?(?:([kKMGTP])(i?))?"
_RATE = r"(?:[?\d.]+ ?(?:[kKMGTP]i?)?)"
_SCALE = {"": 0, "k": 1, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}

_TQDM = re.compile(
    rf"(\d{{1,3}})%\|[^|]*\| *{_SIZE}/{_SIZE} \[[\d:]+<[\d:?]+(?: days?, [\d:]+)?,"
    rf" *{_RATE} ?([^\s/\]]+)/([^\s\],]+)"
)
_TQDM_COUNT = re.compile(rf"(?:^|[\s:]){_SIZE}([A-Za-z]+) \[[\d:]+, *{_RATE} ?[A-Za-z]+/")
_RSYNC = re.compile(
    r"\s*([\d,.]+[KMGT]?)\s+(\d{1,3})%\s+[\d.,]+[kMGT]?i?B/s\s+\d+:\d\d:\d\d"
    r"(?:\s+\(xfe?r#\d+, (?:to-chk|(ir-chk)|to-check)=(\d+)/(\d+)\))?\s*\Z"
)
_CURL = re.compile(
    rf"\s*(\d{{1,3}})\s+{_SIZE}\s+\d{{1,3}}\s+{_SIZE}\s+\d+\s+[\d.]+[kMGTP]?\s+[\d.]+[kMGTP]?\s+"
    r"[\d.]+[kMGTP]?\s+[\d:-]+\s+[\d:-]+\s+[\d:-]+\s+[\d.]+[kMGTP]?\s*\Z"
)
_WGET_DOTS = re.compile(r"\s*\d+[KM] [ .,]{10,}\s(\d{1,3})%\s")
_DURATION = re.compile(r"\s*Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)")
_FFMPEG = re.compile(r"\btime=(\d+):(\d\d):(\d\d(?:\.\d+)?).*\b(?:bitrate|speed)=")
_BYTES = re.compile(rf"(?<![\w./:-]){_SIZE}(?:B|bytes)? ?(?:/|of) ?{_SIZE}(B|bytes)(?![\w/])")
_PERCENT = re.compile(r"(?<![\w.,:/=<>~±+-])(\d{1,3}(?:[.,]\d+)?) ?%(?![\w%])")
_BAR = re.compile(
    r"\[[#=*.>○●■□▮▯█▓▒░| -]{3,}\]|[━╸╺█▉▊▋▌▍▎▏▓▒░⣿■▮]{2,}|[#=]{2,}>?(?=[ \d])"
    r"|\d%\s?[\[|(][#=.> -]{3,}"
)
_BRACKETED = re.compile(r"\s*[\[(] *\d{1,3}(?:\.\d+)? ?% *[\])]|.*[\[(] *\d{1,3} ?%[\])]\s*\Z")
_BARE_PERCENT = re.compile(
    r"\W*(?:(?:total |overall )?(?:progress|completed?|done)\W*)?\d{1,3}(?:[.,]\d+)? ?%"
    r"\W*(?:completed?|done|finished)?\W*\Z",
    re.IGNORECASE,
)
_NOT_PROGRESS = re.compile(
    r"\b(?:cpu|mem|memory|ram|gpu|disk|usage|used?|idle|load|loss|battery|coverage|covered|sure"
    r"|faster|slower|accuracy|acc|discount|off|score|rating|rated|stars|hit rate|free)\b",
    re.IGNORECASE,
)
_COUNT = re.compile(
    r"(?<![\w./:,-])(\d{1,15})(?: ?/ ?| of | out of )(\d{1,15})(?![\w/:-]|[.,]\d)"
    r"(?:\s(?!done|complete|finished)([a-z]{2,16})\s*\Z)?"
)
_BARE_COUNT = re.compile(
    r"\s*[\[(]? *\d+(?:/| / | of | out of )\d+ *[\])]?:?(?:\s[a-z]+)?\s*\Z|\s*[\[(] *\d+/\d+ *[\])]"
)
_NO_LETTERS = re.compile(r"[\W\d_]+")


def plain(line: str) -> str:
    """The line without escape sequences and other control characters."""
    if "\x1b" in line:
        line = ESCAPES.sub("", line)
    return line if line.isprintable() else "".join(c if c.isprintable() else " " for c in line)


def _scaled(number: str, prefix: str | None, binary: str | None) -> float:
    base = 1024.0 if binary else 1000.0
    return round(float(number.replace(",", ".")) * math.pow(base, _SCALE[prefix or ""]), 3)


def _seconds(hours: str, minutes: str, seconds: str) -> float:
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def _label(line: str, start: int) -> str:
    """The words before the numbers."""
    return _NO_LETTERS.sub(" ", line[max(0, start - 40) : start]).strip()


def _tqdm(line: str) -> Sighting | None:
    if found := _TQDM.search(line):
        percent, *sizes, unit, per = found.groups()
        unit = per if unit == "s" else unit  # "2.7it/s", and "1.2s/it" when slow
        current, total = _scaled(*sizes[:3]), _scaled(*sizes[3:])
        progress = Progress(min(100.0, float(percent)), current, total, unit[:32])
        if 0 < current <= total:
            progress = progress._replace(percent=round(100 * current / total, 1))
        return Sighting(progress, "tqdm " + _label(line, found.start()), True)
    if found := _TQDM_COUNT.search(line):
        number, prefix, binary, unit = found.groups()
        progress = Progress(None, _scaled(number, prefix, binary), None, unit[:32])
        return Sighting(progress, "tqdm " + _label(line, found.start()), True)
    return None


def _curl(line: str) -> Sighting | None:
    if not (found := _CURL.match(line)):
        return None
    percent, *sizes = found.groups()
    total, current = _scaled(*sizes[:3]), _scaled(*sizes[3:])
    if not total:
        return Sighting(Progress(None, current, None, "B"), "curl", True) if current else None
    return Sighting(Progress(min(100.0, float(percent)), current, total, "B"), "curl", True)


def _wget(line: str) -> Sighting | None:
    if found := _WGET_DOTS.match(line):
        return Sighting(Progress(float(found[1])), "wget", True)
    return None


def _bytes(line: str) -> Sighting | None:
    if not (found := _BYTES.search(line)):
        return None
    *sizes, _unit = found.groups()
    if not sizes[1] and sizes[4]:  # "1.2/12.3 MB": one unit for both
        sizes[1:3] = sizes[4:6]
    current, total = _scaled(*sizes[:3]), _scaled(*sizes[3:])
    if not 0 < total >= current:
        return None
    progress = Progress(round(100 * current / total, 1), current, total, "B")
    return Sighting(progress, "bytes " + _label(line, found.start()), bool(_BAR.search(line)))


def _percent(line: str) -> Sighting | None:
    found = _PERCENT.search(line)
    if found is None or _NOT_PROGRESS.search(line):
        return None
    value = float(found[1].replace(",", "."))
    if value > 100:
        return None
    sure = bool(_BARE_PERCENT.match(line) or _BAR.search(line) or _BRACKETED.match(line))
    key = "percent " + ("" if _BRACKETED.match(line) else _label(line, found.start()))
    progress = Progress(value)
    if count := _COUNT.search(line):  # git: "Receiving objects:  45% (9/20)"
        current, total = float(count[1]), float(count[2])
        if total and abs(100 * current / total - value) <= 1:
            return Sighting(Progress(value, current, total, count[3]), key, True)
    return Sighting(progress, key, sure)


def _count(line: str) -> Sighting | None:
    found = _COUNT.search(line)
    if found is None or _NOT_PROGRESS.search(line):
        return None
    current, total = float(found[1]), float(found[2])
    if not 1 < total >= current:
        return None
    progress = Progress(round(100 * current / total, 1), current, total, found[3])
    key = f"count {_label(line, found.start())} of {found[2]}"
    return Sighting(progress, key, bool(_BARE_COUNT.match(line)))


_READERS: tuple[Callable[[str], Sighting | None], ...] = (
    _tqdm,
    _curl,
    _wget,
    _bytes,
    _percent,
    _count,
)


class ProgressReader:
    """Reads lines in order. `series` rises when what was counted is done and another begins."""

    def __init__(self) -> None:
        self.series = 0
        self._duration: float | None = None  # of ffmpeg's input
        self._per_file = False  # rsync counts each file's percent on its own
        self._leader: Sighting | None = None
        self._leader_row = 0
        self._seen: dict[str, float] = {}  # the newest percent of series that may not be progress

    def read(self, line: str, row: int = 0) -> Progress | None:
        """The job's progress if this line tells it; `row` is the number of the line."""
        if len(line) > LINE_CHARS or not any(map(str.isdigit, line)):
            return None
        sighting = self._look(plain(line))
        if sighting is None or not self._believe(sighting) or not self._leads(sighting, row):
            return None
        self._leader, self._leader_row = sighting, row
        return sighting.progress

    def _look(self, line: str) -> Sighting | None:
        if found := _RSYNC.match(line):
            return self._rsync(*found.groups())
        if found := _DURATION.match(line):
            self._duration = self._duration or _seconds(*found.groups())
            return None
        if found := _FFMPEG.search(line):
            return self._ffmpeg(_seconds(*found.groups()))
        for reader in _READERS:
            if sighting := reader(line):
                return sighting
        return None

    def _rsync(
        self, done: str, percent: str, listing: str | None, left: str | None, files: str | None
    ) -> Sighting | None:
        """`--info=progress2` gives the percent of the whole, `--progress` that of each file."""
        if left and files and percent == "100" and int(left) and not listing:
            self._per_file = True
        if self._per_file:
            if not (left and files) or listing:
                return None
            current, total = float(files) - float(left), float(files)
            return Sighting(
                Progress(round(100 * current / total, 1), current, total, "files"),
                "rsync files",
                True,
            )
        plain_bytes = done.replace(",", "").replace(".", "")
        current_bytes = float(plain_bytes) if plain_bytes.isdecimal() else None
        return Sighting(Progress(float(percent), current_bytes, None, "B"), "rsync", True)

    def _ffmpeg(self, at: float) -> Sighting:
        total = self._duration
        percent = round(min(100.0, 100 * at / total), 1) if total else None
        return Sighting(Progress(percent, at, total, "s"), "ffmpeg", True)

    def _believe(self, sighting: Sighting) -> bool:
        if sighting.sure:
            return True
        percent = sighting.progress.percent or 0.0
        before = self._seen.pop(sighting.key, None)
        if len(self._seen) < 256:
            self._seen[sighting.key] = percent
        leading = self._leader is not None and self._leader.key == sighting.key
        return before is not None and (percent > before or (leading and percent == before))

    def _leads(self, sighting: Sighting, row: int) -> bool:
        leader = self._leader
        percent = sighting.progress.percent
        if leader is None:
            return percent != 100  # a bar that is born finished tells nothing
        before = leader.progress.percent
        ended = before is not None and before >= 100
        vague = before is None and percent is not None
        if leader.key == sighting.key:
            if ended and percent is not None and percent < 100:
                self.series += 1
            return True
        if ended or vague or (sighting.sure and not leader.sure) or sighting.key == "rsync files":
            if percent == 100:
                return False
            self.series += 1
            return True
        if sighting.sure and row == self._leader_row and row:
            self.series += 1  # the same line is now another bar
            return True
        return False
