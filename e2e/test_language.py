"""English and Chinese: the browser's language, a switch, and live words in both."""

import re

import pytest
from playwright.sync_api import expect

from e2e.api import Api
from e2e.elements import Row, connection, expect_connection, expect_live, task_url, tasks_url
from e2e.fault_proxy import FaultProxy
from e2e.pages import Pages


def test_a_chinese_browser_gets_chinese(api: Api, pages: Pages) -> None:
    page = pages.open(tasks_url(api), locale="zh-CN")
    expect_live(page)
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(connection(page)).to_contain_text("实时连接")
    task = api.create("备份", status="running", total=10)
    row = Row(page, task)
    expect(row.badge).to_have_text("运行中")
    api.patch(task, status="completed")
    expect(row.badge).to_have_text("已完成")
    page.reload()
    expect(row.badge).to_have_text("已完成")


def test_the_connections_words(api: Api, pages: Pages, proxy: FaultProxy) -> None:
    proxy.set("buffer")
    timings = {"hello": 500, "backoff": 100, "shortBackoff": 300, "wait": 1000}
    page = pages.open(tasks_url(api, proxy.url), locale="zh", timings=timings, network_trouble=True)
    expect_connection(page, "polling")
    expect(connection(page)).to_contain_text("轮询模式")
    proxy.set("502")
    expect_connection(page, "offline")
    expect(connection(page)).to_contain_text("离线模式")


@pytest.mark.parametrize("locale", ["de-DE", "en-GB", "fr"])
def test_others_get_english(api: Api, pages: Pages, locale: str) -> None:
    page = pages.open(tasks_url(api), locale=locale)
    expect_live(page)
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(connection(page)).to_contain_text("live")


def test_the_switch_is_remembered(api: Api, pages: Pages) -> None:
    task = api.create(status="running")
    page = pages.open(tasks_url(api))
    page.locator("#language").select_option("zh")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    page.goto(task_url(api, task))
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    page.locator("#language").select_option("en")
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_the_filters_survive_the_switch(api: Api, pages: Pages) -> None:
    page = pages.open(tasks_url(api, status="running"))
    page.locator("#language").select_option("zh")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page).to_have_url(re.compile("status=running"))


@pytest.mark.parametrize(
    ("path", "settled"),
    [
        ("/tasks", "[data-state=live]"),
        ("/tasks?q=nothing-is-called-so", "[data-state=live]"),
        ("/tasks?status=bogus", ".error-list"),
        ("/tasks/999999999", ".error-code"),
        ("/logs", "[data-state=live]"),
        ("/logs?q=nothing-says-so", "#log-search-status"),
        ("/logs?level=bogus", "#log-trouble"),
        ("/storage", "#storage"),
        ("/network", ".check[data-state=ok]"),
        ("/docs", ".schema"),
    ],
)
def test_no_english_is_left_on_a_chinese_page(
    api: Api, pages: Pages, path: str, settled: str
) -> None:
    """All words of the page's own; names, queues and commands are the reader's."""
    page = pages.open(api.url + path, locale="zh-CN", network_trouble=True)
    expect(page.locator(settled).first).to_be_visible()
    words = page.evaluate(
        """() => {
            const found = [];
            const skip = "script, style, template, code, kbd, noscript, .brand, #language option, "
                + "#rows, #log-lines, #log-queues, #queue option, .rule-task, .storage-name, "
                + "pre, .advice-where, .bodies, .fields, .method, .schema h3";
            const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
            while (walker.nextNode())
                if (!walker.currentNode.parentElement.closest(skip))
                    found.push(walker.currentNode.textContent);
            const told = ["title", "aria-label", "placeholder"];
            for (const element of document.querySelectorAll("[title], [aria-label], [placeholder]"))
                if (!element.closest("template, #rows, #log-lines"))
                    found.push(...told.map((name) => element.getAttribute(name)));
            return found.filter((text) => /[A-Za-z]{3,}/.test(text ?? ""));
        }"""
    )
    ours = re.compile(
        r"\b(API|SSE|Enter|Shift|Esc|End|HTTP|LiveQueue|shell|stdout|stderr|UTC|JSON|NDJSON|POST|SGR|UTF"
        r"|RFC|bogus|openapi\.json|WebSocket|nginx|HAProxy|Apache|Caddy|Varnish|Traefik)\b"
    )
    assert [word for word in words if re.search("[A-Za-z]{3,}", ours.sub("", word))] == []
