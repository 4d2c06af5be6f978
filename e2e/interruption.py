"""Ctrl-C, which ends Playwright's own process too: then nothing of it can be closed in order."""

from collections.abc import Iterator
from contextlib import contextmanager

_happened = False


def note() -> None:
    global _happened  # noqa: PLW0603
    _happened = True


@contextmanager
def orderly() -> Iterator[None]:
    """What is closed in here fails only when there was no interruption."""
    try:
        yield
    except Exception:
        if not _happened:
            raise
