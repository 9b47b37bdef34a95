"""The script of the demo's model: a reply for every conversation that it can receive.

The number of assistant messages so far decides the turn. Within a turn, the results decide the
reply, so that edited arguments, typed results, forks and retries all get a fitting answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from hermes_tui.runtime.servers.demo_task import CHECK_COMMAND, CORRECTED, PASSED

WHOLE_ANSWER_TOKENS: Final = 256
"""The `max_tokens` from which the reply of turn 6 is whole; the model's own limit is lower."""


@dataclass(frozen=True, slots=True)
class ScriptedCall:
    """A call as sent; `arguments` is the exact text. Without `has_id`, there is no `id` key."""

    name: str
    arguments: str
    has_id: bool = True


@dataclass(frozen=True, slots=True)
class Scripted:
    """A reply: content, reasoning, calls and finish reason."""

    content: str
    calls: tuple[ScriptedCall, ...] = ()
    reasoning: str = ""
    finish_reason: str = ""

    @property
    def reason(self) -> str:
        return self.finish_reason or ("tool_calls" if self.calls else "stop")


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a reply depends on. `results`: all tool results; `new`: those of the last turn."""

    turn: int
    results: tuple[str, ...]
    new: tuple[str, ...]
    max_tokens: int | None = None

    @property
    def failed(self) -> bool:
        """Whether one of the last turn's calls failed, or none was answered."""
        return not self.new or any(is_failure(result) for result in self.new)

    @property
    def passed(self) -> bool:
        """Whether the last run of the checks, if there was one, passed."""
        verdicts = [result for result in self.results if "checks pass" in result]
        return bool(verdicts) and PASSED in verdicts[-1]


def conversation_of(body: dict[str, Any]) -> Conversation:
    """Return what a reply depends on in the body of a request; malformed messages are skipped."""
    listed = body.get("messages")
    messages = [m for m in listed if isinstance(m, dict)] if isinstance(listed, list) else []
    at = [index for index, m in enumerate(messages) if m.get("role") == "assistant"]
    limit = body.get("max_tokens") or body.get("max_completion_tokens")
    return Conversation(
        turn=len(at) + 1,
        results=_results(messages),
        new=_results(messages[at[-1] :]) if at else (),
        max_tokens=limit if isinstance(limit, int) else None,
    )


def _results(messages: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(_text(m.get("content")) for m in messages if m.get("role") == "tool")


def _text(content: Any) -> str:
    return content if isinstance(content, str) else json.dumps(content)


def is_failure(result: str) -> bool:
    """Return whether a tool's result reports an error; an exit code alone is not an error."""
    try:
        body = json.loads(result)
    except (ValueError, RecursionError):
        return result.lower().startswith("error")
    return isinstance(body, dict) and bool(body.get("error"))


def reply_to(conversation: Conversation) -> Scripted:
    """Return the model's next reply."""
    if conversation.turn <= len(_TURNS):
        return _TURNS[conversation.turn - 1](conversation)
    return _last_word(conversation)


def _call(name: str, *, has_id: bool = True, **arguments: Any) -> ScriptedCall:
    return ScriptedCall(name, json.dumps(arguments), has_id)


_PLAN = ("Read the code", "Correct duration.py", "Run the checks")


def _todo(done: int, *, merge: bool) -> ScriptedCall:
    statuses = ["completed"] * done + ["in_progress"] + ["pending"] * len(_PLAN)
    todos = [
        {"id": str(number), "content": content, "status": status}
        for number, (content, status) in enumerate(zip(_PLAN, statuses, strict=False), 1)
    ]
    return _call("todo", todos=todos, merge=merge)


def _looks_around(_: Conversation) -> Scripted:
    """Return two correct calls in one turn."""
    return Scripted(
        "I'll see what is there, and make a plan.",
        (_call("terminal", command="ls"), _todo(0, merge=False)),
        reasoning="I know neither the files nor the rule. Look first, then plan.",
    )


def _reads_the_rule(_: Conversation) -> Scripted:
    """Return a call without an id."""
    return Scripted(
        "README.md should say what a duration is.",
        (_call("read_file", has_id=False, path="README.md"),),
    )


def _misspells_a_tool(_: Conversation) -> Scripted:
    """Return a call of a tool that does not exist, with a name close to one that does."""
    return Scripted(
        "Now the code itself.",
        (_call("read_fil", path="duration.py"),),
        reasoning="The units are h, m and s, and anything else is an error. Does the code agree?",
    )


def _adds_a_comma(conversation: Conversation) -> Scripted:
    """Return a call with arguments that are not JSON."""
    if conversation.failed:
        return Scripted(
            "There is no read_fil; read_file it is.",
            (ScriptedCall("read_file", '{"path": "duration.py",}'),),
        )
    return Scripted(
        "That is the code. Now what check.py expects.",
        (ScriptedCall("read_file", '{"path": "check.py",}'),),
    )


def _encodes_twice(conversation: Conversation) -> Scripted:
    """Return two calls in one turn; the arguments of the second are encoded as JSON twice."""
    text = "My JSON was wrong; once more, and the checks with it."
    return Scripted(
        text if conversation.failed else "I'll read it beside what the checks say.",
        (
            _call("read_file", path="duration.py"),
            ScriptedCall("terminal", json.dumps(json.dumps({"command": CHECK_COMMAND}))),
        ),
    )


def _is_cut_off(conversation: Conversation) -> Scripted:
    """Return a call that the token limit cuts off in mid-string."""
    whole = _call("write_file", path="duration.py", content=CORRECTED)
    reasoning = (
        "An hour counts 60 seconds here, so 1h and 1h30m come out short. And a text without any "
        "unit gives 0 where the README asks for ValueError."
    )
    text = "An hour is 3600 seconds, and what is no duration must raise. I'll write it anew."
    if (conversation.max_tokens or 0) >= WHOLE_ANSWER_TOKENS:
        return Scripted(text, (whole,), reasoning)
    cut = ScriptedCall(whole.name, whole.arguments[: whole.arguments.index("re.fullmatch") + 6])
    return Scripted(text, (cut,), reasoning, finish_reason="length")


def _writes_it(conversation: Conversation) -> Scripted:
    done = _todo(2, merge=True)
    if not conversation.failed:
        return Scripted("duration.py is written; that leaves the checks.", (done,))
    return Scripted(
        "My answer was cut off before it was whole. Again:",
        (_call("write_file", path="duration.py", content=CORRECTED), done),
    )


def _forgets_to_close(_: Conversation) -> Scripted:
    """Return a call in the text without its last brace and closing tag, which no parser reads."""
    call = json.dumps({"name": "terminal", "arguments": {"command": CHECK_COMMAND}})
    return Scripted(f"Now the checks.\n<tool_call>\n{call[:-1]}")


def _concludes(conversation: Conversation) -> Scripted:
    if conversation.passed:
        return _last_word(conversation)
    return Scripted(
        "The checks do not pass yet. I'll write duration.py once more and run them.",
        (
            _call("write_file", path="duration.py", content=CORRECTED),
            _call("terminal", command=CHECK_COMMAND),
        ),
        reasoning="No result says that all five pass, so something is not as I left it.",
    )


def _last_word(conversation: Conversation) -> Scripted:
    if conversation.passed:
        return Scripted(
            f"Done: {PASSED}. An hour counted 60 seconds instead of 3600, and a text that is no "
            "duration gave 0 instead of raising ValueError. Both are corrected in duration.py.",
            reasoning="The last run of check.py says so itself.",
        )
    return Scripted("I could not show that all checks pass, so duration.py needs another look.")


_TURNS: Final[tuple[Callable[[Conversation], Scripted], ...]] = (
    _looks_around,
    _reads_the_rule,
    _misspells_a_tool,
    _adds_a_comma,
    _encodes_twice,
    _is_cut_off,
    _writes_it,
    _forgets_to_close,
    _concludes,
)
