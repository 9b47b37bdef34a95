"""Checks of a text that is being edited: arguments, names, messages, sampling, replies."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.errors import HermesError, near_hint
from hermes_tui.model.messages import ArgumentsState, ToolSpec
from hermes_tui.model.wording import decoder_words, shortened
from hermes_tui.parsers.call_arguments import read_arguments
from hermes_tui.parsers.plain_values import json_text
from hermes_tui.ui.json_layout import offset_of

if TYPE_CHECKING:
    from hermes_tui.debugger.state import SessionState

MAX_PROBLEMS: Final = 50
_MAX_QUOTED: Final = 120
"""Characters of a value that a problem quotes."""
_ROLES: Final = ("system", "user", "assistant", "tool", "developer")
_NUMBERS: Final = frozenset({
    "temperature", "top_p", "top_k", "min_p", "max_tokens", "max_completion_tokens", "n", "seed",
    "presence_penalty", "frequency_penalty", "repetition_penalty", "timeout", "top_logprobs",
})  # fmt: skip
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_NOT_AN_OBJECT: Final = "this is {}, it must be a JSON object"


class Problem(NamedTuple):
    """A finding in a text. `line` and `column` count from 1; line 0 is the text as a whole."""

    severity: Severity
    message: str
    line: int = 0
    column: int = 0


Check = Callable[[str], Sequence[Problem]]


def check_nothing(text: str) -> Sequence[Problem]:
    """Return no problems; for a text that may be anything."""
    return ()


def position(text: str, offset: int) -> tuple[int, int]:
    """Return the line and column, from 1, of the character at `offset`."""
    start = text.rfind("\n", 0, offset) + 1
    return text.count("\n", 0, offset) + 1, offset - start + 1


def check_arguments(text: str, schema: Any = None) -> list[Problem]:
    """Return the problems of arguments: not JSON, not an object, or not as the schema requires."""
    read = read_arguments(text)
    problems = [_problem_from(found, text) for found in read.diagnostics]
    if read.state is ArgumentsState.EMPTY:
        problems.append(Problem(Severity.NOTE, "empty text is a call without arguments: {}"))
    if read.state is ArgumentsState.JSON_STRING:
        problems += _oddities(text)
    if isinstance(read.value, dict) and schema is not None:
        problems += _schema_problems(text, read.value, schema)
    return problems[:MAX_PROBLEMS]


def check_name(text: str, names: Iterable[str] | None) -> list[Problem]:
    """Return the problems of a tool's name; if `names` is None, any name is known."""
    known = sorted(names or ())
    listed = ", ".join([*known[:12], "…"] if len(known) > 12 else known)
    if not text:
        missing = "a call needs the name of a tool" + (f": {listed}" if listed else "")
        return [Problem(Severity.ERROR, missing, 1, 1)]
    problems = []
    if text != text.strip() or not text.isprintable():
        problems.append(Problem(Severity.WARNING, "spaces or invisible characters in the name", 1))
    if names is None or text in known:
        return problems
    hint = near_hint(text, known, f"known: {listed}")
    return [*problems, Problem(Severity.WARNING, f"no tool has this name; {hint}", 1, 1)]


def check_message(text: str) -> list[Problem]:
    """Return the problems of a message of the conversation, as JSON; empty text deletes it."""
    if not text.strip():
        return [Problem(Severity.NOTE, "empty: the message is removed from the conversation")]
    value, problems = _read_object(text)
    if value is None:
        return problems
    role = value.get("role")
    if role not in _ROLES:
        hint = near_hint(str(role), _ROLES, "one of " + ", ".join(_ROLES))
        problems.append(Problem(Severity.WARNING, f"role is {_short(role)}; {hint}"))
    if role == "tool" and not isinstance(value.get("tool_call_id"), str):
        problems.append(
            Problem(Severity.WARNING, "a tool message must name its call: tool_call_id")
        )
    problems += _content_problems(value)
    problems += _surrogate_problems(text, value)
    return problems[:MAX_PROBLEMS]


def check_parameters(text: str) -> list[Problem]:
    """Return the problems of a request's parameters, as JSON."""
    value, problems = _read_object(text)
    for key, given in (value or {}).items():
        if key == "messages":
            problems.append(Problem(Severity.ERROR, "messages are set by the loop itself"))
        elif key in _NUMBERS and given is not None and not _is_number(given):
            problems.append(
                Problem(Severity.WARNING, f"{key} is {_short(given)}, servers expect a number")
            )
        elif key == "tools" and not isinstance(given, list):
            problems.append(Problem(Severity.WARNING, "tools is not a list"))
        elif key == "stream" and not isinstance(given, bool):
            problems.append(Problem(Severity.WARNING, f"stream is {_short(given)}, not a boolean"))
        elif key == "stream_options" and given and not (value or {}).get("stream"):
            what = "stream_options without stream, which servers refuse"
            problems.append(Problem(Severity.WARNING, what))
    return problems[:MAX_PROBLEMS]


def check_assistant_text(text: str, state: SessionState) -> list[Problem]:
    """Return how the run of `state` reads a reply with this text: its calls and their problems."""
    from hermes_tui.debugger.replies import read_text

    read, tools = read_text(text, state), state.names
    names = None if tools is None else frozenset(tools)
    problems = [_problem_from(found, text) for found in read.diagnostics]
    is_missed = any(
        found.code is Code.CALL_IN_CONTENT and found.severity is Severity.ERROR
        for found in read.diagnostics
    )
    fate = ", not run" if is_missed else ""
    for call, findings in read.calls:
        at = position(text, call.span.start) if call.span else (0, 0)
        summary = f"call {call.index + 1}{fate}: {call.name or 'no name'} {call.arguments_text}"
        problems.append(Problem(Severity.NOTE, shortened(summary, _MAX_QUOTED), *at))
        problems += [_problem_from(found, text) for found in findings]
        if call.name:
            problems += [p._replace(line=at[0], column=at[1]) for p in check_name(call.name, names)]
    if not read.calls:
        problems.append(Problem(Severity.NOTE, "no call in this text: it is a plain answer"))
    return problems[:MAX_PROBLEMS]


def check_breakpoint(text: str, tools: Iterable[ToolSpec] | None = None) -> list[Problem]:
    """Return why `text` is not a breakpoint, or why it is one without effect.

    `tools` are those of the run, None if they are not known.
    """
    from hermes_tui.debugger.breakpoints import parse_breakpoint, why_without_effect

    try:
        breakpoint = parse_breakpoint(text, breakpoint_id="")
    except HermesError as error:
        return [Problem(Severity.ERROR, str(error))]
    return [Problem(Severity.WARNING, reason) for reason in why_without_effect(breakpoint, tools)]


def _read_object(text: str) -> tuple[dict[str, Any] | None, list[Problem]]:
    """Return the JSON object in `text`, or None if it is not one, and its problems."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        at = position(text, error.pos)
        return None, [Problem(Severity.ERROR, f"not JSON: {decoder_words(error.msg)}", *at)]
    except (ValueError, RecursionError) as error:
        return None, [Problem(Severity.ERROR, f"not JSON that can be read: {error}")]
    if not isinstance(value, dict):
        return None, [Problem(Severity.ERROR, _NOT_AN_OBJECT.format(_short(value)), 1, 1)]
    return value, _oddities(text)


def signature(spec: ToolSpec | None) -> str:
    """Return a tool's signature on one line: `terminal(command: string, timeout?: integer)`."""
    if spec is None:
        return ""
    schema = spec.parameters if isinstance(spec.parameters, dict) else {}
    properties, required = schema.get("properties"), schema.get("required")
    if not isinstance(properties, dict):
        return f"{spec.name}(…)"
    needed = required if isinstance(required, list) else []
    shown = [
        f"{key}{'' if key in needed else '?'}{_type_of(declared)}"
        for key, declared in properties.items()
    ]
    return f"{spec.name}({', '.join(shown)})"


def _type_of(declared: Any) -> str:
    kind = declared.get("type") if isinstance(declared, dict) else None
    return f": {kind}" if isinstance(kind, str) else ""


def _content_problems(message: Mapping[str, Any]) -> list[Problem]:
    content = message.get("content")
    if content is None and not message.get("tool_calls"):
        return [Problem(Severity.WARNING, "the message has no content")]
    if content is not None and not isinstance(content, (str, list)):
        return [Problem(Severity.WARNING, f"content is {_short(content)}, not text")]
    return []


def _surrogate_problems(text: str, message: Mapping[str, Any]) -> list[Problem]:
    """Return where lone surrogates are, which UTF-8 lacks; those in escapes count as one."""
    what = "half of a surrogate pair, with which it cannot be sent"
    places = [position(text, found.start()) for found in _SURROGATE.finditer(text)]
    if not places and _SURROGATE.search(json_text(message)):
        places = [(0, 0)]
    return [Problem(Severity.WARNING, what, *at) for at in places]


def _schema_problems(text: str, arguments: dict[str, Any], schema: Any) -> list[Problem]:
    from hermes_tui.log.argument_schema import schema_problems

    problems = []
    for found in schema_problems(arguments, schema):
        offset = offset_of(text, found.path)
        at = (0, 0) if offset is None or not found.path else position(text, offset)
        problems.append(Problem(Severity.WARNING, str(found), *at))
    return problems


def _oddities(text: str) -> list[Problem]:
    """Return what JSON readers disagree on: repeated keys, and constants that are not numbers."""
    problems: list[Problem] = []

    def pairs(items: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for key, _ in items:
            if key in seen:
                problems.append(
                    Problem(Severity.WARNING, f"{_short(key)} appears twice, the last one counts")
                )
            seen.add(key)

    def constant(name: str) -> None:
        at = re.search(rf"{re.escape(name)}\b", text)
        where = position(text, at.start()) if at else (0, 0)
        problems.append(Problem(Severity.WARNING, f"{name} is not a JSON number", *where))

    try:
        json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
    except (RecursionError, ValueError):
        what = "nested too deeply, or a number too long, to check for repeated keys"
        problems.append(Problem(Severity.NOTE, what))
    return problems


def _problem_from(diagnostic: Diagnostic, text: str) -> Problem:
    # A limit of the model is not what cut a text that a person types.
    hint = diagnostic.hint.removesuffix("raise max_tokens").rstrip("; ")
    message = f"{diagnostic.message}; {hint}" if hint else diagnostic.message
    at = position(text, diagnostic.span.start) if diagnostic.span else (0, 0)
    return Problem(diagnostic.severity, message, *at)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _short(value: Any) -> str:
    return shortened(json_text(value), _MAX_QUOTED)
