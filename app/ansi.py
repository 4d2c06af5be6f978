"""Terminal output as plain text; static/js/ansi.js does the same in the browser."""

import re

# CSI, OSC (ended by BEL or ST, or cut off), other two-byte escapes; then what is left of controls.
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*(?:[@-~]|$)"
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\|$)"
    r"|\x1b[PX^_][^\x1b]*(?:\x1b\\|$)"
    r"|\x1b[ -/]*(?:[0-~]|$)"
    r"|[\x00-\x08\x0b-\x1f\x7f]"
)


def plain(text: str) -> str:
    """The text without escape sequences and control characters."""
    return _ESCAPES.sub("", text)
