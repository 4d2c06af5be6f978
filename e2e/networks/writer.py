"""Writes numbered lines straight to the server, past the box, repeating each until it is taken."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

RETRY_PAUSE = 0.05


class Writer:
    def __init__(self, url: str) -> None:
        # Past every proxy, and the certificates are this test's own.
        self._http = httpx.AsyncClient(base_url=url, trust_env=False, verify=False, timeout=20)  # noqa: S501
        self.task: int = 0
        self.taken: list[float] = []  # when the server had stored line 1, 2, ...
        self._more = asyncio.Event()

    async def close(self) -> None:
        await self._http.aclose()

    async def begin(self) -> None:
        body = {"name": "through a box", "status": "running"}
        created: dict[str, Any] = (await self._http.post("/api/tasks", json=body)).json()
        self.task = created["id"]

    async def progress(self, percent: int) -> float:
        """Report progress; when that was stored."""
        response = await self._http.patch(f"/api/tasks/{self.task}", json={"progress": percent})
        assert response.is_success, response.text
        return time.time()

    @property
    def lines(self) -> list[str]:
        return [f"line {number}" for number in range(1, len(self.taken) + 1)]

    async def write(self) -> int:
        """One more line; its number."""
        number = len(self.taken) + 1
        body = {"producer": "boxes", "batch": number, "lines": [{"text": f"line {number}"}]}
        while not await self._sent(body):  # noqa: ASYNC110
            await asyncio.sleep(RETRY_PAUSE)
        self.taken.append(time.time())
        self._more.set()
        return number

    async def _sent(self, body: object) -> bool:
        try:
            response = await self._http.post(f"/api/tasks/{self.task}/logs", json=body)
        except httpx.TransportError:
            return False
        assert response.is_success or response.status_code in (502, 503), response.text
        return response.is_success

    @asynccontextmanager
    async def writing(self, every: float = 0.1) -> AsyncIterator[None]:
        """Inside the block, lines come steadily."""

        async def steadily() -> None:
            while True:
                await self.write()
                await asyncio.sleep(every)

        task = asyncio.create_task(steadily())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            # A line that was under way may have been stored: repeating it settles that.
            await self.write()

    async def more(self, count: int) -> None:
        """Wait until so many more lines are stored."""
        wanted = len(self.taken) + count
        while len(self.taken) < wanted:
            self._more.clear()
            await self._more.wait()

    async def first_after(self, moment: float) -> int:
        """The number of the first line stored after this moment, waiting for one."""
        while not self.taken or self.taken[-1] < moment:
            self._more.clear()
            await self._more.wait()
        return next(number for number, at in enumerate(self.taken, 1) if at >= moment)
