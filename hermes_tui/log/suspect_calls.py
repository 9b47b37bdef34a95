"""Calls found in the text of a reply: the next message decides whether they really were calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hermes_tui.log.findings import Finding
    from hermes_tui.log.fold import RunState

_TOOL_ROLES = frozenset({"tool", "environment", "env"})
_ANSWER_PREFIXES = (
    "OBSERVATION",
    "Observation",
    "EXECUTION RESULT",
    "<tool_response",
    "<function_results",
    "[Tool",
    "Tool result",
    "<returncode",
    "<output",
)
_ANSWERED_NOTE: Final = "the call is in the text; it was read there and answered"
_LIKE_ANSWERED_NOTE: Final = (
    "the call is in the text, like earlier ones that were read there and answered"
)


def note_answer(state: RunState, role: str, text: str) -> bool:
    """Return whether a message answers the calls in the text of the reply before it.

    Once a message of some role has done so, which is noted in `state`, every later message of that
    role after such calls counts as an answer.
    """
    if role in _TOOL_ROLES or text.startswith(_ANSWER_PREFIXES):
        state.answering_role = role
        return True
    return bool(role) and role == state.answering_role


def decide_suspects(
    state: RunState, findings: list[Finding], *, answered: bool, at_end: bool = False
) -> None:
    """Report the calls found in content, now that it is known whether they were answered.

    If they were, they become open calls, and their findings are reduced to notes. At the end of the
    run, so are the findings of unanswered calls if the user answered such calls before.
    """
    is_like_others = at_end and state.answering_role == "user" and state.suspect_calls
    note = _ANSWERED_NOTE if answered else _LIKE_ANSWERED_NOTE if is_like_others else ""
    findings += [finding.as_note(note) if note else finding for finding in state.suspects]
    if answered:
        state.open_calls.extend(state.suspect_calls)
    state.suspects = ()
    state.suspect_calls.clear()
