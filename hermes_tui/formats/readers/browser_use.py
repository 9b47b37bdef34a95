"""`browser-use`: the history of an agent of browser-use, as `save_history` writes it.

    file    = {"history": [step, …]}
    step    = {"model_output": output | null, "result": [result, …], "state": {"url", "title", …},
               "metadata": {"step_start_time", "step_end_time", "step_number"} | null,
               "state_message"?: text}
    output  = {"thinking"?, goals, "action": [action, …]}
            | {"current_state": {goals}, "action": [action, …]}
    goals   = "evaluation_previous_goal", "memory", "next_goal"
    action  = {name: arguments}
    result  = {"extracted_content"?, "error"?, "is_done", "success"?, "judgement"?, …}

Every action is a call, and the result at its place answers it. After an error or a new page the
remaining actions are not run. A step without an output is one whose reply was not valid, or whose
request failed. The state message is what the model was shown; older versions do not keep it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.chat_messages import ChatMessage, SourceValue, append_message
from hermes_tui.formats.message_parts import with_findings
from hermes_tui.formats.outcomes import run_status
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.chat_api import function_call
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.wording import title
from hermes_tui.parsers.measures import timestamp
from hermes_tui.parsers.normalise import TextCalls, normalise_message

_REQUEST_TAGS: Final = ("<user_request>", "</user_request>")
_GOALS: Final = ("evaluation_previous_goal", "memory", "next_goal")
_INVALID: Final = re.compile(r"[0-9]+ validation errors? for ")
_NOT_JSON: Final = "Invalid JSON"
_NOT_ACTIONS: Final = frozenset({"interacted_element"})


class BrowserUse:
    """Reads the history of an agent as a run."""

    name = "browser-use"
    summary = "browser-use: histories of agents, as `save_history` writes them"

    def sniff(self, sample: Sample) -> Match | None:
        return sample.match_of_runs(0.96, _is_history)

    def read(self, value: Any, build: RunBuilder) -> None:
        steps = fields.as_dict(value).get("history")
        if not isinstance(steps, list):
            build.defect("no history in this record", value)
            return
        first = fields.first_object(steps)
        build.start(task=_task_of(first), ts=_times_of(first)[0])
        for number, step in enumerate(steps):
            if isinstance(step, dict):
                _append_step(step, number, f"/history/{number}", build)
            else:
                build.defect("not a step", step, pointer=f"/history/{number}")
        _end(steps, build)


def _is_history(value: Any) -> bool:
    steps = fields.as_dict(value).get("history")
    return isinstance(steps, list) and fields.mostly(steps[:20], _is_step)


def _is_step(value: Any) -> bool:
    known = fields.as_dict(value)
    return (
        "model_output" in known
        and isinstance(known.get("result"), list)
        and isinstance(known.get("state"), dict)
    )


def _times_of(step: dict[str, Any]) -> tuple[float | None, float | None]:
    """Return when a step began and ended."""
    metadata = fields.as_dict(step.get("metadata"))
    return timestamp(metadata.get("step_start_time")), timestamp(metadata.get("step_end_time"))


def _task_of(step: dict[str, Any]) -> str:
    """Return the request in what a step showed the model, or "" if there is none."""
    opening, closing = _REQUEST_TAGS
    _, _, rest = fields.label(step, "state_message").partition(opening)
    request, end, _ = rest.partition(closing)
    return request.strip() if end else ""


def _append_step(step: dict[str, Any], number: int, pointer: str, build: RunBuilder) -> None:
    began, ended = _times_of(step)
    if shown := fields.label(step, "state_message"):
        raw = {"role": "user", "content": shown}
        build.message(raw, pointer=f"{pointer}/state_message", ts=began)
    elif place := fields.labels(fields.as_dict(step.get("state")), "title", "url"):
        raw = {"role": "environment", "content": place}
        build.message(raw, pointer=f"{pointer}/state", ts=began)
    output = step.get("model_output")
    names: list[str] = []
    if isinstance(output, dict):
        actions = list(_actions(output, f"{pointer}/model_output/action"))
        names = [name for name, _, _ in actions]
        append_message(build, _reply(output, actions, number, pointer), ts=ended)
    for index, result in enumerate(fields.as_list(step.get("result"))):
        place = f"{pointer}/result/{index}"
        if index < len(names):
            append_message(build, _result(result, names[index], number, index, place), ts=ended)
        else:
            _append_failure(fields.as_dict(result), place, ended, build)


def _actions(output: dict[str, Any], pointer: str) -> Iterator[tuple[str, Any, SourceValue]]:
    """Yield the name and the arguments of each action, and the action itself."""
    for index, action in enumerate(fields.as_list(output.get("action"))):
        source = SourceValue(action, f"{pointer}/{index}")
        named = [(key, one) for key, one in fields.as_dict(action).items() if one is not None]
        chosen = [(key, one) for key, one in named if key not in _NOT_ACTIONS]
        name, arguments = chosen[0] if chosen else ("", action)
        yield name, arguments, source


def _reply(
    output: dict[str, Any],
    actions: list[tuple[str, Any, SourceValue]],
    number: int,
    pointer: str,
) -> ChatMessage:
    thoughts = {**fields.as_dict(output.get("current_state")), **output}
    goals = ((key.replace("_", " "), fields.label(thoughts, key)) for key in _GOALS)
    raw: dict[str, Any] = {
        "role": "assistant",
        "content": "\n".join(f"{key}: {text}" for key, text in goals if text) or None,
        "reasoning_content": fields.label(thoughts, "thinking") or None,
    }
    if actions:
        raw["tool_calls"] = [
            function_call(_id_of(number, index), name, fields.json_text(arguments))
            for index, (name, arguments, _) in enumerate(actions)
        ]
    carried = tuple(source for _, _, source in actions)
    return ChatMessage(raw, f"{pointer}/model_output", carried)


def _id_of(step: int, action: int) -> str:
    """Return the id of a call: actions have none, and are answered by their places."""
    return f"step-{step}-action-{action}"


def _result(value: Any, name: str, number: int, index: int, pointer: str) -> ChatMessage:
    result = fields.as_dict(value)
    text = fields.label(result, "error", "extracted_content", "long_term_memory")
    raw = {
        "role": "tool",
        "tool_call_id": _id_of(number, index),
        "name": name,
        "content": text,
        "is_error": bool(result.get("error")) or None,
    }
    return ChatMessage(raw, pointer, (SourceValue(value, pointer),))


def _append_failure(
    result: dict[str, Any], pointer: str, ts: float | None, build: RunBuilder
) -> None:
    """Append a result that answers no action: mostly an error in place of a reply."""
    error = fields.label(result, "error")
    if not error:
        raw = {"role": "environment", "content": fields.label(result, "extracted_content")}
        build.message(raw, pointer=pointer, ts=ts)
    elif _INVALID.match(error):
        raw = {"role": "environment", "content": error}
        first, _, second = error.partition("\n")
        what = second.strip() if second.lstrip().startswith(_NOT_JSON) else first
        found = Diagnostic(Code.REPLY_SHAPE, Severity.ERROR, f"the reply is lost: {title(what)}")
        parts = normalise_message(raw, text_calls=TextCalls.IGNORE)
        build.append(with_findings(parts, found), pointer, ts=ts)
    else:
        build.request_failed(error, pointer=pointer, ts=ts)


def _end(steps: list[Any], build: RunBuilder) -> None:
    last = fields.as_dict(steps[-1] if steps else None)
    results = [fields.as_dict(one) for one in fields.as_list(last.get("result"))]
    done = next((one for one in reversed(results) if one.get("is_done") is True), None)
    if done is None:
        return
    judgement = fields.as_dict(done.get("judgement"))
    passed = judgement.get("verdict", done.get("success"))
    build.end(
        status=run_status(passed),
        stop_reason="done",
        details=fields.details_of(fields.without_falsy({"judgement": judgement})),
        ts=_times_of(last)[1],
    )


FORMAT = BrowserUse()
