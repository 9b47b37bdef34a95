"""Calls that wait for their results, and what is wrong with calls and results."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import msgspec

from hermes_tui.log.argument_schema import misfits
from hermes_tui.log.findings import Finding
from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.errors import near_names
from hermes_tui.model.messages import ArgumentsState, ToolCall, ToolResult
from hermes_tui.model.wording import shortened

if TYPE_CHECKING:
    from hermes_tui.log.fold import RunState

MAX_LISTED_PROBLEMS: Final = 3
"""How many problems of the arguments of one call are spelled out."""
_ABSENT_ARGUMENTS: Final = frozenset({ArgumentsState.EMPTY, ArgumentsState.NULL})
_REFUSED_HINT: Final = "many servers refuse such a history: answer the call, or drop it"
_MISFIT_HINT: Final = "the schema of the tool does not allow this: the tool may refuse it"


class OpenCall(msgspec.Struct, frozen=True):
    """A call that waits for its result."""

    seq: int
    turn: int
    id: str | None
    name: str | None
    index: int
    in_text: bool = False
    """Whether it was read from text: the next message of another role is its answer."""
    number: int = 0
    """The number of the message that contains it, from 1."""


def id_used_twice(call: OpenCall, last_turn: int) -> Finding:
    """Return the finding for a call whose id was last used in turn `last_turn`."""
    return _finding_of(
        call,
        Code.ID_DUPLICATE,
        Severity.ERROR if last_turn == call.turn else Severity.WARNING,
        f"call id {call.id!r} was used before, in turn {last_turn}",
        "results are matched by id: give each call a unique id",
    )


def unknown_name(call: OpenCall, declared: tuple[str, ...]) -> Finding:
    """Return the finding for a call of a tool that was not declared."""
    return _finding_of(
        call,
        Code.NAME_UNKNOWN,
        Severity.ERROR,
        f"no declared tool is called {call.name!r}",
        shortened(_near_tools(call.name or "", declared), 300),
    )


def arguments_of(call: ToolCall) -> Any:
    """Return the object that the tool receives, or None if there is none."""
    return {} if call.arguments_state in _ABSENT_ARGUMENTS else call.arguments


def misfit(opened: OpenCall, call: ToolCall, schema: Any, *, as_text: bool) -> Iterator[Finding]:
    """Yield the finding for arguments that the schema of their tool does not allow, if any.

    `as_text`: the arguments were written in tags, as texts.
    """
    arguments = arguments_of(call)
    if schema is None or not isinstance(arguments, dict):
        return
    problems = misfits(arguments, schema, as_text=as_text)
    if not problems:
        return
    messages = [str(problem) for problem in problems[:MAX_LISTED_PROBLEMS]]
    more = (
        f"; and {len(problems) - MAX_LISTED_PROBLEMS} more"
        if len(problems) > MAX_LISTED_PROBLEMS
        else ""
    )
    yield _finding_of(
        opened,
        Code.SCHEMA_VIOLATION,
        Severity.WARNING,
        f"{'; '.join(messages)}{more}",
        _MISFIT_HINT,
    )


def unanswered(state: RunState, call: OpenCall, *, at_end: bool) -> Finding:
    """Return the finding for a call that got no result in its turn, or before the end of the run.

    A run whose end was not recorded may have continued: only what was saved is known.
    """
    severity, when, hint = Severity.ERROR, "", _REFUSED_HINT
    if at_end and state.ended:
        severity, when, hint = Severity.WARNING, " before the run ended", ""
    elif at_end:
        is_ours = state.source_format == "native" and isinstance(state.details.get("live"), dict)
        severity, when = Severity.WARNING, " by the end of what was saved"
        hint = "`hermes-tui live --resume FILE` continues there" if is_ours else ""
    message = f"call {call.name or '(no name)'} of turn {call.turn} got no result{when}"
    return _finding_of(call, Code.CALL_UNANSWERED, severity, message, hint)


def orphan(result: ToolResult, seq: int, turn: int, number: int) -> Finding:
    """Return the finding for a result that answers no call."""
    expected = f"none with id {result.call_id!r}" if result.call_id else "none"
    return Finding(
        Code.RESULT_ORPHAN,
        Severity.WARNING,
        f"the result answers no call: {expected} was open",
        seq,
        turn,
        hint="the call was dropped, renamed or answered before",
        number=number,
        tool=result.name or "",
    )


def _finding_of(
    call: OpenCall, code: Code, severity: Severity, message: str, hint: str = ""
) -> Finding:
    return Finding(
        code,
        severity,
        message,
        call.seq,
        call.turn,
        hint=hint,
        call_index=call.index,
        number=call.number,
        tool=call.name or "",
    )


@lru_cache(maxsize=128)
def _near_tools(name: str, declared: tuple[str, ...]) -> str:
    """Return the tools that may have been meant. Cached, as the same slip recurs in many runs."""
    near = near_names(name, declared, likeness=0.5)
    return f"nearest: {', '.join(near)}" if near else f"declared: {', '.join(declared)}"
