"""What docs/deployment.md says, done: its commands, its service and its proxies' configurations."""

from __future__ import annotations

import configparser
import re
import shlex
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from e2e.boxes import BOXES, Address, Box, apache, caddy, nginx
from tests.conftest import Server, wait_until

DOCUMENT = (Path(__file__).parent.parent / "docs" / "deployment.md").read_text()
LANGUAGES = {
    "nginx": "nginx", "haproxy": "haproxy", "apache": "apache", "caddy": "caddy", "varnish": "vcl",
    "traefik": "yaml",
}  # fmt: skip


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT, re.DOTALL | re.MULTILINE)


# What stands around a block, in the configuration that comes with each product.
HAPROXY = """
defaults
    mode http
    timeout connect 5s
    timeout client 50s
    timeout server 50s

%(block)s
"""
FRAMES = {
    "nginx": nginx.PREAMBLE + "%(block)s\n}\n",
    "haproxy": HAPROXY,
    "apache": apache.PREAMBLE + "%(block)s\n",
    "caddy": caddy.PREAMBLE + "\n%(block)s\n",
}
USERS = {"nginx": nginx.USER, "apache": apache.USER}


class Documented:
    """A box with a block of the document; only its addresses are changed."""

    def __init__(self, name: str, block: str) -> None:
        self.name = name
        self.block = block

    def before(self, folder: Path, upstream: Address) -> Box:
        outer = self
        product: Any = BOXES[self.name]

        class Written(product):  # type: ignore[misc]
            def configure(self) -> list[str]:
                usual = super().configure()
                known = next(Path(word) for word in usual if (folder / word).is_file())
                file = folder / f"documented{known.suffix}"
                file.write_text(outer.filled(self))
                return [str(file) if word == str(known) else word for word in usual]

        box: Box = Written(folder, upstream)
        return box

    def filled(self, box: Box) -> str:
        here, there = f"127.0.0.1:{box.port}", "{}:{}".format(*box.upstream)
        block = self.block.replace("127.0.0.1:8000", there)
        changes = {
            "listen 80": f"listen {here}",
            "bind :80": f"bind {here}",
            "*:80": here,
            "dash.example {": f"http://dash.example:{box.port} {{\n    bind 127.0.0.1",
            '"8000"': f'"{box.upstream[1]}"',
        }
        for old, new in changes.items():
            block = block.replace(old, new)
        if self.name == "nginx" and "server {" not in block:
            block = f"server {{ listen {here}; {block} }}"
        values = {
            "block": block,
            "folder": str(box.folder),
            "port": str(box.port),
            "modules": apache.LOADED,
            "user": USERS.get(self.name, ""),
        }
        return FRAMES.get(self.name, "%(block)s") % values


@pytest.mark.parametrize("prefix", ["", "/dash"], ids=["host", "path"])
@pytest.mark.parametrize("name", LANGUAGES)
def test_a_proxy_as_documented(
    name: str, prefix: str, make_server: Callable[..., Server], tmp_path: Path
) -> None:
    if not BOXES[name].installed():
        pytest.skip(f"{BOXES[name].program} is not installed: it comes with {BOXES[name].package}")
    own, path = blocks(LANGUAGES[name])
    flags = ["--trusted-proxies", "127.0.0.1", "--allowed-hosts", "dash.example", "--access-log"]
    server = make_server(*flags)
    upstream = ("127.0.0.1", int(server.url.rpartition(":")[2]))
    folder = tmp_path / "box"
    folder.mkdir()
    with Documented(name, path if prefix else own).before(folder, upstream) as box:
        host = f"dash.example:{box.port}"
        # As seen from the proxy, a stranger, who says what is not so.
        forged = {
            "X-Forwarded-For": "198.51.100.1",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": "evil.example",
            "X-Forwarded-Prefix": "/evil",
        }
        with httpx.Client(
            base_url=f"http://127.0.0.1:{box.port}",
            headers={"Host": host, **forged},
            transport=httpx.HTTPTransport(local_address="127.0.0.2"),
            timeout=60,
        ) as http:
            page = http.get(f"{prefix}/tasks")
            assert page.status_code == 200, page.text
            assert f'class="own-address">http://{host}{prefix}<' in page.text
            wait_until(lambda: f'127.0.0.2 "GET {prefix}/tasks HTTP/1.' in server.log())
            root = http.get(prefix or "/")
            for _ in range(3):
                if root.is_redirect:
                    location = httpx.URL(root.headers["Location"])
                    assert location.host in ("", "dash.example")
                    root = http.get(root.url.join(location).copy_with(host="127.0.0.1"))
            assert root.url.path == f"{prefix}/tasks"
            assert root.status_code == 200
            write = http.post(
                f"{prefix}/api/tasks", json={"name": "x"}, headers={"Origin": f"http://{host}"}
            )
            assert write.status_code == 201
            stream = {"Accept": "text/event-stream"}
            with http.stream("GET", f"{prefix}/events/system", headers=stream) as answer:
                assert "HELLO" in next(answer.iter_text())


def test_the_certificate_as_documented(make_server: Callable[..., Server], tmp_path: Path) -> None:
    (command,) = re.findall(r"^    (openssl .*)$", DOCUMENT, re.MULTILINE)
    subprocess.run(shlex.split(command), cwd=tmp_path, check=True, capture_output=True)
    cert, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    server = make_server("--certfile", str(cert), "--keyfile", str(key))
    verify = ssl.create_default_context(cafile=cert)
    for host in ("localhost", "127.0.0.1"):
        url = server.url.replace("127.0.0.1", host)
        assert httpx.get(f"{url}/healthz", verify=verify, timeout=30).status_code == 200


def test_the_service_as_documented() -> None:
    (unit,) = blocks("ini")
    parsed: Any = configparser.ConfigParser(interpolation=None)
    parsed.read_string(unit)
    command = parsed["Service"]["ExecStart"].split()
    assert command[1:] == ["serve", "--config", "/etc/livequeue.toml"]
    assert parsed["Service"]["Environment"].startswith("LIVEQUEUE_DB=")
