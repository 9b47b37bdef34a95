"""Hints about a request that a server refused: its key, its model, its URL."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from hermes_tui.formats.refused_requests import refusal_hint
from hermes_tui.formats.secrets import masked_headers
from hermes_tui.model.errors import near_names
from hermes_tui.model.wording import first_line
from hermes_tui.runtime.live_settings import KEY_NAME
from hermes_tui.runtime.servers.base import RequestFailure
from hermes_tui.runtime.servers.urls import models_url

KEY_STATUSES: Final = frozenset({401, 403})
WRONG_URL: Final = "is --server right? the base URL of most servers ends in /v1"
NOTHING_LISTED: Final = f"{WRONG_URL}; or name the model with --model"
_BUSY_STATUSES = frozenset({429, 503, 529})
_BUSY = "--retries N asks again automatically, after the wait that the server asks for"
_LISTING_TIMEOUT_S = 3.0
_MAX_NAMED = 5


@dataclass(frozen=True, slots=True)
class Access:
    """The URL of a server and its credentials. `key_name` is the key's environment variable."""

    url: str
    key: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    key_name: str = KEY_NAME


def status_hint(failure: RequestFailure) -> str:
    """Return a hint about a refused request from its status and message alone, or ""."""
    by_message = refusal_hint(failure.message) if failure.status is not None else ""
    return by_message or (_BUSY if failure.status in _BUSY_STATUSES else "")


def key_hint(access: Access) -> str:
    """Return a hint about a request that the server did not authorise."""
    shown = masked_headers(access.headers)
    secret = [name for name, value in access.headers.items() if shown[name] != value]
    if secret:
        return f"the value of --header {secret[0]} was sent and refused: is it right?"
    if access.key:
        return (
            f"the key in {access.key_name} was sent and refused: is it right?"
            " --api-key-env names another variable"
        )
    return (
        f"no key was sent: export {access.key_name}, name another variable with --api-key-env,"
        " or give --header 'Name: value'"
    )


def bearer(access: Access) -> dict[str, str]:
    """Return the headers that authorise a request."""
    key = {"Authorization": f"Bearer {access.key}"} if access.key else {}
    return {**key, **access.headers}


async def listed_models(access: Access, timeout_s: float) -> tuple[int, list[str]]:
    """Return the status of a server's answer about its models, and their ids if it lists them.

    Raises any exception of httpx.
    """
    import httpx

    from hermes_tui.runtime.servers.http import new_client

    url = models_url(access.url)
    async with await asyncio.to_thread(new_client, httpx, url, timeout_s) as client:
        answer = await client.get(url, headers=bearer(access))
    try:
        return answer.status_code, [str(one["id"]) for one in answer.json()["data"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return answer.status_code, []


async def model_hint(access: Access, model: str) -> str:
    """Return a hint about a request for which the server answered "not found"."""
    import httpx

    listed: Sequence[str] = ()
    with suppress(httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):
        async with asyncio.timeout(_LISTING_TIMEOUT_S):
            _, listed = await listed_models(access, _LISTING_TIMEOUT_S)
    if model in listed:
        return f"the server lists the model {model}: is --server right?"
    if not listed:
        return WRONG_URL
    near = near_names(model, listed, most=_MAX_NAMED, likeness=0.5)
    named = list(dict.fromkeys([*near, *listed]))[:_MAX_NAMED]
    more = f" and {len(listed) - len(named)} more" if len(listed) > len(named) else ""
    names = ", ".join(first_line(name, 80) for name in named)
    ways = "name one with --model, or in the request when you ask again"
    return f"the server has {names}{more}: {ways}"
