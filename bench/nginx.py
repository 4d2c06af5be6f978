"""nchan in an nginx of its own: one worker, all files in a temporary folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

MODULE = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
CONFIG = """
load_module {module};
{user}
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 16000; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    nchan_shared_memory_size 256M;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        location = /sub {{
            nchan_subscriber eventsource;
            nchan_channel_id bench;
            nchan_subscriber_first_message newest;
            nchan_eventsource_ping_interval 0;
        }}
        location = /pub {{
            nchan_publisher;
            nchan_channel_id bench;
            nchan_message_buffer_length 1000;
        }}
    }}
}}
"""


def _binary() -> str | None:
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def missing() -> str | None:
    """What has to be installed, None when all is there."""
    if _binary() is None or not MODULE.exists():
        return "install nginx and libnginx-mod-nchan"
    return None


def start(folder: Path) -> tuple[subprocess.Popen[str], int]:
    """Start it in the foreground; returns the process and its port, which it may not have yet."""
    binary = _binary()
    assert binary is not None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    config.write_text(CONFIG.format(module=MODULE, folder=folder, port=port, user=user))
    command = [binary, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(config)]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, text=True), port
