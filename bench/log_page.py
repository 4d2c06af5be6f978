"""The page of a log in real browsers: opening, scrolling, memory, and how soon a line is seen."""

from __future__ import annotations

import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from playwright.sync_api import BrowserContext, Page, sync_playwright

from bench.figures import Figures
from e2e.api import Task
from e2e.browsers import ENGINES, Engine, running
from e2e.elements import expect_live
from e2e.server import Server

LINES = 2_000_000
QUICK = 20  # times smaller
PLAIN = 200_000  # lines of the plain page: browsers do not live through all of them
RATES = (100, 5_000)  # lines a second
FLOOD = 60.0  # seconds at the highest rate
SCROLLING = 5.0  # seconds
STEP = 60  # pixels a frame: three thousand and more a second
TICK = 0.02  # seconds between a producer's batches
SIZE = {"width": 1280, "height": 800}

OPENED = """(text) => new Promise((done) => {
    const look = () => {
        const box = document.getElementById("log");
        const last = [...box?.querySelectorAll(".log-line .log-text") ?? []].at(-1);
        const there = last?.textContent.startsWith(text)
            && last.getBoundingClientRect().bottom <= box.getBoundingClientRect().bottom + 1;
        if (there) requestAnimationFrame(() => setTimeout(() => done(performance.now())));
        else requestAnimationFrame(look);
    };
    look();
})"""
FRAMES = """(milliseconds) => {
    globalThis.measured = new Promise((done) => {
        const frames = [];
        const tasks = [];
        const kinds = globalThis.PerformanceObserver?.supportedEntryTypes ?? [];
        const observer = kinds.includes("longtask")
            ? new PerformanceObserver((list) => {
                for (const { duration } of list.getEntries()) tasks.push(duration);
            })
            : null;
        observer?.observe({ entryTypes: ["longtask"] });
        const begun = performance.now();
        let last = begun;
        const frame = () => {
            const now = performance.now();
            frames.push(now - last);
            last = now;
            if (now - begun < milliseconds) return requestAnimationFrame(frame);
            observer?.disconnect();
            return done({ frames, tasks: observer ? tasks : null });
        };
        requestAnimationFrame(frame);
    });
}"""
SCROLL = """([pixels, milliseconds]) => {
    const box = document.getElementById("log");
    const end = performance.now() + milliseconds;
    const step = () => {
        box.scrollTop -= pixels;
        if (performance.now() < end) requestAnimationFrame(step);
    };
    step();
}"""
# The age of the newest line in sight, by the time that it carries, whenever there is another one.
AGES = """() => {
    const ages = globalThis.ages = [];
    const box = document.getElementById("log");
    let before = null;
    const look = () => {
        const last = [...box.querySelectorAll(".log-line .log-text")].at(-1)?.textContent ?? "";
        const [, sent] = /^at (\\d+) /.exec(last) ?? [];
        if (sent && last !== before) {
            before = last;
            setTimeout(() => ages.push(Date.now() - Number(sent)));
        }
        globalThis.looking = requestAnimationFrame(look);
    };
    look();
}"""


def run(figures: Figures, runs: int, *, quick: bool) -> None:
    lines = LINES // QUICK if quick else LINES
    with TemporaryDirectory(prefix="bench-log-page-") as folder, sync_playwright() as playwright:
        server = Server(Path(folder))
        server.start()
        try:
            task = server.api.create("long", status="running")
            fill(server, task, lines)
            plain = Path(folder) / "plain.html"
            plain.write_text(f"<!doctype html><pre>{''.join(text(1, PLAIN))}</pre><p>end")
            for number in range(runs):
                for name in ENGINES:
                    print(f"log-page: run {number + 1} of {runs}, {name}", flush=True)
                    with running(playwright, name) as engine:
                        opening(figures, engine, server, task, lines)
                        flood(figures, engine, server, FLOOD / QUICK if quick else FLOOD)
                        plain_page(figures, engine, plain)
        finally:
            server.close()


def text(first: int, last: int) -> Iterator[str]:
    return (
        f"line {number} " + "some words of output " * 4 + "\n" for number in range(first, last + 1)
    )


def fill(server: Server, task: Task, lines: int) -> None:
    def pieces() -> Iterator[bytes]:
        for first in range(1, lines + 1, 10_000):
            yield "".join(text(first, min(first + 9_999, lines))).encode()

    server.api.http.post(
        f"/api/tasks/{task['id']}/logs",
        content=pieces(),
        headers={"Content-Type": "text/plain"},
        timeout=600,
    ).raise_for_status()


@contextmanager
def context(engine: Engine) -> Iterator[BrowserContext]:
    opened = engine.new_context(viewport=SIZE, locale="en-US")
    try:
        yield opened
    finally:
        opened.close()


def opening(figures: Figures, engine: Engine, server: Server, task: Task, lines: int) -> None:
    """From the request for the page until its last line is painted; then scrolling, and memory."""
    name = f"log-page/{engine.name}"
    with context(engine) as tabs:
        page = tabs.new_page()
        page.goto(f"{server.url}/tasks", wait_until="load")  # the browser has its files
        page.goto(f"{server.url}/tasks/{task['id']}", wait_until="commit")
        figures.add(name, {"open": page.evaluate(OPENED, f"line {lines} ") / 1000})
        expect_live(page)
        page.evaluate(f"location.hash = '#L{lines // 2}'")
        page.locator(f'.log-line[data-n="{lines // 2}"]:not(.pending)').wait_for()
        page.evaluate(SCROLL, [STEP, SCROLLING * 1000])
        figures.add(f"{name}/scroll", frames(page, SCROLLING))
        figures.add(name, {"memory": memory_mb(engine, page)})


def flood(figures: Figures, engine: Engine, server: Server, seconds: float) -> None:
    """A line's way from its producer to the screen, and what the highest rate does to the page."""
    for rate in RATES:
        name = f"log-page/{engine.name}/{rate}"
        task = server.api.create("flood", status="running")
        with context(engine) as tabs:
            page = tabs.new_page()
            page.goto(f"{server.url}/tasks/{task['id']}", wait_until="load")
            expect_live(page)
            page.evaluate(AGES)
            stop = threading.Event()
            written: list[int] = []
            thread = threading.Thread(target=produce, args=(server.url, task, rate, stop, written))
            length = seconds if rate == max(RATES) else min(10.0, seconds)
            thread.start()
            try:
                measured = frames(page, length)
            finally:
                stop.set()
                thread.join()
            page.locator(f'.log-line[data-n="{written[-1]}"]').wait_for(timeout=30_000)
            ages = page.evaluate("() => { cancelAnimationFrame(looking); return ages; }")
            figures.add(name, {**measured, "p50": quantile(ages, 50), "p99": quantile(ages, 99)})
            figures.add(name, {"rate": written[-1] / length})


def produce(url: str, task: Task, rate: int, stop: threading.Event, written: list[int]) -> None:
    """Batches at this rate, each line with the time it was sent."""
    count = 0
    begun = time.monotonic()
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as http:
        while not stop.is_set():
            due = int((time.monotonic() - begun) * rate) - count
            if due > 0:
                lines = [{"text": f"at {time.time() * 1000:.0f} some words"}] * min(due, 500)
                answer = http.post(f"/api/tasks/{task['id']}/logs", json={"lines": lines})
                count = answer.raise_for_status().json()["last"]
                written.append(count)
            stop.wait(TICK)


def plain_page(figures: Figures, engine: Engine, file: Path) -> None:
    """The same lines, fewer of them, in one <pre>."""
    with context(engine) as tabs:
        page = tabs.new_page()
        begun = time.monotonic()
        page.goto(file.as_uri(), wait_until="load", timeout=120_000)
        page.evaluate("""() => new Promise((done) => {
            scrollTo(0, document.documentElement.scrollHeight);
            requestAnimationFrame(() => setTimeout(done));
        })""")
        opened = time.monotonic() - begun
        figures.add(
            f"log-page/{engine.name}/plain", {"open": opened, "memory": memory_mb(engine, page)}
        )


def frames(page: Page, seconds: float) -> dict[str, float]:
    """Frames a second for so long, and the long tasks where the browser tells."""
    page.evaluate(FRAMES, seconds * 1000)
    measured = page.evaluate("() => globalThis.measured")
    rate = 1000 * len(measured["frames"]) / sum(measured["frames"])
    found = {"fps": rate, "frame_p95": quantile(measured["frames"], 95)}
    if measured["tasks"] is not None:
        found["longest"] = max(measured["tasks"], default=0.0)
        found["long"] = float(sum(task > 200 for task in measured["tasks"]))
    return found


def quantile(values: list[float], percent: int) -> float:
    if len(values) < 2:
        return values[0] if values else 0.0
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def memory_mb(engine: Engine, page: Page) -> float:
    """Memory that the tab's process has for itself: of the largest of the browser's pages."""
    kinds = {"chromium": "--type=renderer", "firefox": "-contentproc"}
    listed = subprocess.run(
        ["pgrep", "-f", "--", kinds[engine.name]], capture_output=True, text=True, check=False
    ).stdout
    sizes = [private_kb(int(pid)) for pid in listed.split() if belongs(int(pid))]
    return max(sizes, default=0) / 1024


def belongs(pid: int) -> bool:
    """Whether this process is among our descendants."""
    ours = Path("/proc/self").resolve().name
    while pid > 1:
        if str(pid) == ours:
            return True
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return False
        pid = int(fields[1])
    return False


def private_kb(pid: int) -> int:
    try:
        rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(row.split()[1]) for row in rows if row.startswith("Private_"))
