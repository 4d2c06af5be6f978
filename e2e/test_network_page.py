"""The page /network: what it shows while it measures, when all is well, and when nothing is."""

import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

from e2e.browsers import Engine
from e2e.fault_proxy import FaultProxy
from e2e.pages import Pages
from e2e.server import Server

SHORT = "/network?idle=1&poll=1"


def verdict(page: Page, state: str, *, within: float = 20_000) -> None:
    expect(page.locator("#verdict")).to_have_attribute("data-state", state, timeout=within)


def complete(page: Page) -> None:
    expect(page.locator("#verdict[data-complete]")).to_be_visible(timeout=20_000)


def row(page: Page, name: str, state: str) -> None:
    expect(page.locator(f'.check[data-check="{name}"]')).to_have_attribute("data-state", state)


def test_a_clean_network_is_green(base_url: str, pages: Pages) -> None:
    page = pages.open(base_url + SHORT)
    verdict(page, "live")
    complete(page)
    expect(page.locator("#verdict")).to_have_attribute("data-rung", "sse")
    rows = page.locator(".check")
    expect(rows).to_have_count(11)
    for number in range(11):
        expect(rows.nth(number)).to_have_attribute("data-state", re.compile("ok|note"))
        expect(rows.nth(number).locator(".check-text")).not_to_be_empty()
    expect(page.locator("#to-fix")).to_be_hidden()


def test_the_first_verdict_comes_before_the_slow_checks(base_url: str, pages: Pages) -> None:
    page = pages.open(base_url + "/network")
    verdict(page, "live")
    for name in ("idle", "poll"):
        row(page, name, "running")
        bar = page.locator(f'.check[data-check="{name}"] progress')
        expect(bar).to_be_visible()
        expect(bar).not_to_have_js_property("value", 0)
    expect(page.locator("#verdict")).not_to_have_attribute("data-complete", "")


def test_slow_checks_can_be_stopped_and_measured_again(base_url: str, pages: Pages) -> None:
    page = pages.open(base_url + "/network?idle=60&poll=1")
    idle = page.locator('.check[data-check="idle"]')
    idle.get_by_role("button", name="Stop").click()
    row(page, "idle", "note")
    expect(idle.locator("progress")).to_be_hidden()
    complete(page)
    idle.get_by_role("button", name="Measure again").click()
    row(page, "idle", "running")
    expect(page.locator("#verdict")).not_to_have_attribute("data-complete", "")
    page.get_by_role("button", name="Check again").click()
    verdict(page, "waiting")
    verdict(page, "live")


@pytest.mark.parametrize("hold_headers", [False, True])
def test_a_box_that_stores_the_stream(proxy: FaultProxy, pages: Pages, hold_headers: bool) -> None:
    proxy.set("buffer", match="event-stream", hold_headers=hold_headers)
    page = pages.open(proxy.url + SHORT)
    verdict(page, "degraded")
    expect(page.locator("#verdict")).to_have_attribute("data-rung", "long-poll")
    row(page, "buffering", "problem")
    complete(page)
    expect(page.locator("#advice-keeper")).to_be_checked()
    page.locator("#to-fix").click()
    expect(page.locator("[data-advice=keeper] pre")).to_contain_text(proxy.url)
    # What the reader chose stays.
    page.locator("#advice-caddy").check()
    page.get_by_role("button", name="Check again").click()
    verdict(page, "waiting")
    verdict(page, "degraded")
    expect(page.locator("#advice-caddy")).to_be_checked()


def test_a_box_that_cuts_what_is_silent(proxy: FaultProxy, pages: Pages) -> None:
    proxy.set("cut", match="api/network", seconds=4)
    page = pages.open(proxy.url + "/network?idle=8&poll=2", network_trouble=True)
    complete(page)
    verdict(page, "degraded")
    expect(page.locator("#verdict")).to_have_attribute("data-rung", "sse")
    expect(page.locator("#verdict")).to_have_attribute("data-findings", re.compile("idle_short"))
    expect(page.locator("#verdict-text")).to_contain_text("a heartbeat every 2 s")


def test_a_captive_portal_is_named_and_left_behind(proxy: FaultProxy, pages: Pages) -> None:
    page = pages.open(proxy.url + SHORT, network_trouble=True)
    verdict(page, "live")
    proxy.set("html", match="api/network")
    page.get_by_role("button", name="Check again").click()
    verdict(page, "unreachable")
    expect(page.locator("#verdict-headline")).to_contain_text("Something else answers")
    proxy.set("pass")
    verdict(page, "live")


@pytest.mark.parametrize("fault", ["502", "reset"])
def test_a_server_that_is_away(proxy: FaultProxy, pages: Pages, fault: str) -> None:
    page = pages.open(proxy.url + SHORT, network_trouble=True)
    complete(page)
    proxy.set(fault, match="api/network")  # type: ignore[arg-type]
    page.get_by_role("button", name="Check again").click()
    verdict(page, "unreachable")
    expect(page.locator("#verdict-text")).to_contain_text("tries again")
    expect(page.locator("#copy-report")).to_be_hidden()
    proxy.set("pass")
    verdict(page, "live")


@pytest.mark.owned
def test_a_server_that_goes_away_meanwhile_is_no_cut(server: Server, pages: Pages) -> None:
    page = pages.open(server.url + "/network?idle=60&poll=30", network_trouble=True)
    row(page, "idle", "running")
    verdict(page, "live")
    server.stop()
    verdict(page, "unreachable")
    row(page, "idle", "stopped")
    server.start()
    verdict(page, "live")


@pytest.mark.owned
def test_a_server_that_has_no_place_left_says_so(
    make_server: Callable[..., Server], pages: Pages
) -> None:
    server = make_server(max_streams=1)
    with httpx.stream(
        "GET",
        f"{server.url}/events/system",
        headers={"Accept": "text/event-stream"},
        trust_env=False,
    ):
        page = pages.open(server.url + SHORT, network_trouble=True)
        verdict(page, "degraded")
    expect(page.locator("#verdict-text")).to_contain_text("max_streams")
    expect(page.locator("#to-fix")).to_be_hidden()


def test_the_result_is_copied_as_text(base_url: str, pages: Pages) -> None:
    page = pages.open(base_url + SHORT, permissions=["clipboard-read", "clipboard-write"])
    complete(page)
    page.locator("#copy-report").click()
    expect(page.locator("#copy-report")).to_have_text("Copied")
    text = page.evaluate("navigator.clipboard.readText()")
    assert text.startswith(f"LiveQueue network check of {base_url}/\n")
    assert "[ok] WebSocket" in text
    assert "The slow checks are still running" not in text


def test_where_there_is_no_clipboard_the_text_is_selected(base_url: str, pages: Pages) -> None:
    page = pages.open(base_url + SHORT)
    complete(page)
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.locator("#copy-report").click()
    expect(page.locator("#copy-report")).to_have_text(re.compile("Copied|Selected"))
    selected = page.evaluate("getSelection().toString()")
    assert selected.startswith("LiveQueue network check of")


def test_in_chinese_by_keyboard(base_url: str, pages: Pages) -> None:
    page = pages.open(base_url + SHORT, locale="zh-CN")
    complete(page)
    expect(page.locator("#verdict-headline")).to_have_text("实时连接：变化即时到达")
    page.locator("#advice-nginx").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#advice-haproxy")).to_be_checked()
    expect(page.locator("[data-advice=haproxy]")).to_be_visible()
    expect(page.locator("[data-advice=nginx]")).to_be_hidden()


def test_without_scripts_the_lines_are_there(base_url: str, pages: Pages, engine: Engine) -> None:
    if engine.name != "chromium":
        pytest.skip("scripts cannot be switched off over BiDi")
    page = pages.open(base_url + "/network", java_script_enabled=False)
    expect(page.locator("noscript p").first).to_be_visible()
    page.locator("#advice-varnish").check()
    expect(page.locator("[data-advice=varnish]")).to_be_visible()
    expect(page.locator("#check-again")).to_be_hidden()


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_scrolls_sideways(base_url: str, pages: Pages, width: int, scheme: str) -> None:
    viewport = {"width": width, "height": 800}
    page = pages.open(base_url + SHORT, viewport=viewport, color_scheme=scheme)
    complete(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    expect(page.locator(".topbar-link", has_text="Network")).to_be_visible()
