"""Bars: value, colour, words and what a screen reader is told, for every kind of number."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from e2e.api import Api
from e2e.elements import Bar, Row, expect_live, task_url, tasks_url, wait_until
from e2e.pages import Pages

VALUES = [
    (0, "0", "primary"),
    (0.3, "0.3", "primary"),
    (49.9, "49.9", "primary"),
    (50, "50", "info"),
    (99.96, "99.9", "info"),  # never rounded up to done
    (100, "100", "success"),
]


@pytest.mark.parametrize(("progress", "value", "colour"), VALUES)
def test_value_and_colour(api: Api, pages: Pages, progress: float, value: str, colour: str) -> None:
    """The same whether the server drew it or an event moved it."""
    drawn = api.create("drawn", status="running", progress=progress)
    moved = api.create("moved", status="running")
    page = pages.open(tasks_url(api))
    expect_live(page)
    api.patch(moved, progress=progress)
    for task in (drawn, moved):
        bar = Row(page, task).bar
        bar.expect_value(value)
        bar.expect_colour(colour)
        expect(bar.locator).to_have_attribute("role", "progressbar")
        expect(bar.locator).to_have_attribute("aria-valuemin", "0")
        expect(bar.locator).to_have_attribute("aria-valuemax", "100")
        expect(bar.locator).to_have_attribute("aria-label", re.compile(str(task["id"])))
        wait_until(
            page,
            """([id, share]) => {
                const bar = document.querySelector(`tr[data-task-id="${id}"] .task-progress-bar`);
                const [whole, part] = [bar, bar.querySelector(".progress-bar")].map(
                    (element) => element.getBoundingClientRect().width);
                return Math.abs(part - whole * share / 100) < 1.5;
            }""",
            arg=[task["id"], progress],
        )


def test_an_unknown_length_is_indeterminate_until_it_is_known(api: Api, pages: Pages) -> None:
    task = api.create(status="running", current=7, unit="files")
    page = pages.open(tasks_url(api))
    expect_live(page)
    row = Row(page, task)
    row.bar.expect_indeterminate()
    expect(row.locator).to_contain_text("7 files")
    expect(row.locator).not_to_contain_text("%")
    api.patch(task, total=10)
    row.bar.expect_value("70")


def test_zero_of_zero_is_unknown_not_a_number(api: Api, pages: Pages) -> None:
    task = api.create(status="running", current=0, total=0)
    page = pages.open(tasks_url(api))
    expect_live(page)
    Row(page, task).bar.expect_indeterminate()
    expect(page.locator("body")).not_to_contain_text(re.compile("NaN|Infinity|undefined|null"))


def test_the_last_value_stays_when_it_fails(api: Api, pages: Pages) -> None:
    task = api.create(status="running", progress=75)
    page = pages.open(tasks_url(api))
    expect_live(page)
    row = Row(page, task)
    api.patch(task, status="failed", error="disk full")
    expect(row.badge).to_contain_text("failed")
    row.bar.expect_value("75")
    expect(row.locator).to_contain_text("disk full")


def test_completion_fills_it(api: Api, pages: Pages) -> None:
    task = api.create(status="running", current=1, total=9)
    page = pages.open(tasks_url(api))
    expect_live(page)
    bar = Row(page, task).bar
    bar.expect_value("11.1")
    api.patch(task, status="completed")
    bar.expect_value("100")
    bar.expect_colour("success")


def test_it_does_not_go_back(api: Api, pages: Pages) -> None:
    task = api.create(status="running", progress=60)
    page = pages.open(tasks_url(api))
    expect_live(page)
    bar = Row(page, task).bar
    api.patch(task, progress=20)
    api.patch(task, message="after the step back")
    expect(page.get_by_text("after the step back")).to_be_visible()
    bar.expect_value("60")


ODD: list[tuple[str, Any]] = [
    ("progress", -5),
    ("progress", 130),
    ("progress", True),
    ("progress", "50"),
    ("progress", 10**30),
    ("total", -1),
    ("current", 1e16),
]


@pytest.mark.parametrize(("field", "value"), ODD)
def test_odd_numbers_are_refused_and_harm_nothing(
    api: Api, pages: Pages, field: str, value: Any
) -> None:
    task = api.create(status="running", progress=10)
    page = pages.open(tasks_url(api))
    expect_live(page)
    refused = api.http.patch(f"/api/tasks/{task['id']}", json={field: value})
    assert refused.status_code == 422
    assert field in refused.text
    api.patch(task, progress=11)
    Row(page, task).bar.expect_value("11")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_number_is_refused_and_harms_nothing(
    api: Api, pages: Pages, number: str
) -> None:
    task = api.create(status="running", progress=10)
    page = pages.open(tasks_url(api))
    expect_live(page)
    refused = api.http.patch(
        f"/api/tasks/{task['id']}",
        content=f'{{"progress": {number}}}',
        headers={"Content-Type": "application/json"},
    )
    assert refused.status_code == 400
    api.patch(task, progress=11)
    Row(page, task).bar.expect_value("11")


def test_more_than_the_total_is_all_of_it(api: Api, pages: Pages) -> None:
    task = api.create(status="running", current=12, total=10)
    page = pages.open(task_url(api, task))
    Bar(page.locator("main")).expect_value("100")


def test_sums_of_floats_show_no_dust(api: Api, pages: Pages) -> None:
    task = api.create(status="running", current=0.1 + 0.2, total=1)
    page = pages.open(tasks_url(api))
    row = Row(page, task)
    row.bar.expect_value("30")
    expect(row.locator).to_contain_text("0.3 / 1")
    expect(row.locator).not_to_contain_text("0000")
