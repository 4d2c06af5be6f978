"""Headers that keep hostile text text, and our pages out of other people's frames."""

from __future__ import annotations

from quart import Quart, Response, request

from app.addresses import is_loopback
from app.errors import is_api_path
from app.security.origins import host_name

# No inline script or style, nothing from elsewhere. On every response: a worker obeys the policy
# its own script was served with.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",  # Bootstrap draws its small icons as data: images
        "font-src 'self'",
        "connect-src 'self'",
        "worker-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def register(app: Quart) -> None:
    """Add the headers to every response, errors and streams included."""
    app.after_request(_protect)


async def _protect(response: Response) -> Response:
    headers = response.headers
    for name, value in HEADERS.items():
        headers[name] = value
    # Elsewhere browsers ignore it, and complain in the console.
    if request.scheme == "https" or is_loopback(host_name(request.headers.get("Host", ""))):
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
    if is_api_path(request.path):
        headers.setdefault("Cache-Control", "no-store")
    return response
