"""What holds in every session, however it is driven and wherever it is killed."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hermes_tui.debugger import inputs as given
from hermes_tui.debugger.effects import DispatchTool, Effect, SendRequest
from hermes_tui.debugger.forks import fork_point
from hermes_tui.debugger.session import Session
from hermes_tui.debugger.stepping import RUN_MODE, STEP_MODE, Command, Kind, Phase, StopPoint
from hermes_tui.formats.writers import openai
from hermes_tui.log.codec import decode, encode
from hermes_tui.log.fold import RunState
from hermes_tui.model import events as ev
from hermes_tui.model.errors import HermesError
from tests.debugger.scenario import broken, calls, says, task

GUARD = "before_dispatch:terminal if 'rm' in args.command"
MORE = [
    "after_result every 2",
    "before_request once",
    "turn_end if turn == 2",
    'before_dispatch log "{tool}"',
    "tool_error count",
    "after_parse ignore 1",
    "run_end",
    "before_dispatch:read_file if args.n > 3 fail",
]
COMMANDS = ["rm -rf x", "ls", "farm"]
ARGUMENTS = st.one_of(
    st.sampled_from(COMMANDS).map(lambda command: json.dumps({"command": command})),
    st.sampled_from(["", "{", "[]", '"{}"', '{"n": "x"}']),
)
NAMES = st.sampled_from(["terminal", "terminal", "read_file", "nope", ""])
TEXTS = st.sampled_from(["", "ok", '{"error": "x", "exit_code": -1}', "\ud800"])
INDEX = st.integers(0, 3)
MODES = st.sampled_from([RUN_MODE, STEP_MODE, frozenset(), frozenset(StopPoint)])
BREAKPOINTS = st.lists(st.sampled_from(MORE), max_size=2).map(lambda more: broken(GUARD, *more))
LEFT_IN_TEXT = '<tool_call>{"name": "terminal", "arguments": {"command": "rm"}}</tool_call>'

GOOD = st.sampled_from(COMMANDS).map(lambda command: ("terminal", {"command": command}))

STARTS = st.builds(
    lambda modes, breakpoints, turns, parser, retries, manual, mode: task(
        mode=mode,
        stop_points=modes,
        breakpoints=breakpoints,
        max_turns=turns,
        parser=parser,
        retries=retries,
        manual=manual,
        parameters={"model": "m", "temperature": 1.0},
        url="http://127.0.0.1/v1",
    ),
    MODES,
    BREAKPOINTS,
    st.integers(0, 9).map(lambda turns: turns * 3),
    st.sampled_from(["", "hermes", "vllm/hermes"]),
    st.integers(0, 2),
    st.sampled_from([frozenset(), frozenset({"read_file"})]),
    st.sampled_from(["strict", "strict", "faithful"]),
)
PARAMETERS = st.sampled_from([{"model": "m", "temperature": 0.5}, {"model": "other"}])
INPUTS: dict[Kind, st.SearchStrategy[given.Input]] = {
    Kind.START: STARTS,
    Kind.RESPONSE: st.one_of(
        st.lists(GOOD, min_size=1, max_size=3).map(lambda named: calls(*named)),
        st.lists(st.tuples(NAMES, ARGUMENTS), min_size=1, max_size=3).map(
            lambda named: calls(*named)
        ),
        st.builds(says, st.sampled_from(["done", "", LEFT_IN_TEXT]), st.just("length")),
        st.just(says("done")),
    ),
    Kind.REQUEST_FAILURE: st.builds(
        given.RequestFailed,
        st.just("500"),
        empty=st.booleans(),
        retryable=st.booleans(),
        retry_in_s=st.sampled_from([None, 0.0, 2.5]),
        by=st.sampled_from(["", "person"]),
    ),
    Kind.TOOL_REPLY: st.one_of(
        st.builds(given.ToolReplied, TEXTS),
        st.builds(given.ToolRaised, st.just("OSError: x"), by=st.sampled_from(["", "person"])),
    ),
    Kind.RESUME: st.builds(given.Resume, st.sampled_from(Command)),
    Kind.PAUSE: st.just(given.Pause()),
    Kind.EDIT: st.one_of(
        st.builds(given.EditArguments, INDEX, ARGUMENTS), st.builds(given.EditName, INDEX, NAMES)
    ),
    Kind.SKIP: st.one_of(st.builds(given.SkipCall, TEXTS), st.builds(given.FailCall, TEXTS)),
    Kind.SUBSTITUTE: st.builds(given.SubstituteResult, TEXTS),
    Kind.DROP: st.builds(given.DropCall, INDEX),
    Kind.ADD: st.builds(
        given.AddCall, NAMES, ARGUMENTS, st.just("vllm/hermes"), st.sampled_from([None, "", "left"])
    ),
    Kind.RETRY: st.builds(given.Retry, st.none() | PARAMETERS),
    Kind.EDIT_TEXT: st.builds(
        given.EditText, st.sampled_from(["", "done", LEFT_IN_TEXT, LEFT_IN_TEXT[:30]])
    ),
    Kind.EDIT_MESSAGE: st.builds(
        given.EditMessage, INDEX, st.sampled_from(["", "[]", '{"role": "user", "content": "x"}'])
    ),
    Kind.SET_PARAMETERS: st.builds(given.SetParameters, PARAMETERS),
    Kind.FORK: st.just(given.Fork("parent", 1)),
    Kind.DIVERGENCE: st.just(given.Diverged("message 2", "a", "b")),
    Kind.TERMINATE: st.builds(given.Terminate, partial=st.sampled_from(["", "data: x"])),
    Kind.SET_BREAKPOINTS: st.builds(given.SetBreakpoints, BREAKPOINTS, MODES),
    Kind.REOPEN: st.just(given.Reopen()),
}
NEXT_INPUT = {
    Phase.REQUESTING: st.lists(GOOD, min_size=1, max_size=3).map(lambda named: calls(*named)),
    Phase.STOPPED: INPUTS[Kind.RESUME],
    Phase.DISPATCHING: INPUTS[Kind.TOOL_REPLY],
}
"""The inputs that take a run to its next turn."""
CHANGES = {
    Kind.EDIT,
    Kind.EDIT_TEXT,
    Kind.EDIT_MESSAGE,
    Kind.SET_PARAMETERS,
    Kind.SKIP,
    Kind.SUBSTITUTE,
    Kind.DROP,
    Kind.ADD,
    Kind.RETRY,
}


class Sessions(RuleBasedStateMachine):
    """Drives one session with legal and illegal inputs, and kills it now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.session = Session()
        self.log: list[ev.Event] = []
        self.clock = 0.0
        self.asked: tuple[Effect, ...] = ()
        """What this process requested last; killing the process loses it."""

    def put(self, one: given.Input) -> None:
        events, effects = self.session.apply(one, now=self.clock, new_id=f"i{len(self.log)}")
        self.clock += 1.0
        self.log += events
        asks = tuple(e for e in effects if isinstance(e, (SendRequest, DispatchTool)))
        sent = [e for e in events if isinstance(e, (ev.RequestSent, ev.ToolDispatched))]
        assert len([ask for ask in asks if not ask.accepted]) == len(sent)
        assert len(asks) <= 1
        self.asked = asks or self.asked

    @initialize(start=STARTS)
    def begin(self, start: given.Start) -> None:
        self.put(start)

    def put_one_of(self, kinds: Collection[Kind], data: st.DataObject) -> bool:
        kind = data.draw(st.sampled_from(sorted(kinds)))
        return self.try_to_put(data.draw(INPUTS[kind]))

    @property
    def phase(self) -> Phase:
        return self.session.state.phase

    @precondition(lambda self: self.phase is Phase.REQUESTING)
    @rule(reply=INPUTS[Kind.RESPONSE])
    def the_model_replies(self, reply: given.Input) -> None:
        self.put(reply)

    @precondition(lambda self: self.phase is Phase.DISPATCHING)
    @rule(reply=INPUTS[Kind.TOOL_REPLY])
    def the_tool_replies(self, reply: given.Input) -> None:
        self.put(reply)

    @precondition(lambda self: self.phase in NEXT_INPUT)
    @rule(data=st.data(), inputs=st.integers(2, 8))
    def the_run_goes_on(self, data: st.DataObject, inputs: int) -> None:
        for _ in range(inputs):
            if self.phase in NEXT_INPUT:
                self.put(data.draw(NEXT_INPUT[self.phase]))

    @precondition(lambda self: self.phase is Phase.STOPPED)
    @rule(resume=INPUTS[Kind.RESUME])
    def the_run_is_resumed(self, resume: given.Input) -> None:
        self.put(resume)

    @precondition(lambda self: not CHANGES.isdisjoint(self.session.allowed))
    @rule(data=st.data())
    def a_person_changes_something(self, data: st.DataObject) -> None:
        self.put_one_of(CHANGES & {*self.session.allowed}, data)

    @precondition(lambda self: self.phase is not Phase.ENDED)
    @rule(data=st.data())
    def something_else_that_is_legal(self, data: st.DataObject) -> None:
        self.put_one_of({*self.session.allowed} - {Kind.TERMINATE, Kind.REOPEN}, data)

    @rule(data=st.data())
    def something_illegal(self, data: st.DataObject) -> None:
        before = len(self.log)
        assert not self.put_one_of(INPUTS.keys() - {*self.session.allowed}, data)
        assert len(self.log) == before

    @precondition(lambda self: self.phase is Phase.ENDED and isinstance(self.log[-1], ev.RunEnded))
    @rule(data=st.data())
    def a_late_reply_is_discarded(self, data: st.DataObject) -> None:
        self.put_one_of(self.session.allowed, data)
        assert isinstance(self.log[-1], ev.ReplyDiscarded)

    def try_to_put(self, one: given.Input) -> bool:
        try:
            self.put(one)
        except HermesError as refused:
            assert refused.message
            return False
        return True

    @precondition(lambda self: len(self.log) > 12)
    @rule(data=st.data())
    def the_process_is_killed(self, data: st.DataObject) -> None:
        tail = data.draw(st.integers(0, 6))
        del self.log[len(self.log) - tail :]
        self.reopen()

    @precondition(lambda self: self.phase is Phase.DISPATCHING)
    @rule()
    def the_process_is_killed_while_a_tool_runs(self) -> None:
        self.reopen()
        assert self.phase is Phase.STOPPED

    @precondition(lambda self: len(self.log) > 8)
    @rule(data=st.data())
    def the_run_is_forked_anywhere(self, data: st.DataObject) -> None:
        length = data.draw(st.integers(3, len(self.log)))
        self.log, self.asked = self.log[:length], ()
        self.session = Session.from_events(self.log)
        if Kind.FORK in self.session.allowed:
            self.put(given.Fork("parent", length - 1))
            assert self.phase is Phase.STOPPED or self.session.state.ends_by_breakpoint

    @precondition(lambda self: len(self.log) > 8)
    @rule(data=st.data())
    def a_fork_from_here_stops_where_the_run_once_was(self, data: st.DataObject) -> None:
        seq = data.draw(st.integers(0, len(self.log) - 1))
        length = fork_point(self.log, seq)
        if not length:
            return
        fork = Session.from_events(self.log[:length])
        events, effects = fork.apply(given.Fork("parent", seq), now=self.clock, new_id="fork")
        assert fork.state.phase is Phase.STOPPED
        assert not effects
        assert Session.from_events([*self.log[:length], *events]).state == fork.state
        if isinstance(one := self.log[seq], ev.ToolDispatched):
            waiting = fork.state.call
            assert waiting is not None
            assert waiting.call.index == one.call_index

    def reopen(self) -> None:
        self.session, self.asked = Session.from_events(self.log), ()
        if Kind.REOPEN in self.session.allowed:
            self.put(given.Reopen())

    @precondition(lambda self: self.session.state.turn > 3)
    @rule()
    def the_run_is_terminated(self) -> None:
        if Kind.TERMINATE in self.session.allowed:
            self.put(given.Terminate())
            assert self.phase is Phase.ENDED

    @invariant()
    def folding_the_log_gives_the_live_state(self) -> None:
        assert [event.seq for event in self.log] == list(range(len(self.log)))
        saved = [decode(encode(event)) for event in self.log]
        assert saved == self.log
        assert Session.from_events(self.log).state == self.session.state
        assert Session.from_events(saved).state == self.session.state
        assert run_state(saved) == run_state(self.log)

    @invariant()
    def it_rests_where_it_waits_for_somebody(self) -> None:
        phase = self.session.state.phase
        assert phase is not Phase.DECIDING
        owed = phase in (Phase.REQUESTING, Phase.DISPATCHING)
        assert len(self.session.effects_due()) == owed
        if owed:
            assert self.session.effects_due() == self.asked

    @invariant()
    def guarded_calls_are_stopped_before(self) -> None:
        stops: set[int | None] = set()
        for event in self.log:
            if isinstance(event, ev.ResponseReceived):
                stops = set()
            elif isinstance(event, ev.Stopped):
                stops.add(event.call_index)
            elif isinstance(event, ev.ToolDispatched) and is_guarded(event):
                assert event.call_index in stops

    @invariant()
    def no_tool_runs_twice_unasked(self) -> None:
        ran: set[int] = set()
        asked = False
        for event in self.log:
            if isinstance(event, ev.ResponseReceived):
                ran, asked = set(), False
            elif isinstance(event, ev.Resumed):
                # A fork made after it stops once more before the tool is run again.
                asked |= event.command == "retry"
            elif isinstance(event, ev.ToolDispatched):
                assert asked or event.call_index not in ran
                ran.add(event.call_index)
                asked = False

    @invariant()
    def no_moment_stops_twice_in_one_attempt(self) -> None:
        seen: set[tuple[str, int | None]] = set()
        for event in self.log:
            if isinstance(event, (ev.RequestSent, ev.RunForked)):
                seen = set()
            elif isinstance(event, ev.TextEdited):
                seen.discard((StopPoint.AFTER_RESPONSE.moment, None))
            elif isinstance(event, ev.ToolDispatched):
                seen.discard((StopPoint.AFTER_RESULT.moment, event.call_index))
                seen.discard((StopPoint.DIVERGENCE.moment, event.call_index))
            elif isinstance(event, ev.Stopped) and event.stop_point != StopPoint.RECOVERY:
                place = (StopPoint(event.stop_point).moment, event.call_index)
                assert place not in seen
                seen.add(place)

    @invariant()
    def every_call_of_a_finished_turn_has_one_answer(self) -> None:
        if any(isinstance(event, ev.MessageEdited) for event in self.log):
            return
        if self.session.state.mode == "faithful":
            return
        for effect in self.session.effects_due():
            if isinstance(effect, SendRequest):
                messages = [json.loads(message) for message in effect.messages]
                asked = [c["id"] for m in messages for c in m.get("tool_calls", ())]
                assert asked == [m["tool_call_id"] for m in messages if m["role"] == "tool"]

    @invariant()
    def an_export_is_what_the_model_is_sent(self) -> None:
        if self.session.state.mode == "faithful":
            return
        for effect in self.session.effects_due():
            if isinstance(effect, SendRequest):
                sent = [as_asked(json.loads(message)) for message in effect.messages]
                exported = json.loads(openai.write(self.log))["messages"]
                meanings = [as_asked(message) for message in exported]
                if any(isinstance(event, ev.MessageEdited) for event in self.log):
                    # A result whose call was removed is sent as a message of the user.
                    assert [m["content"] for m in meanings] == [m["content"] for m in sent]
                else:
                    assert meanings == sent


def as_asked(message: dict[str, Any]) -> dict[str, Any]:
    """Return what a message means to the API: missing content or arguments become empty ones."""
    known = ("role", "content", "tool_calls", "tool_call_id")
    asked = {key: message[key] for key in known if key in message}
    for call in asked.get("tool_calls", ()):
        call["function"]["arguments"] = call["function"]["arguments"] or "{}"
    return asked | {"content": message.get("content") or ""}


def is_guarded(event: ev.ToolDispatched) -> bool:
    value: Any = json.loads(event.arguments)
    is_object = isinstance(value, dict)
    return is_object and event.name == "terminal" and "rm" in str(value.get("command", ""))


def run_state(log: list[ev.Event]) -> RunState:
    state = RunState()
    for event in log:
        state.apply(event)
    return state


TestSessions = Sessions.TestCase
TestSessions.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
