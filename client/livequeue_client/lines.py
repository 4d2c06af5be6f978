"""Decoded output text to numbered lines, the way a terminal means it.

LF ends a line. A lone CR goes back to the start of the line, so that the text after it replaces
the line; CRLF is therefore one line end even when its bytes arrive apart. Cursor movements (as
nested progress bars send them) rewrite one of the last `WINDOW` lines in place. Colours stay in
the text, other cursor and screen controls are dropped. Nothing else breaks a line: U+2028, U+0085,
VT, FF and the like are text.
"""

from __future__ import annotations

import re
from typing import NamedTuple

WINDOW = 200  # lines that can still be rewritten
LINE_BYTES = 16 * 1024  # cap of one line's text in UTF-8, marker included
COLOURS = 256  # characters of SGR sequences kept for the text that follows them
CUT = " \N{RETURN SYMBOL}\N{HORIZONTAL ELLIPSIS}"  # ends a piece of a line that goes on in the next

_TOKEN = re.compile(r"[^\n\r\x1b]+|\n|\r|\x1b\[([0-?]*)[ -/]*([@-~])|\x1b")
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]{0,32}[ -/]{0,4})?\Z")
_COLOUR = re.compile(r"[0-9;:]*\Z")


def cut(text: str) -> list[str]:
    """Pieces of at most `LINE_BYTES` of UTF-8, each but the last ending in `CUT`."""
    if len(text) <= LINE_BYTES // 4:
        return [text]
    data = text.encode("utf-8", "surrogatepass")
    if len(data) <= LINE_BYTES:
        return [text]
    pieces: list[str] = []
    start = 0
    while len(data) - start > LINE_BYTES:
        end = start + LINE_BYTES - len(CUT.encode())
        while data[end] & 0xC0 == 0x80:  # not inside a character
            end -= 1
        pieces.append(data[start:end].decode("utf-8", "surrogatepass") + CUT)
        start = end
    pieces.append(data[start:].decode("utf-8", "surrogatepass"))
    return pieces


class Line(NamedTuple):
    """A line as it is now; the same number again means the line was rewritten."""

    number: int
    stream: str
    text: str
    complete: bool  # a line end has followed it


class LineAssembler:
    """Assembles the lines of one or more streams, which share one numbering from 1.

    `feed` text as it comes and `take` what has changed since the last take. However often a line
    was rewritten in between, it is taken once. Memory is bounded by the window and by what is fed
    between two takes.
    """

    def __init__(self) -> None:
        self._screens: dict[str, _Screen] = {}
        self._changes = _Changes()

    def feed(self, text: str, stream: str = "stdout") -> None:
        screen = self._screens.get(stream)
        if screen is None:
            screen = self._screens[stream] = _Screen(stream, self._changes)
        screen.feed(text)

    def finish(self) -> None:
        """The output has ended: what was held back for its second half is text after all."""
        for screen in self._screens.values():
            screen.finish()

    def take(self, *, partial: bool = True) -> list[Line]:
        """The lines that are new or changed, by number; without `partial`, ended ones only."""
        return self._changes.take(partial)

    @property
    def pending(self) -> int:
        """How many lines are new or changed."""
        return len(self._changes.rows)


class _Row:
    __slots__ = ("changed", "complete", "number", "stream", "text")

    def __init__(self, stream: str) -> None:
        self.number = 0  # given when the row first has something to show
        self.stream = stream
        self.text = ""
        self.complete = False
        self.changed = False


class _Changes:
    """The rows changed since the last take, and the numbering."""

    def __init__(self) -> None:
        self.rows: list[_Row] = []
        self._newest = 0
        self._taken = 0

    def add(self, row: _Row) -> None:
        if not row.changed:
            row.changed = True
            self.rows.append(row)
            if not row.number:
                self._newest += 1
                row.number = self._newest

    def take(self, partial: bool) -> list[Line]:
        rows = self.rows if partial else [row for row in self.rows if row.complete]
        self.rows = [] if partial else [row for row in self.rows if not row.complete]
        for row in rows:
            row.changed = False
            if self._taken - row.number >= WINDOW:
                # Too far back to be rewritten, since another stream went on: show it anew.
                self._newest += 1
                row.number = self._newest
        rows.sort(key=_number)
        if rows:
            self._taken = max(self._taken, rows[-1].number)
        return [Line(row.number, row.stream, row.text, row.complete) for row in rows]


def _number(row: _Row) -> int:
    return row.number


class _Screen:
    """The last rows of one stream and the cursor in them."""

    def __init__(self, stream: str, changes: _Changes) -> None:
        self._stream = stream
        self._changes = changes
        self._rows = [_Row(stream)]
        self._at = 0  # the cursor's row
        self._home = True  # the cursor is in column 0: the next text replaces the row
        self._colours = ""  # came in column 0, belong to the text that will follow
        self._held = ""  # an escape sequence whose end has not arrived

    def feed(self, text: str) -> None:
        if self._held:
            text, self._held = self._held + text, ""
        if "\0" in text:
            text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
        if "\x1b" in text and (cut := _UNFINISHED.search(text)):
            text, self._held = text[: cut.start()], cut.group()
        if "\r" in text or "\x1b" in text:
            self._interpret(text)
        else:
            first, *rest = text.split("\n")
            self._write(first)
            for part in rest:
                self._line_feed()
                self._write(part)

    def finish(self) -> None:
        held, self._held = self._held, ""
        self._write(held)

    def _interpret(self, text: str) -> None:
        for token in _TOKEN.finditer(text):
            found = token.group()
            if found == "\n":
                self._line_feed()
            elif found == "\r":
                self._home = True
            elif found[0] == "\x1b" and len(found) > 1:
                self._control(found, token.group(1), token.group(2))
            else:
                self._write(found)

    def _control(self, sequence: str, parameters: str, final: str) -> None:
        if final == "m":
            if _COLOUR.match(parameters):
                self._colour(sequence)
        elif final in "ABEF":
            rows = max(1, int(parameters)) if parameters.isdecimal() else 1
            self._move(-rows if final in "AF" else rows)
        elif final == "G":
            self._home = parameters in ("", "0", "1")
        elif final == "K":
            if self._home or parameters in ("1", "2"):
                self._erase(self._rows[self._at])
        elif final == "J" and parameters in ("", "0"):
            for row in self._rows[self._at + (not self._home) :]:
                self._erase(row)

    def _write(self, text: str) -> None:
        if not text:
            return
        row = self._rows[self._at]
        if self._home:
            self._home = False
            row.text = self._colours + text
            self._colours = ""
        else:
            row.text += text
        self._changes.add(row)
        if len(row.text) > LINE_BYTES // 4:
            self._cut(row)

    def _colour(self, sequence: str) -> None:
        if self._home:
            # Whole sequences only: the rest of a cut one would be text.
            self._colours += sequence
            while len(self._colours) > COLOURS:
                self._colours = self._colours[self._colours.index("m") + 1 :]
        else:
            self._write(sequence)

    def _line_feed(self) -> None:
        if self._colours:
            self._home = False
            colours, self._colours = self._colours, ""
            self._rows[self._at].text += colours
            self._changes.add(self._rows[self._at])
        self._home = True
        if self._at + 1 == len(self._rows):
            self._append()
        else:
            self._at += 1

    def _append(self) -> None:
        """End the last row, which is the cursor's, and go to a new one."""
        row = self._rows[-1]
        row.complete = True
        self._changes.add(row)
        self._rows.append(_Row(self._stream))
        if len(self._rows) > WINDOW + 50:  # not one by one
            del self._rows[:-WINDOW]
        self._at = len(self._rows) - 1

    def _move(self, rows: int) -> None:
        last = len(self._rows) - 1
        self._at = min(max(self._at + rows, last - WINDOW + 1, 0), last)
        self._home = True

    def _erase(self, row: _Row) -> None:
        if row.text:
            row.text = ""
            self._changes.add(row)

    def _cut(self, row: _Row) -> None:
        """Split an over-long row; one above the last has no room below it and loses its rest."""
        row.text, *pieces = cut(row.text)
        for piece in pieces:
            if row is not self._rows[-1]:
                return
            self._append()
            row = self._rows[-1]
            row.text = piece
            self._changes.add(row)
