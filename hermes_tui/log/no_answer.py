"""Runs that end in the middle: a reply was awaited, and none came.

Many end so by design: a simulated user has the last word, an environment scores the result, or a
tool takes the answer; and a mere prompt is not a run. Nothing is reported if the source records how
the run ended.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from hermes_tui.log.findings import Finding
from hermes_tui.model.diagnostics import Code, Severity

if TYPE_CHECKING:
    from hermes_tui.log.fold import RunState

REQUEST: Final = "request"
TOOL: Final = "tool"
_CAUSES: Final = "a turn limit, a time limit or the user ended it: the file does not say which"
_OTHER_END_FORMATS: Final = frozenset({"mini-swe-agent", "native", "smolagents", "swe-agent"})
"""Formats whose runs need not end with a reply: a run of our own may still be waiting, and the
agents of the others submit by a shell command or in code."""
_SESSION_FORMATS: Final = frozenset({"hermes-session", "hermes-export", "hermes-state-db"})
"""Formats of sessions: a run began when the user asked, even if no end is recorded."""
_REQUEST_FORMATS: Final = frozenset({"hermes-request-dump"})
"""Formats that store only the request, regardless of what became of it."""
_WORD: Final = re.compile(r"[A-Z]?[a-z]+")
_ANSWER_WORDS: Final = frozenset(
    {"answer", "complete", "completion", "done", "end", "exit", "final", "finish", "handoff"}
    | {"result", "stop", "submit", "terminate", "transfer"}
)


class Last(NamedTuple):
    """What came last in a run: a request or a message.

    `what` is `REQUEST`, `TOOL` after a result, or else the role of the message; `tool` is the name
    of the tool that answered last.
    """

    what: str = ""
    tool: str = ""


NOTHING: Final = Last()


def without_answer(state: RunState, seq: int) -> Iterator[Finding]:
    """Yield the finding for a run that ends at event `seq` while its model owes a reply, if any."""
    is_explained = state.stop_reason or state.status not in ("", "unknown")
    missing = None if is_explained else _missing_reply(state)
    if missing is not None:
        severity, message, hint = missing
        turn, number = state.turn, state.appended
        yield Finding(Code.NO_ANSWER, severity, message, seq, turn, hint=hint, number=number)


def _missing_reply(state: RunState) -> tuple[Severity, str, str] | None:
    last = state.last
    if last.what == REQUEST:
        if state.source_format in _REQUEST_FORMATS:
            return None
        return (
            Severity.WARNING,
            "the run breaks off while waiting for a reply",
            "it was killed at this point, or cancelled by an outer time limit",
        )
    if not state.turn:
        is_run = state.ended or (state.source_format in _SESSION_FORMATS and last.what == "user")
        if not is_run or state.codes[Code.REQUEST_ERROR] or state.codes[Code.RUN_ERROR]:
            return None
        return (
            Severity.WARNING,
            "the run contains no reply of the model",
            "its requests failed, or its replies were not kept",
        )
    if state.source_format in _OTHER_END_FORMATS:
        return None
    if last.what == TOOL and _ANSWER_WORDS.isdisjoint(map(str.lower, _WORD.findall(last.tool))):
        return Severity.NOTE, "the run ends with a result that the model did not answer", _CAUSES
    is_scored = state.reward is not None or bool(state.scores)
    if last.what == "user" and state.calls and not is_scored:
        return Severity.NOTE, "the run ends with a user's message that got no reply", _CAUSES
    return None
