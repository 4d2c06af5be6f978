"""The command `livequeue`: `run`, `flush` and `check`, and what other distributions add to it.

A distribution adds a subcommand through an entry point in the group `livequeue.commands`: a
function that takes argparse's subparsers and sets `handler`, a function from the parsed arguments
to the exit status.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from livequeue_client import __version__
from livequeue_client.address import DEFAULT_URL
from livequeue_client.run import complain, run

GROUP = "livequeue.commands"
_OWN = {"run", "flush", "check"}


def main(argv: Sequence[str] | None = None) -> int:
    arguments = list(sys.argv[1:] if argv is None else argv)
    command: list[str] | None = None
    if arguments[:1] == ["run"] and "--" in arguments:
        split = arguments.index("--")  # argparse must not touch what follows
        arguments, command = arguments[:split], arguments[split + 1 :]
    parsed = _parser(others=arguments[:1] not in [[own] for own in _OWN]).parse_args(arguments)
    if command is not None:
        parsed.command = [*parsed.command, *command]
    try:
        status: int = parsed.handler(parsed)
    except KeyboardInterrupt:
        return 130
    return status


def _parser(*, others: bool) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="livequeue", description="Run jobs and watch them live in a browser."
    )
    parser.add_argument("--version", action="version", version=f"livequeue {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_run(commands)
    _add_flush(commands)
    _add_check(commands)
    if others:  # not for `run`, which should start at once
        from importlib.metadata import entry_points

        for entry in entry_points(group=GROUP):
            try:
                entry.load()(commands)
            except Exception as error:  # a broken plug-in must not break the rest
                complain(f"the command {entry.name!r} cannot be loaded: {error}")
    return parser


def _add_run(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "run",
        help="run a command and report it",
        description="Run a command, pass its output through, and show it live on the dashboard. "
        "The exit status is the command's own.",
        usage="livequeue run [OPTIONS] -- COMMAND [ARGUMENT ...]",
    )
    add = parser.add_argument
    add("--name", help="the task's name (default: the command line)")
    add("--queue", default="default", help="the task's queue (default: %(default)s)")
    add(
        "--server", metavar="URL", help=f"where to report (default: LIVEQUEUE_URL or {DEFAULT_URL})"
    )
    add(
        "--grace",
        type=_seconds,
        default=10.0,
        metavar="SECONDS",
        help="from SIGTERM to SIGKILL when the task is cancelled (default: %(default)s)",
    )
    add(
        "--flush-timeout",
        type=_seconds,
        default=10.0,
        metavar="SECONDS",
        help="how long to wait for the delivery after the command has ended (default: %(default)s)",
    )
    add(
        "--tty",
        choices=["auto", "always", "never"],
        default="auto",
        help="whether the command sees a terminal (default: where it would without us)",
    )
    add("command", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    parser.set_defaults(handler=run)


def _add_flush(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "flush",
        help="deliver what earlier runs could not",
        description="Deliver the output of earlier runs that was kept because their server could "
        "not be reached.",
    )
    parser.add_argument(
        "--server",
        metavar="URL",
        help="where their server is now (default: where each run was told it is)",
    )
    parser.set_defaults(handler=_flush)


def _add_check(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "check",
        help="what the network does to live updates, and what to change",
        description="Measure from here what the network does to live updates of a server, and say "
        "what to change. Exit status: 0 live, 1 degraded, 2 unreachable or not LiveQueue.",
    )
    add = parser.add_argument
    add("url", nargs="?", metavar="URL", help=f"default: LIVEQUEUE_URL or {DEFAULT_URL}")
    add("--quick", action="store_true", help="leave out what takes more than a few seconds")
    add("--json", action="store_true", help="print one JSON document")
    add("--proxy", metavar="URL", help="default: HTTPS_PROXY, HTTP_PROXY, NO_PROXY as set")
    add("--advice", metavar="NAME", help="lines for this proxy (nginx, haproxy ..., keeper, all)")
    add(
        "--idle",
        type=_between(1, 75),
        default=70.0,
        metavar="SECONDS",
        help="longest silence to try (default: %(default)s)",
    )
    add(
        "--poll",
        type=_between(1, 30),
        default=30.0,
        metavar="SECONDS",
        help="longest wait for an answer to try (default: %(default)s)",
    )
    parser.set_defaults(handler=_check)


def _check(arguments: argparse.Namespace) -> int:
    from livequeue_client.check import check  # loads the network, which `run` does later

    return check(arguments)


def _flush(arguments: argparse.Namespace) -> int:
    from livequeue_client.flush import flush  # loads the network, which `run` does later

    return flush(arguments)


def _between(low: float, high: float) -> Callable[[str], float]:
    def seconds(text: str) -> float:
        value = float(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"must be {low:g} to {high:g} seconds")
        return value

    return seconds


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1e6:
        raise argparse.ArgumentTypeError("must be a number of seconds, 0 or more")
    return value


if __name__ == "__main__":
    sys.exit(main())
