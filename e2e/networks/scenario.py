"""One row from beginning to end."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from e2e.boxes import Box, Certificate
from e2e.networks.browser import AsyncEngine
from e2e.networks.rows import Row
from e2e.networks.turns import Turns
from e2e.networks.viewer import Viewer
from e2e.networks.writer import Writer
from e2e.server import Server

PATIENCE = 45.0  # seconds until something that must come has come
RUNG_WITHIN = 60.0
AT_WORK_WITHIN = 300.0
LATER = 5
AROUND = 10  # lines before and after what happens, to see that none is lost or doubled
# Takes streams for mute: for the same box with long-polls, where streams would do.
WAITING_ONLY = {
    "livequeue.transport": {"reason": "mute", "until": 9e15},
    "livequeue.stream": {"probes": [3_600_000]},
}


@dataclass
class Outcome:
    row: Row
    browser: str
    pause: int = 0  # seconds of silence
    rung: str = "?"
    first: float | None = None  # until progress reported when a page had loaded was seen; median
    later: float | None = None  # the slowest of some lines after that
    idle: float | None = None  # the first line after the pause
    cut: float | None = None  # from the box's being back to a line written since
    restart: float | None = None  # from the server's being back to a line written since
    waiting: bool | None = None  # long-polls carried too
    lines: int = 0
    troubles: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not self.troubles


class Scenario:
    def __init__(
        self,
        row: Row,
        engine: AsyncEngine,
        folder: Path,
        certificate: Certificate,
        *,
        pause: int,
        loads: int,
    ) -> None:
        self.row = row
        self.engine = engine
        self.folder = folder
        self.certificate = certificate
        self.pause = pause
        self.loads = loads
        self.outcome = Outcome(row, engine.name, pause)
        self.server: Server
        self.box: Box
        self.writer: Writer
        self.main: Viewer
        self.viewers: list[Viewer] = []

    async def run(self, turns: Turns) -> Outcome:
        async with AsyncExitStack() as stack:
            async with turns.among_others(), asyncio.timeout(AT_WORK_WITHIN):
                await self._set_up(stack)
            timed = turns.alone() if self.loads > 1 else turns.among_others()
            async with timed, asyncio.timeout(AT_WORK_WITHIN):
                await self._first()
                await self._later()
            async with turns.among_others(), asyncio.timeout(AT_WORK_WITHIN):
                await self._open_waiting(stack)
            before = [len(await viewer.states()) for viewer in self.viewers]
            await asyncio.sleep(self.pause)  # what is tested is how it bears so long a silence
            async with turns.among_others(), asyncio.timeout(AT_WORK_WITHIN):
                for viewer, known in zip(self.viewers, before, strict=True):
                    if during := (await viewer.states())[known:]:
                        self._trouble(f"during the pause it was {', '.join(during)}")
                self.outcome.idle = await self._line("after the pause")
                await self._rung("after the pause")
                self.outcome.cut = await self._outage("cut", self.box.restart)
                self.outcome.restart = await self._outage("restart", self._restart_server)
                await self._settle()
        return self.outcome

    async def _set_up(self, stack: AsyncExitStack) -> None:
        row = self.row
        self.folder.mkdir(parents=True)
        settings: dict[str, str | float] = {}
        if row.mode == "kept":
            settings["path_prefix"] = row.prefix
        if row.mode == "tls":
            settings |= {
                "certfile": str(self.certificate.cert),
                "keyfile": str(self.certificate.key),
            }
        self.server = Server(self.folder, **settings)
        await asyncio.to_thread(self.server.start)
        stack.push_async_callback(asyncio.to_thread, self.server.close)
        self.box = row.box(
            self.folder / "box",
            ("127.0.0.1", self.server.port),
            prefix=row.prefix,
            keep_prefix=row.mode == "kept",
        )
        await asyncio.to_thread(self.box.start)
        stack.push_async_callback(asyncio.to_thread, self.box.stop)
        self.writer = Writer(self.server.url)
        stack.push_async_callback(self.writer.close)
        await self.writer.begin()
        self.main = await self._viewer(stack)

    @property
    def base(self) -> str:
        return self.box.url if self.box.kind == "reverse" else self.server.url

    async def _viewer(
        self, stack: AsyncExitStack, stored: dict[str, object] | None = None
    ) -> Viewer:
        proxy = self.box.proxy if self.box.kind == "forward" else None
        context = await self.engine.new_context(proxy)
        stack.push_async_callback(context.close)
        viewer = await Viewer.create(context, stored)
        self.viewers.append(viewer)
        return viewer

    async def _open(self, viewer: Viewer) -> None:
        await viewer.open(f"{self.base}/tasks/{self.writer.task}")

    async def _first(self) -> None:
        times = [await self._first_update(self.main, 1)]
        for number in range(2, self.loads + 1):
            async with AsyncExitStack() as stack:  # a browser that was never here
                viewer = await self._viewer(stack)
                times.append(await self._first_update(viewer, number))
                self.viewers.remove(viewer)
        if None not in times:
            self.outcome.first = median(time for time in times if time is not None)

    async def _first_update(self, viewer: Viewer, progress: int) -> float | None:
        await self._open(viewer)
        # The bar came with the page, as it was then: only the stream can move it.
        since = await self.writer.progress(progress)
        at = await viewer.progresses(progress, PATIENCE)
        if at is None:
            self._trouble(f"the first update was not seen within {PATIENCE:g} s")
            return None
        return max(0.0, at - since)

    async def _later(self) -> None:
        await self._rung("at first")
        delays = [await self._line("later") for _ in range(LATER)]
        self.outcome.later = max((delay for delay in delays if delay is not None), default=None)

    async def _open_waiting(self, stack: AsyncExitStack) -> None:
        if self.row.mode != "plain" or self.row.rung != "sse":
            return
        viewer = await self._viewer(stack, WAITING_ONLY)
        await self._open(viewer)
        self.outcome.waiting = await viewer.reaches("long-poll", RUNG_WITHIN)
        if not self.outcome.waiting:
            self._trouble(f"with long-polls it is {await viewer.status()}")

    async def _line(self, when: str) -> float | None:
        """Write one and see it; how long it took."""
        number = await self.writer.write()
        return await self._seen(number, self.writer.taken[-1], when)

    async def _seen(self, number: int, since: float, when: str) -> float | None:
        at = await self.main.shows(number, PATIENCE)
        if at is None:
            self._trouble(f"{when}: line {number} was not seen within {PATIENCE:g} s")
            return None
        return max(0.0, at - since)

    async def _rung(self, when: str) -> None:
        if not await self.main.reaches(self.row.rung, RUNG_WITHIN):
            status = await self.main.status()
            self._trouble(f"{when}: it is {' by '.join(status)}, not on {self.row.rung}")
        self.outcome.rung = (await self.main.status())[1]

    async def _outage(self, when: str, happens: Callable[[], None]) -> float | None:
        async with self.writer.writing():
            await self.writer.more(AROUND)
            await asyncio.to_thread(happens)
            back = time.time()
            number = await self.writer.first_after(back)
            gap = await self._seen(number, back, f"{when}")
            await self.writer.more(AROUND)
        await self._rung(f"after the {when}")
        return gap

    def _restart_server(self) -> None:
        self.server.restart()
        if self.row.repeats_errors:
            self.box.restart()

    async def _settle(self) -> None:
        """Every line once and in order, in every page; under a prefix, nothing outside it."""
        wanted = self.writer.lines
        self.outcome.lines = len(wanted)
        for viewer in self.viewers:
            await viewer.shows(len(wanted), PATIENCE)
            found = await viewer.lines()
            if found != wanted:
                missing = sorted(set(wanted) - set(found))
                self._trouble(
                    f"{len(found)} of {len(wanted)} lines in the page, missing {missing[:5]},"
                    f" {len(found) - len(set(found))} doubled"
                )
            if strays := viewer.strays(self.base):
                self._trouble(f"requests outside {self.base}: {strays[:5]}")

    def _trouble(self, text: str) -> None:
        self.outcome.troubles.append(text)
