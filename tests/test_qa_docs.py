"""docs/qa.md names every option and every test file of the end-to-end suite, and what it proves."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs/qa.md").read_text()
FILES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "e2e").rglob("test_*.py"))


@pytest.mark.parametrize("file", FILES)
def test_each_file_is_there_with_the_line_it_begins_with(file: str) -> None:
    summary = (ast.get_docstring(ast.parse((ROOT / file).read_text())) or "").partition("\n")[0]
    row = f"| `{file}` | {summary} |"
    assert row in TEXT, f"the table in docs/qa.md needs this row:\n{row}"


def test_no_other_file_is_there() -> None:
    assert sorted(re.findall(r"^\| `(e2e/\S+\.py)`", TEXT, re.MULTILINE)) == FILES


def test_each_option_is_there() -> None:
    options = re.findall(r'addoption\(\s*"(--[\w-]+)"', (ROOT / "e2e/conftest.py").read_text())
    assert options
    assert [option for option in options if f"| `{option}" not in TEXT] == []
