"""atroposlib's ManagedServer: it renders the prompt itself, requests tokens from the `/generate`
endpoint of a vLLM or SGLang server, and keeps them as sequence nodes for training.

Two things that it does not report are found here: a reply that was cut off (it reports `stop`), and
a history that did not extend a node, so that earlier replies count as prompt and are not trained
on.
"""

from __future__ import annotations

import asyncio
import importlib
import math
import os
import time
import warnings
from dataclasses import replace
from importlib.util import find_spec
from typing import Any, Final, Self

from hermes_tui.formats.secrets import masked_url
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.errors import SourceError, UsageError
from hermes_tui.model.wording import first_line, install
from hermes_tui.parsers.plain_values import plain
from hermes_tui.runtime.servers.base import OnPiece, Reply, Request, RequestFailure
from hermes_tui.runtime.servers.chat_object import ChatCompletionServer, failure_of
from hermes_tui.runtime.servers.redaction import Redactor

SERVER_TYPES: Final = ("vllm", "sglang")
_REQUIRED: Final = ("atroposlib", "transformers", "aiohttp", "pydantic_cli", "tenacity", "numpy")
_SHOWN_BEFORE: Final = 30
"""The number of characters shown before the place where two histories diverge."""


class ManagedServer(ChatCompletionServer):
    """Sends requests to `base_url` through atroposlib; calls arrive as plain dicts."""

    def __init__(
        self,
        base_url: str,
        *,
        model: str,
        server_type: str = "vllm",
        tokenizer_name: str = "",
        tool_parser: str = "hermes",
        api_key: str = "",
        timeout_s: float = 1200.0,
    ) -> None:
        """Check what can be checked now; atroposlib and the tokenizer load at the first request.

        `tokenizer_name` is a name or folder that transformers can load; if empty, the model's.
        """
        if server_type not in SERVER_TYPES:
            raise UsageError(f"unknown server type {server_type!r}", "vllm or sglang")
        if missing := [name for name in _REQUIRED if find_spec(name) is None]:
            what = f"{missing[0]} is not installed"
            raise SourceError("managed server", what, install("managed"))
        super().__init__(None)
        self.url = masked_url(base_url)
        self._owns_client = True
        self._settings = {
            "base_url": base_url,
            "model_name": model,
            "server_type": server_type,
            "tokenizer_name": tokenizer_name or "none",
            # Without a key, the SDK refuses to start or takes one from the environment.
            "api_key": api_key or "none",
            "timeout": math.ceil(timeout_s),
            # While a health check fails, every request would wait forever without any message.
            "health_check": False,
        }
        self._tool_parser = tool_parser
        self._redactor = Redactor(base_url, api_key, {})
        self._pending_findings: tuple[Diagnostic, ...] | None = None

    @classmethod
    def around(cls, managed: Any, messages: list[Any] | None = None) -> Self:
        """Return an adapter for an existing ManagedServer, which `close` leaves open."""
        adapter = cls.__new__(cls)
        ChatCompletionServer.__init__(adapter, managed, messages)
        config = getattr(getattr(managed, "server", None), "config", None)
        base_url = str(getattr(config, "base_url", None) or "")
        adapter.url = masked_url(base_url)
        adapter._owns_client = False
        adapter._redactor = Redactor(base_url, str(getattr(config, "api_key", None) or ""), {})
        adapter._pending_findings = None
        return adapter

    async def reply(self, request: Request, on_piece: OnPiece) -> Reply:
        """Send `request` and return the reply; raises RequestFailure only, retries unwrapped."""
        try:
            if self._server is None:
                self._server = await self._load()
            if self._pending_findings is None:
                self._pending_findings = (
                    self._translator_findings() if '"tools"' in request.parameters else ()
                )
            before = _nodes(self._server)
            sent_s = time.monotonic()
            reply = await super().reply(request, on_piece)
        except RequestFailure as failure:
            # The causes may quote the key; their texts are in the chain of the failure.
            raise self._redactor.failure(failure) from None
        found = self._node_findings(before, reply, request.attempt)
        pending, self._pending_findings = self._pending_findings, ()
        return replace(
            reply,
            diagnostics=(*reply.diagnostics, *pending, *found),
            sequences=self._new_sequences(before),
            sent_s=sent_s,
        )

    def _new_sequences(self, before: list[Any]) -> tuple[dict[str, Any], ...]:
        """Return the nodes that the last reply created; a node that grew is a new object, too."""
        known = {id(node) for node in before}
        return tuple(
            {"index": index, **_plain_node(node)}
            for index, node in enumerate(_nodes(self._server))
            if id(node) not in known
        )

    async def close(self) -> None:
        """Close the client if it was created here."""
        if not self._owns_client or self._server is None:
            return
        client = getattr(self._server.server, "openai", None)
        self._server = None
        if client is not None:
            await client.close()

    def _arguments(self, parameters: str) -> dict[str, Any]:
        arguments = super()._arguments(parameters)
        # The server has its model configured; HermesAgentLoop never names one.
        arguments.pop("model", None)
        return arguments

    async def _load(self) -> Any:
        """Import atroposlib and load the tokenizer in a thread: that takes seconds."""
        try:
            inner = await asyncio.to_thread(self._make_inner)
            managed_server = _atropos("managed_server").ManagedServer
            return managed_server(inner, tool_parser=self._tool_parser or None)
        except Exception as error:  # a plug-in is loaded, with all of its own imports
            failure = failure_of(error)
            failure.message = f"the managed server cannot be created: {failure.message}"
            raise failure from error

    def _make_inner(self) -> Any:
        os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
        config = _atropos("server_baseline").APIServerConfig(**self._settings)
        if config.server_type == "sglang":
            return _atropos("sglang_server").SGLangServer(config)
        return _atropos("vllm_server").VLLMServer(config)

    def _translator_findings(self) -> tuple[Diagnostic, ...]:
        """Return findings about tool calls that are known once the translator has been created.

        It is created here so that its warnings become findings instead of lines across the screen.
        """
        make = getattr(self._server, "_get_translator", None)
        if not callable(make):
            return ()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            translator = make()
        messages = [first_line(str(warning.message)) for warning in caught]
        if translator is None:
            what = "without a tool parser the model does not see the tools"
            messages = [what, *messages]
        hint = "calls stay in the text" if translator is not None else "name a tool parser"
        return tuple(
            Diagnostic(Code.REPLY_SHAPE, Severity.WARNING, text, hint=hint) for text in messages
        )

    def _node_findings(
        self, before: list[Any], reply: Reply, attempt: int
    ) -> tuple[Diagnostic, ...]:
        """Return findings from the node of this reply that the reply itself does not show."""
        after = _nodes(self._server)
        known = {id(node) for node in before}
        new = [node for node in after if id(node) not in known]
        if not new:
            return ()
        found = []
        metadata = getattr(new[0], "metadata", None) or {}
        if metadata.get("finish_reason") == "length" and reply.finish_reason != "length":
            what = (
                f"the reply was cut off at its token limit; its finish_reason is {_quoted(reply)}"
            )
            hint = "ask again with more max_tokens"
            found.append(Diagnostic(Code.TRUNCATED, Severity.ERROR, what, hint=hint))
        if before and len(after) > len(before) and not getattr(self._server, "track_tree", False):
            found.append(_not_extended(before[-1], new[0], len(after), attempt))
        return tuple(found)


def _atropos(name: str) -> Any:
    """Import a module of atroposlib by name: it has no types, and is rarely installed."""
    return importlib.import_module(f"atroposlib.envs.server_handling.{name}")


def _quoted(reply: Reply) -> str:
    return repr(reply.finish_reason) if reply.finish_reason else "missing"


def _not_extended(old: Any, new: Any, count: int, attempt: int) -> Diagnostic:
    """Return a finding that a reply began a new node, and where its history diverges."""
    if attempt > 1:
        what = f"asked again: there are {count} nodes now, one for each attempt"
        return Diagnostic(Code.REPLY_SHAPE, Severity.NOTE, what, hint="training uses the last")
    texts = zip(old.full_text, new.full_text, strict=False)
    at = next((i for i, (was, now) in enumerate(texts) if was != now), len(new.full_text))
    shown = new.full_text[max(0, at - _SHOWN_BEFORE) : at]
    return Diagnostic(
        Code.REPLY_SHAPE,
        Severity.WARNING,
        f"the history does not extend the last node, so there are {count} nodes now: "
        "earlier replies are part of the prompt in the last, and lost for training",
        hint=f"they diverge at character {at:,}, after {shown!r}",
    )


def _nodes(managed: Any) -> list[Any]:
    """Return the sequence nodes, in either of the two forms in which a ManagedServer keeps them."""
    get_state = getattr(managed, "get_state", None)
    state = get_state() if callable(get_state) else None
    if not isinstance(state, dict):
        return []
    nodes = state.get("nodes")
    return list(nodes) if nodes is not None else list((state.get("sequences") or {}).values())


def _plain_node(node: Any) -> dict[str, Any]:
    return {
        "full_text": node.full_text,
        "tokens": list(node.tokens),
        "masked_tokens": list(node.masked_tokens),
        "logprobs": [value if math.isfinite(value) else None for value in node.logprobs],
        "metadata": plain(node.metadata),
    }
