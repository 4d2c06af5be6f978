"""Why a server cannot be reached, in words: names, proxies, certificates, portals, prefixes."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

import httpx

from livequeue_client.check_answer import Answer, ask
from livequeue_client.connection import LOOPBACK

_ROOT = re.compile(r'<html\b[^>]*\bdata-root="([^"]*)"', re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>\s*([^<]{1,80}?)\s*</title>", re.IGNORECASE)


class Blocked(Exception):
    """The server is not reached. `reason` is a word for programs; `advice` what to do."""

    def __init__(self, reason: str, text: str, advice: str = "") -> None:
        super().__init__(text)
        self.reason = reason
        self.advice = advice


class Proxy(NamedTuple):
    """A proxy to go through, and where it is set; `ignored`: why one that is set is not used."""

    url: str | None = None
    source: str = ""
    ignored: str = ""

    @property
    def shown(self) -> str:
        """Without a password."""
        return re.sub(r"//[^@/]*@", "//", self.url or "")


def choose_proxy(address: str, given: str | None, environ: Mapping[str, str] = os.environ) -> Proxy:
    """The proxy named on the command line, else the environment's, as `livequeue run` uses it."""
    if given:
        return Proxy(_with_scheme(given), "--proxy")
    parts = urlsplit(address)
    proxies = getproxies_environment()
    kind = parts.scheme if parts.scheme in proxies else "all"
    if kind not in proxies:
        return Proxy()
    name = next((name for name in environ if name.lower() == f"{kind}_proxy"), f"{kind}_proxy")
    host = parts.hostname or ""
    if host in LOOPBACK:
        return Proxy(
            None, name, f"{host} is this machine (--proxy URL goes through one all the same)"
        )
    if proxy_bypass(parts.netloc.rpartition("@")[2], proxies):
        return Proxy(None, name, "NO_PROXY excepts the address")
    return Proxy(_with_scheme(proxies[kind]), name)


def _with_scheme(proxy: str) -> str:
    return proxy if "://" in proxy else f"http://{proxy}"


def not_connected(error: Exception, address: str, proxy: Proxy) -> Blocked:
    """For an error of httpx before any answer."""
    host = urlsplit(address).netloc
    said = str(error) or type(error).__name__
    if isinstance(error, httpx.ProxyError) or (proxy.url and isinstance(error, httpx.ConnectError)):
        return Blocked(
            "proxy",
            f"the proxy {proxy.shown} does not let us through: {said}",
            (f"It is set by {proxy.source}. If {host} needs no proxy, add it to NO_PROXY."),
        )
    if isinstance(error, httpx.TimeoutException):
        return Blocked(
            "timeout",
            f"{host} does not answer in time",
            ("A firewall that drops packets does that, and so does a server that hangs."),
        )
    if "Name or service" in said or "nodename" in said or "name resolution" in said:
        return Blocked(
            "name",
            f"the name {urlsplit(address).hostname} is not known here",
            ("Check the spelling, or whether a VPN is needed."),
        )
    if "WRONG_VERSION_NUMBER" in said or "record layer" in said:
        return Blocked(
            "tls", f"{host} does not speak HTTPS", f"Try http://{address.partition('//')[2]}"
        )
    if "refused" in said or "All connection attempts failed" in said:
        return Blocked(
            "refused",
            f"nothing listens at {host}",
            ("Is the server running (livequeue serve), and is the port right?"),
        )
    hung_up = isinstance(error, httpx.ReadError) or "disconnected" in str(error)
    if hung_up and address.startswith("http:"):
        return Blocked(
            "tls", f"{host} hangs up on plain HTTP", f"Try https://{address.partition('//')[2]}"
        )
    return Blocked("network", f"{host} cannot be reached: {said}")


def is_certificate(error: BaseException | None) -> bool:
    """Whether it comes down to a certificate that is not trusted."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


async def distrusted(error: Exception, address: str, proxy: Proxy) -> Blocked:
    """For a certificate that is not trusted: says who issued it."""
    issuer = await _issuer(address, proxy)
    reason = re.sub(r".*certificate verify failed: ([^(]*).*", r"\1", str(error)).strip()
    by = f", issued by {issuer!r}," if issuer else ""
    return Blocked(
        "certificate",
        f"the certificate{by} is not trusted: {reason}",
        (
            "If that is your own authority, or a box of your network that opens TLS to look "
            "inside, name its certificate: SSL_CERT_FILE=authority.pem livequeue check ... "
            "If it is neither, somebody is in between."
        ),
    )


async def _issuer(address: str, proxy: Proxy) -> str:
    """Who signed the certificate that is shown at `address`.

    Only a certificate that was verified is taken apart by Python, so the one that is shown is
    trusted for one handshake, whose connection is then thrown away.
    """
    anything = ssl.create_default_context()
    anything.check_hostname = False
    anything.verify_mode = ssl.CERT_NONE
    try:
        shown = await _handshake(address, proxy, anything)
        der = shown.getpeercert(True)
        if der is None:
            return ""
        only = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        only.check_hostname = False
        only.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        only.load_verify_locations(cadata=ssl.DER_cert_to_PEM_cert(der))
        certificate = (await _handshake(address, proxy, only)).getpeercert()
    except (httpx.HTTPError, ssl.SSLError, OSError):
        return ""
    names: dict[str, str] = {
        key: value for part in (certificate or {}).get("issuer", ()) for key, value in part
    }
    return names.get("commonName") or names.get("organizationName") or ""


async def _handshake(address: str, proxy: Proxy, context: ssl.SSLContext) -> Any:
    async with (
        httpx.AsyncClient(verify=context, proxy=proxy.url, trust_env=False) as client,
        client.stream("HEAD", address) as response,
    ):
        return response.extensions["network_stream"].get_extra_info("ssl_object")


async def find_root(client: httpx.AsyncClient, address: str) -> str | None:
    """Where LiveQueue is, when it is not at `address`: its page says so, or a part of the path."""
    try:
        page = await ask(client, address, accept="text/html", follow=True)
        if (found := _ROOT.search(page.text)) and page.url.host == urlsplit(address).hostname:
            return _on_same_host(str(page.url), found[1])
        parts = urlsplit(address).path.rstrip("/").split("/")
        for end in range(len(parts) - 1, 0, -1):
            root = urljoin(address, "/".join(parts[:end]) + "/")
            seen = (await ask(client, f"{root}api/network/seen")).document
            if seen and seen.get("name") == "LiveQueue":
                return root
    except httpx.HTTPError:
        pass
    return None


def _on_same_host(base: str, link: str) -> str | None:
    """The address that a link leads to; None when it leads elsewhere, or is none."""
    try:
        address = urljoin(base, link)
        return address if urlsplit(address).hostname == urlsplit(base).hostname else None
    except ValueError:
        return None


def not_ours(answer: Answer, root: str, found: str | None) -> Blocked:
    """For an answer that is not LiveQueue's."""
    status = answer.status
    host = urlsplit(root).netloc
    problem = answer.document
    if problem is not None and "detail" in problem and status != 404:
        return Blocked("denied", f"{host} answers HTTP {status}: {problem['detail']}")
    if found == root:
        return Blocked(
            "prefix",
            f"LiveQueue's page is at {root}, but its API is not",
            (
                f"The proxy has to pass everything under {root} to LiveQueue: it answered HTTP "
                f"{status} for {answer.url.path}."
            ),
        )
    if found:
        return Blocked(
            "prefix",
            f"LiveQueue is here, but under another path: {found}",
            (f"livequeue check {found}"),
        )
    if status == 407:
        return Blocked(
            "proxy",
            "the proxy wants a name and a password",
            ("Give them in the proxy's address: http://NAME:PASSWORD@PROXY:PORT"),
        )
    target = answer.headers.get("Location")
    if target and 300 <= status < 400:
        if _on_same_host(root, target):
            return Blocked(
                "moved", f"{host} sends us on to {target}", "Check that address instead."
            )
        return Blocked(
            "portal",
            f"something sends us to {target} instead",
            ("Most likely a login page of the network (a captive portal): log in there first."),
        )
    if status in (502, 503, 504):
        return Blocked(
            "down",
            f"a proxy at {host} answers HTTP {status}",
            ("It runs, but does not reach LiveQueue behind it: is that running?"),
        )
    title = _TITLE.search(answer.text)
    named = f" ({title.group(1)!r})" if title else ""
    if "html" in answer.headers.get("Content-Type", ""):
        return Blocked(
            "portal",
            f"a web page answers in LiveQueue's place{named}, HTTP {status}",
            (
                "A login page of the network (a captive portal)? Then log in first. Or another "
                "program at this address, or the wrong path."
            ),
        )
    return Blocked("other", f"what answers at {root} is not LiveQueue: HTTP {status}")
