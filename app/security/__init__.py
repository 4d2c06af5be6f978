"""What stands between a web page somebody else made and this server."""

from __future__ import annotations

from quart import Quart

from app.security import headers, origins


def register(app: Quart) -> None:
    """Check every request of `app` and add protective headers to every response."""
    origins.register(app)
    headers.register(app)
