"""What is shipped: a wheel that works without the checkout, and a lock file that works anywhere."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements.lock"
# Run with the wheels' contents first on the path: everything must be found in there.
PROBE = """
import sys, livequeue_client.cli, app.resources as found
from app.catalogue import messages
from app.store.sql import Queries
for place in (found.STATIC, found.TEMPLATES, livequeue_client.cli.__file__):
    assert str(place).startswith(sys.argv[1]), place
assert messages("en") and messages("zh") and Queries("tasks")
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both wheels, built and unpacked as an installer would."""
    wheels = tmp_path_factory.mktemp("wheels")
    folder = tmp_path_factory.mktemp("installed")
    for project in (ROOT, ROOT / "client"):
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)]
        subprocess.run(command, cwd=project, check=True, capture_output=True)
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
    return folder


@pytest.mark.parametrize("kind", ["db", "static", "templates"])
def test_the_wheel_carries_every_file(installed: Path, kind: str) -> None:
    def files(folder: Path) -> set[str]:
        return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}

    assert files(installed / "app" / "_data" / kind) == files(ROOT / kind)


def test_it_works_without_the_checkout(installed: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-c", PROBE, str(installed)]
    done = subprocess.run(
        command, cwd=installed, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def requirements() -> dict[str, str]:
    """Name -> all lines of it."""
    text = re.sub(r"^#.*\n", "", LOCK.read_text(), flags=re.MULTILINE)
    blocks = re.split(r"\n(?=\S)", text.strip())
    return {re.split(r"[=\s]", block, maxsplit=1)[0]: block for block in blocks}


def test_the_lock_pins_everything_with_hashes() -> None:
    found = requirements()
    assert len(found) > 40
    for name, block in found.items():
        assert re.match(rf"{re.escape(name)}==\S+ ", block), block
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), block


def test_the_lock_names_no_place() -> None:
    assert not re.search(r"://|--index|--find-links|@ ", LOCK.read_text())


def test_the_lock_works_on_both_machines() -> None:
    """Packages with compiled parts have a file for each; those files' hashes are many."""
    for name in ("msgspec", "markupsafe", "greenlet", "ruff"):
        assert requirements()[name].count("--hash") > 8
