"""Ingest over HTTP: reports about tasks one by one and many at once, and log lines."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bench.contenders import NAIVE, PAUSED, Contender
from bench.figures import Figures
from bench.http import Load, MakeRequest, request
from bench.process import cpu_seconds

TASKS = 500
BULK = 500  # updates in one request
LINES = 500  # log lines in one request
TEXT = (
    "2026-11-25T15:00:00Z worker-3 INFO copied part {:06d} of the archive, 1048576 bytes, checked"
)
PIECE = 64 * 1024  # bytes of a text stream sent at once


class Way(NamedTuple):
    """How work is sent: ``items`` of it in each request, over so many connections."""

    name: str
    make: MakeRequest
    items: int
    connections: int


def _json(method: str, path: str, body: object) -> bytes:
    return request(method, path, "application/json", json.dumps(body).encode())


def _single(number: int) -> bytes:
    body = {"current": number, "message": f"file {number}"}
    return _json("PATCH", f"/api/tasks/{number % TASKS + 1}", body)


def _bulk(number: int) -> bytes:
    tasks = range(1, BULK + 1)
    updates = [{"id": id, "current": number, "message": f"file {number}"} for id in tasks]
    return _json("PATCH", "/api/tasks", {"updates": updates})


def _log_batch(number: int) -> bytes:
    lines = [{"text": TEXT.format(number * LINES + n)} for n in range(LINES)]
    return _json("POST", f"/api/tasks/{number % TASKS + 1}/logs", {"lines": lines})


SINGLE = Way("single", _single, 1, 32)
WAYS = (SINGLE, Way("bulk", _bulk, BULK, 4), Way("log-json", _log_batch, LINES, 4))


def _post(server: Contender, path: str, content_type: str, body: bytes | Iterator[bytes]) -> bytes:
    call = urllib.request.Request(
        f"http://127.0.0.1:{server.port}{path}",
        data=body,
        headers={"Content-Type": content_type},
        method="POST",
    )
    with urllib.request.urlopen(call, timeout=120) as answer:
        return bytes(answer.read())


def _create_tasks(server: Contender) -> None:
    body = json.dumps({"name": "bench", "status": "running", "total": 1e9}).encode()
    for _ in range(TASKS):
        _post(server, "/api/tasks", "application/json", body)


def _closed_loop(server: Contender, way: Way, seconds: float) -> dict[str, float]:
    async def load() -> float:
        return await Load(way.make, way.connections, seconds).run(server.port)

    cpu = cpu_seconds(server.pids)
    started = time.perf_counter()
    rate = asyncio.run(load()) * way.items
    used = (cpu_seconds(server.pids) - cpu) / (time.perf_counter() - started)
    return {"rate": rate, "per_cpu": rate / used}


def _text_stream(server: Contender, seconds: float) -> dict[str, float]:
    """Lines a second in one request that goes on for so long."""
    count = PIECE // len(TEXT)
    piece = "".join(f"{TEXT.format(number)}\n" for number in range(count)).encode()
    pieces = 0

    def body() -> Iterator[bytes]:
        nonlocal pieces
        ends = time.perf_counter() + seconds
        while time.perf_counter() < ends:
            pieces += 1
            yield piece

    cpu = cpu_seconds(server.pids)
    started = time.perf_counter()
    answer = json.loads(_post(server, "/api/tasks/1/logs", "text/plain", body()))
    took = time.perf_counter() - started
    sent = pieces * count
    assert answer["accepted"] == sent, answer
    used = cpu_seconds(server.pids) - cpu
    return {"rate": sent / took, "per_cpu": sent / used}


def run(figures: Figures, seconds: float) -> None:
    for kind in (PAUSED, NAIVE):
        with TemporaryDirectory(prefix="bench-") as folder, kind.start(Path(folder)) as server:
            _create_tasks(server)
            results: dict[str, dict[str, float]] = {}
            for way in WAYS if kind is PAUSED else (SINGLE,):
                results[way.name] = _closed_loop(server, way, seconds)
            if kind is PAUSED:
                results["log-text"] = _text_stream(server, seconds)
        for name, result in results.items():
            figures.add(f"ingest/{name}/{kind.name}", result)
            print(
                f"ingest {name:8} {kind.name:7} {result['rate']:>9,.0f} items/s "
                f"{result['per_cpu']:>9,.0f}/CPU s",
                flush=True,
            )
