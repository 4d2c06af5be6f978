"""What a task that we make says of itself: a name that the server takes, and where it runs."""

from __future__ import annotations

import os
import socket

NAME_CHARS = 200


def task_name(text: str) -> str:
    """At most `NAME_CHARS` printable characters; what was no UTF-8 is replaced. May be empty."""
    text = text.encode("utf-8", "replace").decode()
    text = "".join(c if c.isprintable() else " " for c in text)
    return text.strip()[:NAME_CHARS].rstrip()


def this_process() -> str:
    """HOST:PID, a task's `worker`."""
    return task_name(f"{socket.gethostname()}:{os.getpid()}")
