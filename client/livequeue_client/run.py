"""`livequeue run`: run a command, pass its output on, and report it to the server.

The command comes first: it starts before anything is sent, never waits for the server, and its
exit status is ours.
"""

from __future__ import annotations

import argparse
import errno
import os
import shlex
import shutil
import signal
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from livequeue_client.address import server_url
from livequeue_client.identity import task_name, this_process
from livequeue_client.process import Command
from livequeue_client.recorder import Recorder, nowhere
from livequeue_client.spool import Spool, spool_root

if TYPE_CHECKING:
    from livequeue_client.report import Reporter

NOT_FOUND = 127
NOT_EXECUTABLE = 126
HEARTBEAT_TIMEOUT = 60  # seconds without a heartbeat until the server calls the task stalled


def complain(text: str) -> None:
    print(f"livequeue: {text}", file=sys.stderr, flush=True)


def run(arguments: argparse.Namespace) -> int:
    """The command's exit status; 128+N when signal N ended it."""
    argv: list[str] = arguments.command
    if not argv:
        complain("name a command after --, as in: livequeue run -- rsync -a SRC DST")
        return 2
    try:
        url = server_url(arguments.server)
    except ValueError as error:
        complain(f"{error}; the command runs without being reported")
        return _run_alone(argv)
    spool = _open_spool(_describe(arguments, argv, url))
    if spool is None:
        complain("no folder to keep output in; the command runs without being reported")
        return _run_alone(argv)
    return _run_reported(arguments, argv, url, spool)


def _run_reported(
    arguments: argparse.Namespace, argv: Sequence[str], url: str, spool: Spool
) -> int:
    hurry = threading.Event()  # the user does not want to wait for the delivery
    cancelled = threading.Event()
    recorder = Recorder(spool)
    command: Command | None = None
    problem = ""
    status = 0
    try:
        command = Command(argv, output=recorder.put, late=hurry.set, tty=arguments.tty)
    except OSError as error:
        status, problem = _explain(argv[0], error)
        complain(problem)

    def cancel() -> None:
        cancelled.set()
        if command:
            command.terminate(arguments.grace)

    reporter = _reporter(spool, url, cancel)
    recorder.begin(reporter.report if reporter else nowhere)
    if command:
        status = command.wait()
    recorder.finish()
    ending = _ending(status, problem, list(recorder.last_lines.values()), cancelled.is_set())
    if reporter:
        reporter.finish(ending, arguments.flush_timeout, hurry)
    return status if status >= 0 else 128 - status


def _reporter(spool: Spool, url: str, cancel: Callable[[], None]) -> Reporter | None:
    """None when there is no way to the network; the command runs on, whatever the reason."""
    try:
        # Imported beside the running command: the network takes a moment to load.
        from livequeue_client.report import Reporter

        reporter = Reporter(spool, url, complain=complain, cancel=cancel)
    except Exception as error:
        complain(f"cannot report ({error}); the command runs on, its output is not kept")
        spool.remove()
        return None
    reporter.start()
    return reporter


def _run_alone(argv: Sequence[str]) -> int:
    try:
        os.execvp(argv[0], list(argv))  # noqa: S606 (no shell is wanted)
    except OSError as error:
        status, problem = _explain(argv[0], error)
        complain(problem)
        return status


def _describe(arguments: argparse.Namespace, argv: Sequence[str], url: str) -> dict[str, Any]:
    return {
        "server": url,
        "key": uuid.uuid4().hex,
        "body": {
            "name": task_name(arguments.name or shlex.join(argv)) or "command",
            "queue": arguments.queue,
            "status": "running",
            "worker": this_process(),
            "heartbeat_timeout": HEARTBEAT_TIMEOUT,
        },
    }


def _open_spool(task: dict[str, Any]) -> Spool | None:
    try:
        return Spool.create(spool_root(), task)
    except OSError:
        try:
            return Spool.create(Path(tempfile.mkdtemp(prefix="livequeue-")), task)
        except OSError:
            return None


def _explain(name: str, error: OSError) -> tuple[int, str]:
    found = shutil.which(name, os.F_OK)
    if isinstance(error, FileNotFoundError) and not found:
        return NOT_FOUND, f"{name}: command not found"
    if isinstance(error, FileNotFoundError):
        return NOT_EXECUTABLE, f"{name}: its interpreter is missing"
    if error.errno == errno.ENOEXEC:
        return NOT_EXECUTABLE, f"{name}: not a program; if it is a script, begin it with #!"
    return NOT_EXECUTABLE, f"{name}: cannot be run ({error.strerror})"


def _ending(
    status: int, problem: str, last_lines: Sequence[str], cancelled: bool
) -> dict[str, Any]:
    shown = status if status >= 0 else 128 - status
    ending: dict[str, Any] = {"status": "completed", "result": {"exit_status": shown}}
    if status < 0:
        reason = f"killed by {_signal_name(-status)}"
    else:
        reason = problem or f"exit status {status}"
    if cancelled:
        ending |= {"status": "cancelled", "error": f"cancelled: {reason}"}
    elif status:
        ending |= {"status": "failed", "error": "\n".join([reason, *last_lines])}
    return ending


def _signal_name(number: int) -> str:
    try:
        return f"{signal.Signals(number).name} (signal {number})"
    except ValueError:
        return f"signal {number}"
