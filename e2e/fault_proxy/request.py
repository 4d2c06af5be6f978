"""A request as it came by."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Request:
    """One request that came by; `at` is the monotonic clock's."""

    head: str
    at: float

    @property
    def method(self) -> str:
        return self.head.partition(" ")[0]

    @property
    def target(self) -> str:
        return self.head.split(" ", 2)[1]

    @property
    def wants_stream(self) -> bool:
        return "text/event-stream" in self.head.lower()
