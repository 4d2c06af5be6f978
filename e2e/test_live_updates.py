"""What producers report appears on an open page by itself."""

import re

import pytest
from playwright.sync_api import Page, expect

from e2e.api import Api
from e2e.elements import Row, expect_live, task_url, tasks_url, toasts, wait_until
from e2e.pages import Pages

# Keeps every animation that begins or ends: what began is gone before a test could look at it.
WATCH_ANIMATIONS = """() => {
    window.animations = [];
    const keep = (event) => window.animations.push({
        kind: event.type,
        badge: event.target.matches(".task-status-badge"),
        seconds: event.elapsedTime, // by the animation's own clock
    });
    for (const type of ["animationstart", "animationend", "animationcancel"])
        document.addEventListener(type, keep, true);
}"""
BADGE_ANIMATIONS = "() => window.animations.filter((animation) => animation.badge)"


@pytest.fixture
def page(api: Api, pages: Pages) -> Page:
    opened = pages.open(tasks_url(api))
    expect_live(opened)
    return opened


def test_a_new_task_appears_at_once(api: Api, page: Page) -> None:
    task = api.create("backup of the photographs")
    row = Row(page, task)
    expect(row.locator).to_be_visible()
    expect(row.locator).to_contain_text("backup of the photographs")
    expect(row.locator).to_contain_text(str(task["id"]))
    expect(row.badge).to_have_text(re.compile("pending"))


def test_status_changes_and_its_badge_pulses(api: Api, page: Page) -> None:
    task = api.create()
    row = Row(page, task)
    expect(row.badge).to_have_text(re.compile("pending"))
    page.evaluate(WATCH_ANIMATIONS)
    api.patch(task, status="running")
    expect(row.badge).to_have_text(re.compile("running"))
    wait_until(page, f"() => ({BADGE_ANIMATIONS})().length === 2")
    began, ended = page.evaluate(BADGE_ANIMATIONS)
    assert began["kind"] == "animationstart"
    assert ended["kind"] == "animationend"
    assert ended["seconds"] == pytest.approx(0.5)


def test_progress_alone_does_not_pulse(api: Api, page: Page) -> None:
    task = api.create(status="running")
    row = Row(page, task)
    expect(row.badge).to_have_text(re.compile("running"))
    page.evaluate(WATCH_ANIMATIONS)
    api.patch(task, progress=30)
    row.bar.expect_value("30")
    assert page.evaluate(BADGE_ANIMATIONS) == []


def test_nothing_pulses_when_motion_is_unwelcome(api: Api, pages: Pages) -> None:
    page = pages.open(tasks_url(api), reduced_motion="reduce")
    expect_live(page)
    task = api.create()
    row = Row(page, task)
    expect(row.locator).to_be_visible()
    page.evaluate(WATCH_ANIMATIONS)
    api.patch(task, status="completed")
    expect(row.badge).to_have_text(re.compile("completed"))
    assert page.evaluate(BADGE_ANIMATIONS) == []


def test_progress_message_and_counts_follow(api: Api, page: Page) -> None:
    task = api.create(status="running", total=2680, unit="files")
    row = Row(page, task)
    expect(row.locator).to_be_visible()
    api.patch(task, current=1206, message="copying holidays.jpg")
    row.bar.expect_value("45")
    expect(row.locator).to_contain_text("1,206 / 2,680 files")
    expect(row.locator).to_contain_text("45 %")
    expect(row.locator).to_contain_text("copying holidays.jpg")


def test_a_retry_counts(api: Api, page: Page) -> None:
    task = api.create(claimable=True, status="failed", max_retries=3, error="disk full")
    row = Row(page, task)
    expect(row.retries).to_have_text(re.compile(r"^\s*0\b"))
    api.call("POST", f"/api/tasks/{task['id']}/retry", {})
    expect(row.retries).to_have_text(re.compile(r"^\s*1\b"))
    expect(row.badge).to_have_text(re.compile("pending"))


def test_the_time_is_of_the_last_change(api: Api, page: Page) -> None:
    task = api.create()
    row = Row(page, task)
    expect(row.time).to_have_text("just now")
    changed = api.patch(task, status="running")
    stamp = changed["updated_at"].replace("T", " ").replace("Z", "")
    expect(row.time).to_have_attribute("title", re.compile(re.escape(stamp[:19])))


def test_a_deleted_task_is_seen_to_go(api: Api, page: Page) -> None:
    task = api.create()
    row = Row(page, task)
    expect(row.locator).to_be_visible()
    api.delete(task)
    wait_until(
        page,
        """id => {
            const row = document.querySelector(`tr[data-task-id="${id}"]`);
            return !row || /deleted/i.test(row.title + row.textContent + row.className);
        }""",
        arg=task["id"],
    )


def test_a_finished_task_says_so_in_a_toast(api: Api, page: Page) -> None:
    task = api.create("nightly build", status="running")
    api.patch(task, status="completed")
    expect(toasts(page)).to_contain_text(["nightly build"])
    expect(toasts(page)).to_contain_text(["completed"])


def test_a_failure_stays_and_leads_to_its_task(api: Api, page: Page) -> None:
    task = api.create("nightly build", status="running")
    api.patch(task, status="failed", error="disk full")
    toast = toasts(page).filter(has_text="nightly build")
    expect(toast).to_contain_text("failed")
    expect(toast).to_contain_text("disk full")
    toast.get_by_role("link").first.click()
    expect(page).to_have_url(task_url(api, task))


def test_a_notice_is_shown(api: Api, page: Page) -> None:
    api.notice(f"deploy {api.queue}", "version 12 is out", level="success")
    expect(toasts(page).filter(has_text=api.queue)).to_contain_text("version 12 is out")


@pytest.mark.owned
def test_toasts_are_at_most_three_and_the_rest_is_counted(api: Api, page: Page) -> None:
    for number in range(5):
        api.create(f"job {number}", status="running")
    for task in api.list():
        api.patch(task, status="failed", error="no")
    expect(page.get_by_text("and 2 more")).to_be_visible()
    assert toasts(page).locator("visible=true").count() <= 4  # three, and the count perhaps


def test_a_flood_never_loses_the_last_value(api: Api, page: Page) -> None:
    tasks = [api.create(f"job {number}", status="running") for number in range(5)]
    for value in range(1, 100):
        updates = [{"id": task["id"], "progress": value} for task in tasks]
        api.call("PATCH", "/api/tasks", {"updates": updates})
    for task in tasks:
        Row(page, task).bar.expect_value("99")


@pytest.mark.parametrize("last", ["completed", "failed", "cancelled"])
def test_a_finished_task_is_not_brought_back(api: Api, page: Page, last: str) -> None:
    """A late report of a finished task changes neither the row nor the counts."""
    task = api.create(status="running", progress=40)
    row = Row(page, task)
    api.patch(task, status=last)
    expect(row.badge).to_have_text(re.compile(last))
    late = api.http.patch(f"/api/tasks/{task['id']}", json={"status": "running", "progress": 70})
    assert late.status_code == 409
    marker = api.create("after it")
    expect(Row(page, marker).locator).to_be_visible()
    expect(row.badge).to_have_text(re.compile(last))
    row.bar.expect_value("100" if last == "completed" else "40")


def test_a_task_that_is_over_in_no_time_is_seen_as_over(api: Api, page: Page) -> None:
    task = api.create(status="running")
    api.patch(task, status="completed")
    expect(Row(page, task).badge).to_have_text(re.compile("completed"))


def test_a_second_tab_sees_the_same(api: Api, page: Page) -> None:
    second = page.context.new_page()
    second.goto(page.url)
    expect_live(second)
    task = api.create(status="running", progress=5)
    api.patch(task, progress=60)
    for tab in (page, second):
        Row(tab, task).bar.expect_value("60")
