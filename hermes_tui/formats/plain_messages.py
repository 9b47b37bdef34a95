"""Messages of the usual kinds, folded into a run's state without making events of them.

Most of what a scan reads is prose, sound calls and their answers. These change the state in the few
ways implemented here. At the first message of another kind this fast path stops; that message is
normalised, made into events and applied. Both paths give the same state and findings, which is a
law with tests (`tests/formats/test_plain_messages.py`). The fast path leaves out only what a live
run needs (`before_reply`, `last_answered`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Final

from hermes_tui.log.findings import Finding
from hermes_tui.log.fold import RunState
from hermes_tui.log.no_answer import TOOL, Last
from hermes_tui.log.open_calls import OpenCall
from hermes_tui.log.quick_schema import spelled, surely_fits
from hermes_tui.log.suspect_calls import decide_suspects, note_answer
from hermes_tui.model.wording import title
from hermes_tui.parsers.finish_reasons import CALLED
from hermes_tui.parsers.measures import time_of
from hermes_tui.parsers.normalise import TextCalls
from hermes_tui.parsers.plain_texts import (
    PROSE,
    Answer,
    PlainReply,
    is_unmarked,
    plain_answers,
    plain_arguments,
    plain_reply,
)
from hermes_tui.parsers.roles import CALL_LABELS, USUAL_SPEAKERS
from hermes_tui.parsers.text_calls import (
    call_in_content,
    may_be_unread,
    may_hold_call,
    sound_hint,
)
from hermes_tui.parsers.tool_errors import judge
from hermes_tui.parsers.tool_results import OPEN, error_findings

_ROLES: Final = {
    **{label: one.role for label, one in USUAL_SPEAKERS.items() if label not in CALL_LABELS},
    "environment": "environment",
    "env": "env",
}
_MESSAGE_KEYS: Final = {"role", "content", "timestamp"}
_REPLY_KEYS: Final = {*_MESSAGE_KEYS, "tool_calls", "finish_reason"}
_RESULT_KEYS: Final = {*_MESSAGE_KEYS, "tool_call_id", "name"}
_WHOLE_REPLIES: Final = (None, "stop", "tool_calls")
_CALL_KEYS: Final = {"id", "type", "function"}
_FUNCTION_KEYS: Final = {"name", "arguments"}

Named = tuple[str | None, str, dict[str, Any]]
"""The id of a call, if it has one, its tool and its arguments."""


def fold_plain_messages(
    state: RunState, raws: Sequence[Any], start: int, mode: TextCalls, found: list[Finding]
) -> int:
    """Fold messages from `start` on as long as they are plain; return their number.

    The findings are appended to `found`, in order.
    """
    fold = _PlainMessages(state, mode, found)
    for raw in islice(raws, start, None):
        if not fold.take(raw):
            break
    return fold.end()


class _PlainMessages:
    """The state of a run while plain messages are folded; `end` writes it back."""

    __slots__ = (
        "characters",
        "folded",
        "found",
        "last",
        "mode",
        "reasoning",
        "seq",
        "state",
        "turn",
        "waiting",
    )

    def __init__(self, state: RunState, mode: TextCalls, found: list[Finding]) -> None:
        self.state, self.mode, self.found = state, mode, found
        self.seq, self.turn, self.waiting = state.events, state.turn, state.open_calls
        self.folded = self.characters = self.reasoning = 0
        self.last = state.last

    def end(self) -> int:
        state = self.state
        state.events, state.turn = self.seq, self.turn
        state.messages += self.folded
        state.appended += self.folded
        state.characters += self.characters
        state.reasoning += self.reasoning
        state.last = self.last
        state.answered = state.last_answered = None
        state.answered_in_text = state.before_reply = ()
        return self.folded

    def take(self, raw: Any) -> bool:
        """Fold one message; return False, with nothing changed, if it is not plain."""
        if type(raw) is not dict or self.state.empty_message is not None:
            return False
        label, text = raw.get("role"), raw.get("content")
        if label is None and len(raw) == 2:
            label, text = raw.get("from"), raw.get("value")
        role = _ROLES.get(label) if type(label) is str else None
        if role == "assistant":
            if not self._reply(raw, text):
                return False
        elif type(text) is not str:
            return False
        elif role == "tool":
            if not self._answer(raw, text):
                return False
        elif role is None or not self._is_plain_prose(raw, text):
            return False
        else:
            if role == "user" and not (self.state.task and self.state.first_user_text):
                self.state.task, self.state.first_user_text = self.state.task or title(text), text
            self._settle_text_calls(role, text)
            self.seq += 1
        if role != "tool":
            self.last = Last(role)
        self.folded += 1
        self.characters += len(text) if text else 0
        if "timestamp" in raw:
            self._note_time(time_of(raw))
        return True

    def _is_plain_prose(self, raw: dict[str, Any], text: str) -> bool:
        """Return whether the message is prose that answers no call."""
        is_answer = self.mode is TextCalls.TRANSPORT and OPEN in text
        return not is_answer and (len(raw) == 2 or raw.keys() <= _MESSAGE_KEYS)

    def _note_time(self, ts: float | None) -> None:
        state = self.state
        if ts is not None:
            state.first_ts = ts if state.first_ts is None else state.first_ts
            state.last_ts = ts

    def _settle_text_calls(self, role: str, text: str) -> None:
        """Treat calls read from text as answered by whatever message follows."""
        if self.state.suspects:
            self._decide_suspects(answered=note_answer(self.state, role, text))
        if self.state.open_in_text:
            answered = self.waiting.take_in_text()
            self.state.open_in_text = False
            if role == "tool":
                self.state.answered_together.extend(answered)

    def _decide_suspects(self, *, answered: bool) -> None:
        decided = list[Finding]()
        decide_suspects(self.state, decided, answered=answered)
        self._report(decided)

    def _report(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self.state.count(finding)
            self.found.append(finding)

    def _reply(self, raw: dict[str, Any], text: Any) -> bool:
        if self.waiting or self.state.suspects:
            return False
        if len(raw) != 2 and not (
            raw.keys() <= _REPLY_KEYS and raw.get("finish_reason") in _WHOLE_REPLIES
        ):
            return False
        content: PlainReply | None = PROSE
        if raw.get("tool_calls") is not None:
            calls = _native_calls(raw["tool_calls"], text)
        elif type(text) is not str:
            return False
        else:
            content = plain_reply(text) if may_hold_call(text) else PROSE
            if content and not content.names and may_be_unread(text, self.state.tools):
                return False
            called = zip(content.names, content.arguments, strict=True) if content else ()
            calls = [(None, name, arguments) for name, arguments in called]
        if content is None or calls is None or not self._are_sound(calls, content.are_texts):
            return False
        if not calls and (not text or text.isspace() or raw.get("finish_reason") in CALLED):
            return False
        self.state.answered_together.clear()
        self.turn += 1
        self.reasoning += content.reasons
        self.seq += 1
        if calls:
            self._open_calls(calls)
        if content.names and self.mode is TextCalls.SUSPECT:
            self._suspect(content)
        return True

    def _suspect(self, content: PlainReply) -> None:
        """Leave open whether calls in content were missed until the next message."""
        state, reply = self.state, next(iter(self.waiting))
        hint = sound_hint(are_functions=content.are_texts)
        diagnostic = call_in_content(content.names, content.span, len(content.names), hint)
        state.suspects = (Finding.of(diagnostic, reply.seq - 1, self.turn, number=reply.number),)
        state.suspect_calls, state.open_calls = self.waiting, state.suspect_calls
        self.waiting = state.open_calls

    def _are_sound(self, calls: Sequence[Named], are_texts: bool) -> bool:
        """Return whether the tools are known and accept the arguments, and every id is new."""
        tools, used, ids = self.state.tools, self.state.call_ids, set[str]()
        for call_id, name, arguments in calls:
            if call_id in used or call_id in ids:
                return False
            if tools and not self._is_accepted(name, arguments, are_texts):
                return False
            if call_id:
                ids.add(call_id)
        return True

    def _is_accepted(self, name: str, arguments: dict[str, Any], are_texts: bool) -> bool:
        spec = self.state.tools.get(name)
        if spec is None:
            return False
        schema = spec.parameters
        given = spelled(arguments, schema, trimmed=False) if are_texts else arguments
        return schema is None or surely_fits(given, schema)

    def _open_calls(self, calls: Sequence[Named]) -> None:
        state, number = self.state, self.state.appended + self.folded + 1
        for index, (call_id, name, _) in enumerate(calls):
            call = OpenCall(self.seq, self.turn, call_id, name, index, not call_id, number)
            self.waiting.add(call)
            self.seq += 1
            state.tally.call(name)
            if call_id:
                state.call_ids[call_id] = self.turn
            else:
                state.open_in_text = True
        state.calls += len(calls)

    def _answer(self, raw: dict[str, Any], text: str) -> bool:
        if len(raw) != 2 and not raw.keys() <= _RESULT_KEYS:
            return False
        answers = plain_answers(text) if OPEN in text else _whole_answer(raw, text)
        are_suspects = bool(self.state.suspect_calls)
        if not answers or (are_suspects and self.waiting):
            return False
        waiting = self.state.suspect_calls if are_suspects else self.waiting
        called = waiting.take_all(answers)
        if called is None:
            return False
        if are_suspects:
            self._decide_suspects(answered=True)
        for answer, call in zip(answers, called, strict=True):
            if answer.verdict.error is not None:
                self._record_error(answer, call)
            self.seq += 1
        self.last = Last(TOOL, called[-1].name or "")
        self.state.results += len(called)
        self._settle_text_calls("tool", text)
        self.seq += 1
        return True

    def _record_error(self, answer: Answer, call: OpenCall) -> None:
        state, number = self.state, self.state.appended + self.folded + 1
        state.tool_errors += 1
        state.tally.error(call.name)
        self._report(
            Finding.of(diagnostic, self.seq, self.turn, number=number, tool=call.name or "")
            for diagnostic in error_findings(answer.verdict.error)
        )


def _native_calls(calls: Any, text: Any) -> list[Named] | None:
    """Return the calls next to a text, or None if either is not plain."""
    if type(calls) is not list or not calls:
        return None
    if text is not None and (type(text) is not str or not is_unmarked(text)):
        return None
    named = [named for call in calls if (named := _native_call(call))]
    return named if len(named) == len(calls) else None


def _native_call(call: Any) -> Named | None:
    if type(call) is not dict or call.keys() != _CALL_KEYS or call["type"] != "function":
        return None
    call_id, function = call["id"], call["function"]
    if type(call_id) is not str or not call_id.strip():
        return None
    if type(function) is not dict or function.keys() != _FUNCTION_KEYS:
        return None
    name, arguments = function["name"], function["arguments"]
    if type(name) is not str or not name.strip() or type(arguments) is not str:
        return None
    given = plain_arguments(arguments)
    return (call_id, name, given) if given is not None else None


def _whole_answer(raw: dict[str, Any], text: str) -> list[Answer] | None:
    """Return the answer that a tool's whole message is, or None if it is not plain."""
    if len(raw) == 2:
        return [Answer(None, None, judge(text))]
    call_id, name = raw.get("tool_call_id"), raw.get("name")
    if type(call_id) is not str or not call_id or (name is not None and type(name) is not str):
        return None
    return [Answer(call_id, name or None, judge(text))]
