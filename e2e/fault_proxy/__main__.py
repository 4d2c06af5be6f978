"""Stand between a browser and a server, and misbehave as boxes on real networks do.

modes, what each does, and what does so for real:
  pass           hands everything on
  buffer         holds the body of an event stream back until it ends; with --hold-headers the
                 headers too: nginx as it comes, gzip in between, antivirus and other programs that
                 look into TLS (mitmproxy), Privoxy
  cut            ends an answer that has been silent for --seconds: time-outs of HAProxy (50 s),
                 nginx (60 s), tinyproxy, Squid, load balancers and home routers
  slow           lets answers through at --rate bytes a second: Squid's delay pools, mobile networks
  black-hole     accepts, forwards nothing, and says nothing; established streams fall silent for
                 good: a laptop that changed networks, a firewall that forgot the connection
  reset          answers with a TCP reset; established connections get one too: a firewall that
                 objects, a proxy that was restarted
  502            what a reverse proxy says while the server behind it restarts; established streams
                 end
  refuse         answers with --status and a problem document, as the server itself would: a login
                 that ran out (401), too many connections (429); established streams end
  html           every answer is 200 and a page; established streams end: the captive portal of a
                 hotel, a proxy that wants a login
  drop-response  hands a POST, PUT, PATCH or DELETE on, then loses the answer: the moment a mobile
                 link breaks

examples:
  a box that mutes event streams, in front of a server on this machine:
    python -m e2e.fault_proxy --upstream http://127.0.0.1:8000 --mode buffer
  a firewall that cuts what is silent for 20 s, in front of a server elsewhere:
    python -m e2e.fault_proxy --upstream https://jobs.example.org --mode cut --seconds 20
  switch while it runs, only what matches a pattern in the request's head; then ask how it is:
    python -m e2e.fault_proxy --upstream http://127.0.0.1:8000 --control 127.0.0.1:9001
    curl -d '{"mode": "502", "match": "^GET /events/"}' http://127.0.0.1:9001/
    curl http://127.0.0.1:9001/

The control address takes one JSON object with `mode` and, where wanted, `match`, `seconds`, `rate`,
`status` and `hold_headers`; it answers with the fault that holds now, the count of requests that
came by (`requests`) and of those under way (`established`). Whoever reaches it controls the proxy:
leave it on loopback. When the server cannot be reached, the proxy answers 502 by itself. It speaks
HTTP/1.1, one request a connection, and plain HTTP to the browser, whatever the server speaks.
"""

import argparse
import asyncio
from contextlib import suppress
from typing import Any, get_args

from e2e.fault_proxy.fault import Fault, Mode
from e2e.fault_proxy.server import Address, ProxyServer
from e2e.fault_proxy.upstream import Upstream


def address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host, int(port)


async def serve(listen: Address, upstream: Upstream, control: Address | None, fault: Fault) -> None:
    proxy = ProxyServer(upstream)
    host, port = await proxy.start(listen, control)
    proxy.set(fault)
    print(f"fault proxy on http://{host}:{port}, mode {fault.mode}", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await proxy.close()


def main() -> None:
    summary, _, details = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m e2e.fault_proxy",
        description=summary,
        epilog=details,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    default = ("127.0.0.1", 9000)
    place: dict[str, Any] = {"type": address, "metavar": "HOST:PORT"}
    add = parser.add_argument
    add(
        "--upstream", required=True, metavar="URL", help="the server, such as http://127.0.0.1:8000"
    )
    add("--listen", default=default, help="where to listen (default: 127.0.0.1:9000)", **place)
    add("--control", help="where to be switched while it runs (default: nowhere)", **place)
    add("--mode", choices=get_args(Mode), default="pass", help="the fault to begin with")
    add("--match", default="", help="spoil only requests whose head has this pattern")
    add("--seconds", type=float, default=5.0, help="for cut (default: 5)")
    add("--rate", type=float, default=1024.0, help="for slow: bytes a second (default: 1024)")
    add("--hold-headers", action="store_true", help="for buffer: hold the headers too")
    add("--status", type=int, default=403, help="for refuse (default: %(default)s)")
    add("--insecure", action="store_true", help="take any certificate of the server")
    given = parser.parse_args()
    try:
        upstream = Upstream.at(given.upstream, insecure=given.insecure)
        fault = Fault(
            given.mode, given.match, given.seconds, given.rate, given.hold_headers, given.status
        )
    except ValueError as error:
        parser.error(str(error))
    with suppress(KeyboardInterrupt):
        try:
            asyncio.run(serve(given.listen, upstream, given.control, fault))
        except OSError as error:
            parser.error(f"cannot listen: {error}")


if __name__ == "__main__":
    main()
