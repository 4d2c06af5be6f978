"""What a proxy tells of the request it passes on: `X-Forwarded-For`, `-Proto`, `-Host`, `-Prefix`.

Only proxies named in the settings are believed, and only values that cannot do harm: the rest is
as if it had not been sent. `Forwarded` (RFC 7239) is not read at all: a proxy that writes one kind
passes on what its client put into the other, so to believe both is to believe the client.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from app.addresses import Network, is_within, parse
from app.config import is_prefix

HOPS = 32  # entries of X-Forwarded-For that are looked at

_LABEL = "[A-Za-z0-9_-]{1,63}"
_HOST = re.compile(
    rf"(?=[^:]{{1,253}}(?::|\Z)|\[)(?:{_LABEL}(?:\.{_LABEL})*\.?|\[[0-9A-Fa-f:.]{{2,45}}\])"
    r"(?::[0-9]{0,5})?"
)
_WITH_PORT = re.compile(r"\[([^\]]*)\](?::[0-9]{1,5})?|([0-9.]+):[0-9]{1,5}")


class Forwarded(NamedTuple):
    """Each is None where nothing usable was told; `prefix` then is empty."""

    client: str | None = None
    scheme: str | None = None
    host: str | None = None
    prefix: str = ""


def read(headers: Iterable[tuple[bytes, bytes]], trusted: Sequence[Network]) -> Forwarded:
    """From a trusted proxy's request; `trusted` are all proxies that may stand in a row."""
    values: dict[bytes, list[str]] = {}
    for name, value in headers:
        if name.startswith(b"x-forwarded-"):
            parts = value.decode("latin1").split(",")
            values.setdefault(name[12:], []).extend(part.strip() for part in parts)

    def last(name: bytes) -> str:
        # What the nearest proxy wrote; those before it may be the client's own.
        return values.get(name, [""])[-1]

    scheme, host = last(b"proto").lower(), last(b"host")
    return Forwarded(
        client=client_of(values.get(b"for", []), trusted),
        scheme=scheme if scheme in ("http", "https") else None,
        host=host if is_host(host) else None,
        prefix=prefix_of(values.get(b"prefix", [])),
    )


def is_host(text: str) -> bool:
    """Whether it is a name or address, with or without port, as it stands in a Host header."""
    return _HOST.fullmatch(text) is not None


def client_of(hops: Sequence[str], trusted: Sequence[Network]) -> str | None:
    """The nearest address that is no proxy of ours; beyond it, all may be made up.

    Where all are, the farthest; None where none is told.
    """
    client = None
    for hop in reversed(hops[-HOPS:]):
        found = _WITH_PORT.fullmatch(hop)
        address = parse(found[1] or found[2] if found else hop)
        if address is None:
            break
        client = str(address)
        if not is_within(address, trusted):
            break
    return client


def prefix_of(parts: Sequence[str]) -> str:
    """Prefixes that proxies in a row took off, outermost first, as one: `/outer/inner`."""
    prefix = "".join(part.rstrip("/") for part in parts)
    return prefix if is_prefix(prefix) else ""
