"""`bfcl`: results and scores of the Berkeley Function-Calling Leaderboard, a test case a line.

    line   = {"id", "result", "input_token_count"?, "output_token_count"?, "latency"?,
              "inference_log"?}
           | {"id", "valid", "error_type"?, "prompt"?, "model_result"…?, "possible_answer"?}
           | {"answer_id", "question"?, "text"}
    result = text | [{name: arguments}, …] | [result, …]            turns, and steps of turns
    log    = [[message, …] | {"begin_of_turn_query": [message], "step_0": [message, …], …}, …]

The log also holds as messages the input of the model (`inference_input`), how its handler read the
reply (`handler_log`) and the state of the simulated systems (`state_info`). Results of tools have
no call ids and are paired by order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.declared_tools import tool_specs
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.message_parts import with_findings
from hermes_tui.formats.outcomes import run_status
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.texts.python_repr import NotRepr, ReprObject, read_repr
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.wording import title
from hermes_tui.parsers.measures import usage
from hermes_tui.parsers.normalise import TextCalls, normalise_message

MAX_NESTING = 8

_COUNT_KEYS = ("input_token_count", "output_token_count", "latency")
_RESULT_KEYS = ("result", "model_result_raw", "model_result", "text")
_HIDDEN_KEYS = ("inference_log", "prompt", "question", *_COUNT_KEYS, *_RESULT_KEYS)
_ERROR_PREFIX = "Error during inference"
_STEP = re.compile(r"step_(\d{1,9})")
_CASE = re.compile(
    r"(?:live_|exec_|multi_turn_|simple|multiple|parallel|irrelevance|java|rest_|sql_|web_search|"
    r"memory|format_sensitivity)"
)


class Bfcl:
    """Reads test cases with the answers of the model."""

    name = "bfcl"
    summary = (
        "BFCL results (.json, one case per line): single answers, multi-turn logs, score files"
    )

    def sniff(self, sample: Sample) -> Match | None:
        cases = [value for value in sample.values if not _is_summary(value)]
        return Match(0.85, Unit.RUNS) if fields.mostly(cases, _is_case) else None

    def read(self, value: Any, build: RunBuilder) -> None:
        if _is_summary(value):
            build.start(task="summary of the scores", details=fields.details_of(value))
        elif isinstance(value, dict) and ("inference_log" in value or _result_key(value)):
            _read_case(value, build)
        else:
            build.defect("not a test case with an answer", value)


def _is_summary(value: Any) -> bool:
    return isinstance(value, dict) and {"accuracy", "correct_count", "total_count"} <= value.keys()


def _is_case(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    if isinstance(value.get("inference_log"), list):
        return "id" in value
    if "answer_id" in value:
        return isinstance(value.get("text"), str)
    if not isinstance(value.get("id"), str) or not _result_key(value):
        return False
    own = any(key in value for key in _COUNT_KEYS[:2]) or {"valid", "error_type"} <= value.keys()
    return own or ("result" in value and _CASE.match(value["id"]) is not None)


def _result_key(value: dict[str, Any]) -> str:
    return next((key for key in _RESULT_KEYS if isinstance(value.get(key), (str, list))), "")


def _read_case(value: dict[str, Any], build: RunBuilder) -> None:
    raw_log = value.get("inference_log")
    log = raw_log if isinstance(raw_log, list) else []
    questions = list(_questions(value))
    name = fields.label(value, "id", "answer_id")
    queries = (message for _, message in (*questions, *_log_messages(log)))
    build.start(
        run_id=name,
        task=fields.title_of(queries) or name,
        model=fields.model_of(value),
        tools=_tools_of(log),
        lone_reply=not any(_replies(log)) and _is_answer(value.get(_result_key(value))),
        details=fields.details_of(value, without=_HIDDEN_KEYS),
        diagnostics=_error_finding(value),
    )
    for pointer, message in questions:
        build.message(message, pointer=pointer)
    if not _read_log(log, value, build) and (key := _result_key(value)):
        _read_result(value[key], f"/{key}", build)
    _end(value, build)


def _questions(value: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the questions given with an answer, in old results and in score files."""
    prompt = value.get("prompt")
    inside = isinstance(prompt, dict) and "question" in prompt
    question = prompt["question"] if isinstance(prompt, dict) and inside else value.get("question")
    place = "/prompt/question" if inside else "/question"
    if isinstance(question, str):
        yield place, {"role": "user", "content": question}
    for index, turn in enumerate(fields.as_list(question)):
        for inner, message in enumerate(fields.as_list(turn)):
            if isinstance(message, dict):
                yield f"{place}/{index}/{inner}", message


def _log_messages(log: list[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the queries of a log's turns."""
    for index, turn in enumerate(log):
        queries = turn.get("begin_of_turn_query") if isinstance(turn, dict) else None
        for inner, message in enumerate(fields.as_list(queries)):
            if isinstance(message, dict):
                yield f"/inference_log/{index}/begin_of_turn_query/{inner}", message


def _replies(log: list[Any]) -> Iterator[Any]:
    """Yield the messages of a log that are replies of the model."""
    for turn in log:
        steps = turn.values() if isinstance(turn, dict) and "role" not in turn else (turn,)
        for step in steps:
            for message in step if isinstance(step, list) else (step,):
                if fields.as_dict(message).get("role") == "assistant":
                    yield message


def _is_answer(result: Any) -> bool:
    """Return whether a result is a text or the calls of a reply, which are compared, never run."""
    is_calls = isinstance(result, list) and all(isinstance(one, dict) for one in result)
    return isinstance(result, str) or is_calls


def _tools_of(log: list[Any]) -> Any:
    """Return the tools of the first request in the log, or None if there are none."""
    for turn in log:
        step = turn.get("step_0") if isinstance(turn, dict) else turn
        for message in step if isinstance(step, list) else (turn,):
            content = message.get("content") if isinstance(message, dict) else None
            if isinstance(content, dict) and isinstance(content.get("tools"), list):
                return tool_specs(content["tools"])
    return None


def _error_finding(value: dict[str, Any]) -> tuple[Diagnostic, ...]:
    result = value.get("result")
    if not isinstance(result, str) or not result.startswith(_ERROR_PREFIX):
        return ()
    return (Diagnostic(Code.REQUEST_ERROR, Severity.ERROR, title(result)),)


def _read_log(log: list[Any], value: dict[str, Any], build: RunBuilder) -> bool:
    """Read a log; return whether it holds any replies of the model."""
    has_reply = False
    turn = -1
    for index, entry in enumerate(log):
        pointer = f"/inference_log/{index}"
        if not isinstance(entry, dict) or "role" in entry:
            steps = entry if isinstance(entry, list) else [entry]
            place = pointer if isinstance(entry, list) else ""
            has_reply |= _read_step(steps, place, {}, build, single=pointer)
            continue
        turn += 1
        for key, step in entry.items():
            match = _STEP.fullmatch(str(key))
            measures = _step_measures(value, turn, int(match[1])) if match else {}
            messages = step if isinstance(step, list) else [step]
            place = f"{pointer}/{key}"
            whole = place if isinstance(step, list) else ""
            has_reply |= _read_step(messages, whole, measures, build, single=place)
    return has_reply


def _read_step(
    step: list[Any], pointer: str, measures: dict[str, Any], build: RunBuilder, *, single: str
) -> bool:
    """Read the messages of a step; return whether one is a reply of the model.

    `single` is the pointer to the step if it is not a list.
    """
    has_reply = False
    for index, raw in enumerate(step):
        place = f"{pointer}/{index}" if pointer else single
        if not isinstance(raw, dict):
            build.defect("not a message", raw, pointer=place)
        elif raw.get("role") == "assistant":
            has_reply = True
            decoded = next((d for m in step[index + 1 :] if (d := _decoded_calls(m))), [])
            _read_reply(raw.get("content"), place, build, {**raw, **measures}, decoded)
        else:
            _read_other(raw, place, build, step[:index])
    return has_reply


def _decoded_calls(message: Any) -> list[Any]:
    found = message.get("model_response_decoded") if isinstance(message, dict) else None
    return found if isinstance(found, list) else []


def _step_measures(value: dict[str, Any], turn: int, step: int) -> dict[str, Any]:
    """Return tokens and seconds of one step, which are in separate lists."""
    values: list[Any] = []
    for key in _COUNT_KEYS:
        inner = value.get(key)
        for index in (turn, step):
            inner = fields.item_at(inner, index)
        values.append(inner)
    return {"usage": _counts(*values[:2]), "duration_s": values[2]}


def _counts(prompt_tokens: Any, completion_tokens: Any) -> dict[str, Any]:
    """Return token counts under their keys in chat messages."""
    return {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}


def _read_reply(
    content: Any, pointer: str, build: RunBuilder, extra: dict[str, Any], decoded: list[Any]
) -> None:
    """Read a reply: a text, or calls. `decoded` are the calls that its handler read in a text."""
    raw = {**extra, "role": "assistant", "content": content}
    if isinstance(content, list) and content and all(isinstance(one, dict) for one in content):
        calls = [call for one in content for call in _calls(one)]
        raw |= {"content": None, "tool_calls": calls}
    elif isinstance(content, str) and (calls := [c for one in decoded if (c := _call_of(one))]):
        raw["tool_calls"] = calls
    mode = TextCalls.IGNORE if "tool_calls" in raw else TextCalls.SUSPECT
    build.message(raw, pointer=pointer, text_calls=mode)


def _calls(arguments_by_name: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name, arguments in arguments_by_name.items():
        # Some handlers write arguments as an object; the model's own text is lost then.
        text = fields.json_text(arguments)
        yield {"function_call": {"name": name, "arguments": text}}


def _call_of(expression: Any) -> dict[str, Any] | None:
    """Return the call in a Python expression such as `ls(a=True)`, or None if there is none."""
    try:
        made = read_repr(expression) if isinstance(expression, str) else None
    except NotRepr:
        return None
    if not isinstance(made, ReprObject):
        return None
    arguments = {str(index): one for index, one in enumerate(made.arguments)} | made.members
    text = fields.json_text(
        {k: str(v) if isinstance(v, ReprObject) else v for k, v in arguments.items()}
    )
    return {"function_call": {"name": made.name, "arguments": text}}


def _read_other(raw: dict[str, Any], pointer: str, build: RunBuilder, earlier: list[Any]) -> None:
    role, content = raw.get("role"), raw.get("content")
    if role == "inference_input" and isinstance(content, dict) and "message" in content:
        raw = {**raw, "content": fields.json_text(content["message"])}
    elif isinstance(content, dict):
        raw = {**raw, "content": fields.json_text(content)}
    if role == "state_info":
        raw = {"name": raw.get("class_name"), **raw}
    parts = normalise_message(raw, text_calls=TextCalls.IGNORE)
    if role == "handler_log" and (finding := _decoding_failure(raw, earlier)):
        parts = with_findings(parts, finding)
    build.append(parts, pointer)


def _decoding_failure(raw: dict[str, Any], earlier: list[Any]) -> Diagnostic | None:
    """Return the finding for a reply that its handler could not decode, or None.

    For a text it is only a note, since a text ends every turn; for calls it is an error.
    """
    message = raw.get("content")
    if not isinstance(message, str) or not message.startswith(("Error decoding", "Empty response")):
        return None
    reply = next((m for m in reversed(earlier) if fields.is_message(m)), None)
    is_text = reply is not None and isinstance(reply.get("content"), str)
    code, severity = (
        (Code.NO_MARKER, Severity.NOTE) if is_text else (Code.JSON_INVALID, Severity.ERROR)
    )
    return Diagnostic(code, severity, title(message), hint=fields.label(raw, "error"))


def _read_result(result: Any, pointer: str, build: RunBuilder, depth: int = 0) -> None:
    """Read an answer, or the answers of turns and steps."""
    if _is_answer(result):
        _read_reply(result, pointer, build, {}, [])
    elif isinstance(result, list) and depth < MAX_NESTING:
        for index, one in enumerate(result):
            inner = [one] if isinstance(one, dict) else one
            _read_result(inner, f"{pointer}/{index}", build, depth + 1)
    else:
        build.defect("not an answer", result, pointer=pointer)


def _sum(value: Any, depth: int = 0) -> float | None:
    if not isinstance(value, list):
        return fields.number(value) if not isinstance(value, (str, bool)) else None
    if depth > MAX_NESTING:
        return None
    numbers = [one for item in value if (one := _sum(item, depth + 1)) is not None]
    return sum(numbers) if numbers else None


def _end(value: dict[str, Any], build: RunBuilder) -> None:
    sums = [_sum(value.get(key)) for key in _COUNT_KEYS]
    build.end(
        status="error" if _error_finding(value) else run_status(value.get("valid")),
        stop_reason=fields.label(value, "error_type"),
        usage=usage(_counts(*sums[:2])),
        details={"latency_s": round(sums[2], 3)} if sums[2] is not None else {},
    )


FORMAT = Bfcl()
