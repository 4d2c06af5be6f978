"""An answer of whoever is there, of which no more is read than may be ours.

It may be endless, in a charset that is none, redirected to nowhere, or not JSON though it says so.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, NamedTuple

import httpx

ANSWER_LIMIT = 10.0  # seconds for a small answer
MOST = 256 * 1024  # bytes of it that are read
HOPS = 5  # redirects that are followed


class Answer(NamedTuple):
    status: int
    http: str  # its version
    url: httpx.URL  # after redirects
    headers: httpx.Headers
    text: str  # the beginning

    @property
    def is_error(self) -> bool:
        return self.status >= 400

    @property
    def document(self) -> dict[str, Any] | None:
        """What it says, if it is LiveQueue's: JSON, and not a page of something in between."""
        if not self.headers.get("Content-Type", "").startswith("application/"):
            return None
        try:
            document = json.loads(self.text)
        except (ValueError, RecursionError):
            return None
        return document if isinstance(document, dict) else None


async def ask(
    client: httpx.AsyncClient,
    url: str,
    *,
    params: dict[str, Any] | None = None,
    accept: str = "application/json",
    follow: bool = False,
    limit: float = ANSWER_LIMIT,
) -> Answer:
    """GET, within `limit` seconds. Raises httpx.HTTPError."""
    try:
        async with asyncio.timeout(limit):
            request = client.build_request("GET", url, params=params, headers={"Accept": accept})
            for _ in range(HOPS):
                response = await client.send(request, stream=True)
                try:
                    if not follow or response.next_request is None:
                        return await _read(response)
                    request = response.next_request
                finally:
                    await response.aclose()
    except TimeoutError:
        raise httpx.ReadTimeout("") from None
    except httpx.InvalidURL as error:  # in a redirect
        raise httpx.RemoteProtocolError(f"it redirects to no address: {error}") from None
    raise httpx.TooManyRedirects(f"more than {HOPS} redirects")


async def _read(response: httpx.Response) -> Answer:
    return Answer(
        response.status_code,
        response.http_version.removeprefix("HTTP/"),
        response.url,
        response.headers,
        await beginning(response),
    )


async def beginning(response: httpx.Response) -> str:
    content = b""
    async for piece in response.aiter_bytes():
        content += piece
        if len(content) >= MOST:
            break
    content = content[:MOST]
    try:
        return content.decode(response.charset_encoding or "utf-8", "replace")
    except (LookupError, ValueError):  # no charset of texts
        return content.decode("utf-8", "replace")
