"""Each box starts, hands a request on, and is gone when it was stopped."""

import socket
from pathlib import Path

import httpx
import pytest

from e2e.boxes import BOXES, Address, Box, BoxError, Certificate, privoxy, traefik

ALL = list(BOXES.values())
STATIC = Path(__file__).parents[2] / "static"
REVERSE = [box for box in ALL if box.kind == "reverse"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate.make(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def upstream(base_url: str) -> Address:
    url = httpx.URL(base_url)
    assert url.port
    return url.host, url.port


def needed(box: type[Box]) -> type[Box]:
    if not box.installed():
        pytest.skip(f"{box.program} is not installed: it comes with {box.package}")
    return box


def get(box: Box, address: str) -> httpx.Response:
    proxy = box.proxy if box.kind == "forward" else None
    # The certificates are nobody's: these connections do not leave the machine.
    with httpx.Client(proxy=proxy, trust_env=False, verify=False, timeout=20) as client:  # noqa: S501
        return client.get(address)


@pytest.mark.parametrize("box", ALL, ids=list(BOXES))
def test_it_hands_a_request_on(box: type[Box], tmp_path: Path, upstream: Address) -> None:
    with needed(box)(tmp_path / "box", upstream) as running:
        address = running.url if running.kind == "reverse" else "http://{}:{}".format(*upstream)
        for _ in range(2):
            answer = get(running, f"{address}/healthz")
            assert answer.status_code == 200, answer.text
            assert answer.headers["content-type"].startswith("application/json")
            running.restart()
        port = running.port
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize("keep", [False, True], ids=["stripped", "kept"])
@pytest.mark.parametrize("box", REVERSE, ids=lambda box: box.name)
def test_a_prefix_is_stripped_or_kept(
    box: type[Box], keep: bool, tmp_path: Path, upstream: Address
) -> None:
    with needed(box)(tmp_path / "box", upstream, prefix="/dash", keep_prefix=keep) as running:
        assert running.url.endswith("/dash")
        to_slash = get(running, running.url)
        assert to_slash.is_redirect
        assert to_slash.headers["location"].endswith("/dash/")
        answer = get(running, f"{running.url}/healthz")
        # Nothing but the path tells which it was: this server knows no /dash/healthz.
        assert answer.status_code == (404 if keep else 200), answer.text


@pytest.mark.parametrize("box", [box for box in REVERSE if box.can_tls], ids=lambda box: box.name)
def test_it_speaks_tls(
    box: type[Box], tmp_path: Path, upstream: Address, certificate: Certificate
) -> None:
    with needed(box)(tmp_path / "box", upstream, tls=certificate) as running:
        assert running.url.startswith("https://")
        assert get(running, f"{running.url}/healthz").status_code == 200


EXTRA = {
    "nginx": "proxy_hide_header X-Accel-Buffering;",
    "haproxy": "timeout tunnel 1h",
    "apache": "SetEnv proxy-sendchunked 1",
    "varnish": "sub vcl_backend_response { set beresp.grace = 1s; }",
    "caddy": "flush_interval -1",
    "traefik": traefik.DYNAMIC,
    "squid": "read_timeout 1 hour",
    "tinyproxy": "Timeout 3600",
    "privoxy": "socket-timeout 3600",
    "mitmdump": "http2=false",
}


@pytest.mark.parametrize("name", EXTRA)
def test_lines_of_the_user_are_taken(name: str, tmp_path: Path, upstream: Address) -> None:
    with needed(BOXES[name])(tmp_path / "box", upstream, extra=EXTRA[name]) as running:
        address = running.url if running.kind == "reverse" else "http://{}:{}".format(*upstream)
        assert get(running, f"{address}/healthz").status_code == 200


def test_a_wrong_configuration_is_shown(tmp_path: Path, upstream: Address) -> None:
    box = needed(BOXES["nginx"])(tmp_path / "box", upstream, extra="no_such_directive on;")
    with pytest.raises(BoxError, match="no_such_directive"):
        box.start()


def test_no_file_of_the_pages_is_taken_for_an_advertisement(
    tmp_path: Path, upstream: Address
) -> None:
    """Blockers go by names: a script called popover.js never reached the page behind Privoxy."""
    with needed(privoxy.Privoxy)(tmp_path / "box", upstream) as running:
        for file in sorted(STATIC.rglob("*.*")):
            name = file.relative_to(STATIC)
            answer = get(running, "http://{}:{}/assets/x/{}".format(*upstream, name))
            assert answer.status_code == 200, name
