"""Varnish. `extra` is VCL of its own: whole `sub vcl_... { }`, which Varnish joins to ours."""

from typing import ClassVar

from e2e.boxes.box import Box

TEMPLATE = """\
vcl 4.1;

backend livequeue {
    .host = "%(host)s";
    .port = "%(upstream_port)s";
}

%(extra)s

sub vcl_recv {
    %(recv)s
}

sub vcl_synth {
    if (resp.status == 301) {
        set resp.http.Location = "%(prefix)s/";
        return (deliver);
    }
}

sub vcl_backend_response {
    %(lines)s
}
"""


class Varnish(Box):
    name = "varnish"
    title = "Varnish, default VCL"
    kind = "reverse"
    program = "varnishd"
    package = "varnish"
    lines: ClassVar[str] = ""

    def configure(self) -> list[str]:
        prefix = self.prefix
        recv = ""
        if prefix:
            recv = f'if (req.url == "{prefix}") {{ return (synth(301)); }}\n'
        if prefix and not self.keep_prefix:
            recv += f'    set req.url = regsub(req.url, "^{prefix}/", "/");'
        configuration = self.write(
            "livequeue.vcl",
            TEMPLATE,
            upstream_port=self.upstream[1],
            recv=recv,
            prefix=prefix,
            lines=self.lines,
        )
        return [
            "-F", "-f", configuration, "-a", f"127.0.0.1:{self.port}", "-j", "none", "-T", "none",
            "-n", str(self.folder / "work"), "-s", "malloc,32m",
        ]  # fmt: skip


class VarnishGzip(Varnish):
    name = "varnish-gzip"
    title = "Varnish, `do_gzip`"
    lines = "set beresp.do_gzip = true;"


class VarnishNoStream(Varnish):
    name = "varnish-no-stream"
    title = "Varnish, `do_stream = false`"
    lines = "set beresp.do_stream = false;"
