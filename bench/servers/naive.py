"""Live events with Quart as most people write them: a generator and a queue for each subscriber.

Tasks are kept as ``naive_store`` does it. Published events are stored nowhere.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config, Sockets
from quart import Quart, Response, jsonify, make_response, request

from app.models import TaskPatch
from bench.servers.naive_store import NaiveStore
from bench.servers.ready import listen_for_lines, run, tell

subscribers: set[asyncio.Queue[str]] = set()


def make_app(store: NaiveStore) -> Quart:
    app = Quart(__name__)

    @app.get("/sub")
    async def subscribe() -> Response:
        queue: asyncio.Queue[str] = asyncio.Queue()

        async def events() -> AsyncIterator[bytes]:
            subscribers.add(queue)
            try:
                while True:
                    event = await queue.get()
                    yield f"data: {event}\n\n".encode()
            finally:
                subscribers.discard(queue)

        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
        response = await make_response(events(), headers)
        assert isinstance(response, Response)
        response.timeout = None
        return response

    @app.post("/api/tasks")
    async def create() -> Response:
        return jsonify({"id": await store.create((await request.get_json())["name"])})

    @app.patch("/api/tasks/<int:task_id>")
    async def report(task_id: int) -> Response:
        patch = TaskPatch(**await request.get_json())
        return jsonify(await store.report(task_id, patch))

    return app


def publish(lines: list[bytes]) -> None:
    for line in lines:
        event = line.decode()
        for queue in subscribers:
            queue.put_nowait(event)


class _Tell(Config):
    """Hypercorn chooses the port; this is where it can be learnt."""

    publish_port = 0

    def create_sockets(self) -> Sockets:
        sockets = super().create_sockets()
        tell(sockets.insecure_sockets[0].getsockname()[1], self.publish_port)
        return sockets


async def serve(path: Path) -> None:
    store = await NaiveStore.open(path)
    try:
        config = _Tell()
        config.bind = ["127.0.0.1:0"]
        config.backlog = 1024
        config.graceful_timeout = 0.1
        config.keep_alive_max_requests = 1_000_000
        config.publish_port = await listen_for_lines(publish)
        await hypercorn_serve(make_app(store), config)
    finally:
        await store.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--db", required=True, type=Path)
    logging.getLogger("hypercorn.error").setLevel(logging.WARNING)
    run(serve(parser.parse_args().db), uvloop=False)
