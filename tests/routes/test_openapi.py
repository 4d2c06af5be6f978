"""The description of the API: complete, consistent, and nothing from outside."""

from __future__ import annotations

import json
import re

import httpx
import pytest

from app.resources import STATIC


def test_every_route_for_programs_is_described(http: httpx.Client) -> None:
    document = http.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    operations = {
        (method, path) for path, methods in document["paths"].items() for method in methods
    }
    assert {
        ("post", "/api/tasks"),
        ("get", "/api/tasks"),
        ("patch", "/api/tasks"),
        ("get", "/api/tasks/{task_id}"),
        ("patch", "/api/tasks/{task_id}"),
        ("delete", "/api/tasks/{task_id}"),
        ("post", "/api/tasks/{task_id}/cancel"),
        ("post", "/api/tasks/{task_id}/retry"),
        ("post", "/api/tasks/{task_id}/heartbeat"),
        ("post", "/api/tasks/{task_id}/logs"),
        ("get", "/api/tasks/{task_id}/logs"),
        ("post", "/api/tasks/batch"),
        ("post", "/api/events"),
        ("get", "/api/stats"),
        ("get", "/api/storage"),
        ("get", "/healthz"),
    } <= operations
    assert all(
        path.startswith(("/api/", "/events/", "/healthz", "/readyz")) for _, path in operations
    )


def test_every_operation_is_in_a_section_and_says_what_it_does(http: httpx.Client) -> None:
    document = http.get("/openapi.json").json()
    sections = {tag["name"]: 0 for tag in document["tags"]}
    assert all(tag["description"] for tag in document["tags"])
    for path, methods in document["paths"].items():
        for operation in methods.values():
            (tag,) = operation["tags"]
            sections[tag] += 1
            assert operation["summary"].endswith("."), path
    assert min(sections.values()) > 0


def test_streams_and_polls_are_described(http: httpx.Client) -> None:
    follow = http.get("/openapi.json").json()["paths"]["/events/{topics}"]["get"]
    names = {(item["in"], item["name"]) for item in follow["parameters"]}
    assert {("path", "topics"), ("query", "after"), ("header", "Last-Event-ID")} <= names
    answers = follow["responses"]["200"]["content"]
    assert set(answers) == {"application/json", "text/event-stream"}


def test_references_resolve_and_operations_have_own_names(http: httpx.Client) -> None:
    document = http.get("/openapi.json").json()
    known = document["components"]["schemas"]
    references = re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document))
    assert set(references) <= set(known)
    names = [
        operation["operationId"]
        for methods in document["paths"].values()
        for operation in methods.values()
    ]
    assert len(names) == len(set(names))


def test_limits_and_bodies_are_those_of_the_code(http: httpx.Client) -> None:
    document = http.get("/openapi.json").json()
    create = document["components"]["schemas"]["TaskCreate"]
    assert create["additionalProperties"] is False
    assert create["properties"]["name"]["maxLength"] == 200
    assert create["properties"]["progress"]["anyOf"][0]["maximum"] == 100
    bodies = document["paths"]["/api/tasks"]["post"]["requestBody"]["content"]
    assert set(bodies) == {"application/json", "application/x-www-form-urlencoded"}
    logs = document["paths"]["/api/tasks/{task_id}/logs"]["post"]["requestBody"]["content"]
    assert set(logs) == {"application/json", "application/x-ndjson", "text/plain"}
    append = document["paths"]["/api/tasks/{task_id}/logs"]["post"]
    query = {item["name"] for item in append["parameters"] if item["in"] == "query"}
    assert query == {"stream", "level", "producer", "batch", "attempt"}
    (key,) = (
        parameter["schema"]
        for parameter in document["paths"]["/api/tasks"]["post"]["parameters"]
        if parameter["name"] == "Idempotency-Key"
    )
    assert key["pattern"] == "^[ -~]{1,200}$"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_signs_of_life_are_described(http: httpx.Client, path: str) -> None:
    document = http.get("/openapi.json").json()
    content = document["paths"][path]["get"]["responses"]["200"]["content"]
    reference = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
    assert set(document["components"]["schemas"][reference]["required"]) == set(
        http.get(path).json()
    )


def test_what_it_says_of_itself_is_translated(http: httpx.Client) -> None:
    """By its English words, so that a changed sentence is translated anew."""
    document = http.get("/openapi.json").json()
    operations = [spec for methods in document["paths"].values() for spec in methods.values()]
    texts = [document["info"]["description"]]
    texts += [tag[part] for tag in document["tags"] for part in ("name", "description")]
    texts += [spec[part] for spec in operations for part in ("summary", "description")]
    texts += [spec.get("description") for spec in document["components"]["schemas"].values()]
    translated = json.loads((STATIC / "locale" / "api.zh.json").read_text(encoding="utf-8"))
    assert list(translated) == sorted({" ".join(text.split()) for text in texts if text})


def test_the_page_loads_nothing_from_outside(http: httpx.Client) -> None:
    page = http.get("/docs", headers={"Accept": "text/html"})
    assert page.status_code == 200
    addresses = re.findall(r'(?:src|href)="([^"#]+)"', page.text)
    assert addresses
    assert all(address.startswith("./") for address in addresses)
    scripts = [address for address in addresses if address.endswith("docs.js")]
    assert http.get(scripts[0]).status_code == 200
