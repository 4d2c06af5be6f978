"""Which Chromium is taken, and what is said when there is none."""

from pathlib import Path

import pytest

from e2e import browser


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine with an empty PATH, not root, and no download; tests add what they want."""
    monkeypatch.delenv(browser.VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr(browser, "install_from_playwright", lambda: "no such host")
    return tmp_path


def program(path: Path, status: int = 0) -> str:
    path.write_text(f"#!/bin/sh\nexit {status}\n")
    path.chmod(0o755)
    return str(path)


def test_the_variable_comes_first(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(machine / "chromium")
    named = program(machine / "mine")
    monkeypatch.setenv(browser.VARIABLE, named)
    assert browser.find_chromium() == named


def test_a_wrong_variable_is_said(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(machine / "chromium")
    monkeypatch.setenv(browser.VARIABLE, "/nowhere/chromium")
    with pytest.raises(browser.NoBrowserError, match="/nowhere/chromium"):
        browser.find_chromium()


def test_the_systems_own_must_start(machine: Path) -> None:
    program(machine / "chromium", status=1)  # as a stub does that wants another package
    works = program(machine / "google-chrome")
    assert browser.find_chromium() == works


def test_debians_package_is_installed_by_root(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = machine / "chromium"
    installer = machine / "apt-get"
    installer.write_text(f'#!/bin/sh\n[ "$1" = update ] || echo > "{made}"\n')
    installer.chmod(0o755)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(browser, "works", lambda program: Path(program).exists())
    monkeypatch.setattr("shutil.which", lambda name: found(machine / name))
    assert browser.find_chromium() == str(made)


def found(path: Path) -> str | None:
    return str(path) if path.exists() else None


def test_playwrights_own_is_the_last_resort(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "install_from_playwright", lambda: "")
    assert browser.find_chromium() is None


def test_without_any_it_says_what_to_do(machine: Path) -> None:
    with pytest.raises(browser.NoBrowserError) as caught:
        browser.find_chromium()
    text = str(caught.value)
    for hint in (browser.VARIABLE, "apt-get install chromium", "playwright install", "not root"):
        assert hint in text
    assert "no such host" in text
