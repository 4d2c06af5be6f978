"""Bootstrap and its icons, served from the installed Bootstrap-Flask wheel, never copied."""

from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

# The few files a page needs; the wheel holds much more.
FILES = frozenset(
    {
        "css/bootstrap.min.css",
        "css/font/bootstrap-icons.min.css",
        "css/font/fonts/bootstrap-icons.woff2",
        "css/font/fonts/bootstrap-icons.woff",
    }
)


@cache
def folder() -> Path:
    """Found without importing the package, which would bring in Flask."""
    spec = find_spec("flask_bootstrap")
    if spec is None or spec.origin is None:
        raise RuntimeError("Bootstrap-Flask is not installed; it carries Bootstrap's files.")
    return Path(spec.origin).parent / "static" / "bootstrap5"


@cache
def fingerprint() -> str:
    return version("Bootstrap-Flask")
