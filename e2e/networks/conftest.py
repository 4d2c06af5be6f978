"""The lane takes minutes, so it is collected only when asked for: `pytest e2e/networks`."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from e2e.boxes import BOXES, Box
from e2e.networks.lane import measure
from e2e.networks.rows import ROWS
from e2e.networks.scenario import Outcome
from e2e.server import Server

HERE = Path(__file__).parent
Outcomes = Callable[[str], dict[str, Outcome]]


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    asked = (Path(argument.partition("::")[0]).resolve() for argument in config.args)
    return None if any(path.is_relative_to(HERE) for path in asked) else True


@pytest.fixture(scope="session")
def outcomes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """Measures, once for each browser, all rows that were not deselected."""
    measured: dict[str, dict[str, Outcome]] = {}

    def of(browser: str) -> dict[str, Outcome]:
        if browser not in measured:
            params = [getattr(item, "callspec", None) for item in request.session.items]
            chosen = {spec.params.get("row") for spec in params if spec}
            rows = [row for name, row in ROWS.items() if name in chosen]
            folder = tmp_path_factory.mktemp(f"networks-{browser}")
            # On a thread of its own: Playwright's other side has its loop on this one.
            with ThreadPoolExecutor(1) as thread:
                found = thread.submit(asyncio.run, measure(rows, browser, folder)).result()
            measured[browser] = {outcome.row.name: outcome for outcome in found}
        return measured[browser]

    return of


@pytest.fixture
def before(tmp_path: Path) -> Iterator[Callable[..., Box]]:
    """Puts a box in front of a server."""
    with ExitStack() as stack:

        def put(server: Server, name: str, *, prefix: str = "", keep_prefix: bool = False) -> Box:
            kind = BOXES[name]
            if not kind.installed():
                pytest.skip(f"{kind.program} is not installed: it comes with {kind.package}")
            upstream = ("127.0.0.1", server.port)
            box = kind(tmp_path / name, upstream, prefix=prefix, keep_prefix=keep_prefix)
            return stack.enter_context(box)

        yield put
