"""The wrapped command as a process: started, its output passed on, its signals, its end.

Where a terminal is in the foreground the command shares our process group, as a shell's child
would: Ctrl-C reaches it from the terminal, so we do not send it again, and it may ask for
passwords. Everywhere else it leads a group of its own, which can be ended as a whole.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from livequeue_client import terminal

DRAIN = 1.5  # seconds to wait for the end of the output once the command has ended
CHUNK = 256 * 1024
FORWARDED = {
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
}
_FROM_KERNEL = 0x80  # si_code of a signal that the terminal sent

Output = Callable[[str, bytes], None]


class Command:
    """A running command; making one starts it, or raises OSError. Make it before any thread.

    `output` gets each chunk as (stream name, bytes) after it was passed on. A signal that comes
    when the command has ended is told to `late`.
    """

    def __init__(
        self, argv: Sequence[str], *, output: Output, late: Callable[[], None], tty: str = "auto"
    ) -> None:
        self._output = output
        self._late = late
        self._shared_group = terminal.in_foreground()
        self._pipes = {
            "stdout": terminal.Pipe(1, terminal.wanted(1, tty)),
            "stderr": terminal.Pipe(2, terminal.wanted(2, tty)),
        }
        self._ended = threading.Event()
        self._doomed = False
        self._family: dict[int, None] = {}  # ours to end, when the group is not; parents first
        # Blocked here and in all threads to come, so that one thread can ask where each came
        # from. What our caller had us ignore stays ignored, for the command too.
        self._signals = {s for s in FORWARDED if signal.getsignal(s) != signal.SIG_IGN}
        self._signals.add(signal.SIGWINCH)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, it would lose the exit status
        before = signal.pthread_sigmask(signal.SIG_BLOCK, self._signals)
        self._process = self._start(argv, before)
        self._spawn(self._forward_signals)
        self._pumps = [self._spawn(self._pump, *item) for item in self._pipes.items()]

    def _start(
        self, argv: Sequence[str], mask: set[int] | set[signal.Signals]
    ) -> subprocess.Popen[bytes]:
        def unblock() -> None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

        try:
            return subprocess.Popen(
                argv,
                stdout=self._pipes["stdout"].child_end,
                stderr=self._pipes["stderr"].child_end,
                process_group=None if self._shared_group else 0,
                preexec_fn=unblock,  # noqa: PLW1509 (there is no other thread yet)
            )
        except OSError:
            unblock()
            raise
        finally:
            for pipe in self._pipes.values():
                os.close(pipe.child_end)

    def wait(self) -> int:
        """Wait for the command's end and its output's; the status is negative for a signal.

        A process that the command left in the background may hold the output open: after a short
        while we leave it alone.
        """
        status = self._process.wait()
        self._ended.set()
        deadline = time.monotonic() + DRAIN
        for pump in self._pumps:
            pump.join(max(0.0, deadline - time.monotonic()))
        if self._doomed:
            self._signal_all(signal.SIGKILL)
        return status

    def terminate(self, grace: float) -> None:
        """End the command and what it started: SIGTERM, and SIGKILL when that did not help."""
        self._doomed = True
        self._signal_all(signal.SIGTERM)
        if not self._ended.wait(grace):
            self._signal_all(signal.SIGKILL)

    def _spawn(self, target: Callable[..., None], *arguments: object) -> threading.Thread:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        thread.start()
        return thread

    def _pump(self, stream: str, pipe: terminal.Pipe) -> None:
        while True:
            try:
                data = os.read(pipe.our_end, CHUNK)
            except OSError:  # a terminal's way to say that its last user has gone
                data = b""
            if not data:
                return
            if not _pass_on(pipe.target, data):
                os.close(pipe.our_end)  # our reader has gone: let the command know
                return
            self._output(stream, data)

    def _forward_signals(self) -> None:
        while True:
            info = signal.sigwaitinfo(self._signals)
            number = signal.Signals(info.si_signo)
            if number == signal.SIGWINCH:
                for pipe in self._pipes.values():
                    pipe.copy_size()
            elif self._ended.is_set():
                self._late()
            elif not (self._shared_group and info.si_code == _FROM_KERNEL):
                self._signal(number)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            self._process.send_signal(number)

    def _signal_all(self, number: signal.Signals) -> None:
        root = self._process.pid
        if not self._shared_group:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(root, number)
            return
        # A shell that waits would see its child end, and end well, before it is told to.
        self._family |= dict.fromkeys(_family_of(root))
        for pid in self._family:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)


def _pass_on(target: int, data: bytes) -> bool:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(target, view) :]
        except BlockingIOError:
            select.select([], [target], [])
        except OSError:
            return False
    return True


def _family_of(root: int) -> list[int]:
    """The process and its descendants, parents before their children."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(path.parent.name))
    family = [root]
    for pid in family:
        family += children.pop(pid, [])
    return family
