"""Light and dark, phone and desk: readable, nothing sideways, nothing covered."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from e2e.api import Api, Task
from e2e.elements import connection, expect_live, task_url, tasks_url, toasts, wait_until
from e2e.pages import Pages

PHONE: dict[str, Any] = {
    "viewport": {"width": 360, "height": 740},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}
LONG = "averyveryverylongnamewithoutasinglespaceinit" * 4

LUMINANCE = """([r, g, b]) => [r, g, b].map((c) => c / 255).map(
    (c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0)"""

# The contrast of each element's text with what is behind it, as WCAG counts.
CONTRASTS = (
    """elements => {
    const luminance = """
    + LUMINANCE
    + """;
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const rgba = (colour) => {
        canvas.clearRect(0, 0, 1, 1);
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const over = (top, below) => top.slice(0, 3).map(
        (c, i) => c * top[3] / 255 + below[i] * (1 - top[3] / 255));
    const behind = (element) => {
        if (!element) return [255, 255, 255];
        return over(rgba(getComputedStyle(element).backgroundColor), behind(element.parentElement));
    };
    return elements.map((element) => {
        const back = behind(element);
        const text = over(rgba(getComputedStyle(element).color), back);
        const [a, b] = [luminance(back), luminance(text)].sort((x, y) => y - x);
        return [element.className + " " + element.textContent.trim().slice(0, 30),
                (a + 0.05) / (b + 0.05)];
    });
}"""
)
TEXTS = (
    ".task-status-word, .task-name, .task-message, .task-progress-words, .task-queue, .task-time,"
    " .chip-word, .chip-count, #shown, #connection-status span, #language, .topbar-link"
)
STORAGE_TEXTS = (
    "#storage :is(h1, h2, p, strong, dt, dd, th, td, a, code, time, .muted, .part-name, .part-size,"
    " .rule-name, .rule-value, .rule-next)"
)


@pytest.fixture
def tasks(api: Api) -> list[Task]:
    states = ("pending", "running", "completed", "failed", "cancelled")
    tasks = [api.create(f"{status} {LONG}", status=status, message=LONG) for status in states]
    api.append(tasks[1], LONG * 3, "\x1b[31mred\x1b[0m")
    return tasks


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_follows_the_system_and_can_be_read(
    api: Api, pages: Pages, tasks: list[Task], scheme: str
) -> None:
    page = pages.open(tasks_url(api), color_scheme=scheme)
    expect_live(page)
    expect(page.locator("html")).to_have_attribute("data-bs-theme", scheme)
    expect_readable(page, TEXTS)
    page.goto(f"{api.url}/storage")
    expect_readable(page, STORAGE_TEXTS)


def expect_readable(page: Page, texts: str) -> None:
    pairs = page.locator(texts).locator("visible=true").evaluate_all(CONTRASTS)
    assert len(pairs) > 20
    assert [pair for pair in pairs if pair[1] < 4.5] == []


def turn_dark(page: Page) -> None:
    html = page.locator("html")
    for _ in range(20):  # the first may come before the page's script
        page.locator("#theme-button").click()
        if html.get_attribute("data-bs-theme") == "dark":
            break
    expect(html).to_have_attribute("data-bs-theme", "dark")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_lines_of_every_level_and_colour_can_be_read(
    api: Api, pages: Pages, tasks: list[Task], scheme: str
) -> None:
    for level in ("trace", "debug", "info", "warning", "error", "critical"):
        api.append(tasks[0], f"of level {level}", level=level, stream="app", fields={"a": 1})
    codes = [*range(30, 38), *range(90, 98), *range(40, 48), *range(100, 108)]
    more = ["2", "7", "2;31", "7;33", "97;43", "34;44", "38;5;17", "38;5;226", "38;2;9;9;99"]
    api.append(tasks[0], *[f"\x1b[{code}mcode {code}\x1b[0m" for code in [*codes, *more]])
    page = pages.open(f"{task_url(api, tasks[0])}?q=e", color_scheme=scheme)
    expect(page.locator("#log mark").first).to_be_visible()
    parts = page.locator(
        ".log-number, .log-time, .log-stream, .log-text, .log-text span, .log-text mark,"
        " .log-key, .log-field, .log-bar button, .log-bar label, #log-search-status"
    )
    pairs = parts.locator("visible=true").evaluate_all(CONTRASTS)
    assert len(pairs) > 200
    assert [pair for pair in pairs if pair[1] < 4.5] == []


def test_the_choice_of_appearance_is_remembered(api: Api, pages: Pages) -> None:
    page = pages.open(tasks_url(api), color_scheme="light")
    html = page.locator("html")
    expect(html).to_have_attribute("data-bs-theme", "light")
    turn_dark(page)
    page.reload()
    expect(html).to_have_attribute("data-bs-theme", "dark")


@pytest.mark.parametrize("path", ["docs", "network", "storage", "not/there"])
def test_pages_without_tasks_have_the_same_switches(api: Api, pages: Pages, path: str) -> None:
    page = pages.open(f"{api.url}/{path}", color_scheme="light", network_trouble=True)
    html = page.locator("html")
    turn_dark(page)
    expect(page.locator("#help-button")).to_be_hidden()
    page.locator("#language").select_option("zh")
    expect(html).to_have_attribute("lang", "zh-CN")


def expect_nothing_sideways(page: Page) -> None:
    wait_until(
        page,
        "() => document.scrollingElement.scrollWidth <= document.documentElement.clientWidth",
    )


@pytest.mark.parametrize("width", [320, 360, 768, 899, 900, 1100, 1280])
def test_nothing_scrolls_sideways_and_names_have_room(
    api: Api, pages: Pages, tasks: list[Task], width: int
) -> None:
    options = {**PHONE, "viewport": {"width": width, "height": 740}}
    page = pages.open(tasks_url(api), **options)
    expect_live(page)
    expect_nothing_sideways(page)
    name = page.locator(f'tr[data-task-id="{tasks[1]["id"]}"] .task-name').bounding_box()
    assert name is not None
    assert name["width"] >= 150
    page.goto(f"{api.url}/storage")
    expect_nothing_sideways(page)
    for path in (f"/tasks/{tasks[1]['id']}", f"/logs?queue={api.queue}"):
        page.goto(f"{api.url}{path}")
        expect_live(page)
        expect_nothing_sideways(page)
        for menu in ("filters", "looks", "downloads"):
            page.locator(f"#log-{menu}-button").click()
            popup = page.locator(f"#log-{menu}")
            expect(popup).to_be_in_viewport(ratio=1)
            page.keyboard.press("Escape")
        page.locator("#log-search").fill("name")
        expect(page.locator("#log-search-status")).to_be_visible()
        expect_nothing_sideways(page)


def test_a_phone_has_cards_and_thumb_sized_targets(
    api: Api, pages: Pages, tasks: list[Task]
) -> None:
    page = pages.open(tasks_url(api), **PHONE)
    expect_live(page)
    row = page.locator(f'tr[data-task-id="{tasks[1]["id"]}"]')
    for part in (".task-name", ".task-status-badge", ".task-progress-bar", ".task-time"):
        expect(row.locator(part)).to_be_in_viewport()
    for target in (row.locator(".task-menu"), page.locator(".chip").first):
        box = target.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 32


def test_a_phone_shows_names_and_numbers_in_full(api: Api, pages: Pages) -> None:
    task = api.create("Convert lecture recordings", status="running", unit="videos")
    api.patch(task, current=111_704, total=120_000)
    page = pages.open(tasks_url(api), **PHONE)
    row = page.locator(f'tr[data-task-id="{task["id"]}"]')
    expect(row.locator(".task-progress-words")).to_contain_text("111,704 / 120,000 videos · 93 %")
    for part in (".task-name", ".task-progress-words", ".task-counts"):
        cut = "e => e.scrollWidth > e.clientWidth || e.scrollHeight > e.clientHeight"
        assert not row.locator(part).evaluate(cut), part


@pytest.mark.parametrize("width", [320, 1000, 1280])
def test_the_remaining_time_is_in_sight_whatever_the_counts(
    api: Api, pages: Pages, width: int
) -> None:
    unit = "recommendation vectors, unsorted"
    task = api.create("recalculate", status="running", total=1_204_331, current=0, unit=unit)
    api.patch(task, current=311_002)
    page = pages.open(tasks_url(api), viewport={"width": width, "height": 740})
    words = page.locator(f'tr[data-task-id="{task["id"]}"] .task-progress-words')
    expect(words).to_contain_text("25 % · ")
    counts, rest = words.locator("span").all()
    assert counts.evaluate("e => e.scrollWidth > e.clientWidth")
    place, shown = words.bounding_box(), rest.bounding_box()
    assert place is not None
    assert shown is not None
    assert shown["x"] + shown["width"] <= place["x"] + place["width"] + 1


def test_a_phone_shows_the_chosen_status(api: Api, pages: Pages) -> None:
    api.patch(api.create(status="running"), status="failed")
    page = pages.open(tasks_url(api, status="failed"), **PHONE)
    chip = page.locator('.chip[aria-current="true"]')
    expect(chip).to_be_in_viewport(ratio=1)
    expect(chip).to_have_attribute("data-status", "failed")
    page.locator("#clear-filters").click()
    expect(page.locator(".chip").first).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("width", [320, 360, 768])
def test_all_buttons_for_a_selection_are_in_reach(api: Api, pages: Pages, width: int) -> None:
    task = api.create("one of them")
    page = pages.open(tasks_url(api), **{**PHONE, "viewport": {"width": width, "height": 740}})
    page.locator(f'tr[data-task-id="{task["id"]}"] .task-select').check()
    for button in page.locator("#bulk button").all():
        expect(button).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("width", [320, 1280])
def test_the_connection_status_is_at_the_bottom_right_and_never_covered(
    api: Api, pages: Pages, width: int
) -> None:
    page = pages.open(tasks_url(api), viewport={"width": width, "height": 740})
    expect_live(page)
    expect(connection(page).locator(".bi-broadcast")).to_be_visible()
    for number in range(4):
        task = api.create(f"job {number} {LONG}", status="running")
        api.patch(task, status="failed", error="disk full\n" * 5)
    expect(toasts(page)).to_have_count(3)
    status = connection(page).bounding_box()
    size = page.viewport_size
    assert status is not None
    assert size is not None
    assert size["width"] - status["x"] - status["width"] < 40
    assert size["height"] - status["y"] - status["height"] < 40
    for toast in toasts(page).all():
        box = toast.bounding_box()
        assert box is not None
        apart = box["y"] + box["height"] <= status["y"] or box["x"] + box["width"] <= status["x"]
        assert apart
        expect(toast.locator(".btn-close")).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("width", [320, 1280])
def test_the_connection_status_covers_no_row(api: Api, pages: Pages, width: int) -> None:
    for number in range(20):
        api.create(f"job {number}", status="running", progress=number)
    page = pages.open(tasks_url(api), viewport={"width": width, "height": 740})
    expect_live(page)
    status = connection(page).bounding_box()
    assert status is not None
    beside = "([x, y]) => document.elementFromPoint(x, y).className"
    assert page.evaluate(beside, [width / 2, status["y"]]) == "connection"
    page.locator("#rows tr").last.locator(".task-menu").focus()
    above = "top => document.activeElement.getBoundingClientRect().bottom <= top"
    wait_until(page, above, arg=status["y"])


def test_nothing_shifts_while_progress_arrives(api: Api, pages: Pages) -> None:
    task = api.create("steady", status="running", total=100)
    api.create("below it")
    page = pages.open(tasks_url(api))
    expect_live(page)
    places = (
        "() => [...document.querySelectorAll('#rows tr')].map((r) => r.getBoundingClientRect().y)"
    )
    before = page.evaluate(places)
    api.patch(task, current=50, message="now with a message")
    expect(page.get_by_text("now with a message")).to_be_visible()
    assert page.evaluate(places) == before


def test_a_log_stays_in_place_while_messages_come(api: Api, pages: Pages) -> None:
    task = api.create("steady", status="running", total=100)
    page = pages.open(task_url(api, task), **PHONE)
    expect_live(page)
    place = "() => document.getElementById('log').getBoundingClientRect().y"
    before = page.evaluate(place)
    api.patch(task, current=50, message=LONG)
    expect(page.locator("#task-message")).to_have_text(LONG)
    expect(page.locator("#task-message")).to_have_attribute("title", LONG)
    assert page.evaluate(place) == before


def test_with_forced_colours_a_bar_still_shows_how_far_it_is(api: Api, pages: Pages) -> None:
    task = api.create(status="running", progress=40)
    page = pages.open(task_url(api, task), forced_colors="active")
    expect_live(page)
    bar = page.locator(".task-progress .progress-bar")
    shown, behind = bar.evaluate(
        "bar => [bar, bar.parentElement].map(part => getComputedStyle(part).backgroundColor)"
    )
    assert shown != behind
