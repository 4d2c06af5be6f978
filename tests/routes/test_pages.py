"""The pages as the server draws them, and the files they are made of."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

from tests.conftest import Server

ROOT = Path(__file__).parents[2]
NewTask = Callable[..., dict[str, Any]]
HOSTILE = '<img src=x onerror="alert(1)"></script>\'{{7*7}} javascript:alert(1)'
HTML = {"Accept": "text/html"}


class Tags(HTMLParser):
    """Every tag of a page with its attributes, and the text outside scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if not self.tags or self.tags[-1][0] != "script":
            self.text += data


def addresses(page: Tags) -> list[str]:
    names = ("href", "src", "action", "data-failed")
    return [
        value for _, attributes in page.tags for name in names if (value := attributes.get(name))
    ]


@pytest.fixture(params=["list", "task", "storage", "error"])
def page(request: pytest.FixtureRequest, http: httpx.Client, new_task: NewTask) -> httpx.Response:
    task = new_task(
        name=HOSTILE, message=HOSTILE, error=HOSTILE, payload={"x": HOSTILE}, labels={"a": HOSTILE}
    )
    http.post(f"/api/tasks/{task['id']}/logs", json={"lines": [{"text": HOSTILE}]})
    path = {
        "list": "/tasks",
        "task": f"/tasks/{task['id']}",
        "storage": "/storage",
        "error": "/tasks/999999",
    }
    return http.get(path[request.param], headers=HTML, params={"q": HOSTILE})


def test_nothing_inline_and_hostile_text_stays_text(page: httpx.Response) -> None:
    tags = Tags(page.text)
    for tag, attributes in tags.tags:
        assert tag != "style"
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        if tag == "script":
            assert attributes.get("src") or attributes.get("type") == "application/json"
        assert not (attributes.get("href") or "").startswith("javascript:")
    assert not [tag for tag, attributes in tags.tags if attributes.get("src") == "x"]
    assert "49" not in re.findall(r"\d+", tags.text) or "{{7*7}}" in tags.text


def test_every_address_is_here_and_works(page: httpx.Response, http: httpx.Client) -> None:
    for address in set(addresses(Tags(page.text))):
        assert "//" not in address, address
        assert not address.startswith("/"), address
        if not address.startswith("#") and "task_id" not in address and address != "./tasks/0":
            assert http.get(urljoin(str(page.url), address)).status_code in (200, 302), address


def test_files_are_kept_for_ever_under_their_version(http: httpx.Client) -> None:
    for address in addresses(Tags(http.get("/tasks").text)):
        if address.startswith(("./assets/", "./vendor/")):
            answer = http.get(address)
            assert "immutable" in answer.headers["cache-control"], address
            again = http.get(address, headers={"If-None-Match": answer.headers["etag"]})
            assert again.status_code == 304
    old = http.get("/assets/older/js/tasks.js")
    assert old.status_code == 200
    assert old.headers["cache-control"] == "no-cache"


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Server]:
    """A server of its own files."""
    checkout, data = tmp_path / "checkout", tmp_path / "data"
    for folder in ("app", "db", "static", "templates"):
        shutil.copytree(ROOT / folder, checkout / folder)
    data.mkdir()
    server = Server(data)
    server.checkout = checkout
    yield server.start()
    if server.running:
        server.kill()


def test_an_update_shows_after_the_restart_and_then_as_a_whole(copy: Server) -> None:
    assert copy.checkout is not None
    with httpx.Client(base_url=copy.url, headers=HTML, timeout=20) as http:

        def module() -> tuple[str, str]:
            (address,) = {
                address
                for address in addresses(Tags(http.get("/tasks").text))
                if address.endswith("/js/tasks.js")
            }
            return address, http.get(address).text

        before = module()
        with (copy.checkout / "static" / "js" / "tasks.js").open("a") as file:
            file.write("// updated\n")
        with (copy.checkout / "templates" / "network.html").open("a") as file:
            file.write("<!-- updated -->\n")
        assert module() == before
        assert "updated" not in http.get("/network").text
        assert copy.stop() == 0
        copy.start()
        address, text = module()
        assert address != before[0]
        assert text == before[1] + "// updated\n"


@pytest.mark.parametrize(
    "path",
    [
        "/vendor/1/css/bootstrap.css",
        "/vendor/1/../__init__.py",
        "/vendor/1/js/bootstrap.min.js",
        "/assets/1/../pyproject.toml",
        "/assets/1/%2e%2e/pyproject.toml",
        "/assets/1/js/none.js",
        f"/assets/1/{'a' * 3000}",
        f"/assets/1/{'a/' * 2000}",
        "/tasks/none",
        "/tasks/99999999999999999999",
    ],
)
def test_what_is_not_there_is_a_404(http: httpx.Client, path: str) -> None:
    assert http.get(path, headers=HTML).status_code == 404


def test_rows_come_with_their_cursor(http: httpx.Client, new_task: NewTask) -> None:
    task = new_task(name="nightly", progress=45.5)
    page = Tags(http.get("/tasks", params={"queue": task["queue"]}).text)
    (cursor,) = [a["data-cursor"] for _, a in page.tags if "data-cursor" in a]
    assert (
        http.get("/events/system", params={"after": cursor or "", "wait": 0}).json()["reset"]
        is None
    )
    rows = [a for tag, a in page.tags if tag == "tr" and a.get("data-task-id") == str(task["id"])]
    assert len(rows) == 1
    bars = [a for _, a in page.tags if "task-progress-bar" in (a.get("class") or "")]
    assert bars[0]["aria-valuenow"] == "45.5"
    assert "bg-primary" in (bars[0]["class"] or "")


def test_a_wrong_filter_is_explained(http: httpx.Client) -> None:
    answer = http.get("/tasks", params={"status": "bogus"}, headers=HTML)
    assert answer.status_code == 422
    assert "text/html" in answer.headers["content-type"]
    assert "Status: 'bogus' is not a valid value" in Tags(answer.text).text


@pytest.mark.parametrize("query", ["queue=&q=&sort=", "utm_source=x", "q=%F0%9F%9A%80"])
def test_other_parameters_do_no_harm(http: httpx.Client, query: str) -> None:
    assert http.get(f"/tasks?{query}").status_code == 200


@pytest.mark.parametrize(
    ("headers", "language"),
    [
        ({}, "en"),
        ({"Accept-Language": "zh-CN"}, "zh-CN"),
        ({"Accept-Language": "zh-CN", "Cookie": "lang=en"}, "en"),
        ({"Cookie": "lang=zh"}, "zh-CN"),
    ],
)
def test_language(http: httpx.Client, headers: dict[str, str], language: str) -> None:
    for path in ("/tasks", "/none"):
        answer = http.get(path, headers=HTML | headers)
        assert Tags(answer.text).tags[0] == ("html", Tags(answer.text).tags[0][1])
        assert Tags(answer.text).tags[0][1]["lang"] == language
        assert "Accept-Language" in answer.headers["vary"]


def test_the_root_leads_to_the_tasks(http: httpx.Client) -> None:
    answer = http.get("/")
    assert answer.status_code == 302
    assert urljoin(str(answer.url), answer.headers["location"]).endswith("/tasks")
