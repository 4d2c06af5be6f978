"""The lines that make a box let events through: templates/advice/, one file for each."""

from __future__ import annotations

from functools import cache

from app.network.boxes import ADVICE
from app.resources import TEMPLATES

TITLES = {
    "nginx": "nginx",
    "haproxy": "HAProxy",
    "apache": "Apache",
    "caddy": "Caddy",
    "varnish": "Varnish",
    "traefik": "Traefik",
}


@cache
def lines(product: str) -> str:
    """What to paste, verbatim."""
    if product not in ADVICE:
        raise KeyError(product)
    (path,) = (TEMPLATES / "advice").glob(f"{product}.*")
    return path.read_text(encoding="utf-8").rstrip("\n")
