"""The wrapped command behaves as without the wrapper, whatever the server does."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import socket
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from livequeue_client.connection import TIMEOUT
from tests.client.conftest import Run, in_terminal, read_until
from tests.conftest import wait_until

# Says which signals it got, ends a second after the first with 42.
TRAPS = """
import signal, sys, time
got = []
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, lambda number, frame: got.append(signal.Signals(number).name))
print("ready", flush=True)
while not got:
    time.sleep(0.01)
time.sleep(1)
print(*got, flush=True)
sys.exit(42)
"""


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (["true"], 0),
        (["sh", "-c", "exit 3"], 3),
        (["sh", "-c", "kill -9 $$"], 137),
        (["sh", "-c", "kill -TERM $$"], 143),
        (["there-is-no-such-command"], 127),
        (["/nowhere/at/all"], 127),
        (["/etc/passwd"], 126),
        (["/"], 126),
    ],
)
def test_exit_status(livequeue: Run, nowhere: str, command: list[str], status: int) -> None:
    process = livequeue("run", "--", *command, url=nowhere)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == status
    if status in (126, 127):
        assert command[0].encode() in errors


def test_a_script_without_interpreter_is_not_executable(
    livequeue: Run, nowhere: str, tmp_path: Path
) -> None:
    script = tmp_path / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    process = livequeue("run", "--", script, url=nowhere)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 126
    assert b"interpreter" in errors


def test_arguments_input_and_output_pass_unchanged(livequeue: Run, nowhere: str) -> None:
    shown = ["--", "--name", "a b", "", "$HOME", "*", "é"]
    process = livequeue("run", "--name", "x", "--", "printf", "%s|", *shown, url=nowhere)
    assert process.communicate(timeout=60)[0].decode() == "|".join([*shown, ""])
    data = os.urandom(300_000)
    process = livequeue("run", "--", "cat", url=nowhere, stdin=subprocess.PIPE)
    assert process.communicate(data, timeout=60)[0] == data
    process = livequeue(
        "run", "--", "sh", "-c", r"printf '\227\300\377'; printf e >&2", url=nowhere
    )
    output, errors = process.communicate(timeout=60)
    assert output == b"\x97\xc0\xff"
    assert errors.startswith(b"e")


def test_output_passes_at_once(livequeue: Run, nowhere: str, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    script = f"printf half; until [ -e {gate} ]; do sleep 0.02; done; echo ' a line'"
    process = livequeue("run", "--", "sh", "-c", script, url=nowhere)
    assert process.stdout
    assert read_until(process.stdout.fileno(), b"half") == b"half"
    gate.touch()
    assert process.communicate(timeout=60)[0] == b" a line\n"


def test_options_without_a_separator(livequeue: Run, nowhere: str) -> None:
    process = livequeue("run", "echo", "-n", "--help", url=nowhere)
    assert process.communicate(timeout=60)[0] == b"--help"
    process = livequeue("run", url=nowhere)
    assert b"name a command" in process.communicate(timeout=60)[1]
    assert process.returncode == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_is_forwarded_once(livequeue: Run, nowhere: str, number: signal.Signals) -> None:
    process = livequeue("run", "--", sys.executable, "-c", TRAPS, url=nowhere)
    assert process.stdout
    read_until(process.stdout.fileno(), b"ready\n")
    process.send_signal(number)
    assert process.communicate(timeout=60)[0].decode() == f"{number.name}\n"
    assert process.returncode == 42


def test_ctrl_c_in_a_terminal_arrives_once(spool: Path, nowhere: str) -> None:
    with in_terminal(sys.executable, "-c", TRAPS, url=nowhere, spool=spool) as (pid, terminal):
        read_until(terminal, b"ready")
        os.write(terminal, b"\x03")
        said = read_until(terminal, b"SIGINT")
        with suppress(OSError):  # how a terminal says that nobody uses it any more
            while data := os.read(terminal, 65536):
                said += data
        assert said.count(b"SIGINT") == 1
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 42


def test_a_terminal_is_passed_on(spool: Path, nowhere: str, livequeue: Run) -> None:
    tell = "import os; print(os.isatty(1), os.isatty(2), os.get_terminal_size(1).columns)"
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (20, 77))
    process = livequeue("run", "--", sys.executable, "-c", tell, url=nowhere, stdout=theirs)
    assert b"True False 77" in read_until(ours, b"77")
    process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    tell = "import os; print(os.isatty(1), os.isatty(2))"
    for choice, answer in (("auto", b"False False\n"), ("always", b"True True\n")):
        command = ["run", "--tty", choice, "--", sys.executable, "-c", tell]
        assert livequeue(*command, url=nowhere).communicate(timeout=60)[0] == answer


def test_a_grandchild_that_holds_the_output_does_not_hold_us(livequeue: Run, nowhere: str) -> None:
    process = livequeue(
        "run", "--flush-timeout", "0", "--", "sh", "-c", "sleep 60 & echo $!; exit 4", url=nowhere
    )
    assert process.stdout
    grandchild = int(process.stdout.readline())
    try:
        assert process.wait(timeout=20) == 4
        os.kill(grandchild, 0)
    finally:
        os.kill(grandchild, signal.SIGKILL)


def test_a_reader_that_has_gone_ends_the_command(livequeue: Run, nowhere: str) -> None:
    process = livequeue("run", "--flush-timeout", "0", "--", "yes", url=nowhere)
    assert process.stdout
    assert process.stdout.read(2) == b"y\n"
    process.stdout.close()
    process.stdout = None
    assert process.wait(timeout=60) == 128 + signal.SIGPIPE


def test_a_server_that_is_down_is_one_warning(livequeue: Run, nowhere: str, spool: Path) -> None:
    process = livequeue("run", "--", "sh", "-c", "echo out; sleep 1; exit 5", url=nowhere)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (5, b"out\n")
    (warning,) = errors.decode().splitlines()
    assert "cannot reach" in warning
    assert nowhere in warning
    (kept,) = spool.iterdir()
    assert str(kept) in warning


@pytest.mark.parametrize("address", ["nonsense", "ftp://host", "http://", "http://h:99999"])
def test_a_wrong_address_is_one_warning(livequeue: Run, address: str) -> None:
    process = livequeue("run", "--", "sh", "-c", "echo out; exit 6", url=address)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (6, b"out\n")
    assert len(errors.decode().splitlines()) == 1


def test_a_server_that_never_answers_costs_no_time(
    livequeue: Run, silent: str, tmp_path: Path
) -> None:
    done = tmp_path / "done"
    script = f"seq 300000; touch {done}"
    livequeue("run", "--", "sh", "-c", script, url=silent, stdout=subprocess.DEVNULL)
    wait_until(done.exists, TIMEOUT / 2, "the command to end, while the server is waited for")


def test_a_spool_that_cannot_be_written_does_not_stop_the_command(
    livequeue: Run, nowhere: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    environment = {"LIVEQUEUE_SPOOL": str(tmp_path / "file"), "TMPDIR": str(tmp_path / "none")}
    process = livequeue("run", "--", "sh", "-c", "exit 7", url=nowhere, environment=environment)
    process.communicate(timeout=60)
    assert process.returncode == 7


def test_output_to_a_full_pipe_that_does_not_block(livequeue: Run, nowhere: str) -> None:
    ours, theirs = os.pipe()
    flags = fcntl.fcntl(theirs, fcntl.F_GETFL)
    fcntl.fcntl(theirs, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    process = livequeue("run", "--", "seq", "200000", url=nowhere, stdout=theirs)
    os.close(theirs)
    with os.fdopen(ours, "rb") as stream:
        assert stream.read().count(b"\n") == 200_000
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_version_and_help(livequeue: Run, nowhere: str) -> None:
    process = livequeue("--version", url=nowhere)
    assert process.communicate(timeout=60)[0].startswith(b"livequeue 0.")
    process = livequeue("run", "--help", url=nowhere)
    assert b"COMMAND" in process.communicate(timeout=60)[0]
