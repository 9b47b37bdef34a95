"""The model calls of a verifiers trace: usage, tokens, and failures with their positions.

call  = {"node"?: index, "model", "finish_reason", "usage": usage, "time": span, "error"?}
usage = {"prompt_tokens", "completion_tokens", "cached_input_tokens"?, …}
span  = {"start", "end"}
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.fields import as_dict, as_list
from hermes_tui.model.messages import Usage
from hermes_tui.parsers.measures import usage

_USAGE = {
    "completion_tokens": "completion_tokens",
    "cached_tokens": "cached_input_tokens",
    "reasoning_tokens": "reasoning_tokens",
}


def failures_by_reply(
    calls: list[dict[str, Any]], nodes: int
) -> defaultdict[int, list[tuple[int, dict[str, Any]]]]:
    """Return the calls without a reply, by the node of the next reply; -1 if there is none.

    `nodes` is the number of nodes.
    """
    found: defaultdict[int, list[tuple[int, dict[str, Any]]]] = defaultdict(list)
    waiting: list[tuple[int, dict[str, Any]]] = []
    for position, call in enumerate(calls):
        node = call.get("node")
        if type(node) is not int or not 0 <= node < nodes:
            waiting.append((position, call))
        elif waiting:
            found[node] += waiting
            waiting = []
    found[-1] += waiting
    return found


def duration_of(span: Any) -> float | None:
    start, end = (fields.number(as_dict(span).get(key)) for key in ("start", "end"))
    return max(0.0, end - start) if start is not None and end else None


def usage_of(raw: Any) -> Usage | None:
    """Return the usage of a call, whose own `prompt_tokens` exclude those from the cache."""
    if not isinstance(raw, dict):
        return None
    counts = {key: fields.number(raw.get(name)) for key, name in _USAGE.items()}
    prompt = fields.number(raw.get("prompt_tokens"))
    counts["prompt_tokens"] = None if prompt is None else prompt + (counts["cached_tokens"] or 0)
    return usage(counts, fields.number(raw.get("cost")))


def tokens_of(index: int, node: dict[str, Any]) -> tuple[Any, ...]:
    """Return the tokens of a reply in the form of managed servers; a positive logprob means
    none."""
    ids, mask = as_list(node.get("token_ids")), as_list(node.get("mask"))
    if not ids:
        return ()
    sampled = iter(as_list(node.get("logprobs")))
    logprobs = [next(sampled, 1.0) if trained is True else 1.0 for trained in mask]
    marks = [int(trained is True) for trained in mask]
    return ({"index": index, "tokens": ids, "masked_tokens": marks, "logprobs": logprobs},)


def with_custom_calls(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message with custom tool calls in OpenAI's form."""
    calls = message.get("tool_calls")
    if not isinstance(calls, list) or not any(as_dict(c).get("type") == "custom" for c in calls):
        return message
    return {
        **message,
        "tool_calls": [
            {**call, "input": call.get("arguments")}
            if as_dict(call).get("type") == "custom"
            else call
            for call in calls
        ],
    }
