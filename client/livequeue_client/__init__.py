"""Client side of LiveQueue: report a job from Python, or run any command and have it watched."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from livequeue_client.api import LiveQueue, Task
    from livequeue_client.errors import LiveQueueError, Refused, Unreachable
    from livequeue_client.log_handler import LogHandler

__version__ = "0.1.0"
__all__ = [
    "LiveQueue",
    "LiveQueueError",
    "LogHandler",
    "Refused",
    "Task",
    "Unreachable",
    "__version__",
]


def __getattr__(name: str) -> Any:
    """Loaded when asked for: `livequeue run` starts its command before it loads the network."""
    if name in {"LiveQueue", "Task"}:
        from livequeue_client import api

        return getattr(api, name)
    if name in {"LiveQueueError", "Refused", "Unreachable"}:
        from livequeue_client import errors

        return getattr(errors, name)
    if name == "LogHandler":
        from livequeue_client import log_handler

        return log_handler.LogHandler
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
