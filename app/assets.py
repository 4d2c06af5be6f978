"""The files that pages are made of, as they were when the server started.

An update puts others in their place while the old server still runs; a page of some old and some
new ones would break, and browsers keep for ever what they got under a name. Bootstrap and its icons
are served from the installed Bootstrap-Flask wheel, never copied.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from app.resources import STATIC

# The few files of the wheel that a page needs.
_VENDOR = (
    "css/bootstrap.min.css",
    "css/font/bootstrap-icons.min.css",
    "css/font/fonts/bootstrap-icons.woff2",
    "css/font/fonts/bootstrap-icons.woff",
)


# Not asked of the machine, whose own tables may have other ideas.
TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml; charset=utf-8",
    "woff": "font/woff",
    "woff2": "font/woff2",
}


class Files(dict[str, bytes]):
    """By name; the fingerprint is of all together, so that they find each other under one."""

    def __init__(self, folder: Path, names: Iterable[str]) -> None:
        super().__init__({name: (folder / name).read_bytes() for name in sorted(names)})
        digest = hashlib.sha256()
        for name, data in self.items():
            digest.update(name.encode())
            digest.update(data)
        self.fingerprint = digest.hexdigest()[:12]


@cache
def own() -> Files:
    return Files(
        STATIC,
        (path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*") if path.is_file()),
    )


@cache
def vendor() -> Files:
    """Found without importing the package, which would bring in Flask."""
    spec = find_spec("flask_bootstrap")
    if spec is None or spec.origin is None:
        raise RuntimeError("Bootstrap-Flask is not installed; it carries Bootstrap's files.")
    return Files(Path(spec.origin).parent / "static" / "bootstrap5", _VENDOR)
