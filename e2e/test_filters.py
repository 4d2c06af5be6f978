"""Filters, search, order and paging: in the address bar, and kept while updates arrive."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from e2e.api import Api
from e2e.elements import Row, evaluate_all, expect_live, tasks_url, wait_until
from e2e.pages import Pages


def query(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def names(page: Page) -> list[str]:
    return page.locator("#rows tr[data-task-id] .task-name").all_inner_texts()


def test_by_status(api: Api, pages: Pages) -> None:
    running = api.create("one that runs", status="running")
    waiting = api.create("one that waits")
    page = pages.open(tasks_url(api))
    expect_live(page)
    page.locator('#chips .chip[data-status="running"]').click()
    expect(page).to_have_url(re.compile("status=running"))
    expect(Row(page, waiting).locator).to_be_hidden()
    expect(Row(page, running).locator).to_be_visible()
    assert query(page)["queue"] == [api.queue], "the other filters stay"
    page.go_back()
    expect(Row(page, waiting).locator).to_be_visible()
    page.go_forward()
    expect(Row(page, waiting).locator).to_be_hidden()


def test_only_what_matches_comes_in(api: Api, pages: Pages) -> None:
    page = pages.open(tasks_url(api, status="running"))
    expect_live(page)
    other = api.create("does not match")
    match = api.create("matches", status="running")
    expect(Row(page, match).locator).to_be_visible()
    expect(Row(page, other).locator).to_have_count(0)
    api.patch(other, status="running")
    expect(Row(page, other).locator).to_be_visible()


def test_tasks_of_other_queues_stay_out(api: Api, pages: Pages) -> None:
    page = pages.open(tasks_url(api))
    expect_live(page)
    with api.another() as elsewhere:
        stranger = elsewhere.create("stranger")
        mine = api.create("mine")
        expect(Row(page, mine).locator).to_be_visible()
        expect(Row(page, stranger).locator).to_have_count(0)
        elsewhere.clean()


@pytest.mark.parametrize("width", [360, 1280])
def test_what_leaves_the_filter_stays_dimmed_until_the_reader_acts(
    api: Api, pages: Pages, width: int
) -> None:
    task = api.create("leaves", status="running")
    stays = api.create("stays", status="running", progress=1)
    page = pages.open(tasks_url(api, status="running"), viewport={"width": width, "height": 740})
    expect_live(page)
    row = Row(page, task)
    api.patch(task, status="completed")
    expect(row.badge).to_contain_text("completed")
    expect(row.locator).to_be_visible()
    wait_until(
        page,
        """([left, kept]) => {
            const opacity = (id) => {
                const row = document.querySelector(`tr[data-task-id="${id}"]`);
                return ["name", "status-badge", "progress-words", "time"].map((part) => {
                    let shown = 1;
                    const inner = row.querySelector(`.task-${part}`);
                    for (let e = inner; e !== row; e = e.parentElement) {
                        const { display, opacity } = getComputedStyle(e);
                        if (display !== "contents") shown *= Number(opacity);
                    }
                    return shown;
                });
            };
            return Math.max(...opacity(left)) < 0.5 && Math.min(...opacity(kept)) === 1;
        }""",
        arg=[task["id"], stays["id"]],
    )
    page.reload()
    expect(Row(page, stays).locator).to_be_visible()
    expect(row.locator).to_have_count(0)


def test_search_by_name_keeps_while_updates_arrive(api: Api, pages: Pages) -> None:
    first = api.create("Alpha 100% done_ish", status="running")
    api.create("beta", status="running")
    page = pages.open(tasks_url(api))
    expect_live(page)
    page.locator("#filters input[type=search]").fill("100% done_")
    expect(page.locator("#rows tr[data-task-id]")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"[?&]q=100"))
    api.create("gamma")
    third = api.create("another 100% done_one")
    expect(Row(page, third).locator).to_be_visible()
    api.patch(first, progress=44)
    Row(page, first).bar.expect_value("44")
    assert "gamma" not in names(page)
    assert "beta" not in names(page)


def test_no_match_offers_to_clear(api: Api, pages: Pages) -> None:
    task = api.create("here")
    page = pages.open(tasks_url(api, q="nothing-like-this"))
    expect(page.locator("#no-match")).to_be_visible()
    page.locator("#clear-filters-too").click()
    expect(page.locator("#no-match")).to_be_hidden()
    expect(page.locator("#rows tr[data-task-id]").first).to_be_visible()
    assert "q" not in query(page)
    api.get(task)


@pytest.mark.parametrize(
    ("sort", "order"),
    [("name", ["a", "b", "c"]), ("-name", ["c", "b", "a"]), ("id", ["b", "c", "a"])],
)
def test_order(api: Api, pages: Pages, sort: str, order: list[str]) -> None:
    for name in ("b", "c", "a"):
        api.create(name)
    page = pages.open(tasks_url(api))
    expect_live(page)
    page.locator("#sort").select_option(sort)
    expect(page).to_have_url(re.compile(f"sort={sort}"))
    expect(page.locator("#rows tr[data-task-id] .task-name")).to_have_text(order)
    page.reload()
    expect(page.locator("#rows tr[data-task-id] .task-name")).to_have_text(order)


def test_active_ones_come_first(api: Api, pages: Pages) -> None:
    api.create("runs", status="running")
    api.create("over", status="completed")
    page = pages.open(tasks_url(api))
    expect(page.locator("#rows tr[data-task-id] .task-name")).to_have_text(["runs", "over"])


def test_rows_do_not_change_places_by_themselves(api: Api, pages: Pages) -> None:
    tasks = [api.create(name, status="running") for name in ("a", "b", "c")]
    page = pages.open(tasks_url(api))
    expect_live(page)
    before = names(page)
    for task in tasks:
        api.patch(task, progress=50)
    api.patch(tasks[2], status="completed")
    expect(Row(page, tasks[2]).badge).to_contain_text("completed")
    assert names(page) == before


def test_new_tasks_wait_behind_a_pill_when_the_reader_is_elsewhere(api: Api, pages: Pages) -> None:
    api.create_many(30)
    page = pages.open(tasks_url(api), viewport={"width": 1000, "height": 500})
    expect_live(page)
    page.mouse.move(500, 300)
    page.mouse.wheel(0, 600)
    wait_until(page, "() => window.scrollY > 100")
    top = page.evaluate("window.scrollY")
    task = api.create("newcomer")
    pill = page.locator("#pill")
    expect(pill).to_contain_text("1 new task")
    assert page.evaluate("window.scrollY") == top
    pill.click()
    expect(Row(page, task).locator).to_be_in_viewport()


def test_pages(api: Api, pages: Pages) -> None:
    api.create_many(12)
    page = pages.open(tasks_url(api, sort="id", limit="5"))
    rows = page.locator("#rows tr[data-task-id] .task-id")
    expect(rows).to_have_count(5)
    seen = list(rows.all_inner_texts())
    for count in (5, 2):
        page.locator("#next-page").click()
        expect(rows.first).not_to_have_text(seen[-5])
        expect(rows).to_have_count(count)
        seen += rows.all_inner_texts()
    expect(page.locator("#next-page")).to_be_hidden()
    assert len(set(seen)) == 12
    assert seen == sorted(seen, key=int)
    page.locator("#first-page").click()
    expect(rows.first).to_have_text(seen[0])
    page.go_back()
    expect(rows.first).to_have_text(seen[10])


WRONG = [
    ("status=nonsense", "Status:"),
    ("sort=nonsense", "Order:"),
    ("limit=0", "Rows on a page:"),
    ("page=nonsense", "Page:"),
]


@pytest.mark.parametrize(("wrong", "name"), WRONG)
def test_a_wrong_filter_is_explained(api: Api, pages: Pages, wrong: str, name: str) -> None:
    page = pages.open(f"{api.url}/tasks?{wrong}", network_trouble=True)
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator(".error-list")).to_contain_text(name)


@pytest.mark.owned
def test_chips_count_live(api: Api, pages: Pages) -> None:
    page = pages.open(tasks_url(api))
    expect_live(page)
    count = page.locator('#chips .chip[data-status="failed"] .chip-count')
    before = int(count.inner_text().replace(",", ""))
    task = api.create(status="running")
    api.patch(task, status="failed", error="x")
    expect(count).to_have_text(f"{before + 1:,}")
    api.delete(task)
    expect(count).to_have_text(f"{before:,}")
    assert evaluate_all(count, "e.textContent") == [f"{before:,}"]
