"""Text that wants to be markup, script or template stays text, wherever it is shown."""

import re
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from e2e.api import Api
from e2e.elements import Row, evaluate_all, expect_live, task_url, tasks_url, toasts
from e2e.pages import Pages

HOSTILE = [
    "<img src=x onerror=window.pwned=1>",
    "</script><script>window.pwned=1</script>",
    '"><svg onload=window.pwned=1>',
    "' onmouseover='window.pwned=1",
    "{{7*7}} ${7*7} {% raw %}",
    "javascript:window.pwned=1",
    "<!--<script>-->",
    "&lt;b&gt; &amp; &#60;",
    "]]> \u202e \u2028 \u2029 \ufeff",
    "%s %(name)s {name} {count}",
]


# One page for all of them: a new context for each would take most of the time.
ALL = pytest.mark.timeout(300)


def expect_harmless(page: Page) -> None:
    assert page.evaluate("window.pwned") is None
    assert page.locator("main img[src=x], main svg[onload]").count() == 0
    schemes = set(evaluate_all(page.locator("a[href]"), "e.protocol"))
    assert schemes <= {"http:", "https:"}


def visible(text: str) -> re.Pattern[str]:
    """The text as innerText gives it back: runs of white space are one."""
    words = re.split(r"[\s\u2028\u2029\ufeff]+", text)
    return re.compile(r"[\s\ufeff]*".join(re.escape(word) for word in words))


@ALL
def test_in_the_list(api: Api, pages: Pages, subtests: pytest.Subtests) -> None:
    """Drawn by the server, then by the browser, and in toasts and the page's title."""
    page = pages.open(tasks_url(api))
    expect_live(page)
    for text in HOSTILE:
        with subtests.test(ascii(text)):
            expect_text_in_the_list(api, page, text)


def expect_text_in_the_list(api: Api, page: Page, text: str) -> None:
    task = api.create(text, status="running", message=text, unit=text[:32], current=1)
    row = Row(page, task)
    expect(row.locator.locator(".task-name")).to_have_text(visible(text.strip()))
    expect(row.locator.locator(".task-message")).to_have_text(visible(text))
    api.patch(task, status="failed", error=text)
    ours = toasts(page).filter(has_text=visible(text.strip()))
    expect(ours).to_have_count(1)
    api.notice(text.strip()[:60], text)
    expect(ours).to_have_count(2)
    expect_harmless(page)
    page.reload()
    expect_live(page)
    expect(row.locator.locator(".task-name")).to_have_text(visible(text.strip()))
    expect_harmless(page)


@ALL
def test_on_the_tasks_own_page(api: Api, pages: Pages, subtests: pytest.Subtests) -> None:
    page = pages.open(tasks_url(api))
    for text in HOSTILE:
        with subtests.test(ascii(text)):
            expect_text_on_its_page(api, page, text)


def expect_text_on_its_page(api: Api, page: Page, text: str) -> None:
    task = api.create(
        text,
        status="running",
        message=text,
        payload={"key": text, text: 1},
        labels={"key": text[:100].strip()},
        worker=text,
    )
    api.append(task, text)
    page.goto(task_url(api, task))
    expect_live(page)
    expect(page.locator("#task-name")).to_have_text(visible(text.strip()))
    api.append(task, text, stream="stderr")
    expect(page.locator("#log-lines .log-line")).to_have_count(2)
    for line in page.locator("#log-lines .log-text").all():
        assert visible(text).search(line.text_content() or "")
    api.patch(task, status="failed", error=text, result=[text])
    expect(page.locator("#task-error-text")).to_have_text(visible(text))
    expect_harmless(page)
    page.reload()
    expect_live(page)
    expect(page.locator("#task-error-text")).to_have_text(visible(text))
    expect(page.locator("#task-name")).to_have_text(visible(text.strip()))
    expect_harmless(page)


RESERVED = ["a/b", "TEST#33", "100%", "a+b", "a b", "..", ".", "naïve 🚀", "?x=1", "n" * 200]


@ALL
def test_in_all_logs(api: Api, pages: Pages, subtests: pytest.Subtests) -> None:
    """As name of a task, stream, line, field, search term and filter in the address."""
    page = pages.open(f"{api.url}/logs?queue={api.queue}")
    expect_live(page)
    for text in [*HOSTILE, *RESERVED]:
        with subtests.test(ascii(text)):
            expect_text_in_all_logs(api, page, text)


def expect_text_in_all_logs(api: Api, page: Page, text: str) -> None:
    task = api.create(text, status="running")
    coloured = f"\x1b[31m{text[:4]}\x1b[0m{text[4:]}"
    stream = text[:64].strip()
    api.append(task, text, coloured, stream=stream, fields={text[:60]: text})
    address = f"{api.url}/logs?queue={api.queue}&task={task['id']}"
    page.goto(f"{address}&stream={quote(stream)}&q={quote(text)}")
    expect_live(page)
    lines = page.locator("#log-lines .log-line")
    expect(lines).to_have_count(2)
    for number in range(2):
        line = lines.nth(number)
        assert line.locator(".log-text").text_content() == text
        assert "".join(line.locator("mark").all_text_contents()) == text
        assert line.locator(".log-stream").text_content() == stream
        assert text[:60] in (line.locator(".log-fields").text_content() or "")
    expect(lines.first.locator(".log-task")).to_have_text(f"#{task['id']} {text.strip()}")
    expect_harmless(page)
    page.locator("#log-looks-button").click()
    page.locator("#log-raw").check()
    expect(lines.last.locator(".log-control")).to_have_text(["␛[31m", "␛[0m"])
    expect_harmless(page)
    page.locator("#log-raw").uncheck()
    page.keyboard.press("Escape")
    lines.first.locator(".log-number").click()
    expect(page).to_have_title(visible(f"running · #{task['id']} {text.strip()}"))
    expect(page.locator("#log mark.log-hit").first).to_be_visible()
    expect(page.locator("#log-search")).to_have_value(text)
    expect_harmless(page)
    for name in ("text", "raw", "ndjson"):
        href = page.locator(f"#log-downloads [data-format={name}]").get_attribute("href")
        answer = api.http.get(href or "")
        assert answer.headers["content-type"].split(";")[0] in (
            "text/plain",
            "application/x-ndjson",
        )
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-disposition"].startswith("attachment")
    api.delete(task)


@ALL
def test_in_the_address(api: Api, pages: Pages, subtests: pytest.Subtests) -> None:
    api.create("something else")
    page = pages.open(tasks_url(api))
    for text in HOSTILE:
        with subtests.test(ascii(text)):
            page.goto(f"{tasks_url(api)}&q={quote(text)}")
            expect_live(page)
            expect(page.locator("#no-match")).to_be_visible()
            expect_harmless(page)


@pytest.mark.parametrize(
    "path", ["/tasks/%3Cscript%3E", "/tasks/999999999", "/%22%3E%3Cimg%20src=x%3E", "/tasks/1%2F2"]
)
def test_in_an_address_that_leads_nowhere(api: Api, pages: Pages, path: str) -> None:
    page = pages.open(api.url + path, network_trouble=True)
    expect(page.locator("h1")).to_have_text("Not found")
    expect_harmless(page)


ESCAPES = "\x1b[31mred\x1b[0m \x1b[1;24r\x1b(B\x1b[?1003l\x1b[2J plain \x1b]0;title\x07end"
LINK = "\x1b]8;;javascript:window.pwned=1\x1b\\click\x1b]8;;\x1b\\ after"


def test_terminal_escapes_in_a_log(api: Api, pages: Pages) -> None:
    task = api.create(status="running")
    api.append(task, ESCAPES, LINK)
    page = pages.open(task_url(api, task))
    expect_live(page)
    api.append(task, ESCAPES, "<b>\x1b[1mbold</b>\x1b[m", "later lines are shown")
    lines = page.locator("#log-lines .log-text")
    expect(lines).to_have_count(5)
    expect(lines.last).to_have_text("later lines are shown")
    for line in (0, 2):
        expect(lines.nth(line)).to_have_text(re.compile(r"^red\s+plain\s+end$"))
    expect(lines.nth(1)).to_have_text("click after")
    expect(lines.nth(3)).to_have_text("<b>bold</b>")
    expect_harmless(page)


def test_a_log_is_downloaded_as_text(api: Api) -> None:
    task = api.create(status="running")
    api.append(task, HOSTILE[0])
    answer = api.http.get(f"/api/tasks/{task['id']}/logs", params={"format": "text"})
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.text.rstrip("\n").endswith(HOSTILE[0])


@pytest.mark.parametrize("path", ["/tasks", "/logs", "/tasks/999999999", "/docs"])
def test_the_policy_permits_nothing_inline_and_nobody_else(api: Api, path: str) -> None:
    answer = api.http.get(path)
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'self'" in policy or "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"<script(?![^>]*(src=|application/json))", answer.text)
    assert not re.search(r"\s(style|on\w+)=[\"']", answer.text)
