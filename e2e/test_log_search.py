"""Search and filters in one log: what is found, counted, shown and gone to, as lines arrive too."""

import re
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, expect

from e2e.api import Api, Task
from e2e.elements import LOG_TEXTS, search_field, search_status, task_url, toasts
from e2e.log_box import LogBox
from e2e.pages import Pages

HITS = "#log mark.log-hit"
CURRENT = "#log mark.current"


def numbers(page: Page) -> Locator:
    return page.locator("#log-lines .log-number")


def choose(page: Page, *labels: str) -> None:
    page.locator("#log-filters-button").click()
    for label in labels:
        page.locator("#log-filters").get_by_label(label, exact=True).check()
    page.keyboard.press("Escape")
    expect(page.locator("#log-filters")).to_be_hidden()


LITERAL = [
    "100%",
    "a_b",
    'it\'s "quoted"',
    "f(x)[0]{1}",
    "a.*b",
    "\\d+",
    "^$|?",
    "日志",
    "👩\u200d👩\u200d👧",
    "e\u0301",
    "<b>bold</b>",
    "  two spaces ",
    "+1",
    "-- drop table",
    "&amp;",
]


def test_text_is_taken_literally(
    api: Api, page: Page, task: Task, subtests: pytest.Subtests
) -> None:
    for text in LITERAL:
        api.append(task, f"before {text} after", "something else")
    expect(page.locator(LOG_TEXTS)).to_have_count(2 * len(LITERAL))
    for text in LITERAL:
        with subtests.test(text):
            search_field(page).fill(text)
            expect(page.locator(HITS)).to_have_js_property("textContent", text)
            expect(search_status(page)).to_have_text("1 hit")
    search_field(page).fill("no such words")
    expect(search_status(page)).to_have_text("no hits")
    expect(page.locator(HITS)).to_have_count(0)


def test_case_is_minded_on_wish_and_patterns_are_understood_on_wish(
    api: Api, page: Page, task: Task
) -> None:
    api.append(task, "Error one", "error two", "ERROR three", "Ärger, ärger")
    search_field(page).fill("error")
    expect(search_status(page)).to_have_text("3 hits")
    search_field(page).fill("ÄRGER")
    expect(search_status(page)).to_have_text("2 hits")
    page.locator("#log-search-case").click()
    expect(search_status(page)).to_have_text("no hits")
    search_field(page).fill("error")
    expect(search_status(page)).to_have_text("1 hit")
    page.locator("#log-search-regex").click()
    search_field(page).fill("[Ee]rror (one|two)$")
    expect(search_status(page)).to_have_text("2 hits")
    expect(page.locator(HITS)).to_have_text(["Error one", "error two"])
    page.reload()
    expect(search_status(page)).to_have_text("2 hits")
    expect(search_field(page)).to_have_value("[Ee]rror (one|two)$")


def test_a_bad_pattern_is_said_and_a_hostile_one_is_quick(
    api: Api, pages: Pages, page: Page, task: Task
) -> None:
    pages.guard(page).network_trouble_is_expected = True
    api.append(task, "a" * 10_000, "fine")
    page.locator("#log-search-regex").click()
    search_field(page).fill("(unclosed")
    expect(search_status(page)).to_have_text("not a regular expression: missing ): (unclosed")
    expect(search_field(page)).to_have_attribute("aria-invalid", "true")
    page.locator("#log-search-only").click()
    expect(page.locator("#log-no-match")).to_contain_text("not a regular expression")
    page.locator("#log-search-only").click()
    search_field(page).fill("(closed neither")
    search_field(page).press("Enter")  # before it is known to be none
    expect(search_status(page)).to_have_text("not a regular expression: missing ): (closed neither")
    expect(toasts(page)).to_have_count(0)
    search_field(page).fill("(a|aa)+$|(a+)+b")
    expect(search_status(page)).to_have_text("1 hit")
    expect(page.locator(LOG_TEXTS).last).to_have_text("fine")


def test_colours_inside_a_word_hide_nothing(api: Api, page: Page, task: Task) -> None:
    api.append(task, "a wo\x1b[31mr\x1b[0md here")
    search_field(page).fill("word")
    expect(search_status(page)).to_have_text("1 hit")
    expect(page.locator(HITS)).to_have_text(["wo", "r", "d"])


def test_from_one_hit_to_the_next_and_round(api: Api, page: Page, task: Task) -> None:
    texts = [f"line {n}" + (" needle, needle" if n % 400 == 1 else "") for n in range(1, 1202)]
    api.append(task, *texts)
    expect(page.locator(LOG_TEXTS).last).to_have_text("line 1201 needle, needle")
    search_field(page).fill("needle")
    expect(search_status(page)).to_have_text("8 hits")
    page.keyboard.press("Enter")  # from the end: the newest one
    for key, at in [
        ("Shift+Enter", "8 of 8 hits"),
        ("Shift+Enter", "7 of 8 hits"),
        ("Shift+Enter", "6 of 8 hits"),
        ("Enter", "5 of 8 hits"),
        ("Enter", "6 of 8 hits"),
        ("F3", "7 of 8 hits"),
        ("Enter", "8 of 8 hits"),
        ("Shift+F3", "1 of 8 hits"),
        ("Enter", "8 of 8 hits"),
        ("Escape", "1 of 8 hits"),
        ("n", "1 of 8 hits"),
        ("N", "2 of 8 hits"),
    ]:
        expect(search_status(page)).to_have_text(at)
        expect(page.locator(CURRENT)).to_have_count(1)
        expect(page.locator(CURRENT)).to_be_in_viewport()
        page.keyboard.press(key)
    expect(search_status(page)).to_have_text("1 of 8 hits")
    expect(page.locator(".log-line:has(mark.current)")).to_have_attribute("data-n", "1")
    page.keyboard.press("/")
    expect(search_field(page)).to_be_focused()


def test_the_hit_stays_when_other_lines_are_left_out_and_come_back(
    api: Api, page: Page, task: Task
) -> None:
    api.append(task, *[f"line {n}" + (" needle" if n % 400 == 1 else "") for n in range(1, 1202)])
    expect(page.locator(LOG_TEXTS).last).to_have_text("line 1201 needle")
    search_field(page).fill("needle")
    expect(search_status(page)).to_have_text("4 hits")
    page.keyboard.press("Enter")
    expect(search_status(page)).to_have_text("4 of 4 hits")
    page.keyboard.press("Shift+Enter")
    expect(search_status(page)).to_have_text("3 of 4 hits")
    only = page.locator("#log-search-only")
    only.click()
    expect(numbers(page)).to_have_text(["1", "401", "801", "1201"])
    expect(search_status(page)).to_have_text("3 of 4 hits")
    only.click()
    expect(numbers(page).nth(10)).to_be_attached()
    expect(page.locator(".log-line:has(mark.current)")).to_have_attribute("data-n", "801")
    expect(page.locator(CURRENT)).to_be_in_viewport()
    expect(search_status(page)).to_have_text("3 of 4 hits")


def test_hits_are_counted_and_marked_as_lines_arrive(api: Api, page: Page, task: Task) -> None:
    api.append(task, "needle 1")
    search_field(page).fill("needle")
    expect(search_status(page)).to_have_text("1 hit")
    for n in range(2, 5):
        api.append(task, "hay", f"needle {n}")
        expect(search_status(page)).to_have_text(f"{n} hits")
        expect(page.locator(HITS)).to_have_count(n)
    line = {"text": "50 %", "line": 1}
    path = f"/api/tasks/{task['id']}/logs"
    api.call("POST", path, {"producer": "bar", "batch": 1, "lines": [line]})
    expect(page.locator(LOG_TEXTS).last).to_have_text("50 %")
    api.call("POST", path, {"producer": "bar", "batch": 2, "lines": [{**line, "text": "needle"}]})
    expect(search_status(page)).to_have_text("5 hits")
    expect(page.locator(HITS)).to_have_count(5)


def test_only_matching_lines(api: Api, page: Page, task: Task) -> None:
    api.append(task, *[f"line {n}" + (" odd" if n % 2 else "") for n in range(1, 5001)])
    search_field(page).fill("odd")
    expect(search_status(page)).to_have_text("2,500 hits")
    page.locator("#log-search-only").click()
    expect(page.locator("#log-total")).to_have_text("2,500 of 5,000 lines")
    expect(numbers(page).last).to_have_text("4999")
    api.append(task, "line 5001 odd", "line 5002")
    expect(numbers(page).last).to_have_text("5001")
    expect(page.locator("#log-total")).to_have_text("2,501 of 5,002 lines")
    page.locator("#log").focus()
    page.keyboard.press("Home")
    expect(numbers(page).first).to_have_text("1")
    expect(page.locator(HITS).first).to_be_visible()
    page.locator("#log-search-only").click()
    expect(page.locator(LOG_TEXTS).nth(1)).to_have_text("line 2")
    expect(numbers(page).first).to_have_text("1")  # where the reader was


def test_the_line_under_the_readers_eyes_stays_when_others_go_and_come(
    api: Api, page: Page, task: Task
) -> None:
    api.append(task, *[f"line {n}" + (" odd" if n % 2 else "") for n in range(1, 5001)])
    box = LogBox(page)
    box.expect_end(5000)
    search_field(page).fill("odd")
    expect(search_status(page)).to_have_text("2,500 hits")
    box.wheel(-3_000)
    before = box.rest()
    only = page.locator("#log-search-only")
    for _ in range(2):
        only.click()
        expect(page.locator("#log-total")).to_have_text("2,500 of 5,000 lines")
        among = box.rest()
        assert before.numbers[0] <= among.numbers[0] <= before.numbers[0] + 1
        assert abs(among.top - before.top) < 1
        only.click()
        expect(page.locator("#log-total")).to_have_text("5,000 lines")
        assert box.rest().stands_as(before)
    search_field(page).fill("none of them")
    only.click()
    expect(page.locator("#log-no-match")).to_contain_text("No line matches")
    only.click()
    assert box.rest().stands_as(before)


def test_a_link_to_a_line_among_those_that_match(api: Api, pages: Pages, task: Task) -> None:
    api.append(task, *[f"line {n}" + (" odd" if n % 2 else "") for n in range(1, 5001)])
    page = pages.open(f"{task_url(api, task)}?q=odd&only=1#L1235")
    LogBox(page).settled(1235)
    expect(page.locator(".log-line.target")).to_have_attribute("data-n", "1235")


def test_filters_by_level_stream_and_time(api: Api, page: Page, task: Task) -> None:
    api.append(task, "one", level="error")
    api.append(task, "two", level="info", stream="app.db")
    api.append(task, "three", stream="stderr")
    api.append(task, "four", level="warning", stream="stderr")
    expect(page.locator(LOG_TEXTS)).to_have_count(4)
    choose(page, "Error", "Warning")
    expect(page.locator(LOG_TEXTS)).to_have_text(["one", "four"])
    expect(page).to_have_url(re.compile(r"\?level=error&level=warning$"))
    choose(page, "stderr")
    expect(page.locator(LOG_TEXTS)).to_have_text(["four"])
    api.append(task, "five", level="error", stream="stderr")
    api.append(task, "six", level="error")
    expect(page.locator(LOG_TEXTS)).to_have_text(["four", "five"])
    expect(page.locator("#log-filters-button")).to_have_accessible_name("Filter (2)")
    page.go_back()
    expect(page.locator(LOG_TEXTS)).to_have_text(["one", "four", "five", "six"])
    page.locator("#log-filters-button").click()
    page.locator("#log-unfilter").click()
    page.keyboard.press("Escape")
    expect(page.locator(LOG_TEXTS)).to_have_count(6)
    choose(page, "app.db")
    expect(page.locator(LOG_TEXTS)).to_have_text(["two"])
    page.locator("#log-filters-button").click()
    page.get_by_label("until").fill("2020-01-01T00:00:01")
    page.keyboard.press("Escape")
    expect(page.locator("#log-no-match")).to_contain_text("No line matches")
    page.locator("#log-all").click()
    expect(page.locator(LOG_TEXTS)).to_have_count(6)


def test_the_address_says_it_all(api: Api, pages: Pages, task: Task) -> None:
    for n in range(40):
        api.append(task, f"a%b {n}", level="error" if n % 2 else "info")
    query = f"q={quote('A%B 1')}&only=1&level=error"
    page = pages.open(f"{task_url(api, task)}?{query}")
    expect(page.locator(LOG_TEXTS)).to_have_text(["a%b 1", *[f"a%b {n}" for n in range(11, 20, 2)]])
    expect(search_field(page)).to_have_value("A%B 1")
    expect(page.locator("#log-search-only")).to_have_attribute("aria-pressed", "true")
    before = page.url
    search_field(page).fill("a%b 3")
    expect(page.locator(LOG_TEXTS)).to_have_count(6)
    page.locator("#log-search-only").click()
    expect(page.locator(LOG_TEXTS)).to_have_count(20)
    page.go_back()
    expect(page.locator(LOG_TEXTS)).to_have_count(6)
    assert page.url != before


def test_what_is_shown_is_downloaded(api: Api, page: Page, task: Task) -> None:
    api.append(task, "red one", "green", "red two")
    search_field(page).fill("red")
    page.locator("#log-search-only").click()
    expect(page.locator(LOG_TEXTS)).to_have_count(2)
    page.locator("#log-downloads-button").click()
    expect(page.locator("#log-download-part")).to_be_visible()
    with page.expect_download() as begun:
        page.locator("#log-downloads [data-format=text]").click()
    assert begun.value.path().read_text() == "red one\nred two\n"


def test_searching_moves_nothing_and_esc_leaves(api: Api, page: Page, task: Task) -> None:
    api.append(task, *[f"line {n}" for n in range(1, 501)])
    expect(page.locator(LOG_TEXTS).last).to_have_text("line 500")
    page.locator("#log").focus()
    page.keyboard.press("Home")
    expect(numbers(page).first).to_have_text("1")
    page.keyboard.press("/")
    page.keyboard.type("line 4")
    expect(search_status(page)).to_have_text("111 hits")
    assert page.locator("#log").evaluate("e => e.scrollTop") == 0
    page.keyboard.press("Escape")
    expect(page.locator("#log")).to_be_focused()
    expect(search_field(page)).to_have_value("line 4")
    page.keyboard.press("Escape")
    expect(search_field(page)).to_have_value("")
    expect(page.locator(HITS)).to_have_count(0)


def test_a_search_term_that_is_markup_stays_text(api: Api, page: Page, task: Task) -> None:
    text = "<img src=x onerror=window.pwned=1>"
    api.append(task, text)
    for regex in (False, True):
        if regex:
            page.locator("#log-search-regex").click()
        search_field(page).fill(text)
        expect(search_status(page)).to_have_text("1 hit")
        expect(page.locator(HITS)).to_have_text(text)
    page.reload()
    expect(page.locator(HITS)).to_have_text(text)
    assert page.evaluate("window.pwned") is None
    assert page.locator("main img").count() == 0
