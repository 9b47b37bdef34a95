"""The URLs of a chat completions server, derived from the base URL given by the user."""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import urlsplit, urlunsplit

ENDPOINT: Final = "/chat/completions"


def chat_url(url: str) -> str:
    """Return the URL for requests: `url` with the endpoint's path, unless it has that already.

    A query is kept. A text that is not a URL is returned unchanged.
    """
    try:
        return _with_path(url, ENDPOINT)
    except ValueError:
        return url


def models_url(url: str) -> str:
    """Return the URL at which a server lists its models, given its base URL or endpoint.

    Raises ValueError if `url` is not a URL.
    """
    return _with_path(url, "/models")


def props_url(url: str) -> str:
    """Return the URL at which llama.cpp's server describes itself, given its base URL or endpoint.

    Raises ValueError if `url` is not a URL.
    """
    return _with_path(url, "/props", without="/v1")


def _with_path(url: str, path: str, *, without: str = "") -> str:
    parts = urlsplit(url.strip())
    base = parts.path.rstrip("/").removesuffix(ENDPOINT)
    whole = base.removesuffix(without) + path
    return urlunsplit((parts.scheme, parts.netloc, whole, parts.query, ""))


def host_of(url: str) -> str:
    """Return host and port of `url`, for display."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2] or url
    except ValueError:
        return url


def is_loopback(url: str) -> bool:
    """Return whether `url` is on this machine; such a server is never reached through a proxy."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
