"""The parts of an opencode message, as chat messages."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.chat_messages import ChatMessage, SourceValue
from hermes_tui.formats.dialects.ai_sdk_refusals import UNAVAILABLE, UNPARSED, refusal_finding
from hermes_tui.model.chat_api import function_call
from hermes_tui.model.diagnostics import Diagnostic
from hermes_tui.model.messages import Usage, changed
from hermes_tui.parsers.measures import number, timestamp, usage
from hermes_tui.parsers.normalise import Normalised, normalise_message
from hermes_tui.parsers.plain_values import json_text

_HIDDEN_PARTS: Final = frozenset({"step-start", "step-finish", "snapshot", "patch"})
"""Parts without content for the model."""
_INVALID: Final = "invalid"
"""The tool that opencode calls in place of a call that it cannot run."""
_DONE_STATES: Final = ("completed", "error")


def used(tokens: Any, cost: float | None = None) -> Usage | None:
    """Return counts of tokens; the tokens read from or written to a cache are not part of `input`.

    The total shows whether the reasoning is part of the output.
    """
    if not isinstance(tokens, dict):
        return usage(None, cost)
    cache = fields.as_dict(tokens.get("cache"))
    cached, written = number(cache.get("read")) or 0, number(cache.get("write")) or 0
    given, out, total = (number(tokens.get(key)) for key in ("input", "output", "total"))
    prompt = None if given is None else given + cached + written
    thought = number(tokens.get("reasoning")) or 0
    if prompt is not None and out is not None and total == prompt + out + thought:
        out += thought
    counts = {
        "prompt_tokens": prompt,
        "completion_tokens": out,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": thought},
    }
    return usage(counts, cost)


def parts_between(parts: list[SourceValue]) -> list[list[SourceValue]]:
    """Return the parts of a message, grouped by step."""
    steps: list[list[SourceValue]] = [[]]
    for part in parts:
        if fields.as_dict(part.value).get("type") == "step-start" and steps[-1]:
            steps.append([])
        steps[-1].append(part)
    return steps


def messages_of(
    step: list[SourceValue], info: dict[str, Any], pointer: str
) -> Iterator[tuple[ChatMessage, float | None]]:
    """Yield the message of a step, and the results of its calls, each with its time in seconds."""
    parts = [fields.as_dict(source.value) for source in step]
    tools = [source for source, part in zip(step, parts, strict=True) if part.get("type") == "tool"]
    content = [_content(part) for part in parts if part.get("type") not in (*_HIDDEN_PARTS, "tool")]
    raw: dict[str, Any] = {"role": info.get("role"), "content": content or None}
    if tools:
        raw["tool_calls"] = [_call(source.value) for source in tools]
    ended = next((part for part in parts if part.get("type") == "step-finish"), {})
    if ended:
        raw["finish_reason"] = ended.get("reason")
    if content or tools or ended:
        times = (fields.as_dict(part.get("time")).get("start") for part in parts)
        created = fields.as_dict(info.get("time")).get("created")
        began = next(filter(None, map(timestamp, times)), None) or timestamp(created)
        yield (
            ChatMessage(
                raw,
                pointer,
                tuple(tools),
                ("compaction",) if info.get("summary") is True else (),
                step[0].line,
                partial(_normalised, tools, used(ended.get("tokens"), number(ended.get("cost")))),
            ),
            began,
        )
    for source in tools:
        state = fields.as_dict(source.value.get("state"))
        if state.get("status") in _DONE_STATES:
            answer = ChatMessage(_result(source.value), source.pointer, (source,), line=source.line)
            yield answer, timestamp(fields.as_dict(state.get("time")).get("end"))


def _content(part: dict[str, Any]) -> Any:
    match part.get("type"):
        case "text":
            return {"type": "text", "text": part.get("text")}
        case "reasoning":
            return {"type": "thinking", "thinking": part.get("text")}
        case _:
            return part


def _call(part: dict[str, Any]) -> dict[str, Any]:
    state = fields.as_dict(part.get("state"))
    given = state.get("input")
    arguments = _unparsed(state)
    if arguments is None:
        # A call that is still being written has only the text received so far.
        arguments = state.get("raw") if not given and state.get("raw") else json_text(given)
    name = part.get("tool")
    if name == _INVALID:
        name = fields.label(fields.as_dict(given), "tool") or name
    return function_call(part.get("callID"), name, arguments)


def _unparsed(state: dict[str, Any]) -> str | None:
    """Return the text that the model wrote as arguments if it is no JSON and was kept; Kilo Code
    does that."""
    given = fields.as_dict(state.get("input"))
    text = given.get("value")
    if given.keys() != {"value"} or not isinstance(text, str):
        return None
    is_unparsed = state.get("status") == "error" and UNPARSED in fields.label(state, "error")
    return text if is_unparsed else None


def _result(part: dict[str, Any]) -> dict[str, Any]:
    state = fields.as_dict(part.get("state"))
    is_error = state.get("status") == "error"
    text = state.get("error") if is_error else state.get("output")
    attached = fields.as_list(state.get("attachments"))
    return {
        "role": "tool",
        "tool_call_id": part.get("callID"),
        "name": _call(part)["function"]["name"],
        "content": [{"type": "text", "text": text}, *attached] if attached else text,
        "is_error": is_error or part.get("tool") == _INVALID,
        "exit_code": fields.as_dict(state.get("metadata")).get("exit"),
    }


def _normalised(tools: list[SourceValue], counts: Usage | None, raw: dict[str, Any]) -> Normalised:
    """Normalise a reply, with the reasons why calls could not be run."""
    found = normalise_message(raw)
    calls = list(found.calls)
    for number_of_call, source in enumerate(tools[: len(calls)]):
        call, findings = calls[number_of_call]
        if finding := _refusal(source.value, call.index):
            calls[number_of_call] = (call, (*findings, finding))
    message = changed(found.message, usage=counts) if counts is not None else found.message
    return found._replace(message=message, calls=tuple(calls))


def _refusal(part: dict[str, Any], call_index: int) -> Diagnostic | None:
    """Return the finding for a call that could not be run, or None.

    If another tool was called in its place, only the reason is kept; otherwise the name, too.
    """
    state = fields.as_dict(part.get("state"))
    is_replaced = part.get("tool") == _INVALID
    why = fields.label(fields.as_dict(state.get("input")) if is_replaced else state, "error")
    if not is_replaced and not (UNAVAILABLE in why and state.get("status") == "error"):
        return None
    hint = "what the model wrote is kept in this message only" if is_replaced else ""
    return refusal_finding(why, call_index, hint=hint)
