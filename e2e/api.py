"""What the tests do over HTTP: make tasks as a script would, and remove them again."""

from collections.abc import Callable, Sequence
from typing import Any, Self

import httpx

from e2e import run

Task = dict[str, Any]


class Api:
    """The HTTP API of one server, confined to a queue of its own, so that nothing else is met."""

    def __init__(self, url: str, token: str | None = None, *, insecure: bool = False) -> None:
        self.url = url.rstrip("/")
        self.queue = run.new_queue()
        self._token = token
        self._insecure = insecure
        # Proxies of the environment are for other hosts.
        self.http = httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=20,
            trust_env=False,
            verify=not insecure,
        )

    def another(self) -> "Api":
        """The same server, in another queue, over connections of its own."""
        return Api(self.url, self._token, insecure=self._insecure)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def call(self, method: str, path: str, body: object = None) -> Any:
        response = self.http.request(method, path, json=body)
        assert response.is_success, f"{method} {path}: {response.status_code} {response.text}"
        return response.json() if response.content else None

    def create(self, name: str = "task", **fields: object) -> Task:
        body = {"name": name, "queue": self.queue, **fields}
        task: Task = self.call("POST", "/api/tasks", body)
        return task

    def create_many(self, count: int, **fields: object) -> None:
        """A crowd, fast: several connections at once, so that commits are shared."""
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda n: self.create(f"bulk {n:05d}", **fields), range(1, count + 1)))

    def patch(self, task: Task, **fields: object) -> Task:
        changed: Task = self.call("PATCH", f"/api/tasks/{task['id']}", fields)
        return changed

    def get(self, task: Task) -> Task:
        found: Task = self.call("GET", f"/api/tasks/{task['id']}")
        return found

    def delete(self, task: Task) -> None:
        self.call("DELETE", f"/api/tasks/{task['id']}")

    def list(self, **query: str) -> Any:
        response = self.http.get("/api/tasks", params={"queue": self.queue, **query})
        return response.raise_for_status().json()["tasks"]

    def append(self, task: Task, *texts: str, **fields: object) -> Any:
        lines = [{"text": text, **fields} for text in texts]
        return self.call("POST", f"/api/tasks/{task['id']}/logs", {"lines": lines})

    def notice(self, name: str, message: str, **fields: object) -> None:
        self.call("POST", "/api/events", {"name": name, "message": message, **fields})

    def heartbeats(self, count: int) -> None:
        """Let so many heartbeats of a stream pass: the product's own clock, 2 s a beat."""
        seen = 0
        accept = {"Accept": "text/event-stream"}
        with self.http.stream("GET", "/events/system?heartbeat=2", headers=accept) as response:
            for line in response.iter_lines():
                seen += line == "event: HEARTBEAT"
                if seen == count:
                    return
        raise AssertionError(f"the stream ended after {seen} heartbeats")

    def clean(self) -> None:
        """Remove what this queue has; nothing else is touched."""
        self._remove([self.queue])

    def sweep(self, which: Callable[[str], bool]) -> Sequence[str]:
        """Remove what is in queues with such names; those names."""
        found = [queue for queue in self.call("GET", "/api/stats")["queues"] if which(queue)]
        if found:
            self._remove(found)
        return found

    def _remove(self, queues: Sequence[str]) -> None:
        body = {"action": "delete", "filter": {"queue": queues}}
        while True:  # at most so many at a time
            done = self.call("POST", "/api/tasks/batch", body)
            if done["count"] <= len(done["results"]):
                return
