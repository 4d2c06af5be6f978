"""The straight line through the folders: imports point down only."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# From the bottom up; a module may import from its own layer and from those below.
LAYERS = [
    ["app.ansi", "app.json_line"],
    ["app.addresses", "app.resources", "app.config", "app.event", "app.incoming"],
    ["app.assets"],
    ["app.catalogue"],
    ["app.language"],
    ["app.errors"],
    ["app.models"],
    ["app.rules"],
    ["app.store"],
    ["app.decoding"],
    ["app.stream"],
    ["app.state"],
    ["app.security", "app.modules"],
    ["app.wording"],
    ["app.network"],
    ["app.routes"],
    ["app.factory", "app.protocols", "app.tls", "app.access_log"],
    ["app.server"],
    ["app.commands"],
]


def modules(folder: str) -> Iterator[Path]:
    return (ROOT / folder).rglob("*.py")


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{name.name}" for name in node.names}
    return found


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def layer_of(name: str) -> int | None:
    for level, prefixes in enumerate(LAYERS):
        if any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes):
            return level
    return None


@pytest.mark.parametrize("path", sorted(modules("app")), ids=name_of)
def test_imports_point_down(path: Path) -> None:
    own = layer_of(name_of(path))
    if own is None:
        assert name_of(path) == "app"
        return
    for name in imports(path):
        level = layer_of(name)
        assert level is None or level <= own, f"{name_of(path)} imports {name} from above"


def importers(package: str, folder: str = "app") -> set[str]:
    return {
        name_of(path)
        for path in modules(folder)
        if any(f"{name}.".startswith(f"{package}.") for name in imports(path))
    }


def test_only_the_store_opens_a_database() -> None:
    """Others may name a connection's type, in what they hand to Database.read."""
    assert importers("aiosqlite") == {"app.store.database"}
    calling = {name_of(path) for path in modules("app") if "sqlite3.connect" in path.read_text()}
    assert calling == set()


def test_sse_starlette_is_used_in_one_module() -> None:
    assert importers("sse_starlette") == {"app.stream.encoding"}


def test_the_client_needs_no_server() -> None:
    assert importers("app", "client/livequeue_client") == set()


def test_there_is_no_websocket_in_the_product() -> None:
    for folder in ("app", "static/js", "client/livequeue_client"):
        for path in (ROOT / folder).rglob("*.[pj]*"):
            if path.suffix in (".py", ".js"):
                text = path.read_text()
                assert "new WebSocket" not in text, path
                assert ".websocket(" not in text, path


def test_layouts_change_with_the_size_of_letters() -> None:
    """Not with pixels: with large letters a wide window has no more room than a narrow one."""
    for path in (ROOT / "static").rglob("*.[cj]s*"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\((?:min|max)-width: [\d.]+px\)", text), path
