"""`sharegpt`: conversations of training sets, tool use and preferences included.

    row   = {"conversations": [turn, …], "system"?, "tools"?, "id"?, …}
          | {"conversations": [turn, …], "chosen": turn, "rejected": turn}     two runs of one group
          | {"system": text, "chat": text}                                     glaive, version 2
    turn  = {"from": speaker, "value": text} | {"role": speaker, "content": text}
    chat  = (("USER" | "ASSISTANT" | "FUNCTION RESPONSE") ": " text)*

Calls are in the text: a turn `from: function_call` is one, others are in tags, and ReAct agents end
their turns with `Action:` and `Action Input:`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.declared_tools import tool_specs
from hermes_tui.formats.json_text.json_values import decode_if_json, load
from hermes_tui.formats.outcomes import outcome_of
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.texts.text_actions import with_calls
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.messages import IdState, Origin, ToolCall, ToolSpec
from hermes_tui.model.spans import Span
from hermes_tui.parsers.call_arguments import read_arguments
from hermes_tui.parsers.normalise import Normalised, TextCalls, normalise_message

Found = tuple[ToolCall, tuple[Diagnostic, ...]]

_SIDES = ("chosen", "rejected")
_NOT_DETAILS = ("conversations", "system", "tools", "chat", "model", *_SIDES)
_SPEAKERS = {
    "USER": "user",
    "ASSISTANT": "assistant",
    "FUNCTION RESPONSE": "tool",
    "SYSTEM": "system",
}
_TURN = re.compile(r"^(USER|ASSISTANT|FUNCTION RESPONSE|SYSTEM):", re.MULTILINE)
_END_OF_TEXT = "<|endoftext|>"
_ACTION = re.compile(r"^Action:[ \t]*+(\S[^\n]{0,200})\nAction Input:[ \t]*+", re.MULTILINE)
_FUNCTIONCALL = re.compile(r"<functioncall>[ \t]*+")
_QUOTED = re.compile(r"""\{\s*+"name":\s*+"([^"]*+)",\s*+"arguments":\s*+'(.*)'\s*+\}""", re.DOTALL)
_TOOLS_START = re.compile(r"^[\[{]", re.MULTILINE)


class ShareGpt:
    """Reads rows of data sets."""

    name = "sharegpt"
    summary = (
        "ShareGPT conversations: LLaMA-Factory, ToolLLaMA, Glaive; preference pairs are two runs"
    )

    def sniff(self, sample: Sample) -> Match | None:
        return sample.match_of_runs(0.7, _is_row)

    def read(self, value: Any, build: RunBuilder) -> None:
        if not isinstance(value, dict) or not {"conversations", "chat"} & value.keys():
            build.defect("no conversation in this record", value)
        elif "conversations" not in value:
            _read_run(value, list(_turns_of_chat(value)), build)
        else:
            _read_row(value, build)


def _is_row(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    turns = decode_if_json(value.get("conversations"))
    if isinstance(turns, list):
        return fields.mostly(turns[:20], _is_turn)
    chat = value.get("chat")
    return (
        isinstance(chat, str) and isinstance(value.get("system"), str) and bool(_TURN.search(chat))
    )


def _is_turn(turn: Any) -> bool:
    return isinstance(turn, dict) and ({"from", "value"} <= turn.keys() or fields.is_message(turn))


def _read_row(value: dict[str, Any], build: RunBuilder) -> None:
    turns = decode_if_json(value["conversations"])
    placed = [(f"/conversations/{index}", turn) for index, turn in enumerate(fields.as_list(turns))]
    sides = [side for side in _SIDES if value.get(side) is not None]
    if value.get("system"):
        placed.insert(0, ("/system", {"from": "system", "value": value["system"]}))
    for side in sides:
        answer = decode_if_json(value[side])
        last = {"from": "gpt", "value": answer} if isinstance(answer, str) else answer
        _read_run(value, [*placed, (f"/{side}", last)], build, side)
    if not sides:
        _read_run(value, placed, build)
    if not isinstance(turns, list):
        build.defect("`conversations` is not a list", turns)


def _read_run(
    value: dict[str, Any], placed: list[tuple[str, Any]], build: RunBuilder, side: str = ""
) -> None:
    """Read one run; `side` names the answer of a preference pair at its end."""
    own = fields.run_id_of(value)
    build.start(
        run_id=f"{own}-{side}" if own and side else own or side,
        task=_title(placed),
        model=fields.model_of(value),
        tools=_tools(value),
        group_id=fields.group_of(value) or (own if side else ""),
        details={
            **fields.details_of(value, without=_NOT_DETAILS),
            **({"preference": side} if side else {}),
        },
    )
    for pointer, turn in placed:
        if isinstance(turn, dict):
            build.append(_normalised(turn), pointer)
        else:
            build.defect("not a turn", turn, pointer=pointer)
    # An outcome of the pair does not hold for either side.
    if not side:
        build.end_with(outcome_of(value))


def _title(placed: list[tuple[str, Any]]) -> str:
    objects = (turn for _, turn in placed if isinstance(turn, dict))
    return fields.title_of(
        {
            "role": turn.get("from", turn.get("role")),
            "content": turn.get("value", turn.get("content")),
        }
        for turn in objects
    )


def _tools(value: dict[str, Any]) -> tuple[ToolSpec, ...] | None:
    declared = value.get("tools", value.get("functions"))
    if declared or "chat" not in value:
        return tool_specs(declared) if declared else None
    # Glaive writes one JSON object after the other at the end of the prompt.
    text = value.get("system")
    found = _TOOLS_START.search(text) if isinstance(text, str) else None
    if found is None:
        return None
    listed = load(found.string[found.start() :].encode("utf-8", "surrogatepass"))
    return tool_specs(list(listed.values))


def _normalised(turn: dict[str, Any]) -> Normalised:
    parts = normalise_message(turn, text_calls=TextCalls.TRANSPORT)
    text = parts.message.text
    if parts.calls or parts.message.role != "assistant":
        return parts
    if found := _ACTION.search(text):
        return with_calls(parts, [_call(found, found[1].strip(), text[found.end() :].strip())])
    if found := _FUNCTIONCALL.search(text):
        return with_calls(parts, [_glaive_call(found, text[found.end() :].strip())])
    return parts


def _glaive_call(mark: re.Match[str], body: str) -> Found:
    """Return a Glaive call: an object whose arguments are JSON between single quotes."""
    if quoted := _QUOTED.fullmatch(body):
        return _call(mark, quoted[1], quoted[2])
    value = decode_if_json(body, 1)
    if isinstance(value, dict):
        arguments = value.get("arguments")
        return _call(mark, fields.label(value, "name"), fields.json_text(arguments or {}))
    broken = Diagnostic(
        Code.JSON_INVALID, Severity.ERROR, "what follows <functioncall> is not JSON", call_index=0
    )
    call, found = _call(mark, "", body)
    return call, (*found, broken)


def _call(mark: re.Match[str], name: str, written: str) -> Found:
    """Return the call in a text from `mark` to its end, with its arguments as written."""
    arguments = read_arguments(written, 0)
    call = ToolCall(
        index=0,
        name=name or None,
        arguments_text=written,
        arguments_state=arguments.state,
        arguments=arguments.value,
        id_state=IdState.MISSING,
        origin=Origin.TEXT,
        raw=mark.string[mark.start() :],
        span=Span(mark.start(), len(mark.string)),
        verdict="action",
    )
    return call, arguments.diagnostics if name else ()


def _turns_of_chat(value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the turns of a Glaive chat, whose prompt begins with `SYSTEM:`."""
    if value.get("system"):
        prompt = value["system"]
        own = prompt.removeprefix("SYSTEM:").strip() if isinstance(prompt, str) else prompt
        yield "/system", {"role": "system", "content": own}
    chat = value.get("chat")
    if not isinstance(chat, str):
        yield "/chat", chat
        return
    marks = list(_TURN.finditer(chat))
    if before := chat[: marks[0].start() if marks else len(chat)].strip():
        yield "/chat", {"role": "user", "content": before}
    for mark, following in zip_longest(marks, marks[1:]):
        text = chat[mark.end() : following.start() if following else len(chat)]
        text = text.strip().removesuffix(_END_OF_TEXT).strip()
        yield "/chat", {"role": _SPEAKERS[mark[1]], "content": text}


FORMAT = ShareGpt()
