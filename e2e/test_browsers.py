"""Which browser is taken, and what is said when there is none."""

from pathlib import Path
from types import ModuleType

import pytest

from e2e.browsers import chromium, finding, firefox
from e2e.browsers.finding import NoBrowserError

BOTH = pytest.mark.parametrize("browser", [chromium, firefox], ids=["chromium", "firefox"])


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine with an empty PATH, not root, and no download; tests add what they want."""
    for browser in (chromium, firefox):
        monkeypatch.delenv(browser.VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr(chromium, "install_from_playwright", lambda: "no such host")
    return tmp_path


def program(path: Path, status: int = 0) -> str:
    path.write_text(f"#!/bin/sh\nexit {status}\n")
    path.chmod(0o755)
    return str(path)


@BOTH
def test_the_variable_comes_first(
    machine: Path, monkeypatch: pytest.MonkeyPatch, browser: ModuleType
) -> None:
    program(machine / browser.NAMES[0])
    named = program(machine / "mine")
    monkeypatch.setenv(browser.VARIABLE, named)
    assert browser.find() == named


@BOTH
def test_a_wrong_variable_is_said(
    machine: Path, monkeypatch: pytest.MonkeyPatch, browser: ModuleType
) -> None:
    program(machine / browser.NAMES[0])
    monkeypatch.setenv(browser.VARIABLE, "/nowhere/mine")
    with pytest.raises(NoBrowserError, match="/nowhere/mine"):
        browser.find()


@BOTH
def test_the_systems_own_must_start(machine: Path, browser: ModuleType) -> None:
    program(machine / browser.NAMES[0], status=1)  # as a stub does that wants another package
    works = program(machine / browser.NAMES[1])
    assert browser.find() == works


@BOTH
def test_debians_package_is_installed_by_root(
    machine: Path, monkeypatch: pytest.MonkeyPatch, browser: ModuleType
) -> None:
    made = machine / browser.NAMES[0]
    installer = machine / "apt-get"
    installer.write_text(f'#!/bin/sh\n[ "$1" = update ] || echo > "{made}"\n')
    installer.chmod(0o755)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(finding, "works", lambda program: Path(program).exists())
    monkeypatch.setattr("shutil.which", lambda name: found(machine / name))
    assert browser.find() == str(made)


def found(path: Path) -> str | None:
    return str(path) if path.exists() else None


def test_playwrights_own_is_the_last_resort(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chromium, "install_from_playwright", lambda: "")
    assert chromium.find() is None


@BOTH
def test_without_any_it_says_what_to_do(machine: Path, browser: ModuleType) -> None:
    with pytest.raises(NoBrowserError) as caught:
        browser.find()
    text = str(caught.value)
    for hint in (browser.VARIABLE, f"apt-get install {browser.NAMES[0]}", "not root"):
        assert hint in text


def test_playwrights_own_is_offered_too(machine: Path) -> None:
    with pytest.raises(NoBrowserError, match=r"playwright install(.|\n)*no such host"):
        chromium.find()
