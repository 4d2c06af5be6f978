"""Under a path of somebody else's host, through real proxies that take it off or leave it on (H12).

Nothing of ours is told where it is, except that a prefix is left on.
"""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import expect

from e2e.api import Api
from e2e.boxes import BOXES, Box
from e2e.elements import LOG_TEXTS, Row, expect_live, expect_log, log_texts
from e2e.pages import Pages
from e2e.server import Server, environment, livequeue

PREFIX = "/jobs/dash"
Place = tuple[str, bool]  # the box, and whether it leaves the prefix on
Open = Callable[[Place], Box]
PAGES: list[Place] = [(name, kept) for name in ("nginx", "caddy") for kept in (False, True)]
PROGRAMS = [
    *PAGES,
    *((name, kept) for name in ("haproxy", "apache", "varnish") for kept in (False, True)),
]

pytestmark = pytest.mark.owned


def place_id(place: Place) -> str:
    return f"{place[0]}-{'kept' if place[1] else 'stripped'}"


@pytest.fixture
def open_box(make_server: Callable[..., Server], tmp_path: Path) -> Iterator[Open]:
    """Starts a box with a server behind it; nothing else answers what loses its prefix."""
    with ExitStack() as stack:

        def start(place: Place) -> Box:
            name, kept = place
            product = BOXES[name]
            if not product.installed():
                pytest.skip(f"{product.program} is not installed: it comes with {product.package}")
            server = make_server(**({"path_prefix": PREFIX} if kept else {}))
            upstream = ("127.0.0.1", server.port)
            box = product(tmp_path / "box", upstream, prefix=PREFIX, keep_prefix=kept)
            return stack.enter_context(box)

        yield start


@pytest.mark.parametrize("place", PAGES, ids=place_id)
def test_every_page_works_and_stays_there(open_box: Open, place: Place, pages: Pages) -> None:
    box = open_box(place)
    api = Api(box.url)
    page = pages.open(box.url, network_trouble=True)
    expect(page).to_have_url(f"{box.url}/tasks")
    expect_live(page)
    expect(page.locator("#empty .own-address").first).to_have_text(box.url)

    task = api.create("over there", status="running", total=4)  # arrives by the stream
    row = Row(page, task)
    expect(row.badge).to_have_attribute("data-status", "running")
    api.patch(task, current=2)
    row.bar.expect_value("50")
    page.locator("#search").fill("over")
    expect(page).to_have_url(f"{box.url}/tasks?q=over")
    page.reload()
    expect_live(page)

    row.locator.locator(".task-name").click()
    expect(page).to_have_url(f"{box.url}/tasks/{task['id']}")
    expect_live(page)
    api.append(task, "one", "two")
    expect_log(page, ["one", "two"])
    page.reload()
    expect_live(page)
    assert log_texts(page) == ["one", "two"]
    with page.expect_download() as download:
        page.locator("#log-downloads-button").click()
        page.locator("#log-downloads [data-format=text]").click()
    assert Path(download.value.path()).read_text() == "one\ntwo\n"
    page.locator("#log-search").fill("two")
    expect(page.locator("#log-search-status")).to_have_text("1 hit")
    page.locator(".topbar-link").nth(1).click()
    expect(page).to_have_url(f"{box.url}/logs")
    expect(page.locator(LOG_TEXTS).last).to_have_text("two")
    page.locator(".log-number").last.click()
    expect(page).to_have_url(f"{box.url}/tasks/{task['id']}#L2")
    expect_live(page)
    page.locator('[data-action="cancel"]').click()
    page.locator("#confirm-button").click()
    expect(page.locator(".task-status-badge")).not_to_have_attribute("data-status", "pending")

    page.locator("#language").select_option("zh")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    (cookie,) = page.context.cookies()
    assert cookie["path"] == f"{PREFIX}/"
    page.go_back()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")

    page.goto(f"{box.url}/docs")
    expect(page.locator("#docs-operations details").first).to_be_visible()
    page.goto(f"{box.url}/not/there")
    page.locator(".empty a").click()
    expect(page).to_have_url(f"{box.url}/tasks")
    expect_live(page)

    strays = [
        request
        for request in pages.guard(page).requests
        if not urlsplit(request.partition(" ")[2]).path.startswith(f"{PREFIX}/")
    ]
    assert strays == [f"GET {box.url}"]  # the one we began with
    api.http.close()


@pytest.mark.parametrize("place", PROGRAMS, ids=place_id)
def test_programs_work_there_too(open_box: Open, place: Place, tmp_path: Path) -> None:
    box = open_box(place)
    done = subprocess.run(
        [livequeue(), "run", "--server", f"{box.url}/", "--", "sh", "-c", "seq 3; exit 4"],
        env=environment(LIVEQUEUE_SPOOL=str(tmp_path / "spool")),
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 4, done.stderr
    (task,) = httpx.get(f"{box.url}/api/tasks").json()["tasks"]
    assert task["status"] == "failed"
    answer = httpx.get(f"{box.url}/api/tasks/{task['id']}/logs?format=text")
    assert answer.text == "1\n2\n3\n"
    cursor = httpx.get(f"{box.url}/events/system").json()["cursor"]
    poll = httpx.get(
        f"{box.url}/events/task%3A1%2Cqueue%3Adefault", params={"after": cursor, "wait": 0}
    )
    assert poll.json()["events"] == []
    created = httpx.post(f"{box.url}/api/tasks", json={"name": "x"})
    assert httpx.get(created.url.join(created.headers["Location"])).json()["name"] == "x"
    servers = httpx.get(f"{box.url}/openapi.json").json()["servers"]
    assert servers == [{"url": "."}]


@pytest.mark.parametrize("place", PROGRAMS, ids=place_id)
def test_slashes_in_disguise_lead_nowhere_else(open_box: Open, place: Place) -> None:
    """Whatever a proxy makes of `%2F` (case H14): ids of tasks are numbers, so nothing needs it."""
    box = open_box(place)
    with httpx.Client() as http:
        for path in ("/tasks/a%2Fb", "/api/tasks/1%2Flogs", "/%2e%2e%2f", "/tasks%2F1", "//tasks"):
            request = http.build_request("GET", box.url)
            request.url = httpx.URL(box.url).copy_with(raw_path=f"{PREFIX}{path}".encode())
            answer = http.send(request)
            assert answer.status_code in (200, 302, 400, 403, 404), path
            location = answer.headers.get("Location", "tasks")
            assert not location.startswith("/") or location.startswith(f"{PREFIX}/"), path
