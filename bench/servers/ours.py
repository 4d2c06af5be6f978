"""LiveQueue as ``livequeue serve`` runs it, and beside it a port whose lines become events.

Each line is a write of its own, through group commit and to disk, before anyone hears of it; only
the HTTP request that would bring it is left out, since a load client cannot send enough of them.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

import msgspec

from app.config import Settings
from app.server import _serve, listen
from app.store.database import Database
from app.store.transaction import Transaction
from bench.servers.ready import listen_for_lines, run, tell


class Publisher:
    """Commits lines as notices, many at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._writes: set[asyncio.Task[None]] = set()

    def publish(self, lines: list[bytes]) -> None:
        for line in lines:
            write = asyncio.create_task(self._write(line))
            self._writes.add(write)
            write.add_done_callback(self._writes.discard)

    async def _write(self, line: bytes) -> None:
        data = {
            "name": "bench",
            "message": "",
            "level": "info",
            "task_id": None,
            "data": msgspec.Raw(line),
        }

        def work(tx: Transaction) -> None:
            tx.emit("NOTICE", "bench", data)

        await self._database.write(work)


async def serve(settings: Settings) -> None:
    async with await Database.open(Path(settings.db)) as database:
        publish_port = await listen_for_lines(Publisher(database).publish)
        with listen(settings) as listener:
            tell(listener.getsockname()[1], publish_port)
            await _serve(settings, database, listener)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--db", required=True)
    parser.add_argument("--wave-pause", type=float, default=Settings().wave_pause)
    parser.add_argument("--uvloop", action="store_true")
    arguments = parser.parse_args()
    settings = Settings(
        bind="127.0.0.1:0",
        db=arguments.db,
        wave_pause=arguments.wave_pause,
        max_streams=20_000,
        stream_lifetime=86_400,
        heartbeat=30,
    )
    run(serve(settings), uvloop=arguments.uvloop)


if __name__ == "__main__":
    main()
