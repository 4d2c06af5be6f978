"""The one way around Hypercorn: that its connection is found, and that both ways stay in order."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypercorn import Config
from hypercorn.asyncio.run import worker_serve
from hypercorn.config import Sockets
from hypercorn.utils import wrap_app

from app.stream.direct import framed, transport_of
from tests import certificates
from tests.conftest import Server
from tests.sse import Reader


@pytest.mark.parametrize(("version", "found"), [("1.1", True), ("1.0", False)])
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
def test_the_connection_of_a_chunked_answer_is_found(
    version: str, *, found: bool, secure: bool, tmp_path: Path
) -> None:
    asyncio.run(_ask(version, found, certificates.make(tmp_path) if secure else None))


async def _ask(version: str, found: bool, files: certificates.Files | None) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        headers = [(b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"one ", "more_body": True})
        transport = transport_of(send)
        assert (transport is not None) is found
        if transport is not None:
            transport.write(framed(b"two "))
        await send({"type": "http.response.body", "body": b"three", "more_body": False})

    listener = socket.create_server(("127.0.0.1", 0))
    stop = asyncio.Event()
    config = Config()
    config.errorlog = None
    verify = None
    if files:
        config.certfile, config.keyfile = str(files.cert), str(files.key)
        verify = ssl.create_default_context(cafile=files.cert)
    serving = asyncio.create_task(
        worker_serve(
            wrap_app(app, 1000, None),
            config,
            sockets=Sockets([listener], [], []) if files else Sockets([], [listener], []),
            shutdown_trigger=stop.wait,
        )
    )
    reader, writer = await asyncio.open_connection(*listener.getsockname(), ssl=verify)
    writer.write(f"GET / HTTP/{version}\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    stop.set()
    await serving
    expected = b"4\r\none \r\n4\r\ntwo \r\n5\r\nthree\r\n0\r\n\r\n" if found else b"one three"
    assert answer.endswith(expected)


def test_bursts_beyond_the_window_reach_every_stream_once(
    make_server: Callable[..., Server],
) -> None:
    """More events in one commit than the window holds, so that waves find some of them gone."""
    server = make_server("--window-events", "10", "--wave-pause", "30")
    topics = ["system", "logs", "task:1", "system,task:2", "queue:even", "task:3,task:4"]
    with ExitStack() as stack:
        http = stack.enter_context(httpx.Client(base_url=server.url, timeout=30))
        for number in range(1, 6):
            queue = "odd" if number % 2 else "even"
            http.post("/api/tasks", json={"name": f"t{number}", "queue": queue})
        readers = [stack.enter_context(Reader(server.url, topic)) for topic in topics]
        for reader in readers:
            reader.wait_for("HELLO")
        start = readers[0].seen[0].seq

        def burst(step: int) -> None:
            updates = [{"id": n % 5 + 1, "message": f"{step} {n}"} for n in range(40)]
            http.patch("/api/tasks", json={"updates": updates}).raise_for_status()
            lines = {"lines": [{"text": f"line {step}"}]}
            http.post(f"/api/tasks/{step % 5 + 1}/logs", json=lines).raise_for_status()

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(burst, range(40)))
        for task in range(1, 6):  # each topic has a last event
            http.post(f"/api/tasks/{task}/logs", json={"lines": [{"text": "bye"}]})
            http.patch(f"/api/tasks/{task}", json={"message": "bye"}).raise_for_status()
        with sqlite3.connect(server.database_path) as database:
            query = "SELECT seq, type, task_id, queue FROM events WHERE seq > ? ORDER BY seq"
            events = database.execute(query, (start,)).fetchall()
        database.close()
        for topic, reader in zip(topics, readers, strict=True):
            wanted = [row[0] for row in events if _carries(topic, *row[1:])]
            reader.wait_count(len(wanted) + 1)
            assert [frame.seq for frame in reader.events] == wanted, topic


def _carries(topics: str, kind: str, task: int, queue: str) -> bool:
    own = {"logs"} if kind == "LOG" else {"system", f"queue:{queue}"}
    return bool({*own, f"task:{task}"} & set(topics.split(",")))
