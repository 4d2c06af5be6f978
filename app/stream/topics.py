"""Topics as clients name them, and the channels the hub keeps for them.

Logs are a channel of their own (``log:42``), so that ``system,task:42`` becomes
``{system, log:42}`` and all such streams share what ``system`` says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from app.errors import BadRequest
from app.event import Event

MOST = 50  # topics on one stream
_TOPIC = re.compile(r"system|logs|task:[1-9][0-9]{0,17}|queue:[A-Za-z0-9._-]{1,64}")


def parse(text: str) -> list[str]:
    """Topics of ``a,b,c`` in order, each once. Raises BadRequest naming the wrong one."""
    topics = list(dict.fromkeys(text.split(",")))
    if len(topics) > MOST:
        raise BadRequest("problem.topics_many", most=MOST, given=len(topics))
    for topic in topics:
        if not _TOPIC.fullmatch(topic):
            raise BadRequest("problem.topic_unknown", topic=repr(topic[:80]))
    return topics


def task_of(topic: str) -> int | None:
    return int(topic[5:]) if topic.startswith("task:") else None


def channels_of(topics: Iterable[str]) -> tuple[str, ...]:
    """The fewest channels that carry these topics, sorted: equal sets share their chunks."""
    return _channels_of(tuple(topics))


@lru_cache(maxsize=1024)
def _channels_of(topics: tuple[str, ...]) -> tuple[str, ...]:
    wanted = set(topics)
    channels = {topic for topic in wanted if topic in ("system", "logs")}
    for topic in wanted:
        if "system" not in wanted and topic not in channels:
            channels.add(topic)
        if topic.startswith("task:") and "logs" not in wanted:
            channels.add(f"log:{topic[5:]}")
    return tuple(sorted(channels))


def channels_with(event: Event) -> tuple[str, ...]:
    """The channels an event belongs to."""
    if event.type == "LOG":
        return ("logs", f"log:{event.task_id}")
    if event.task_id is None:
        return ("system",) if event.queue is None else ("system", f"queue:{event.queue}")
    if event.queue is None:
        return ("system", f"task:{event.task_id}")
    return ("system", f"task:{event.task_id}", f"queue:{event.queue}")
