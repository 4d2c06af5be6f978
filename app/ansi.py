"""Terminal output: its plain text, and the colours a line leaves to the next one.

static/js/ansi.js follows the same rules; tests/web/ansi.json is the table both are tested with.
"""

import re
from functools import lru_cache
from itertools import islice

# Every alternative takes what it can and never looks back: linear in the length of the line. A
# sequence that is cut off, or broken into by another one, goes as far as it reached. What remains
# of the controls is dropped but for those that are text to us: TAB, VT, FF, FS, GS, RS, US.
_ESCAPES = re.compile(
    r"\x1b\[[ -?]*[@-~]?"  # CSI
    r"|\x1b\][^\x07\x18\x1a\x1b]*(?:\x07|\x1b\\)?"  # OSC
    r"|\x1b[PX^_][^\x18\x1a\x1b]*(?:\x1b\\)?"  # DCS, SOS, PM, APC
    r"|\x1bk[^\x18\x1a\x1b]*\x1b\\"  # a title, as screen and tmux take it
    r"|\x1b[ -/]*[0-~]?"  # all others
    r"|[\x00-\x08\x0a\x0d-\x1a\x7f]"
)
_CONTROL = re.compile(r"[\x00-\x08\x0a\x0d-\x1b\x7f]")  # few lines have any; this one is fast
_SGR = re.compile(r"\x1b\[([\d:;]{0,256})m", re.ASCII)  # no real one is longer

_ATTRIBUTES = (1, 2, 3, 4, 7, 9)  # bold, dim, italic, underline, inverse, strike
_ON = {code: code for code in _ATTRIBUTES} | {21: 4}  # underlined twice is underlined
_OFF = {22: (1, 2), 23: (3,), 24: (4,), 27: (7,), 29: (9,)}
_FOREGROUND, _BACKGROUND, _UNDERLINE = 38, 48, 58
_PLAIN_COLOURS = dict.fromkeys((*range(30, 38), 39, *range(90, 98)), _FOREGROUND)
_PLAIN_COLOURS |= dict.fromkeys((*range(40, 48), 49, *range(100, 108)), _BACKGROUND)
_VALUES = {5: 1, 2: 3}  # of the 256 colours, of true colour: how many numbers follow


def plain(text: str) -> str:
    """The text without escape sequences and control characters: what is searched and copied."""
    return _ESCAPES.sub("", text) if _CONTROL.search(text) else text


def carry(state: str, text: str) -> str:
    """The state at the end of a line that began with `state`.

    A state is written as the SGR parameters that bring it about: attributes in the order 1 2 3 4 7
    9, then the foreground, then the background, such as `1;31` or `38;2;1;2;3`; "" is the default.
    """
    if "\x1b" in text:
        for match in _SGR.finditer(text):
            state = _apply(state, match[1])
    return state


@lru_cache(4096)
def _apply(state: str, parameters: str) -> str:
    on: set[int] = set()
    colours = {_FOREGROUND: "", _BACKGROUND: "", _UNDERLINE: ""}
    rest = iter(f"{state};{parameters}".split(";"))  # an empty one resets, as 0 does
    for parameter in rest:
        code, *values = map(_number, parameter.split(":"))
        if code in colours:
            if not values:  # `38;5;1`, the older way to write `38:5:1`
                kind = _number(next(rest, ""))
                if kind not in _VALUES:
                    break  # where the next one starts is not known
                values = [kind, *map(_number, islice(rest, _VALUES[kind]))]
            colours[code] = _colour(code, values) or colours[code]
        elif code == 0:
            on.clear()
            colours = dict.fromkeys(colours, "")
        elif code in _OFF:
            on.difference_update(_OFF[code])
        elif code == 4 and values == [0]:  # `4:0`
            on.discard(4)
        elif code in _ON:
            on.add(_ON[code])
        elif code in _PLAIN_COLOURS:
            colours[_PLAIN_COLOURS[code]] = "" if code in (39, 49) else str(code)
    parts = [str(code) for code in _ATTRIBUTES if code in on]
    return ";".join(filter(None, [*parts, colours[_FOREGROUND], colours[_BACKGROUND]]))


def _colour(code: int, values: list[int]) -> str:
    """`38;5;196` or `38;2;1;2;3`, "" if it is none; a colour space may precede red in `38:2`."""
    kind = values[0]
    numbers = values[2:5] if kind == 2 and len(values) > 4 else values[1 : 1 + _VALUES.get(kind, 0)]
    if len(numbers) != _VALUES.get(kind) or not all(0 <= number <= 255 for number in numbers):
        return ""
    return ";".join(map(str, [code, kind, *numbers]))


def _number(text: str) -> int:
    """An absent one is 0; what is none, or absurd, is -1."""
    if not text:
        return 0
    return int(text) if len(text) <= 9 and ":" not in text else -1
