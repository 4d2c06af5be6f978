"""What is kept of a test that failed, and where: e2e/artifacts/TEST/, or --artifacts DIR."""

import shutil
from pathlib import Path

import pytest

ARTIFACTS = Path(__file__).parent / "artifacts"
FAILED = pytest.StashKey[bool]()


def start_anew(config: pytest.Config) -> None:
    """What the run before kept goes, unless somebody chose the folder, who may have other things
    in it."""
    if config.getoption("--artifacts") == ARTIFACTS:
        shutil.rmtree(ARTIFACTS, ignore_errors=True)


def has_failed(test: pytest.Item) -> bool:
    return test.stash.get(FAILED, False)


def folder_of(test: pytest.Item) -> Path:
    """Named like the test, with its module; made when something is put into it."""
    name = f"{test.path.stem}-{test.name}"
    folder: Path = test.config.getoption("--artifacts")
    return folder / "".join(mark if mark.isalnum() or mark in "-_." else "-" for mark in name)
