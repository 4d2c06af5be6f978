"""How routes answer."""

from __future__ import annotations

from typing import Any

import msgspec
from quart import Response, request

_encode = msgspec.json.Encoder().encode


def json_answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON response; msgspec, so that `Raw` values pass and NaN cannot."""
    return Response(_encode(value), status, headers, content_type="application/json")


def wants_text() -> bool:
    """Whether the client asked for plain text rather than JSON; `*/*` means JSON."""
    accepted = request.accept_mimetypes
    return accepted.quality("text/plain") > accepted.quality("application/json")
