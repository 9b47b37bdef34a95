"""Calls and content from the slots of the machine, as vLLM 0.33's declared parsers build them.

If the name of a call is empty, it is taken from a "name" in the arguments. Arguments are coerced to
the schema. Content after the first marker is lost as soon as one call has a name that can be sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span
from hermes_tui.parsers.engines.base import EngineRaised, Trace
from hermes_tui.parsers.engines.foreign_body import flag_entities, flag_foreign_body
from hermes_tui.parsers.engines.json_text import BadJson, dumps, loads, value_of
from hermes_tui.parsers.engines.markers import HUNYUAN_SEPARATOR
from hermes_tui.parsers.engines.name_flaws import flag_id, nearest
from hermes_tui.parsers.engines.other_parsers import hint_if_dropped, hint_if_kept
from hermes_tui.parsers.engines.tagged import Machine, Slot, Table
from hermes_tui.parsers.engines.tagged_arguments import Pairs
from hermes_tui.parsers.engines.vllm_coercion import (
    TOO_DEEP,
    CoercedArguments,
    coerce_arguments,
    flag_changes,
)
from hermes_tui.parsers.literals import JSON, UNCLOSED

_MAX_FLAGS = 100
_NAME_IN_ARGUMENTS = re.compile(r'"name"\s*+:\s*+"([^"]*+)"')
_SECTION = "<|tool_calls_section_begin|>"
_SECTION_TWICE = _SECTION + _SECTION
_KIMI_ID = re.compile(r".+:\d+")


class Named(NamedTuple):
    """The name that the parser reads for a slot. `sent`: the name is sent when streaming."""

    name: str
    sent: bool


class Dialect(NamedTuple):
    """A declared format. `pairs` is None if the arguments are JSON and are emitted verbatim.

    `named` receives the text in the place of the name.
    """

    table: Table
    named: Callable[[Trace, Slot, str], Named]
    pairs: Callable[[Trace, Slot, str], Pairs] | None = None
    known_names_only: bool = False
    strips: bool = True


def read(trace: Trace, dialect: Dialect) -> None:
    """Read the text of `trace` as the declared parser does."""
    machine = Machine(trace, dialect.table)
    machine.run()
    sent = False
    for slot in machine.slots:
        if not slot.name_parts and not slot.args_parts:
            _skip_empty(trace, slot)
            continue
        with trace.part("block", slot.span) as part:
            part.outcome, named = _deliver(trace, dialect, slot)
            sent = sent or named
    _keep_content(trace, machine, sent=sent, strips=dialect.strips)


def _skip_empty(trace: Trace, slot: Slot) -> None:
    """Skip a block without name and arguments; flag it unless there are many findings already."""
    if len(trace.diagnostics) < _MAX_FLAGS:
        end = trace.text.find("</", slot.opener.end, slot.end)
        flag_foreign_body(trace, Span(slot.opener.end, end if end >= 0 else slot.end))
        trace.step("call", slot.span, "ignored", "no name and no arguments")


class _Call(NamedTuple):
    """A call as read; `pairs` is None if its arguments are JSON or missing."""

    name: str
    arguments: str
    pairs: Pairs | None = None


def _deliver(trace: Trace, dialect: Dialect, slot: Slot) -> tuple[str, bool]:
    """Deliver the call of a slot; return the outcome, and whether its name was sent."""
    header = slot.name(trace.text)
    name, sent = dialect.named(trace, slot, header)
    call = _read_call(trace, dialect, slot, name.strip())
    if not _is_accepted(trace, dialect, call.name):
        return _refuse(trace, slot, call.name), sent
    coerced = coerce_arguments(call.arguments, trace.tools.get(call.name))
    _flag_call(trace, slot, header, call, coerced)
    trace.call(
        call.name,
        coerced.arguments,
        slot.span,
        name_span=slot.name_span(),
        arguments_span=slot.args_span() if call.pairs is None else None,
        value=value_of(coerced.arguments),
        verdict=JSON if slot.closed else UNCLOSED,
        places=call.pairs.places if call.pairs is not None else {},
    )
    return "delivered", sent


def _read_call(trace: Trace, dialect: Dialect, slot: Slot, name: str) -> _Call:
    raw = slot.args(trace.text)
    if not raw.strip():
        return _Call(name, "{}")
    if name and dialect.pairs is not None:
        pairs = dialect.pairs(trace, slot, raw)
        return _Call(name, dumps(pairs.values), pairs)
    if name:
        return _Call(name, raw.strip())
    inner, arguments = _call_from_object(raw)
    if isinstance(inner, str):
        return _Call(inner, arguments)
    if dialect.known_names_only and trace.tools:
        return _Call("", arguments)
    raise EngineRaised("ValidationError: name: Input should be a valid string")


def _flag_call(
    trace: Trace, slot: Slot, header: str, call: _Call, coerced: CoercedArguments
) -> None:
    """Flag the flaws of a call that is about to be delivered."""
    if trace.findings_full:
        return
    index = len(trace.calls)
    span = slot.args_span() or Span(slot.end, slot.end)
    if call.pairs is not None:
        call.pairs.flag(trace, index)
        flag_entities(trace, span, index)
    flag_changes(trace, coerced, span, index, places=call.pairs.places if call.pairs else None)
    _flag_end(trace, slot, index, call.pairs)
    _flag_start(trace, slot, header, index)
    _flag_id(trace, slot, header, call.name, index)


def _is_accepted(trace: Trace, dialect: Dialect, name: str) -> bool:
    if not name:
        return False
    return not (dialect.known_names_only and trace.tools) or name in trace.tools


def _refuse(trace: Trace, slot: Slot, name: str) -> str:
    place = slot.name_span() or slot.span
    last = trace.diagnostics[-1:]
    if not name and last and last[0].code is Code.NAME_DECORATED and last[0].span == place:
        return "dropped"
    if "<tool_call>" in name:
        message = "an opening tag inside an open block is read as the name"
        hint = "write the opening tag once"
        trace.flag(Code.NESTED_OPEN, Severity.ERROR, place, message, hint)
        return "dropped"
    if name.lstrip().startswith(("{", "[", "<function")) or HUNYUAN_SEPARATOR in name:
        flag_foreign_body(trace, place)
        return "dropped"
    if name:
        code, message = Code.NAME_UNKNOWN, f"no tool is named {name[:60]!r}: the call is dropped"
        hint = nearest(name, trace)
    else:
        code, message = Code.NAME_MISSING, "the block has no readable name: the call is dropped"
        hint = "in this format the name directly follows the marker"
    trace.flag(code, Severity.ERROR, place, message, hint)
    return "dropped"


def _flag_end(trace: Trace, slot: Slot, index: int, pairs: Pairs | None) -> None:
    """Flag a call that nothing closes; it is an error only if a part of it is missing."""
    if slot.closed:
        return
    raw = slot.args(trace.text)
    whole = not pairs.cut if pairs is not None else bool(raw) and value_of(raw) is not None
    code, severity = Code.TRUNCATED, Severity.ERROR
    message = "the text ends inside the call, which is delivered with what is complete"
    hint = "raise max_tokens; only finish_reason `length` tells the agent that it was cut"
    if whole:
        code, severity = Code.UNCLOSED, Severity.WARNING
        message = "nothing closes the call, but its arguments are complete"
        hint = "look for a stop string that cuts the marker"
    end = len(trace.text)
    start = max(slot.opener.start, end - 40)
    trace.flag(code, severity, Span(start, end), message, hint, index)


def _flag_start(trace: Trace, slot: Slot, header: str, index: int) -> None:
    """Flag a doubled section, a missing wrapper, blanks around the name, or missing arguments."""
    text, opener = trace.text, slot.opener
    if text.startswith(_SECTION_TWICE, slot.start):
        start, end = slot.start, slot.start + len(_SECTION)
        message = f"{_SECTION} appears twice, which the engine accepts"
        hint = "open the section once"
        trace.flag(Code.NESTED_OPEN, Severity.WARNING, Span(start, end), message, hint, index)
    if slot.bare and text.startswith("<function=", opener.start):
        orphan = text.endswith("</tool_call>", slot.start, slot.end)
        code = Code.ORPHAN_CLOSE if orphan else Code.MARKER_VARIANT
        message = "a function without <tool_call> before it: vLLM reads it anyway"
        hint = hint_if_kept(trace, _sglang_parser_name(trace), opener, "SGLang keeps it as text")
        trace.flag(code, Severity.WARNING, opener, message, hint, index)
    elif header.strip("\n") != header.strip() and (place := slot.name_span()):
        message = "spaces around the name: vLLM strips them"
        hint = hint_if_dropped(trace, _sglang_parser_name(trace), place, "SGLang drops such a call")
        trace.flag(Code.NAME_DECORATED, Severity.WARNING, place, message, hint, index)
    elif text.startswith("<|tool_call_begin|>", opener.start) and not slot.args_parts:
        message = "no arguments: the call is delivered with {}"
        whole = slot.span
        hint = hint_if_dropped(trace, _sglang_parser_name(trace), whole, "SGLang drops such a call")
        trace.flag(Code.ARGS_KEY, Severity.WARNING, whole, message, hint, index)


def _sglang_parser_name(trace: Trace) -> str:
    """Return SGLang's parser of the same format; vLLM has two names for the one that reads XML."""
    name = trace.info.parser
    return f"sglang/{'qwen3_coder' if name == 'qwen3_xml' else name}"


def _flag_id(trace: Trace, slot: Slot, header: str, name: str, index: int) -> None:
    if name in header or (place := slot.name_span()) is None:
        return
    message = f"the name {name[:60]!r} is not the one in the header: it was found in the arguments"
    hint = "the header is not of the form that this parser reads"
    trace.flag(Code.NAME_DECORATED, Severity.ERROR, place, message, hint, index)


def _keep_content(trace: Trace, machine: Machine, *, sent: bool, strips: bool) -> None:
    """Keep the text before the first call, and the rest if no call's name was sent."""
    first = machine.slots[0].opener.start if machine.slots else len(trace.text)
    kept = [span for span in machine.content if not sent or span.start < first]
    content = "".join(trace.text[span.start : span.end] for span in kept)
    if machine.slots and not content.strip():
        kept, content = [], ""
    for span in kept:
        trace.keep(span)
    trace.say((content.strip() if trace.calls and strips else content) or None)


def _call_from_object(raw: str) -> tuple[Any, str]:
    """Return the name and the arguments of a call written as one JSON object.

    The name is empty if `raw` is no such object.
    """
    try:
        value = loads(raw.strip())
    except BadJson as error:
        if error.deep:
            raise EngineRaised(TOO_DEEP) from None
        return "", raw
    if not isinstance(value, dict):
        return "", raw
    name = value.get("name") or ""
    for key in ("arguments", "parameters"):
        if key in value:
            inner = value[key]
            return name, inner if isinstance(inner, str) else dumps(inner)
    return name, dumps({key: item for key, item in value.items() if key != "name"})


def _name_in_arguments(trace: Trace, slot: Slot) -> str:
    found = _NAME_IN_ARGUMENTS.search(slot.args(trace.text))
    return found[1] if found else ""


def header_name(trace: Trace, slot: Slot, header: str) -> Named:
    """Return the name in the header, else the first "name" in the arguments."""
    name = header or _name_in_arguments(trace, slot)
    return Named(name, bool(name))


def known_name(trace: Trace, slot: Slot, header: str) -> Named:
    """Return the name like `header_name`, but only a declared name is sent."""
    header = header.strip()
    name = (header or _name_in_arguments(trace, slot)).strip()
    sent = bool(name) and (not trace.tools or name in trace.tools)
    return Named(name if sent else header, sent)


def kimi_name(trace: Trace, slot: Slot, header: str) -> Named:
    """Return the name in [functions.]NAME:N; for another id, the first "name" in the arguments."""
    if name := _name_of_id(header):
        return Named(name, True)
    if header.strip():
        flag_id(trace, header.strip(), slot.name_span() or slot.opener)
    if slot.args_parts:
        found = _name_in_arguments(trace, slot)
        name = _name_of_id(found) or found
        return Named(name, bool(name))
    return Named(header, bool(header))


def _name_of_id(header: str) -> str:
    found = _KIMI_ID.match(header.strip())
    return found[0].strip().split(":")[0].removeprefix("functions.") if found else ""
