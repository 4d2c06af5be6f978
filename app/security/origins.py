"""Refuses requests that another site makes a browser send.

DNS rebinding makes a foreign page same-origin with us, but under its own host name: so names we do
not know are refused. Cross-site writes carry `Sec-Fetch-Site`, which no page can forge, or at least
an `Origin`. Programs (curl, scripts, the client) send neither and pass.
"""

from __future__ import annotations

import re
import socket
from functools import lru_cache

from quart import Quart, request

from app.addresses import is_loopback, parse
from app.errors import Forbidden, Misdirected
from app.state import state

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_WITH_PORT = re.compile(r"(\[[^\]]*\]|[^:]*)(:[0-9]*)?")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_DEFAULT_PORTS = (":80", ":443")
_LOOKS = frozenset({"pages.asset", "pages.vendor_file"})  # so that a refusal can be read, too


def register(app: Quart) -> None:
    """Check host and origin before every request."""
    app.before_request(_check)


async def _check() -> None:
    settings = state().settings
    host = request.headers.get("Host", "")
    asked = request.endpoint not in _LOOKS
    if asked and not is_known_host(host, settings.host, settings.allowed_hosts):
        raise Misdirected("problem.host", host=repr(host_name(host)[:100]))
    if request.method not in _SAFE and not is_own_page(
        host, request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    ):
        raise Forbidden("problem.foreign_page")


def is_known_host(host: str, bound: str, allowed: str) -> bool:
    """Whether a Host header names this server; the port does not matter.

    `bound` is the address it listens on, `allowed` the further names, comma separated.
    """
    name = host_name(host)
    if not _WITH_PORT.fullmatch(host):
        return False
    if name in _known_names(bound, allowed):
        return True
    # An address cannot be rebound, so one reachable by address answers to all its addresses.
    # No Host at all is HTTP/1.0, which no browser speaks.
    return not name or (not is_loopback(bound) and parse(name) is not None)


def is_own_page(host: str, origin: str | None, fetch_site: str | None) -> bool:
    """Whether a write comes from our own pages or from no page at all."""
    if fetch_site is not None and fetch_site not in ("same-origin", "none"):
        return False
    if origin is None or fetch_site == "same-origin":
        # The browser itself says so; a proxy may have changed Host, so do not compare.
        return True
    _, separator, place = origin.partition("://")
    return bool(separator) and _without_default_port(place) == _without_default_port(host)


def host_name(host: str) -> str:
    """The name in a Host header, lower case, without port, brackets and the root's dot."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].rstrip(".").lower()


def _without_default_port(place: str) -> str:
    for port in _DEFAULT_PORTS:
        place = place.removesuffix(port)
    return place.lower()


@lru_cache(maxsize=8)
def _known_names(bound: str, allowed: str) -> frozenset[str]:
    names = {host_name(name.strip()) for name in allowed.split(",") if name.strip()}
    names |= _LOOPBACK | {bound.lower()}
    if not is_loopback(bound):
        names.add(socket.gethostname().lower())
    return frozenset(names)
