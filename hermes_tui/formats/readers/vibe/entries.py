"""What Mistral Vibe shows of a session, which `--output json` and `--output streaming` print.

    entry  = {"id", "sessionId", "turnId", "createdAt", "updatedAt", "generationStatus", …} with
           | {"type": "message", "role": "user" | "assistant", "content"}
           | {"type": "reasoning", "text"}
           | {"type": "effect", "detail": {"toolName", "input"}, "state": state}
           | {"type": "callback" | …, …}
    state  = {"status", "outputText", "display": {"success"}, "output"?: answer,
              "error"?: {"message"}}
    answer = the output of the tool | {"content", "structured_content"?, "type"}

An effect is a call that was run, with its result; calls that were refused are not shown. A reply
begins with its reasoning or its text; effects that begin after all earlier ones have ended belong
to the next reply.
"""

from __future__ import annotations

from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.chat_messages import SourceValue
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.steps import Steps
from hermes_tui.parsers.measures import number, timestamp

_OWN_KEYS: Final = frozenset({"id", "sessionId", "turnId", "createdAt", "generationStatus"})
_REPLY_IDS: Final = ("reasoning-", "assistant-")


def is_entry(row: Any) -> bool:
    """Return whether a row is an entry of what is shown."""
    return isinstance(row, dict) and row.keys() >= _OWN_KEYS and bool(fields.label(row, "type"))


def append_entries(sources: list[SourceValue], build: RunBuilder) -> None:
    """Append the messages, calls and results of the entries."""
    entries = _Entries(build)
    for source in sources:
        entries.take(source.value, source)
    entries.end()


class _Entries:
    """Receives the entries of a session in their order."""

    def __init__(self, build: RunBuilder) -> None:
        self._steps = Steps(build)
        self._reply_id = ""
        self._effects_end = float("-inf")
        """When all effects of the reply had ended, in milliseconds."""

    def take(self, entry: dict[str, Any], source: SourceValue) -> None:
        ts = timestamp(entry.get("createdAt"))
        match fields.label(entry, "type"):
            case "message" if entry.get("role") == "assistant":
                self._begin(_reply_id(entry))
                for part in fields.as_list(entry.get("content")):
                    self._steps.part(part, source, ts)
            case "message":
                message = {"role": entry.get("role"), "content": entry.get("content")}
                self._finish()
                self._steps.say(message, source, ts)
            case "reasoning":
                self._begin(_reply_id(entry))
                thought = {"type": "thinking", "thinking": fields.text_of(entry.get("text"))}
                self._steps.part(thought, source, ts)
            case "effect":
                self._effect(entry, source, ts)

    def end(self) -> None:
        self._steps.end()

    def _begin(self, reply_id: str) -> None:
        """Begin a reply, unless its reasoning has begun it."""
        if reply_id != self._reply_id or self._effects_end > float("-inf"):
            self._finish()
        self._reply_id = reply_id

    def _finish(self) -> None:
        self._steps.end()
        self._reply_id, self._effects_end = "", float("-inf")

    def _effect(self, entry: dict[str, Any], source: SourceValue, ts: float | None) -> None:
        begun, ended = number(entry.get("createdAt")), number(entry.get("updatedAt"))
        if begun is not None and float("-inf") < self._effects_end <= begun:
            self._finish()
        self._effects_end = max(self._effects_end, ended or 0.0)
        detail = fields.as_dict(entry.get("detail"))
        call = {
            "id": entry.get("id"),
            "name": detail.get("toolName"),
            "arguments": detail.get("input"),
        }
        self._steps.call(call, SourceValue(entry, f"{source.pointer}/detail", source.line), ts)
        state = fields.as_dict(entry.get("state"))
        if entry.get("generationStatus") == "completed":
            members = {
                "tool_call_id": entry.get("id"),
                "content": _output(state),
                "is_error": True if _is_failed(state) else None,
                "exit_code": _exit_code(state),
            }
            place = SourceValue(state, f"{source.pointer}/state", source.line)
            self._steps.result(members, place, timestamp(entry.get("updatedAt")))


def _reply_id(entry: dict[str, Any]) -> str:
    """Return the id of the reply that the entry is a part of: `<kind>-<reply>-<number>`."""
    name = fields.label(entry, "id")
    kind = next((one for one in _REPLY_IDS if name.startswith(one)), "")
    rest = name.removeprefix(kind)
    return rest.rpartition("-")[0] if kind == _REPLY_IDS[0] else rest


def _is_failed(state: dict[str, Any]) -> bool:
    is_done = state.get("status") == "completed"
    return not is_done or fields.as_dict(state.get("display")).get("success") is False


def _exit_code(state: dict[str, Any]) -> Any:
    output = fields.as_dict(state.get("output"))
    return fields.as_dict(output.get("structured_content", output)).get("returncode")


def _output(state: dict[str, Any]) -> Any:
    error, output = fields.as_dict(state.get("error")), state.get("output")
    if error:
        return fields.label(error, "message", "code")
    if isinstance(output, dict) and "structured_content" in output:
        return output.get("content") or output["structured_content"]
    return state.get("outputText") or output
