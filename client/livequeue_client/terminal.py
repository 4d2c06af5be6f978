"""Terminals: is there one, and one for the command when our own output goes to one."""

from __future__ import annotations

import fcntl
import os
import pty
import termios
import tty as tty_modes
from contextlib import suppress

_PIPE_BYTES = 1024 * 1024


def in_foreground() -> bool:
    """Whether this process group has the keyboard of its controlling terminal."""
    try:
        keyboard = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(keyboard) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(keyboard)


def wanted(descriptor: int, choice: str) -> bool:
    """Whether the command should see a terminal there: by default, where it would without us."""
    return choice == "always" or (choice == "auto" and os.isatty(descriptor))


class Pipe:
    """Carries the command's output to our `target` descriptor: a pipe, or a terminal's two ends."""

    def __init__(self, target: int, terminal: bool) -> None:
        self.target = target
        self._terminal = terminal
        if terminal:
            self.our_end, self.child_end = pty.openpty()
            tty_modes.setraw(self.child_end)  # no CR before LF: bytes pass unchanged
            self.copy_size()
        else:
            self.our_end, self.child_end = os.pipe()
            with suppress(OSError, AttributeError):
                fcntl.fcntl(self.our_end, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    def copy_size(self) -> None:
        if self._terminal:
            size = (24, 80)
            with suppress(termios.error):
                size = termios.tcgetwinsize(self.target)
            termios.tcsetwinsize(self.our_end, size)
