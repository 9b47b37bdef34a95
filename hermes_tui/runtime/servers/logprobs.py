"""Requests that ask for logprobs: findings in the reply's tokens, and refusals by the server."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.wording import first_line
from hermes_tui.parsers.plain_values import decode
from hermes_tui.runtime.servers.base import Reply, Request, RequestFailure

_REFUSALS = frozenset({400, 404, 405, 422, 501})


def is_requested(request: Request, name: str) -> bool:
    """Return whether the parameter `name` (`stream` or `logprobs`) of a request is true."""
    return f'"{name}"' in request.parameters and _parameters(request).get(name) is True


async def with_findings(reply: Reply, request: Request) -> Reply:
    """Return `reply` with findings from its tokens that its message does not show."""
    # The tokens of a long reply take megabytes: the screen must not wait for their decoding.
    found = await asyncio.to_thread(_findings, reply.raw, request)
    return replace(reply, diagnostics=(*reply.diagnostics, *found))


def add_refusal_finding(failure: RequestFailure) -> None:
    """Add a finding to a failure if its text says that the server refuses logprobs."""
    text = f"{failure.message} {failure.body[:10_000]}"
    if failure.status not in _REFUSALS or "logprob" not in text.lower():
        return
    hint = "leave out --raw logprobs"
    if "stream" in text.lower():
        hint += ", or --stream"
    message = f"the server refuses logprobs: {first_line(failure.message)}"
    found = Diagnostic(Code.REQUEST_ERROR, Severity.ERROR, message, hint=hint)
    failure.diagnostics = (*failure.diagnostics, found)


def _findings(raw: str, request: Request) -> tuple[Diagnostic, ...]:
    from hermes_tui.formats.declared_tools import tool_specs
    from hermes_tui.formats.tokens import logprob_findings

    return logprob_findings(raw, tool_specs(_parameters(request).get("tools")) or ())


def _parameters(request: Request) -> dict[str, Any]:
    found = decode(request.parameters)
    return found if isinstance(found, dict) else {}
