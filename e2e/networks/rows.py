"""What is tried, and where each must end."""

from dataclasses import dataclass
from typing import Literal

from e2e.boxes import BOXES, Box
from e2e.boxes.traefik import Traefik

Rung = Literal["sse", "long-poll", "poll"]
Mode = Literal["plain", "tls", "stripped", "kept"]

# The best possible rung: where a box holds streams back whatever we send, waiting is the best.
# Where nothing else is said, streams must be live.
HOLDS_BACK = {
    "nginx-ignore-header",
    "varnish-no-stream",
    "privoxy",
    "mitmdump",
    "mitmdump-tls",
}
# How long each box bears silence, in seconds, by its own time-out; Caddy has none.
BEARS = {
    "nginx": 60,
    "nginx-gzip": 60,
    "nginx-ignore-header": 5,
    "nginx-ignore-abort": 60,
    "nginx-tuned": 3600,
    "haproxy": 50,
    "haproxy-5s": 5,
    "apache": 300,
    "apache-deflate": 300,
    "varnish": 61,
    "varnish-gzip": 61,
    "varnish-no-stream": 61,
    "squid": 900,
    "squid-delay": 30,
    "tinyproxy": 600,
    "tinyproxy-10s": 10,
    "privoxy": 300,
    "mitmdump": 600,
    "mitmdump-stream": 600,
}
# mitmproxy answers every request on an HTTP/2 connection with the error that one of them met, for
# as long as the browser keeps that connection; no page can make a browser open another one.
REPEATS_ERRORS = {"mitmdump-tls", "mitmdump-stream-tls"}
LONGER = 5  # the pause is so much longer than what the box bears
SHORT_PAUSE = 20  # where the plain row has waited already, or only a full silence waits it out
WORTHWHILE = 100  # more than this only a full silence waits out
PREFIXED = ("nginx", "haproxy", "apache", "varnish", "caddy")


@dataclass(frozen=True)
class Row:
    """One box, reached in one way."""

    box: type[Box]
    mode: Mode = "plain"

    @property
    def name(self) -> str:
        return self.box.name if self.mode == "plain" else f"{self.box.name}-{self.mode}"

    @property
    def title(self) -> str:
        said = {
            "plain": "",
            "tls": ", HTTPS",
            "stripped": ", prefix stripped",
            "kept": ", prefix kept",
        }
        return self.box.title + said[self.mode]

    @property
    def prefix(self) -> str:
        return "/dash" if self.mode in ("stripped", "kept") else ""

    @property
    def rung(self) -> Rung:
        return "long-poll" if self.name in HOLDS_BACK else "sse"

    @property
    def repeats_errors(self) -> bool:
        return self.name in REPEATS_ERRORS

    @property
    def pause(self) -> int:
        """Seconds of silence that the page must live through."""
        if self.prefix or self._bears > WORTHWHILE:
            return SHORT_PAUSE
        return max(self._bears + LONGER, SHORT_PAUSE)

    @property
    def full_pause(self) -> int:
        """The same, longer than the box bears, however long that is."""
        return self.pause if self.prefix else max(self.pause, self._bears + LONGER)

    @property
    def _bears(self) -> int:
        return BEARS.get(self.box.name, 0)


# Of Traefik only what we say about it is tried, in test_advice.py and tests/test_deployment.py:
# Debian has no package of it.
PLAIN = [Row(box) for box in BOXES.values() if box is not Traefik]
TLS = [Row(box, "tls") for box in BOXES.values() if box.kind == "forward"]
UNDER_A_PREFIX = [Row(BOXES[name], mode) for name in PREFIXED for mode in ("stripped", "kept")]
ROWS: dict[str, Row] = {row.name: row for row in (*PLAIN, *TLS, *UNDER_A_PREFIX)}
# Those that the ordinary pause does not outlast.
PATIENT = [row for row in ROWS.values() if row.full_pause > row.pause]
