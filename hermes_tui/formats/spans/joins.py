"""Conversations in which each request is a separate trace.

A client that is traced without an agent around it begins a trace with every request. Such a trace
continues another one if its request begins with the other's whole conversation, reply included.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import replace

from hermes_tui.formats.chat_messages import ChatMessage, raw_messages
from hermes_tui.formats.exchange_runs import prefix_keys
from hermes_tui.formats.fields import as_list, label
from hermes_tui.formats.spans.conversations import read_request
from hermes_tui.formats.spans.tree import Span, SpanKind, roots_of

_PARENT_PREFIX = "conversation of "


def joined(traces: Mapping[str, list[Span]]) -> dict[str, list[Span]]:
    """Return traces, with those that are requests of one conversation joined below a common span.

    Costs a hash of every message of every such request, so it is linear in the size of the traces.
    """
    found: dict[str, list[Span]] = {}
    members: dict[str, list[str]] = {}
    ends = _Ends()
    alone = {trace_id: _only_request(spans) for trace_id, spans in traces.items()}
    requests = [(trace_id, span) for trace_id, span in alone.items() if span is not None]
    for trace_id, span in sorted(requests, key=lambda pair: pair[1].order):
        request = read_request(span)
        first = ends.take(request.prompt.messages) or trace_id
        members.setdefault(first, []).append(trace_id)
        if request.has_answer:
            ends.add([*request.prompt.messages, request.reply.messages[0]], first)
    absorbed = {one for several in members.values() if len(several) > 1 for one in several[1:]}
    for trace_id, spans in traces.items():
        several = members.get(trace_id, [])
        if len(several) > 1:
            found[trace_id] = _below_one(trace_id, [one for key in several for one in traces[key]])
        elif trace_id not in absorbed:
            found[trace_id] = spans
    return found


class _Ends:
    """The ends of conversations so far, each after a reply."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[int, str], deque[str]] = {}

    def add(self, messages: list[ChatMessage], trace_id: str) -> None:
        key = prefix_keys(raw_messages(messages))[-1], _call_ids(messages[-1])
        self._waiting.setdefault(key, deque()).append(trace_id)

    def take(self, messages: list[ChatMessage]) -> str:
        """Remove and return the conversation that these messages begin with, or "" if there is
        none.

        Keys ignore ids: two conversations may have the same content under different ids.
        """
        keys = prefix_keys(raw_messages(messages))
        for known in range(len(messages), 1, -1):
            for ids in (_call_ids(messages[known - 1]), ""):
                if waiting := self._waiting.get((keys[known], ids)):
                    return waiting.popleft()
        return ""


def _call_ids(message: ChatMessage) -> str:
    """Return the ids of a message's calls, joined by spaces, or "" if there are none."""
    calls = as_list(message.raw.get("tool_calls"))
    return " ".join(label(one, "id") for one in calls if isinstance(one, dict)).strip()


def _only_request(spans: list[Span]) -> Span | None:
    """Return the request that is the only root of a trace, or None if the trace is different."""
    roots = roots_of(spans)
    return roots[0] if len(roots) == 1 and roots[0].kind is SpanKind.LLM else None


def _below_one(trace_id: str, spans: list[Span]) -> list[Span]:
    around = f"{_PARENT_PREFIX}{trace_id}"
    roots = roots_of(spans)
    first, tops = roots[0], set(map(id, roots))
    moved = [
        replace(span, parent_id=around if id(span) in tops else span.parent_id, trace_id=trace_id)
        for span in spans
    ]
    own = Span(
        id=around,
        trace_id=trace_id,
        name=first.name,
        start_s=first.start_s,
        end_s=roots[-1].end_s,
        details={**first.details, "traces": len(roots)},
        pointer=first.pointer,
        line=first.line,
    )
    return [own, *moved]
