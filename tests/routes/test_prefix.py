"""Under a path prefix that a proxy takes off or leaves on, every address stays there (case H12)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from tests.conftest import Server, serving
from tests.routes.test_pages import Tags, addresses

HTML = {"Accept": "text/html"}
PREFIX = "/jobs/dash"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose proxy leaves the prefix on."""
    folder = tmp_path_factory.mktemp("kept")
    with serving(folder, "--path-prefix", f"{PREFIX}/") as server:
        yield server


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose proxy takes the prefix off and says so."""
    folder = tmp_path_factory.mktemp("told")
    with serving(folder, "--trusted-proxies", "127.0.0.1") as server:
        yield server


def page_addresses(text: str) -> list[str]:
    tags = Tags(text)
    root = next(attributes["data-root"] for tag, attributes in tags.tags if tag == "html")
    return [*addresses(tags), root or ""]


@pytest.mark.parametrize(
    ("path", "root"),
    [
        ("/tasks", "./"),
        ("/tasks?status=failed&q=a/b/c", "./"),
        ("/tasks/1", "../"),
        ("/docs", "./"),
        ("/none", "./"),
        ("/none/", "../"),
        ("/none/at/all", "../../"),
        ("/none%2Fat%2Fall", "./"),
        ("/tasks/a%2Fb", "../"),
    ],
)
def test_a_page_knows_no_address_but_relative_ones(
    http: httpx.Client, path: str, root: str
) -> None:
    http.post("/api/tasks", json={"name": "so that there is a first"})
    found = page_addresses(http.get(path, headers=HTML).text)
    assert root in found
    for address in found:
        assert address.startswith((root, "#")), address
        if not address.startswith("#"):
            assert urljoin(f"http://x{PREFIX}{path}", address).startswith(f"http://x{PREFIX}/")


def test_scripts_and_styles_know_none_either(http: httpx.Client) -> None:
    page = http.get("/tasks")
    seen: set[str] = set()
    todo = [urljoin(str(page.url), address) for address in addresses(Tags(page.text))]
    while todo:
        url = todo.pop()
        if url in seen or "/assets/" not in url:
            continue
        seen.add(url)
        text = http.get(url).text
        assert not re.search(r"""["'`(]/(api|events|tasks|assets|static|vendor)\b""", text), url
        if url.endswith(".json"):
            continue
        imports = re.findall(r'(?:from|import)\s*\(?\s*"([^"]+)"', text)
        assert all(name.startswith(("./", "../")) for name in imports)
        todo += [urljoin(url, name) for name in imports]
    assert len(seen) > 20


def test_the_root_leads_on_without_leaving_the_prefix(http: httpx.Client) -> None:
    answer = http.get("/")
    assert answer.headers["Location"] == "tasks"
    assert answer.headers["Cache-Control"] == "no-store"


def test_no_path_is_redirected_to_the_bare_host(server: Server) -> None:
    for path in ("//tasks", "/tasks/", "/api/tasks/", "/api//tasks", "/static", "/events", "//"):
        answer = httpx.get(f"{server.url}{path}", headers=HTML, timeout=30)
        location = answer.headers.get("Location", "")
        assert "/" not in location, (path, location)


def test_two_slashes_where_a_proxy_joined_badly_are_one(server: Server) -> None:
    assert 'data-root="./"' in httpx.get(f"{server.url}//tasks", timeout=30).text
    for path in ("//tasks", "///api/tasks", "/%2Ftasks", "//events/system"):
        assert httpx.get(f"{server.url}{path}", timeout=30).status_code == 200


def test_what_is_created_is_found_relative_to_where_it_was(http: httpx.Client) -> None:
    answer = http.post("/api/tasks", json={"name": "x"})
    location = urljoin(f"http://x{PREFIX}/api/tasks", answer.headers["Location"])
    assert location == f"http://x{PREFIX}/api/tasks/{answer.json()['id']}"


def test_openapi_servers_are_relative_to_the_document(http: httpx.Client) -> None:
    assert http.get("/openapi.json").json()["servers"] == [{"url": "."}]


# A prefix that is kept


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{PREFIX}/tasks", 200),
        (f"{PREFIX}/api/tasks", 200),
        (f"{PREFIX}//api/tasks", 200),
        (f"/{PREFIX}/tasks", 200),
        ("/jobs/d%61sh/tasks", 200),
        (f"{PREFIX}/events/system", 200),
        (f"{PREFIX}/healthz", 200),
        (f"{PREFIX}/openapi.json", 200),
        (f"{PREFIX}/none", 404),
        (f"{PREFIX}{PREFIX}/tasks", 404),
        (f"{PREFIX}board/tasks", 404),
        ("/jobs/tasks", 404),
        ("/healthz", 200),
        ("/tasks", 200),
    ],
)
def test_both_ways_work(kept: Server, path: str, status: int) -> None:
    assert httpx.get(f"{kept.url}{path}", timeout=30).status_code == status


@pytest.mark.parametrize("path", [PREFIX, f"{PREFIX}/", "/"])
def test_the_slash_may_be_left_out(kept: Server, path: str) -> None:
    answer = httpx.get(f"{kept.url}{path}", timeout=30)
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"{PREFIX}/tasks"


@pytest.mark.parametrize("path", ["/tasks", "/tasks/1", "/tasks/none", "/d%61sh/none"])
def test_pages_under_a_kept_prefix(kept: Server, path: str) -> None:
    httpx.post(f"{kept.url}/api/tasks", json={"name": "x"}, timeout=30)
    for prefix in (PREFIX, "/jobs/d%61sh", ""):
        page = httpx.get(f"{kept.url}{prefix}{path}", headers=HTML, timeout=30)
        for address in page_addresses(page.text):
            assert urlsplit(urljoin(str(page.url), address)).path.startswith(f"{prefix}/")


def test_shown_commands_have_the_prefix(kept: Server) -> None:
    page = httpx.get(f"{kept.url}{PREFIX}/tasks", timeout=30).text
    assert f"--server {kept.url}{PREFIX} " in re.sub("<[^>]*>", "", page)
    assert f'<span class="own-address">{kept.url}{PREFIX}</span>' in page


@pytest.mark.parametrize(
    ("prefix", "words"),
    [
        ("dash", "a path such as /dash"),
        ("//evil.example", "a path such as /dash"),
        ("/../x", "a path such as /dash"),
        ("/a b", "a path such as /dash"),
        ("/x\r\nSet-Cookie: a=b", "a path such as /dash"),
        (f"/{'x' * 200}", "a path such as /dash"),
        ("/api", "a path of our own"),
        ("/tasks/x", "a path of our own"),
    ],
)
def test_a_prefix_that_cannot_be_is_refused(prefix: str, words: str) -> None:
    from tests.test_serve import refused

    assert words in refused("--path-prefix", prefix, "--bind", "127.0.0.1:0")


# A prefix that is taken off, and told


@pytest.mark.parametrize(
    ("sent", "location"),
    [
        (["/dash"], "/dash/tasks"),
        (["/dash/"], "/dash/tasks"),
        (["/outer", "/inner"], "/outer/inner/tasks"),
        (["/outer, /inner"], "/outer/inner/tasks"),
        ([""], "tasks"),
        (["/"], "tasks"),
        (["//evil.example"], "tasks"),
        (["/\\evil.example"], "tasks"),
        (["https://evil.example"], "tasks"),
        (["/..", "/x"], "tasks"),
        (["/a\tb"], "tasks"),
        (["/%0d%0aSet-Cookie:a=b"], "tasks"),
        (["/ä"], "tasks"),
        (["/" + "x" * 5000], "tasks"),
        (["/x"] * 300, "tasks"),
    ],
)
def test_a_told_prefix(told: Server, sent: list[str], location: str) -> None:
    headers = [(b"X-Forwarded-Prefix", value.encode()) for value in sent]
    answer = httpx.get(told.url, headers=headers, timeout=30)
    assert answer.status_code == 302
    assert answer.headers["Location"] == location
    assert "Set-Cookie" not in answer.headers


def test_nobody_else_can_tell_one(http: httpx.Client) -> None:
    answer = http.get("/", headers={"X-Forwarded-Prefix": "/evil"})
    assert answer.headers["Location"] == "tasks"


def test_absolute_addresses_have_a_told_prefix(told: Server) -> None:
    headers = {
        "X-Forwarded-Prefix": "/dash",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "localhost",
    }
    text = httpx.get(f"{told.url}/tasks", headers=headers, timeout=30).text
    assert ">https://localhost/dash</span>" in text
    assert 'data-root="./"' in text
