"""`smolagents`: answers of an agent with its steps, as benchmarks save them, or its memory alone.

    answer  = {"intermediate_steps": [step, …] | text, "question", "prediction"|"answer"?, …}
    memory  = [step, …]
    result  = {"output", "state": "success" | "max_steps_error", "steps": memory, "token_usage"}
    step    = repr text | {"step_number", "model_output", "tool_calls", "observations", "error", …}
            | {"system_prompt"} | {"task"} | {"plan"} | chat message

A step whose calls failed lists none; those that the model made are in `model_output_message`. A
repr is `ActionStep(tool_calls=[ToolCall(name=…, arguments=…, id=…)], …)`. Chat messages have the
roles `tool-call`, whose text is "Calling tools:" and a repr, and `tool-response`.
"""

from __future__ import annotations

import re
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.message_parts import with_findings
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.texts.python_repr import MAX_DEPTH, NotRepr, ReprObject, read_repr
from hermes_tui.model.chat_api import custom_call, function_call
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.events import ToolReturned
from hermes_tui.model.wording import title
from hermes_tui.parsers.measures import timestamp, usage
from hermes_tui.parsers.normalise import TextCalls, normalise_message

_STEPS = "intermediate_steps"
_ANSWER_KEYS = frozenset({"question", "augmented_question", "agent_name", "agent_action_type"})
_STEP_KEYS = frozenset(
    {"model_output", "llm_output", "observations", "code_action", "action_output"}
)
_OUTPUT_KEYS = ("llm_output", "model_output")
_TEXT_STEPS = (
    ("system_prompt", "system"),
    ("task", "user"),
    ("plan", "assistant"),
    ("output", "assistant"),
    ("final_answer", "assistant"),
)
_NOT_DETAILS = (
    _STEPS,
    "question",
    "model_id",
    "start_time",
    "end_time",
    "token_counts",
    "agent_error",
)
_CALLS_PREFIX = "Calling tools:\n"
_CALL_ID = re.compile(r"Call id: (\S+)\n")
_CODES = {
    "Parsing": Code.NO_MARKER,
    "Generation": Code.REQUEST_ERROR,
    "MaxSteps": Code.TRUNCATED,
}
"""The codes of the agent's own exceptions, by a word in their names."""


class Smolagents:
    """Reads steps of agents, written as objects, as chat messages or as Python reprs."""

    name = "smolagents"
    summary = "smolagents answers with their steps (JSON or Python reprs), and dumped memory steps"

    def sniff(self, sample: Sample) -> Match | None:
        if fields.mostly(sample.values, _is_answer):
            return Match(0.9, Unit.RUNS)
        if fields.mostly(sample.values, _is_result):
            return Match(0.9, Unit.RUNS)
        values, layout = sample.elements()
        if fields.mostly(values, _is_step) and any(_is_action(value) for value in values):
            return Match(0.9, Unit.PARTS, layout)
        return None

    def read(self, value: Any, build: RunBuilder) -> None:
        if build.unit is Unit.PARTS:
            if build.is_opening:
                build.start(task=_task_of(value))
            _read_step(value, "", build)
        elif isinstance(value, dict) and _STEPS in value:
            _read_answer(value, build)
        elif isinstance(value, dict) and isinstance(value.get("steps"), list):
            _read_run(value, build)
        else:
            build.defect("no answer with its steps", value)


def _is_answer(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get(_STEPS), (list, str))
        and not _ANSWER_KEYS.isdisjoint(value)
    )


def _is_result(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("steps"), list):
        return False
    steps = value["steps"][:50]
    return "state" in value and fields.mostly(steps, _is_step) and any(map(_is_action, steps))


def _is_action(value: Any) -> bool:
    return isinstance(value, dict) and "step_number" in value and not _STEP_KEYS.isdisjoint(value)


def _is_step(value: Any) -> bool:
    if not isinstance(value, dict) or "role" in value:
        return False
    return _is_action(value) or (
        any(isinstance(value.get(key), str) for key, _ in _TEXT_STEPS) and len(value) <= 5
    )


def _task_of(step: Any) -> str:
    return title(fields.label(step, "task")) if isinstance(step, dict) else ""


def _read_answer(value: dict[str, Any], build: RunBuilder) -> None:
    steps = value[_STEPS]
    build.start(
        run_id=fields.label(value, "task_id"),
        task=fields.label(value, "question", "augmented_question"),
        model=fields.model_of(value),
        details=fields.details_of(value, without=_NOT_DETAILS),
        ts=timestamp(value.get("start_time")),
    )
    if isinstance(steps, list):
        for index, step in enumerate(steps):
            _read_step(step, f"/{_STEPS}/{index}", build)
    elif isinstance(steps, str):
        build.message({"role": "assistant", "content": steps}, pointer=f"/{_STEPS}")
    elif steps is not None:
        build.defect("the steps are not a list", steps, pointer=f"/{_STEPS}")
    _end(value, build)


def _read_run(value: dict[str, Any], build: RunBuilder) -> None:
    """Read the result of `run(…, return_full_result=True)`."""
    steps = value["steps"]
    times = fields.as_dict(value.get("timing"))
    build.start(
        task=next(filter(None, map(_task_of, steps)), ""),
        details=fields.details_of({"output": value.get("output")}),
        ts=timestamp(times.get("start_time")),
    )
    for index, step in enumerate(steps):
        _read_step(step, f"/steps/{index}", build)
    state = fields.label(value, "state")
    status = {"success": "ok", "max_steps_error": "truncated"}.get(state, "unknown")
    build.end(
        status=status,
        stop_reason=state,
        usage=usage(value.get("token_usage")),
        ts=timestamp(times.get("end_time")),
    )


def _read_step(step: Any, pointer: str, build: RunBuilder) -> None:
    if isinstance(step, str):
        _read_text(step, pointer, build)
    elif not isinstance(step, dict):
        build.defect("not a step", step, pointer=pointer)
    elif isinstance(step.get("role"), str):
        _read_message(step, pointer, build)
    else:
        _read_members(step, pointer, build)


def _read_text(step: str, pointer: str, build: RunBuilder) -> None:
    """Read a step's repr; any other text is shown unchanged."""
    try:
        made = read_repr(step)
    except NotRepr as error:
        made = error
    if isinstance(made, ReprObject):
        _read_members(made.members, pointer, build)
        return
    note = Diagnostic(
        Code.SOURCE_DEFECT,
        Severity.WARNING,
        "this step's text cannot be parsed",
        hint=str(made)[:200] if isinstance(made, NotRepr) else "",
    )
    parts = normalise_message({"role": "assistant", "content": step}, text_calls=TextCalls.IGNORE)
    build.append(with_findings(parts, note), pointer)


def _read_members(step: dict[str, Any], pointer: str, build: RunBuilder) -> None:
    if not _STEP_KEYS.isdisjoint(step) or "tool_calls" in step or "error" in step:
        _read_action(step, pointer, build)
        return
    for key, role in _TEXT_STEPS:
        if step.get(key) is not None:
            raw = {"role": role, "content": fields.json_text(_plain(step[key]))}
            build.message(raw, pointer=pointer, ts=_times(step)[0])
            return
    build.defect("an unknown kind of step", _plain(step), pointer=pointer)


def _read_action(step: dict[str, Any], pointer: str, build: RunBuilder) -> None:
    """Read a step of the loop: the model's reply with its calls, and the result."""
    reply = fields.as_dict(_plain(step.get("model_output_message")))
    listed = step.get("tool_calls") or reply.get("tool_calls")
    calls = [_call(entry) for entry in listed] if isinstance(listed, list) else []
    start, duration = _times(step)
    text = next((step[key] for key in _OUTPUT_KEYS if step.get(key) is not None), None)
    raw = {
        "role": "assistant",
        "content": _plain(text),
        "usage": _plain(step.get("token_usage")),
        "duration": duration,
        "finish_reason": _finish_reason(reply),
        **({"tool_calls": calls} if calls else {}),
    }
    parts = normalise_message(raw, text_calls=TextCalls.IGNORE)
    error = _error_text(step.get("error"))
    if error and not calls:
        text = title(error)
        first, _, rest = error.partition("\n")
        more = (rest if text == first else error)[: fields.MAX_DETAIL]
        found = Diagnostic(_code_of(error), Severity.ERROR, text, hint=more)
        parts = with_findings(parts, found)
    build.append(parts, pointer, ts=start)
    observed = _plain(step.get("observations"))
    if calls and (error or observed is not None):
        _read_result(_answered(calls, error), observed, error, pointer, build)


def _finish_reason(reply: dict[str, Any]) -> Any:
    choices = fields.as_dict(reply.get("raw")).get("choices")
    return fields.first_object(choices).get("finish_reason")


def _answered(calls: list[Any], error: str) -> Any:
    """Return the call that a step's answer belongs to: the one named in its error, or else the
    last."""
    named = (call for call in calls if f"'{_body(call).get('name')}'" in error)
    return next(named, calls[-1])


def _body(call: dict[str, Any]) -> dict[str, Any]:
    return next((call[key] for key in ("function", "custom") if key in call), call)


def _read_result(call: Any, observed: Any, error: str, pointer: str, build: RunBuilder) -> None:
    """Add the result of a step's tools; the file has a single text for all of its calls."""
    text = fields.json_text(observed) if observed is not None else ""
    raw = {
        "role": "tool",
        "content": "\n".join(filter(None, (text, error))),
        "tool_call_id": call.get("id"),
        "name": _body(call).get("name"),
        **({"is_error": True} if error else {}),
    }
    for result, diagnostics in normalise_message(raw).results:
        build.add(ToolReturned, pointer=pointer, result=result, diagnostics=diagnostics)


def _call(entry: Any) -> dict[str, Any]:
    """Return a call in the form that the normaliser accepts. Code of a code agent is text, never
    JSON."""
    plain = _plain(entry)
    if not isinstance(plain, dict):
        return {"name": None, "arguments": plain}
    inner = plain.get("function")
    body = inner if isinstance(inner, dict) else plain
    name, arguments = body.get("name"), body.get("arguments")
    if isinstance(arguments, str) and name == "python_interpreter":
        return custom_call(plain.get("id"), name, arguments)
    if isinstance(arguments, dict):
        arguments = fields.json_text(arguments)
    return function_call(plain.get("id"), name, arguments)


def _plain(value: Any, depth: int = 0) -> Any:
    """Return `value` with objects read from a repr replaced by their members."""
    if depth > MAX_DEPTH:
        # A repr is never read to this depth, so no object occurs in it.
        return value
    if isinstance(value, ReprObject):
        return _plain(value.members or list(value.arguments), depth)
    if isinstance(value, list):
        return [_plain(one, depth + 1) for one in value]
    if isinstance(value, dict):
        return {key: _plain(one, depth + 1) for key, one in value.items()}
    return value


def _times(step: dict[str, Any]) -> tuple[float | None, float | None]:
    """Return the start time and the duration of a step, both in seconds."""
    timing = _plain(step.get("timing"))
    times = timing if isinstance(timing, dict) else step
    return timestamp(times.get("start_time")), fields.number(times.get("duration"))


def _error_text(error: Any) -> str:
    if isinstance(error, ReprObject):
        message = next((one for one in error.arguments if isinstance(one, str)), "")
        return f"{error.name}: {message}"
    if isinstance(error, dict):
        return fields.labels(error, "type", "message")
    return error if isinstance(error, str) else ""


def _code_of(error: str) -> Code:
    name = error.partition(":")[0]
    return next((code for word, code in _CODES.items() if word in name), Code.TOOL_ERROR)


def _read_message(step: dict[str, Any], pointer: str, build: RunBuilder) -> None:
    text = fields.text_of(step.get("content"))
    role = step["role"]
    if role == "tool-call" and text.startswith(_CALLS_PREFIX):
        try:
            listed = read_repr(text.removeprefix(_CALLS_PREFIX))
        except NotRepr:
            listed = None
        if isinstance(listed, list) and listed and not step.get("tool_calls"):
            step = {**step, "content": None, "tool_calls": [_call(entry) for entry in listed]}
    elif role == "tool-response" and (found := _CALL_ID.match(text)):
        step = {**step, "tool_call_id": found[1], "content": text[found.end() :]}
    usage_key = {"usage": step["token_usage"]} if isinstance(step.get("token_usage"), dict) else {}
    build.message({**step, **usage_key}, pointer=pointer, text_calls=TextCalls.IGNORE)


def _end(value: dict[str, Any], build: RunBuilder) -> None:
    # pandas writes NaN if there was no error.
    error = _error_text(value.get("agent_error"))
    status = "truncated" if value.get("iteration_limit_exceeded") is True else "unknown"
    build.end(
        status="error" if error else status,
        stop_reason=error,
        usage=usage(value.get("token_counts")),
        ts=timestamp(value.get("end_time")),
    )


FORMAT = Smolagents()
