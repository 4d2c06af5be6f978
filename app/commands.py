"""The ``serve`` command, added to ``livequeue`` through the entry point ``livequeue.commands``."""

from __future__ import annotations

import argparse
import logging
import sqlite3
import sys
from dataclasses import fields
from typing import TYPE_CHECKING

from app.config import ConfigError, Settings, load

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def register(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "serve",
        help="start the dashboard and queue",
        description="Start the dashboard and queue: one process, one SQLite file.",
    )
    parser.add_argument("--config", metavar="FILE", help="TOML file with settings")
    for item in fields(Settings):
        flag = f"--{item.name.replace('_', '-')}"
        text = f"{item.metadata['help']} (default: {item.default or 'none'})".replace("%", "%%")
        if item.type == "bool":
            parser.add_argument(flag, action="store_true", default=None, help=text)
        else:
            parser.add_argument(flag, metavar=item.name.upper(), help=text)
    parser.set_defaults(handler=serve)


def serve(arguments: argparse.Namespace) -> int:
    """Exit status: 0 after a clean end, 1 when it had to stop, 2 when it could not start."""
    # Imported late: `livequeue run` on the same machine should not pay for the server.
    from app.server import run
    from app.store.file import FileInUse
    from app.store.migrations import SchemaTooNew

    flags = {item.name: getattr(arguments, item.name) for item in fields(Settings)}
    try:
        settings = load(flags, file=arguments.config)
        logging.basicConfig(
            level=settings.log_level.upper(),
            format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        )
        logging.getLogger("aiosqlite").setLevel(logging.WARNING)
        return run(settings)
    except (ConfigError, FileInUse, SchemaTooNew) as error:
        message = str(error)
    except sqlite3.DatabaseError as error:
        message = f"cannot use the database file: {error}"
    except OSError as error:
        message = str(error)
    print(f"livequeue serve: {message}", file=sys.stderr)
    return 2
