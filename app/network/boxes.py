"""Which box is in between, by what it says of itself."""

from __future__ import annotations

import re
from typing import NamedTuple

from app.network.measured import Measured, Seen

# Those we have lines for (templates/advice/), in the order they are offered.
ADVICE = ("nginx", "haproxy", "apache", "caddy", "varnish", "traefik")
# What boxes add to a request on its way.
TELLING = (
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-real-ip",
    "x-varnish",
    "cf-ray",
    "x-amzn-trace-id",
)


class Box(NamedTuple):
    """`product` is one of ADVICE, or empty; `reverse`: it stands before the server, else before
    the client; None: unknown."""

    name: str
    product: str
    reverse: bool | None


# In the order of what tells most. Several may be on the way; we name the first that matches.
_NAMES: tuple[tuple[re.Pattern[str], str, bool], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), product, reverse)
    for pattern, product, reverse in (
        (r"\bsquid(?:/[\w.]+)?", "", False),
        (r"\btinyproxy(?:/[\w.]+)?", "", False),
        (r"\bprivoxy(?:/[\w.]+)?", "", False),
        (r"\bmitmproxy(?:/[\w.]+)?", "", False),
        (r"\b(?:zscaler|bluecoat|forcepoint|mcafee|sophos|fortinet|kerio)[\w./-]*", "", False),
        (r"\bvarnish(?:/[\w.]+)?", "varnish", True),
        (r"\b(?:nginx|openresty|tengine|angie)(?:/[\w.]+)?", "nginx", True),
        (r"\bapache(?:/[\w.]+)?", "apache", True),
        (r"\bcaddy(?:/[\w.]+)?", "caddy", True),
        (r"\bhaproxy(?:/[\w.]+)?", "haproxy", True),
        (r"\btraefik(?:/[\w.]+)?", "traefik", True),
        (r"\bcloudflare\b", "", True),
        (r"\b(?:awselb|envoy|microsoft-iis|gws|akamaighost)(?:/[\w.]+)?", "", True),
    )
)
# Error pages that name nobody, but are always the same words.
_PAGES = ((re.compile(r"The server didn't respond in time\."), "HAProxy", "haproxy"),)

# Request headers that only one product adds.
_MARKS = (
    ({"x-varnish"}, Box("Varnish", "varnish", True)),
    ({"cf-ray"}, Box("Cloudflare", "", True)),
    ({"x-forwarded-server", "x-real-ip"}, Box("Traefik", "traefik", True)),
    ({"x-forwarded-server"}, Box("Apache", "apache", True)),
)


def identify(measured: Measured, seen: Seen) -> Box | None:
    """The box that shows itself, if any does."""
    said = (measured.via, measured.server, seen.headers.get("via", ""), measured.page)
    for pattern, product, reverse in _NAMES:
        for text in said:
            if found := pattern.findall(text):
                return Box(max(found, key=len), product, reverse)
    for pattern, name, product in _PAGES:
        if pattern.search(measured.page):
            return Box(name, product, True)
    if mark := next((box for names, box in _MARKS if names <= seen.headers.keys()), None):
        return mark
    said_by = measured.via.split(",")[0].strip() or measured.server  # we send neither
    if said_by:
        return Box(said_by, "", None)
    if measured.proxy:
        return Box(measured.proxy, "", False)
    return Box("", "", True) if seen.headers.keys() & set(TELLING) else None
