"""Where the server is."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

DEFAULT_URL = "http://127.0.0.1:8000"


def server_url(url: str | None = None) -> str:
    """The base URL to use: given, or from LIVEQUEUE_URL, or this machine's; without end slash."""
    url = (url or os.environ.get("LIVEQUEUE_URL") or DEFAULT_URL).strip().rstrip("/")
    if not _usable(url):
        raise ValueError(f"{url!r} is not a server address; it looks like {DEFAULT_URL}")
    return url


def _usable(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    bare = not parts.query and not parts.fragment and not parts.netloc.endswith(":")
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0 and bare
