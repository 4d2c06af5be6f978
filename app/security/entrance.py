"""Puts a request right before anything looks at it: target, prefix, and what proxies tell of it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

from app.addresses import is_within, parse
from app.config import Settings
from app.security.forwarded import Forwarded, is_host, read

ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]

_ABSOLUTE = re.compile(rb"[a-z][a-z0-9+.-]*://([^/]*)(.*)", re.IGNORECASE | re.DOTALL)
_NO_HOST = b"invalid"  # nobody's name (RFC 2606), and so none of ours


class Entrance:
    """Wraps `app.asgi_app`.

    What it leaves in the scope: `path` with the prefix readers see (`root_path`) before it, as ASGI
    has it; `raw_path` without, so that its depth tells how far the root is; `client`, `scheme` and
    the Host header as a trusted proxy tells them.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._prefix = settings.path_prefix
        self._trusted = settings.trusted_networks

    def __call__(self, scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        # Not a coroutine of its own: every open stream would keep its frame.
        if "path" in scope:
            self._settle(scope)
        return self._app(scope, receive, send)

    def _settle(self, scope: dict[str, Any]) -> None:
        path, raw = scope["path"], scope["raw_path"]
        if found := _ABSOLUTE.fullmatch(raw):
            # RFC 9112, section 3.2.2: the target counts, not the Host header.
            _set_host(scope, found[1])
            raw = found[2] or b"/"
            path = unquote(raw.decode())
        forwarded = self._forwarded(scope)
        for name, value in scope["headers"]:
            if name == b"host" and value and not is_host(value.decode("latin1")):
                _set_host(scope, _NO_HOST)  # the router would fail over it
                break
        prefix = _joined(forwarded.prefix, self._prefix)
        # Every target is a path from here on, "?x" and "*" too: Quart would fail over some others.
        path, raw = _one_slash(path, raw)
        if self._prefix and f"{path}/".startswith(f"{self._prefix}/"):
            path = path[len(self._prefix) :]
            depth = self._prefix.count("/")
            raw = b"/".join((b"", *raw.split(b"/")[depth + 1 :]))
            path, raw = _one_slash(path, raw)
        scope["path"] = prefix + path
        scope["raw_path"] = raw
        scope["root_path"] = prefix

    def _forwarded(self, scope: dict[str, Any]) -> Forwarded:
        if not scope.get("client"):
            return Forwarded()
        address, port = scope["client"][:2]
        peer = parse(address)
        if peer is not None and str(peer) != address:
            scope["client"] = (str(peer), port)
        if not self._trusted or not is_within(peer, self._trusted):
            return Forwarded()
        forwarded = read(scope["headers"], self._trusted)
        if forwarded.client:
            scope["client"] = (forwarded.client, 0)
        if forwarded.scheme:
            scope["scheme"] = forwarded.scheme
        if forwarded.host:
            _set_host(scope, forwarded.host.encode())
        return forwarded


def _set_host(scope: dict[str, Any], host: bytes) -> None:
    others = [header for header in scope["headers"] if header[0] != b"host"]
    scope["headers"] = [(b"host", host), *others]


def _one_slash(path: str, raw: bytes) -> tuple[str, bytes]:
    """Some proxies make two of the slash between what they take off and what they put on."""
    return f"/{path.lstrip('/')}", b"/" + raw.lstrip(b"/")


def _joined(outer: str, own: str) -> str:
    """The whole prefix, whether or not a proxy told of the part that it keeps."""
    return outer if outer.endswith(own) else outer + own
