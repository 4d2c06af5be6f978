"""The server behind the proxy, and how requests are handed on to it."""

import asyncio
import ssl
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

HEAD_LIMIT = 64 * 1024


def closing(head: bytes, **fields: str) -> bytes:
    """The head with `Connection: close`, since an answer is to end with its connection, and with
    other values for the fields that are named, where it has them."""
    lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    kept = []
    for line in lines:
        name = line.partition(":")[0].lower()
        if name in fields:
            line = f"{name}: {fields[name]}"
        if name != "connection":
            kept.append(line)
    return "\r\n".join([*kept, "Connection: close", "", ""]).encode("latin-1")


@dataclass(frozen=True)
class Upstream:
    """The server behind, as the proxy reaches it."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    # A server elsewhere is asked by its own name, as reverse proxies do; one on this machine
    # takes any name of it.
    authority: str = ""

    @classmethod
    def at(cls, url: str, *, insecure: bool = False) -> Self:
        """From its address; `insecure` takes any certificate."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is not an address like http://HOST:PORT")
        tls = ssl.create_default_context() if parts.scheme == "https" else None
        if tls is not None and insecure:
            tls.check_hostname = False
            tls.verify_mode = ssl.CERT_NONE
        local = tls is None and parts.hostname in ("127.0.0.1", "localhost")
        port = parts.port or (443 if tls else 80)
        return cls(parts.hostname, port, tls, "" if local else parts.netloc)

    def asked(self, head: bytes) -> bytes:
        """The head of a request as it is to arrive there."""
        if not self.authority:
            return closing(head)
        scheme = "https" if self.tls else "http"
        return closing(head, host=self.authority, origin=f"{scheme}://{self.authority}")

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self.host, self.port, ssl=self.tls, limit=HEAD_LIMIT)
