"""What is kept of a test that failed, and where: e2e/artifacts/TEST/."""

import shutil
from pathlib import Path

import pytest

ARTIFACTS = Path(__file__).parent / "artifacts"
FAILED = pytest.StashKey[bool]()


def start_anew() -> None:
    shutil.rmtree(ARTIFACTS, ignore_errors=True)


def has_failed(test: pytest.Item) -> bool:
    return test.stash.get(FAILED, False)


def folder_of(test: pytest.Item) -> Path:
    """Named like the test, with its module; made when something is put into it."""
    name = f"{test.path.stem}-{test.name}"
    return ARTIFACTS / "".join(mark if mark.isalnum() or mark in "-_." else "-" for mark in name)
