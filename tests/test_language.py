"""Which language a reader gets: the one chosen on a page, else what the browser likes best."""

from __future__ import annotations

import json
import re

import httpx
import pytest

from app.language import choose

CHINESE = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"}
PAGE = {"Accept": "text/html"}


@pytest.mark.parametrize(
    ("header", "cookie", "expected"),
    [
        (None, None, "en"),
        ("", None, "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", None, "zh"),
        ("zh-TW, en;q=0.9", None, "zh"),
        ("zh-Hant-TW", None, "zh"),
        ("ZH-hans", None, "zh"),
        ("en-GB,zh;q=0.9", None, "en"),
        ("de,zh;q=0.5,en;q=0.7", None, "en"),
        ("de, en; q=0.5, zh ; q=0.7", None, "zh"),
        ("de,fr", None, "en"),
        ("zh,en", None, "zh"),
        ("en,zh", None, "en"),
        ("zh;q=0,en", None, "en"),
        ("zh;q=nonsense, en", None, "en"),
        ("zh;q=7, en", None, "en"),
        ("*", None, "en"),
        ("zh;q=0.1,*;q=0.5", None, "en"),
        ("en;q=0,*", None, "zh"),
        ("en", "zh", "zh"),
        ("zh", "en", "en"),
        ("zh", "../../etc", "zh"),
    ],
)
def test_choice(header: str | None, cookie: str | None, expected: str) -> None:
    assert choose(header, cookie) == expected


@pytest.mark.parametrize("path", ["/tasks", "/logs", "/storage", "/network", "/docs", "/nothing"])
def test_pages_say_their_language(http: httpx.Client, path: str) -> None:
    for wish, tag in ((CHINESE, "zh-CN"), ({"Accept-Language": "en-GB"}, "en")):
        answer = http.get(path, headers=PAGE | wish)
        assert answer.headers["Content-Language"] == tag
        assert {"Accept-Language", "Cookie"} <= set(answer.headers["Vary"].split(", "))
        assert f'<html lang="{tag}"' in answer.text


def test_problems_are_in_the_readers_language(http: httpx.Client) -> None:
    task = http.post("/api/tasks", json={"name": "x", "status": "completed"}).json()["id"]
    in_chinese = http.post(f"/api/tasks/{task}/cancel", headers=CHINESE)
    assert in_chinese.headers["Content-Language"] == "zh-CN"
    assert in_chinese.json() == {
        "type": "about:blank",
        "title": "状态冲突",
        "status": 409,
        "detail": f"任务 #{task} 已完成，没有可取消的内容。",
    }
    for headers in ({}, {"Accept-Language": "zh", "Cookie": "lang=en"}):
        answer = http.post(f"/api/tasks/{task}/cancel", headers=headers)
        assert answer.headers["Content-Language"] == "en"
        assert answer.headers["Vary"] == "Accept, Accept-Language, Cookie"
        assert answer.json()["detail"].startswith(f"Task #{task} is already completed")


def test_results_of_many_are_in_the_readers_language(http: httpx.Client) -> None:
    batch = {"action": "cancel", "ids": [999999]}
    answer = http.post("/api/tasks/batch", json=batch, headers={"Cookie": "lang=zh"})
    assert answer.json()["results"][0]["problem"]["detail"] == "没有任务 #999999。"
    answer = http.patch("/api/tasks", json={"updates": [{"id": 999999}, {}]}, headers=CHINESE)
    details = [result["problem"]["detail"] for result in answer.json()["results"]]
    assert details == ["没有任务 #999999。", "id：必须是整数"]


def test_fields_keep_their_names_and_are_readable_on_pages(http: httpx.Client) -> None:
    query = "status=gone&limit=many"
    error = http.get(f"/api/tasks?{query}", headers=CHINESE).json()["errors"][0]
    assert error["field"] in ("status", "limit")
    page = http.get("/tasks?status=gone", headers=PAGE).text
    assert "Status: &#39;gone&#39; is not a valid value" in page
    assert "status[0]" not in page
    page = http.get("/tasks?status=gone", headers=PAGE | CHINESE).text
    assert "状态：&#39;gone&#39; 不是有效的值" in page


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", 5),
        ("name", "a\u0007"),
        ("progress", 101),
        ("progress", "much"),
        ("total", -1),
        ("queue", "a b"),
        ("unit", "x" * 33),
        ("status", "gone"),
        ("labels", [1]),
        ("labels", {"a b": "c"}),
        ("run_at", "tomorrow"),
        ("run_at", "2026-11-25T15:00:00"),
        ("claimable", 1),
        ("heartbeat_timeout", 1),
        ("colour", "red"),
    ],
)
def test_what_validation_says_is_translated(http: httpx.Client, field: str, value: object) -> None:
    answer = http.post("/api/tasks", json={"name": "x"} | {field: value}, headers=CHINESE)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    words = error["message"].replace(json.dumps(value), "").replace(f"{value!r}", "")
    names = r"RFC 3339|JSON|true|false|null|A-Za-z0-9\._-|'?gone'?|2026-11-25T15:00:00Z"
    assert re.search(r"[\u4e00-\u9fff]", words)
    assert not re.search(r"[A-Za-z]", re.sub(names, "", words)), words
