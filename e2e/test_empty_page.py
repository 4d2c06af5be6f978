"""A fresh server shows how to make the first task, and the commands it shows are right."""

import subprocess

import pytest
from playwright.sync_api import expect

from e2e.elements import expect_live, wait_until
from e2e.pages import Pages
from e2e.server import Server, environment

pytestmark = pytest.mark.owned


def test_it_tells_how_to_begin(server: Server, pages: Pages) -> None:
    page = pages.open(f"{server.url}/tasks")
    expect_live(page)
    expect(page.get_by_role("heading", name="No tasks yet")).to_be_visible()
    commands = page.locator("#empty code").all_inner_texts()
    assert commands
    assert all(server.url in command for command in commands)
    expect(page.locator("#table-frame")).to_be_hidden()


def test_a_copied_command_makes_the_first_task(server: Server, pages: Pages) -> None:
    page = pages.open(server.url, permissions=["clipboard-read", "clipboard-write"])
    expect_live(page)
    curl = page.locator("#empty .command").filter(has_text="curl")
    curl.get_by_role("button").click()
    wait_until(page, "async () => (await navigator.clipboard.readText()).includes('curl')")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == curl.locator("code").inner_text()
    done = subprocess.run(
        ["sh", "-c", copied], capture_output=True, text=True, env=environment(), check=False
    )
    assert done.returncode == 0, done.stderr
    expect(page.locator("#rows tr[data-task-id]")).to_have_count(1)
    expect(page.locator("#empty")).to_be_hidden()
    expect(page.locator("#rows")).to_contain_text("backup")


def test_it_is_empty_again_after_the_last_task_has_gone(server: Server, pages: Pages) -> None:
    task = server.api.create()
    page = pages.open(f"{server.url}/tasks")
    expect_live(page)
    expect(page.locator("#empty")).to_be_hidden()
    server.api.delete(task)
    page.reload()
    expect(page.get_by_role("heading", name="No tasks yet")).to_be_visible()


def test_the_root_leads_to_the_tasks(server: Server, pages: Pages) -> None:
    page = pages.open(server.url)
    expect(page).to_have_url(f"{server.url}/tasks")
