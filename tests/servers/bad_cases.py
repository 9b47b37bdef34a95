"""Requests to the misbehaving server next to the project; outcomes are compared as text."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from hermes_tui.parsers.normalise import normalise_message
from hermes_tui.runtime.servers.base import Piece, Reply, Request, RequestFailure
from hermes_tui.runtime.servers.chat_server import ChatServer
from hermes_tui.runtime.servers.http import HttpServer
from hermes_tui.runtime.servers.openai_sdk import OpenAIServer

BAD_SERVER = Path(__file__).resolve().parents[2] / "../shared/servers/badserver.py"
KEY = "sk-a-key-that-nobody-may-see"
ADAPTERS: tuple[type[ChatServer], ...] = (HttpServer, OpenAIServer)


@contextmanager
def bad_server() -> Iterator[tuple[ModuleType, str]]:
    """Run the server; yield its module and the URL of its API."""
    if not BAD_SERVER.exists():
        pytest.skip(f"{BAD_SERVER} is not there")
    spec = importlib.util.spec_from_file_location("badserver", BAD_SERVER)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    server, port = module.start()
    server.handle_error = lambda *about: None  # clients that hang up early are the point
    try:
        yield module, f"http://127.0.0.1:{port}/v1"
    finally:
        server.shutdown()
        server.server_close()


async def ask(
    adapter: type[ChatServer], url: str, case: str, *, stream: bool
) -> tuple[Reply | RequestFailure, list[Piece]]:
    """Request `case`; return the reply or the failure, and the pieces. Other errors propagate."""
    parameters: dict[str, Any] = {"model": case, **({"stream": True} if stream else {})}
    request = Request(0, 0, ('{"role":"user","content":"hi"}',), json.dumps(parameters))
    pieces: list[Piece] = []
    server = adapter(url, api_key=KEY, timeout_s=2)
    try:
        return await server.reply(request, pieces.append), pieces
    except RequestFailure as failure:
        return failure, pieces
    finally:
        await server.close()


def summary_of(outcome: Reply | RequestFailure) -> tuple[str, str, str]:
    """Return the kind, text and findings of an outcome, short enough for a table."""
    if isinstance(outcome, RequestFailure):
        assert KEY not in repr((outcome.message, outcome.body, outcome.chain))
        return "empty" if outcome.empty else "failed", outcome.message, ""
    found = normalise_message(outcome.message)
    calls = [f"{call.name}({call.arguments_text})" for call, _ in found.calls]
    findings = "; ".join(f"{d.severity} {d.code}: {d.message}" for d in outcome.diagnostics)
    return "reply", " ".join([found.message.text, *calls]).strip(), findings


def check_outcome(outcome: Reply | RequestFailure, expected: tuple[str, str, str]) -> None:
    """Compare an outcome with a row of a table."""
    kind, text, findings = summary_of(outcome)
    assert (kind, text) == expected[:2]
    assert findings == expected[2]
