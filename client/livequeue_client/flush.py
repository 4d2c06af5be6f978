"""`livequeue flush`: deliver what runs without a server have left behind."""

from __future__ import annotations

import argparse
import sys

from livequeue_client.address import server_url
from livequeue_client.connection import Connection
from livequeue_client.delivery import deliver_leftover
from livequeue_client.errors import Unreachable
from livequeue_client.spool import Spool, leftovers, spool_root


def flush(arguments: argparse.Namespace) -> int:
    """0 when nothing is left, 1 when something is, 2 when the address cannot be one."""
    try:
        moved = arguments.server and server_url(arguments.server)
    except ValueError as error:
        _complain(str(error))
        return 2
    delivered = kept = 0
    for folder in leftovers(spool_root()):
        spool = Spool.leftover(folder)
        if spool is None:
            continue
        with Connection(moved or spool.task["server"]) as connection:
            try:
                deliver_leftover(spool, connection, _complain)
                delivered += 1
            except Unreachable as error:
                _complain(f"cannot reach {connection.url} ({error}); kept {folder}")
                kept += 1
            finally:
                spool.close()
    print(f"{delivered} delivered, {kept} kept")
    return 1 if kept else 0


def _complain(text: str) -> None:
    print(f"livequeue: {text}", file=sys.stderr, flush=True)
