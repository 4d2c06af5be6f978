"""What `livequeue check` measures; what it means is for the server to say."""

from __future__ import annotations

import asyncio
import codecs
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from livequeue_client.check_answer import ANSWER_LIMIT, MOST, Answer, ask, beginning

EVENTS = 6
PAUSE = 0.4  # seconds between them
SIZE = 1000  # bytes of every second one; all together less than the 4 KB buffers of boxes
QUICK_LIMIT = 8.0  # seconds for a quick probe
SLACK = 10.0  # seconds a slow probe may take longer than asked
PAGE = 300  # characters of an error page that are kept


@dataclass
class Stream:
    """How one stream went; times in seconds since the request, `sent` since the first event."""

    status: int = 0  # none came
    encoding: str = ""
    page: str = ""
    sent: list[float] = field(default_factory=list)
    arrived: list[float] = field(default_factory=list)
    whole: bool = False
    stopping: bool = False  # the server ended it because it stops
    lived: float = 0.0


@dataclass
class Wait:
    """How one waiting request went."""

    status: int
    lived: float
    page: str = ""
    stopping: bool = False


class Probes:
    """Measures through `client`; `root` is the server's address with a slash at its end."""

    def __init__(self, client: httpx.AsyncClient, root: str) -> None:
        self._client = client
        self._root = root

    async def seen(self) -> tuple[Answer, float]:
        """What the server says of a small request, and after how many seconds."""
        begun = time.monotonic()
        answer = await self._ask("seen", {})
        return answer, time.monotonic() - begun

    async def verdict(self, measured: dict[str, Any]) -> dict[str, Any]:
        """Raises ValueError when the answer is none, httpx.HTTPError when there is none."""
        answer = await self._ask("verdict", measured)
        verdict = answer.document
        if answer.is_error or verdict is None or "checks" not in verdict:
            raise ValueError(f"HTTP {answer.status} instead of a verdict")
        return verdict

    async def stream(self, type: str = "text/event-stream") -> Stream:
        """Events at a steady pace."""
        query = {"count": EVENTS, "pause": PAUSE, "size": SIZE, "type": type}
        return await self._stream(query, QUICK_LIMIT)

    async def silence(self, seconds: float) -> Stream:
        """A stream that says nothing for so long."""
        return await self._stream({"count": 2, "pause": seconds}, seconds + SLACK)

    async def write(self) -> int:
        """The status a write is answered with; 0: none."""
        try:
            async with asyncio.timeout(QUICK_LIMIT):
                return (await self._client.post(self._address("write"))).status_code
        except (httpx.HTTPError, TimeoutError):
            return 0

    async def poll(self, seconds: float) -> Wait:
        """A request that is answered after so long."""
        begun = time.monotonic()
        try:
            answer = await self._ask("poll", {"wait": seconds}, limit=seconds + SLACK)
        except httpx.HTTPError:
            return Wait(0, time.monotonic() - begun)
        lived = time.monotonic() - begun
        document = answer.document
        if document is None:
            return Wait(answer.status if answer.is_error else 0, lived, answer.text[:PAGE])
        return Wait(answer.status, lived, stopping=bool(document.get("stopping")))

    async def _stream(self, query: dict[str, Any], limit: float) -> Stream:
        result = Stream()
        begun = time.monotonic()
        try:
            async with asyncio.timeout(limit):
                await self._follow(query, begun, result)
        except (httpx.HTTPError, TimeoutError):
            pass
        result.lived = time.monotonic() - begun
        return result

    async def _follow(self, query: dict[str, Any], begun: float, result: Stream) -> None:
        headers = {"Accept": str(query.get("type", "text/event-stream"))}
        address, params = self._address("stream"), _query(query)
        async with self._client.stream("GET", address, params=params, headers=headers) as response:
            result.status = response.status_code
            result.encoding = response.headers.get("Content-Encoding", "")
            if response.is_error:
                result.page = (await beginning(response))[:PAGE]
                return
            decoder = codecs.getincrementaldecoder("utf-8")("replace")
            rest, size = "", 0
            async for data in response.aiter_bytes():
                size += len(data)
                now = time.monotonic() - begun
                *frames, rest = (rest + decoder.decode(data)).split("\n\n")
                for frame in frames:
                    self._take(frame, now, result)
                if size > MOST:  # no stream of ours
                    break
            result.page = result.page or rest[:PAGE]

    @staticmethod
    def _take(frame: str, now: float, result: Stream) -> None:
        match _event(frame):
            case {"stopping": True}:
                result.stopping = True
            case {"at": int() | float() as at, "last": bool() as last}:
                result.sent.append(at)
                result.arrived.append(round(now, 3))
                result.whole = last
            case _:
                result.page = result.page or frame[:PAGE]

    async def _ask(self, name: str, query: dict[str, Any], limit: float = ANSWER_LIMIT) -> Answer:
        return await ask(self._client, self._address(name), params=_query(query), limit=limit)

    def _address(self, name: str) -> str:
        return f"{self._root}api/network/{name}"


def _event(frame: str) -> Any:
    _, mark, data = frame.partition("\ndata: ")
    try:
        return json.loads(data) if mark else None
    except (ValueError, RecursionError):
        return None


def _query(values: dict[str, Any]) -> dict[str, Any]:
    """For httpx; with something that makes it unique, since caches merge equal requests."""
    return {name: value for name, value in values.items() if value is not None} | {
        "nonce": secrets.token_hex(4)
    }


async def with_ticks(
    work: Awaitable[Any], tick: Callable[[float], None], every: float = 0.5
) -> Any:
    """The result of `work`; meanwhile `tick` is told how many seconds have passed."""
    begun = time.monotonic()
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait({task}, timeout=every))[0]:
            tick(time.monotonic() - begun)
    finally:
        task.cancel()
    return await task
