"""One request to a LiveQueue server."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpcore  # noqa: F401 (httpx loads it later: too late, see `look_up_levels`)
import httpx

from livequeue_client import __version__
from livequeue_client.address import server_url
from livequeue_client.errors import Refused, Unreachable

TIMEOUT = 30.0  # for an answer
CONNECT_TIMEOUT = 5.0
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_TRANSIENT = {408, 425, 429, 500, 502, 503, 504}
_LOGGERS = [
    logging.getLogger(name)
    for name in (
        "httpx",
        "httpcore.connection",
        "httpcore.http11",
        "httpcore.http2",
        "httpcore.proxy",
        "httpcore.socks",
    )
]
_ours = threading.local()


def _is_the_programs(record: logging.LogRecord) -> bool:
    return not getattr(_ours, "requesting", False)


@contextmanager
def _unlogged() -> Iterator[None]:
    """What httpx logs of our requests is no news: above all not in the very log we deliver."""
    _ours.requesting = True
    try:
        yield
    finally:
        _ours.requesting = False


for _logger in _LOGGERS:
    _logger.addFilter(_is_the_programs)


def look_up_levels() -> None:
    """Before waiting for a request of another thread: let it not need a lock that we may hold.

    Making a logger, and its first look at whether a level is enabled, take the lock of the whole
    `logging` module. `logging.config` holds that lock while it flushes handlers.
    """
    for logger in _LOGGERS:
        for level in (logging.DEBUG, logging.INFO, logging.WARNING):
            logger.isEnabledFor(level)


class Connection:
    """A server's address with a connection pool, for several threads, and also after a fork.

    Raises ValueError when the address or the token cannot be one, OSError when a certificate cannot
    be read.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        token: str | None = None,
        timeout: float = TIMEOUT,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url = server_url(url)
        self._token = _header_value(token or os.environ.get("LIVEQUEUE_TOKEN") or "")
        self._timeout = timeout
        self._transport = transport
        self._open()

    def _open(self) -> None:
        headers = {"User-Agent": f"livequeue-client/{__version__}", "Accept": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        self._process = os.getpid()
        self._client = httpx.Client(
            headers=headers,
            timeout=self._limits(self._timeout),
            transport=self._transport,
            # A proxy from the environment cannot reach this machine's loopback; but SSL_CERT_FILE
            # may name the certificate that a server on it made for itself.
            trust_env=urlsplit(self.url).hostname not in LOOPBACK,
            verify=httpx.create_ssl_context() if self.url.startswith("https:") else True,
        )

    def another(self) -> Connection:
        """One of its own to the same server, that lives on when this one is closed."""
        return Connection(
            self.url, token=self._token, timeout=self._timeout, transport=self._transport
        )

    @staticmethod
    def _limits(timeout: float) -> httpx.Timeout:
        return httpx.Timeout(timeout, connect=min(CONNECT_TIMEOUT, timeout))

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        params: Mapping[str, str | int] | None = None,
        timeout: float | None = None,
    ) -> Any:
        """The decoded answer (None when it is empty). `key` makes a POST safe to repeat.

        `body`: anything that JSON has, or JSON as bytes.
        """
        if self._process != os.getpid():
            self._open()  # the sockets are our parent's
        headers = {"Idempotency-Key": key} if key else {}
        content = None
        if body is not None:
            content = body if isinstance(body, bytes) else _json(body)
            headers["Content-Type"] = "application/json"
        try:
            with _unlogged():
                response = self._client.request(
                    method,
                    f"{self.url}{path}",
                    content=content,
                    headers=headers,
                    params=params,
                    timeout=self._limits(timeout or self._timeout),
                )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unreachable(str(error) or type(error).__name__) from error
        return self._answer(response)

    def _answer(self, response: httpx.Response) -> Any:
        try:
            content = response.json() if response.content else None
        except (ValueError, RecursionError):
            content = response  # not ours: a portal, or some other program
        status = response.status_code
        if response.is_success and content is not response:
            return content
        if status in _TRANSIENT:
            after = response.headers.get("Retry-After", "")
            wait = float(after) if after.isdecimal() else None
            raise Unreachable(f"HTTP {status}", wait and min(wait, 60.0))
        if not isinstance(content, dict) or "title" not in content:
            raise Unreachable(f"HTTP {status} from something that is not LiveQueue")
        raise Refused(status, _explain(content, status), content)

    def close(self) -> None:
        with _unlogged():
            self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _header_value(token: str) -> str:
    """As a file may give it, with a line end. What httpx would say of any other shows the token."""
    token = token.strip()
    if not (token.isascii() and token.isprintable()):
        raise ValueError("the token has characters that no token has (LIVEQUEUE_TOKEN)")
    return token


def _json(value: Any) -> bytes:
    """Halves of surrogate pairs, as in names of files that are no UTF-8, become U+FFFD."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def _explain(problem: Mapping[str, Any], status: int) -> str:
    said = str(problem.get("detail") or problem["title"])
    fields = [
        f"{item.get('field')}: {item.get('message')}"
        for item in problem.get("errors") or ()
        if isinstance(item, dict)
    ]
    more = "; ".join(field for field in fields if field not in said)
    return f"{said} ({more or f'HTTP {status}'})"
