"""What the proxy does wrong, and to which requests."""

import re
from dataclasses import dataclass
from typing import Literal, get_args

from e2e.fault_proxy.request import Request

Mode = Literal[
    "pass", "black-hole", "reset", "502", "refuse", "html", "buffer", "cut", "slow", "drop-response"
]

SILENCE = 600.0  # nothing is held longer than this


@dataclass(frozen=True)
class Fault:
    """What the proxy does wrong, and to which requests."""

    mode: Mode = "pass"
    match: str = ""
    seconds: float = 5.0
    rate: float = 1024.0
    hold_headers: bool = False
    status: int = 403

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise ValueError(f"mode must be one of {', '.join(get_args(Mode))}")
        if not 0 < self.seconds <= SILENCE:
            raise ValueError(f"seconds must be above 0 and at most {SILENCE:g}")
        if not 400 <= self.status <= 599:
            raise ValueError("status must be from 400 to 599")
        if self.rate <= 0:
            raise ValueError("rate must be above 0")
        re.compile(self.match)

    def hits(self, request: Request) -> bool:
        if self.mode == "drop-response" and request.method in ("GET", "HEAD", "OPTIONS"):
            return False
        return re.search(self.match, request.head, re.IGNORECASE) is not None


PASS = Fault()
