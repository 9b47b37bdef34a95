"""Where a server of chat completions takes what, by the base URL that it was named with."""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import urlsplit, urlunsplit

ENDPOINT: Final = "/chat/completions"


def chat_url(url: str) -> str:
    """Return where requests go: below a base URL, or there already; before its query.

    What is no URL comes back as it is.
    """
    try:
        return _beside(url, ENDPOINT)
    except ValueError:
        return url


def models_url(url: str) -> str:
    """Return where a server lists its models, by the URL that requests go to or the base of it.

    Raises ValueError for what is no URL.
    """
    return _beside(url, "/models")


def _beside(url: str, path: str) -> str:
    parts = urlsplit(url.strip())
    whole = parts.path.rstrip("/").removesuffix(ENDPOINT) + path
    return urlunsplit((parts.scheme, parts.netloc, whole, parts.query, ""))


def host_of(url: str) -> str:
    """Return host and port of `url` for a person."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2] or url
    except ValueError:
        return url


def is_loopback(url: str) -> bool:
    """Say whether `url` is on this machine: such a server is never asked through a proxy."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
