"""Logs: lines taken in, bytes on disk, and searches next to grep on the same text."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode

from app.store.matching import REMEMBERED
from app.store.migrations import migrate
from bench.contenders import PAUSED, Contender
from bench.figures import Figures
from bench.http import Load, request
from bench.process import cpu_seconds

PIECE = 64 * 1024  # bytes of a stream sent at once
BATCH = 500  # lines of a JSON batch
COMMIT = 1000  # rows in one transaction of plain sqlite3
PRODUCERS = 10
LOG = 2_000_000  # lines of one log
LOGS = 5
QUICK = 20  # times smaller
READS = 40
RARE = "needle-7f3a"
SEARCHES = {
    "rare": {"q": RARE},
    "rare, ignoring case": {"q": RARE.upper(), "ignore_case": "true"},
    "one line in seven": {"q": "WARNING"},
    "every line": {"q": "GET"},
    "pattern": {"q": r"req=[0-9a-f]{4}00[0-9a-f]{2} .* 5\d\d ", "regex": "true"},
    "pattern, two lines in seven": {"q": "WARNING|ERROR", "regex": "true"},
}
GREP = {
    "rare": ["-F", RARE],
    "rare, ignoring case": ["-iF", RARE.upper()],
    "one line in seven": ["-F", "WARNING"],
    "every line": ["-F", "GET"],
    "pattern": ["-E", r"req=[0-9a-f]{4}00[0-9a-f]{2} .* 5[0-9][0-9] "],
    "pattern, two lines in seven": ["-E", "WARNING|ERROR"],
}
PAGE = 500  # matching lines that the page of all logs asks for first


def corpus(lines: int) -> list[str]:
    """Lines as a web application writes them, about 110 bytes, the same each time."""
    pick = random.Random(7)
    words = [f"{pick.choice('bcdfgklmnprst')}{pick.randrange(16**4):04x}" for _ in range(3000)]
    made = []
    for number in range(lines):
        level = pick.choice(("INFO", "INFO", "INFO", "INFO", "DEBUG", "ERROR", "WARNING"))
        made.append(
            f"2026-11-25 15:{number // 60 % 60:02}:{number % 60:02} {level} "
            f"app.{pick.choice(words)} "
            f"req={pick.randrange(16**8):08x} GET /{pick.choice(words)}/{pick.randrange(10**6)} "
            f"{pick.choice((200, 200, 200, 304, 404, 500))} {pick.randrange(3000)} ms "
            f"{' '.join(pick.choices(words, k=3))}"
        )
    return made


def _call(server: Contender, method: str, path: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    url = f"http://127.0.0.1:{server.port}{path}"
    asked = urllib.request.Request(url, data=data, headers=headers, method=method)
    with urllib.request.urlopen(asked, timeout=120) as answer:
        return json.loads(answer.read())


def _task(server: Contender) -> int:
    return int(_call(server, "POST", "/api/tasks", {"name": "bench", "status": "running"})["id"])


def _stream(server: Contender, task: int, pieces: Iterator[bytes]) -> int:
    """Send a text stream; returns how many lines the server took."""
    asked = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/api/tasks/{task}/logs",
        data=pieces,
        headers={"Content-Type": "text/plain"},
        method="POST",
    )
    with urllib.request.urlopen(asked, timeout=600) as answer:
        return int(json.loads(answer.read())["accepted"])


def _pieces(lines: list[str]) -> list[bytes]:
    found, part, size = [], [], 0
    for line in lines:
        part.append(line)
        size += len(line) + 1
        if size >= PIECE:
            found.append(("\n".join(part) + "\n").encode())
            part, size = [], 0
    return found


def _one_producer(server: Contender, lines: list[str], seconds: float) -> dict[str, float]:
    pieces = _pieces(lines)

    def body() -> Iterator[bytes]:
        ends = time.perf_counter() + seconds
        for piece in pieces * 1000:
            if time.perf_counter() >= ends:
                return
            yield piece

    cpu, started = cpu_seconds(server.pids), time.perf_counter()
    count = _stream(server, _task(server), body())
    took = time.perf_counter() - started
    return {"rate": count / took, "per_cpu": count / (cpu_seconds(server.pids) - cpu)}


def _ten_producers(server: Contender, lines: list[str], seconds: float) -> dict[str, float]:
    tasks = [_task(server) for _ in range(PRODUCERS)]
    batches = [
        json.dumps({"lines": [{"text": text} for text in lines[at : at + BATCH]]}).encode()
        for at in range(0, BATCH * 40, BATCH)
    ]

    def make(number: int) -> bytes:
        path = f"/api/tasks/{tasks[number % PRODUCERS]}/logs"
        return request("POST", path, "application/json", batches[number % len(batches)])

    async def load() -> float:
        return await Load(make, PRODUCERS, seconds).run(server.port)

    cpu, started = cpu_seconds(server.pids), time.perf_counter()
    rate = asyncio.run(load()) * BATCH
    took = time.perf_counter() - started
    return {"rate": rate, "per_cpu": rate * took / (cpu_seconds(server.pids) - cpu)}


def _plain_sqlite(folder: Path, lines: list[str], seconds: float) -> dict[str, float]:
    """The same rows by `executemany` and nothing else, on one thread."""
    connection = sqlite3.connect(folder / "plain.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    migrate(connection)
    statement = (
        "INSERT INTO log_lines (task_id, n, attempt, time, sent_at, level, stream, text, fields)"
        " VALUES (1, ?, 1, '2026-11-25T15:00:00.123Z', NULL, NULL, 'stdout', ?, NULL)"
    )
    count = 0
    cpu, started = time.process_time(), time.perf_counter()
    while time.perf_counter() - started < seconds:
        at = count % (len(lines) - COMMIT)
        connection.execute("BEGIN IMMEDIATE")
        rows = enumerate(lines[at : at + COMMIT], count + 1)
        connection.executemany(statement, rows)
        connection.execute("COMMIT")
        count += COMMIT
    took, used = time.perf_counter() - started, time.process_time() - cpu
    connection.close()
    return {"rate": count / took, "per_cpu": count / used}


def _search(server: Contender, path: str, asked: dict[str, str], go_on: str) -> tuple[float, int]:
    """Seconds until all was searched, and how many lines were found."""
    started, found, at = time.perf_counter(), 0, ""
    while True:
        part = _call(server, "GET", f"{path}?{urlencode(asked)}{at}")
        found += part["total"]
        if part["next"] is None:
            return time.perf_counter() - started, found
        at = f"&{go_on}={part['next']}"


def _first_hits(server: Contender, asked: dict[str, str]) -> float:
    """Seconds until the newest matching lines are there, as the page of all logs asks for them."""
    started, found, at = time.perf_counter(), 0, ""
    while True:
        part = _call(server, "GET", f"/api/logs?{urlencode(asked | {'limit': str(PAGE)})}{at}")
        found += len(part["lines"])
        if found >= PAGE or part["done"]:
            break
        at = f"&before={part['older']}"
    return time.perf_counter() - started


def _forget(server: Contender, path: str) -> None:
    """Let the server forget where a text is not, which it remembers of the last ones."""
    for number in range(REMEMBERED):
        _search(server, path, {"q": f"never-{number}", "to": "1"}, "to")


def _grep(options: list[str], files: list[Path]) -> tuple[float, int]:
    started = time.perf_counter()
    command = ["grep", "-ch", *options, *map(str, files)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return time.perf_counter() - started, sum(map(int, done.stdout.split()))


def _health_while(server: Contender, work: Any) -> float:
    """Milliseconds within which 99 of 100 requests for /healthz were answered during the work."""
    took: list[float] = []
    done = threading.Event()

    def ask() -> None:
        while not done.wait(0.05):
            started = time.perf_counter()
            _call(server, "GET", "/healthz")
            took.append((time.perf_counter() - started) * 1000)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        work()
    finally:
        done.set()
        asking.join()
    return sorted(took)[int(len(took) * 0.99)]


def _searches(figures: Figures, server: Contender, tasks: list[int], files: list[Path]) -> None:
    one, every = f"/api/tasks/{tasks[0]}/logs/index", "/api/logs/matches"
    for name, asked in SEARCHES.items():
        seconds, found = _search(server, one, asked, "to")
        of_grep, same = _grep(GREP[name], files[:1])
        assert found == same, (name, found, same)
        _forget(server, one)
        all_seconds, all_found = _search(server, every, asked, "page")
        all_of_grep, same = _grep(GREP[name], files)
        assert all_found == same, (name, all_found, same)
        figures.add(f"logs/search/{name}/one", {"ours": seconds, "grep": of_grep})
        _forget(server, one)
        first = _first_hits(server, asked)
        found_in = {"ours": all_seconds, "grep": all_of_grep, "first": first}
        figures.add(f"logs/search/{name}/all", found_in)
        print(
            f"search {name:27} one log {seconds:.2f} s (grep {of_grep:.2f}), "
            f"all {all_seconds:.2f} s (grep {all_of_grep:.2f}, first hits {first:.2f}), "
            f"{all_found:,} lines",
            flush=True,
        )


def _reads(figures: Figures, server: Contender, task: int, lines: int) -> None:
    pick = random.Random(1)
    took = []
    for _ in range(READS):
        started = time.perf_counter()
        place = pick.randrange(1, lines - 500)
        _call(server, "GET", f"/api/tasks/{task}/logs?from={place}&limit=500")
        took.append((time.perf_counter() - started) * 1000)
    took.sort()
    figures.add("logs/read", {"p50": took[READS // 2], "p99": took[int(READS * 0.99)]})
    print(f"500 lines anywhere: p50 {took[READS // 2]:.1f} ms, p99 {took[-1]:.1f} ms", flush=True)


def run(figures: Figures, runs: int, seconds: float, *, quick: bool) -> None:
    """Intake in each run on a fresh server; searches in each run over logs made once."""
    lines = corpus(50_000)
    for _ in range(runs):
        with TemporaryDirectory(prefix="bench-") as folder, PAUSED.start(Path(folder)) as server:
            for name, result in (
                ("one", _one_producer(server, lines, seconds)),
                ("plain", _plain_sqlite(Path(folder), lines, seconds)),
                ("ten", _ten_producers(server, lines, seconds)),
            ):
                figures.add(f"logs/intake/{name}", result)
                rate, per_cpu = result["rate"], result["per_cpu"]
                print(f"intake {name:6} {rate:>9,.0f} lines/s {per_cpu:>9,.0f}/CPU s", flush=True)
    count = LOG // QUICK if quick else LOG
    with TemporaryDirectory(prefix="bench-") as folder, PAUSED.start(Path(folder)) as server:
        tasks, files = _fill(figures, server, Path(folder), lines, count)
        for _ in range(runs):
            _reads(figures, server, tasks[0], count)
            health = _health_while(server, lambda: _searches(figures, server, tasks, files))
            figures.add("logs/health", {"p99": health})
            print(f"/healthz meanwhile: p99 {health:.0f} ms", flush=True)


def _fill(
    figures: Figures, server: Contender, folder: Path, lines: list[str], count: int
) -> tuple[list[int], list[Path]]:
    """Some logs of so many lines, each in a text file too; measures their bytes on disk."""
    tasks, files, size = [], [], 0
    for number in range(LOGS):
        task, file = _task(server), folder / f"{number}.log"

        def text(number: int = number) -> Iterator[str]:
            for n in range(count):
                line = lines[(n * 7 + number) % len(lines)]
                yield f"{line} {n}{' ' + RARE if n == count // 3 else ''}\n"

        with file.open("w") as out:
            out.writelines(text())
        with file.open("rb") as whole:
            taken = _stream(server, task, iter(lambda: whole.read(PIECE), b""))
        assert taken == count, taken
        size += file.stat().st_size
        tasks.append(task)
        files.append(file)
    stored = sum(path.stat().st_size for path in folder.glob("*.db*"))
    figures.add("logs/disk", {"per_byte": stored / size, "bytes_a_line": size / count / LOGS})
    print(f"disk: {stored / size:.2f} bytes for each byte of log", flush=True)
    return tasks, files
