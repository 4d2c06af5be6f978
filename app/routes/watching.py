"""Waits for a producer that wants to hear at once when its task is to end."""

from __future__ import annotations

import asyncio

from app.errors import Problem
from app.event import Event
from app.state import State
from app.stream.hub import Subscriber, Wake


async def until_cancelled(
    server: State, task_id: int, since: int, seconds: float, client: str
) -> None:
    """Return when task `task_id` is asked to cancel or ends after seq `since`, or in `seconds`.

    Returns early when the server stops or has no room for another waiting request.
    """
    hub = server.hub
    subscriber = Subscriber((f"task:{task_id}",), since, since)
    try:
        server.registry.add(subscriber, client)
    except Problem:
        return  # heartbeats without the wait still work
    try:
        async with asyncio.timeout(seconds):
            while True:
                subscriber.upto = hub.head
                events = hub.events(subscriber.channels, subscriber.cursor, subscriber.upto)
                if hub.is_behind(subscriber) or any(map(_ends, events)):
                    return
                subscriber.cursor = subscriber.upto
                if await hub.wait(subscriber) is Wake.CLOSE:
                    return
    except TimeoutError:
        return
    finally:
        server.registry.remove(subscriber, client)


def _ends(event: Event) -> bool:
    return event.lifecycle is True or b'"cancel_requested":true' in event.data
