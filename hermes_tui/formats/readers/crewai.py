"""`crewai`: the output of a CrewAI crew, and its log of tasks. Each task is a run.

    file   = output* | [entry, …]
    output = {"raw", "tasks_output": [task, …], "token_usage"}          `CrewOutput.model_dump`
    task   = {"description", "expected_output", "agent", "raw", "messages"?: [message, …],
              "tool_failures"?: [{"tool_name", "failure": {"message"}}, …]}
    entry  = {"timestamp", "task", "agent", "status": "started" | "completed", "output"?}
                                                                        `output_log_file`

The messages of a task may end before its answer, which is then `raw`. Tokens are those of the crew.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.chat_messages import SourceValue, source_defect, source_values
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.parsers.measures import timestamp

_TASK_KEYS: Final = ("name", "agent", "expected_output", "output_format", "json_dict", "pydantic")
_STATUSES: Final = ("started", "completed", "failed")


class CrewAi:
    """Reads the outputs of tasks, and the log of when they began and ended."""

    name = "crewai"
    summary = "CrewAI: outputs of crews with the messages of their tasks, and output_log_file"

    def sniff(self, sample: Sample) -> Match | None:
        found = sample.match_of_runs(0.95, _is_output)
        return found or sample.match_of_rows(0.9, _is_entry)

    def read(self, value: Any, build: RunBuilder) -> None:
        if _is_output(value):
            _read_output(value, build)
        else:
            _read_log(value, build)


def _is_output(value: Any) -> bool:
    tasks = fields.as_dict(value).get("tasks_output")
    return isinstance(tasks, list) and fields.mostly(
        tasks, lambda task: {"description", "agent", "raw"} <= fields.as_dict(task).keys()
    )


def _is_entry(value: Any) -> bool:
    known = isinstance(value, dict) and {"timestamp", "task", "agent"} <= value.keys()
    return known and value.get("status") in _STATUSES


def _read_output(output: dict[str, Any], build: RunBuilder) -> None:
    for index, task in enumerate(output["tasks_output"]):
        place = f"/tasks_output/{index}"
        if not isinstance(task, dict):
            build.start(pointer=place)
            build.defect("not the output of a task", task, pointer=place)
            continue
        about = {key: task.get(key) for key in _TASK_KEYS if task.get(key)}
        crew = {"crew_token_usage": output["token_usage"]} if output.get("token_usage") else {}
        build.start(
            task=fields.title_of([{"role": "user", "content": task.get("description")}]),
            details=fields.details_of({**about, **crew}),
            pointer=place,
        )
        _read_task(task, place, build)


def _read_task(task: dict[str, Any], place: str, build: RunBuilder) -> None:
    messages = fields.as_list(task.get("messages"))
    failed = [fields.as_dict(one) for one in fields.as_list(task.get("tool_failures"))]
    if not messages:
        build.message(
            {"role": "user", "content": task.get("description")}, pointer=f"{place}/description"
        )
    for at, message in enumerate(messages):
        raw = message
        if isinstance(raw, dict) and any(_is_result_of(one, raw) for one in failed):
            raw = {**raw, "is_error": True}
        build.append_element(raw, f"{place}/messages/{at}")
    last = fields.as_dict(messages[-1]) if messages else {}
    is_answered = last.get("role") == "assistant" and not last.get("tool_calls")
    if task.get("raw") and not is_answered:
        build.message({"role": "assistant", "content": task["raw"]}, pointer=f"{place}/raw")


def _is_result_of(failure: dict[str, Any], message: dict[str, Any]) -> bool:
    """Return whether the result in a message is that failure of a tool."""
    error_text = fields.label(fields.as_dict(failure.get("failure")), "message")
    is_its = message.get("role") == "tool" and message.get("name") == failure.get("tool_name")
    return is_its and bool(error_text) and error_text in fields.text_of(message.get("content"))


def _read_log(value: Any, build: RunBuilder) -> None:
    """Read a log: tasks in the order of their beginnings, since several may run at once."""
    tasks: list[list[SourceValue]] = []
    begun: dict[str, deque[list[SourceValue]]] = {}
    for found in source_values(value, build):
        entry = found.value
        if not _is_entry(entry):
            source_defect(build, "not an entry of a log", found)
            continue
        running = begun.setdefault(fields.json_text([entry["task"], entry["agent"]]), deque())
        is_begin = entry["status"] == "started"
        if running and not is_begin:
            running.popleft().append(found)
            continue
        tasks.append([found])
        if is_begin:
            running.append(tasks[-1])
    for task in tasks:
        _read_logged(task, build)


def _read_logged(task: list[SourceValue], build: RunBuilder) -> None:
    first, last = task[0], task[-1]
    prompt = {"role": "user", "content": first.value["task"]}
    details = {key: first.value.get(key) for key in ("agent", "task_name") if first.value.get(key)}
    began, ended = (timestamp(each.value["timestamp"]) for each in (first, last))
    build.locate(first.line)
    build.start(
        task=fields.title_of([prompt]),
        details=fields.details_of(details),
        pointer=first.pointer,
        ts=began,
    )
    build.message(prompt, pointer=f"{first.pointer}/task", ts=began)
    status = last.value["status"]
    if status != "started":
        build.locate(last.line)
        answer = {"role": "assistant", "content": last.value.get("output")}
        build.message(answer, pointer=f"{last.pointer}/output", ts=ended)
        build.end(status="error" if status == "failed" else "unknown", stop_reason=status, ts=ended)


FORMAT = CrewAi()
