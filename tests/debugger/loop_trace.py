"""Play a whole run through a session without a driver, and trace what happened."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import uuid4

from hermes_tui.debugger import inputs as given
from hermes_tui.debugger.effects import DispatchTool, Effect, SendRequest
from hermes_tui.debugger.outcome import outcome_of
from hermes_tui.debugger.session import Session
from hermes_tui.log.codec import decode, encode
from hermes_tui.log.fold import RunState
from hermes_tui.model import events as ev
from hermes_tui.model.messages import ToolError, ToolSpec

NAMES = ("terminal", "todo", "read_file")
SCHEMAS = [{"type": "function", "function": {"name": name}} for name in NAMES]
TASK = {"role": "user", "content": "go"}

_MADE = re.compile(r'"call_[0-9a-f]{8}"')

Handler = Callable[[str, Any], Any]


class Trace(NamedTuple):
    """`dispatched` are (name, arguments); `escaped` is the exception that the loop raised."""

    messages: list[Any]
    dispatched: list[tuple[str, Any]]
    tool_errors: list[ToolError]
    reasoning: list[Any]
    turns_used: int
    finished: bool
    stop_reason: str
    escaped: str
    codes: set[str]


class Recorder:
    """A tool that records what it was called with."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.calls: list[tuple[str, Any]] = []

    def __call__(self, name: str, arguments: Any) -> Any:
        self.calls.append((name, arguments))
        return self.handler(name, arguments)


def run_session(answers: list[Any], handler: Handler, mode: str, max_turns: int = 30) -> Trace:
    """Run to the end without a stop; `answers` are messages, exceptions or `no choices`."""
    session, log, recorder, queue = Session(), [], Recorder(handler), iter(answers)
    start = given.Start(
        (TASK,),
        tools=tuple(ToolSpec(name) for name in NAMES),
        parameters={"tools": SCHEMAS},
        mode=mode,
        max_turns=max_turns,
        stop_points=frozenset(),
    )
    one: given.Input | None = start
    while one is not None:
        events, effects = session.apply(one, now=1.0, new_id=uuid4().hex)
        log += [decode(encode(event)) for event in events]
        assert Session.from_events(log).state == session.state
        one = next(
            (reply for effect in effects if (reply := _reply(effect, queue, recorder))), None
        )
    return _trace(log, recorder)


def _reply(effect: Effect, queue: Any, recorder: Recorder) -> given.Input | None:
    match effect:
        case SendRequest():
            answer = next(queue)
            if isinstance(answer, Exception):
                return given.RequestFailed(repr(answer))
            if answer == "no choices":
                return given.RequestFailed("no choices", empty=True)
            return given.ModelReplied(raw="", message=answer)
        case DispatchTool(name=name, arguments=text):
            arguments = json.loads(text)
            try:
                if name == "todo":
                    merge = arguments.get("merge", False)
                    arguments = {"todos": arguments.get("todos"), "merge": merge}
                value = recorder(name, arguments)
            except ValueError as error:
                return given.ToolRaised(f"{type(error).__name__}: {error}")
            if isinstance(value, str):
                return given.ToolReplied(value)
            return given.ToolReplied(json.dumps(value), raw=value, is_text=False)
    return None


def _trace(log: list[ev.Event], recorder: Recorder) -> Trace:
    outcome, state = outcome_of(log), RunState()
    codes = {finding.code.value for event in log for finding in state.apply(event)}
    escaped = [event.exception for event in log if isinstance(event, ev.LoopEscaped)]
    return Trace(
        [json.loads(text) for text in outcome.messages],
        recorder.calls,
        outcome.tool_errors,
        outcome.reasoning_per_turn,
        outcome.turns_used,
        outcome.finished_naturally,
        outcome.stop_reason,
        escaped[0] if escaped else "",
        codes,
    )


def without_made_ids(messages: list[Any]) -> list[Any]:
    """Return `messages` as JSON reads them back, with equal ids for all that the loop made up."""
    found: list[Any] = json.loads(_MADE.sub('"call_made"', json.dumps(messages)))
    return found
