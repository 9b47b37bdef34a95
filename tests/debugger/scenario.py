"""Sessions as scenarios: `>>` gives an input, `<<` states all the outputs that follow, in order.

    run = Scenario() >> task("list the files") << (RunStarted, …, SendRequest)

What is expected is an event or effect class, an effect, or `saw(Class, field=value, …)`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from hermes_tui.debugger.breakpoints import Breakpoint, parse_breakpoint
from hermes_tui.debugger.effects import DispatchTool, Effect, Finish, SendRequest
from hermes_tui.debugger.inputs import Input, ModelReplied, Start
from hermes_tui.debugger.session import Session
from hermes_tui.debugger.stepping import RUN_MODE
from hermes_tui.log.fold import RunState
from hermes_tui.model.errors import IllegalCommand
from hermes_tui.model.events import (
    BreakpointsSet,
    Event,
    MessageAppended,
    RequestSent,
    ResponseParsed,
    ResponseReceived,
    RunEnded,
    RunStarted,
    Stopped,
    ToolCallProposed,
    ToolDispatched,
    ToolReturned,
)
from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.plain_values import json_text

TERMINAL = ToolSpec(
    "terminal",
    parameters={"type": "object", "properties": {"command": {}}, "required": ["command"]},
)
READ = ToolSpec("read_file")

LS = ("terminal", {"command": "ls"})
RM = ("terminal", {"command": "rm -rf /"})

REQUEST = (RequestSent, SendRequest)
STARTED = (RunStarted, MessageAppended, BreakpointsSet, *REQUEST)
ANSWERED = (ToolReturned, MessageAppended)


def replied(calls: int = 0) -> tuple[type, ...]:
    return (ResponseReceived, ResponseParsed, MessageAppended, *[ToolCallProposed] * calls)


@dataclass(frozen=True)
class Saw:
    kind: type
    fields: dict[str, Any]

    def matches(self, output: object) -> bool:
        return type(output) is self.kind and all(
            getattr(output, name) == value for name, value in self.fields.items()
        )


def saw(kind: type, **fields: Any) -> Saw:
    return Saw(kind, fields)


def stopped(point: str, call_index: int | None = None) -> object:
    return saw(Stopped, stop_point=point, call_index=call_index)


DISPATCHED = (ToolDispatched, DispatchTool)
FINISHED = (saw(RunEnded, status="ok", stop_reason="finished"), Finish("finished"))


def _matches(output: object, expected: object) -> bool:
    if isinstance(expected, Saw):
        return expected.matches(output)
    return type(output) is expected if isinstance(expected, type) else output == expected


class Scenario:
    """A session, its log, and the outputs of the last input."""

    def __init__(self, session: Session | None = None, log: list[Event] | None = None) -> None:
        self.session = session or Session()
        self.log = log or []
        self.effects: tuple[Effect, ...] = ()
        self.outputs: list[Event | Effect] = []
        self.clock = 1_000.0

    def __rshift__(self, given: Input) -> Scenario:
        self.clock += 1.0
        new_id = f"id{len(self.log)}"
        events, self.effects = self.session.apply(given, now=self.clock, new_id=new_id)
        self.log += events
        self.outputs = [*events, *self.effects]
        return self

    def __lshift__(self, expected: object) -> Scenario:
        wanted = expected if isinstance(expected, tuple) else (expected,)
        shown = "\n".join(str(output) for output in self.outputs)
        assert len(self.outputs) == len(wanted), f"{len(wanted)} expected, came:\n{shown}"
        for output, one in zip(self.outputs, wanted, strict=True):
            assert _matches(output, one), f"{one} expected, came:\n{output}"
        return self

    def refuses(self, given: Input) -> Scenario:
        before = Session.from_events(self.log).state
        with pytest.raises(IllegalCommand):
            self.session.apply(given, now=self.clock, new_id="refused")
        assert self.session.state == before
        return self

    def reopened(self, length: int | None = None) -> Scenario:
        """Return the scenario as another process finds its log, cut to `length` events."""
        log = self.log[:length]
        return Scenario(Session.from_events(log), list(log))

    def findings(self) -> list[str]:
        """Return the codes of the findings that folding the log gives."""
        state = RunState()
        found = [finding for event in self.log for finding in state.apply(event)]
        return [finding.code.value for finding in found]

    def conversation(self) -> list[dict[str, Any]]:
        """Return the messages of the last request."""
        (request,) = self.effects
        assert isinstance(request, SendRequest)
        return [json.loads(message) for message in request.messages]


def length_before(run: Scenario, kind: type) -> int:
    """Return the length of the log before its last event of `kind`."""
    return max(seq for seq, event in enumerate(run.log) if isinstance(event, kind))


def task(text: str = "go", **fields: Any) -> Start:
    fields.setdefault("tools", (TERMINAL, READ))
    return Start(messages=({"role": "user", "content": text},), **fields)


def run_to(*breakpoints: str, **fields: Any) -> Start:
    """Return the start of a run that continues to the first breakpoint; their ids are b1, b2 …"""
    return task(stop_points=RUN_MODE, breakpoints=broken(*breakpoints), **fields)


def broken(*texts: str) -> tuple[Breakpoint, ...]:
    return tuple(
        parse_breakpoint(text, breakpoint_id=f"b{number}")
        for number, text in enumerate(texts, start=1)
    )


def says(text: str, finish: str = "stop") -> ModelReplied:
    return replies({"role": "assistant", "content": text}, finish)


def calls(*named: tuple[str, Any], text: str = "") -> ModelReplied:
    """Return a reply with calls (name, arguments); arguments other than strings become JSON."""
    listed = [
        {
            "id": f"c{index}",
            "type": "function",
            "function": {
                "name": name,
                "arguments": value if isinstance(value, str) else json.dumps(value),
            },
        }
        for index, (name, value) in enumerate(named)
    ]
    return replies({"role": "assistant", "content": text, "tool_calls": listed}, "tool_calls")


def replies(message: Any, finish: str = "stop") -> ModelReplied:
    return ModelReplied(raw=json_text(message), message=message, finish_reason=finish)
