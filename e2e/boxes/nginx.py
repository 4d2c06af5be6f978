"""nginx. `extra` goes into the `location`."""

import os
from typing import ClassVar

from e2e.boxes.box import Box

# Up to what stands in the block `http`.
PREAMBLE = """\
%(user)s
daemon off;
pid nginx.pid;
error_log stderr;
worker_processes 1;
events { worker_connections 1024; }
http {
    access_log access.log;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
"""
TEMPLATE = (
    PREAMBLE
    + """\
    server {
        listen 127.0.0.1:%(port)s %(listen)s;
        %(certificate)s
        location %(prefix)s/ {
            proxy_pass http://%(upstream)s%(path)s;
            %(lines)s
            %(extra)s
        }
    }
}
"""
)
USER = "user root;" if os.geteuid() == 0 else ""  # its workers write into the folder


class Nginx(Box):
    name = "nginx"
    title = "nginx, bare `proxy_pass`"
    kind = "reverse"
    program = "nginx"
    package = "nginx-light"
    can_tls = True
    lines: ClassVar[str] = ""

    def configure(self) -> list[str]:
        tls = self.tls
        configuration = self.write(
            "nginx.conf",
            TEMPLATE,
            user=USER,
            listen="ssl http2" if tls else "",
            certificate=f"ssl_certificate {tls.cert}; ssl_certificate_key {tls.key};"
            if tls
            else "",
            prefix=self.prefix,
            # With a path nginx puts it in the prefix's place; without one it hands all on as it is.
            path="/" if self.prefix and not self.keep_prefix else "",
            lines=self.lines,
        )
        return ["-p", str(self.folder), "-c", configuration, "-e", "stderr"]


class NginxGzip(Nginx):
    name = "nginx-gzip"
    title = "nginx, gzip for everything"
    lines = """gzip on;
            gzip_proxied any;
            gzip_min_length 0;
            gzip_types *;"""


class NginxIgnoreHeader(Nginx):
    name = "nginx-ignore-header"
    title = "nginx, `X-Accel-Buffering` ignored, `proxy_read_timeout 5s`"
    lines = """proxy_ignore_headers X-Accel-Buffering;
            proxy_read_timeout 5s;"""


class NginxIgnoreAbort(Nginx):
    name = "nginx-ignore-abort"
    title = "nginx, `proxy_ignore_client_abort on`, buffering off"
    lines = """proxy_ignore_client_abort on;
            proxy_buffering off;"""


class NginxTuned(Nginx):
    name = "nginx-tuned"
    title = "nginx, tuned for streams"
    lines = """proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_buffering off;
            proxy_read_timeout 1h;"""
