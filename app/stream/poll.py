"""One long-poll: the feed's next events as a single JSON answer."""

from __future__ import annotations

import asyncio

from app.event import Event
from app.stream.encoding import poll_answer
from app.stream.feed import Feed
from app.stream.hub import Wake

COALESCE = 0.02  # seconds after the first event of a burst, so that it is one answer


async def poll(feed: Feed, wait: float, limit: int) -> bytes:
    """Answer at once when there is something, else after ``wait`` seconds at most."""
    events = await feed.events(limit)
    ended = feed.take_ended()
    if wait and not (events or ended or feed.reset):
        timer = asyncio.get_running_loop().call_later(wait, feed.wake, Wake.BEAT)
        try:
            events, ended = await _wait(feed, limit)
        finally:
            timer.cancel()
    return poll_answer(events, feed.id, feed.reset, ended)


async def _wait(feed: Feed, limit: int) -> tuple[list[Event], list[str]]:
    while True:
        wake = await feed.wait()
        if wake is Wake.WAVE:
            await asyncio.sleep(COALESCE)
        feed.look()
        events = await feed.events(limit)
        ended = feed.take_ended()
        if events or ended or feed.reset or wake is not Wake.WAVE:
            return events, ended
