"""Shapes that many foreign formats share: messages, titles, usage, outcomes, times.

Readers call these functions instead of each guessing on its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from hermes_tui.formats.json_text.json_values import MAX_EXCERPT, decode_if_json
from hermes_tui.model.wording import title
from hermes_tui.parsers import measures, plain_values

MAX_DETAIL = 2_000
"""Characters of JSON. Of a longer detail only the size is kept; its record holds it whole."""
MAX_RESULT = 1_000_000
"""The same limit for the results of a run, which are what people open it for."""
_RESULT_NAMES = frozenset(
    {"submission", "patch", "git_patch", "model_patch", "generated_patch", "test_patch"}
    | {"edited_files", "test_result", "traceback", "exception_str", "exception_info", "error"}
    | {"errors", "store", "answer", "final_answer"}
)
_CONTEXT_LINES = re.compile(r"\d+\Z")
"""The number in SWE-agent's `edited_files30`: the lines of context around each edit."""

_TOO_DEEP = "(nested too deeply, or not text)"
_SIZE_ONLY = re.compile(rf"\([\d,]+ (?:characters|keys|elements)\)|{re.escape(_TOO_DEEP)}")

_BODY_KEYS = (
    "content",
    "tool_calls",
    "function_call",
    "tool_call_id",
    "refusal",
    "reasoning_content",
    "reasoning",
    "reasoning_details",
)
_ID_KEYS = (
    "run_id",
    "id",
    "instance_id",
    "task_id",
    "trajectory_id",
    "conversation_id",
    "session_id",
    "uuid",
)
_GROUP_KEYS = ("group_id", "group", "group_index", "group_idx")
_TASK_KEYS = ("task", "task_name", "task_id", "instance_id", "question", "problem", "title")
_UNDERSCORE = re.compile(r"_([a-z])")
_CAPITAL = re.compile(r"(?<=[a-z0-9])[A-Z]")


def is_message(value: Any) -> bool:
    """Return whether `value` is a chat message: an object with a `role` and a body."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("role"), str)
        and any(key in value for key in _BODY_KEYS)
    )


def is_message_list(value: Any) -> bool:
    """Return whether `value` is a list of messages; one odd element in five is tolerated."""
    if not isinstance(value, list) or not value:
        return False
    return mostly(value[:50], is_message)


def messages_if_json(value: Any) -> Any:
    """Return the messages that a text holds as JSON, or `value` unchanged if it holds none."""
    decoded = decode_if_json(value)
    return decoded if is_message_list(decoded) else value


def ends_with_response(row: Mapping[str, Any]) -> bool:
    """Return whether the last message of a row is its `response`, so that it is complete."""
    messages, response = row.get("messages"), row.get("response")
    if not isinstance(messages, list) or not messages or not isinstance(response, str):
        return False
    last = as_dict(messages[-1])
    return last.get("role") == "assistant" and last.get("content") == response


def begins_with_system(messages: Any) -> bool:
    """Return whether the first message is a system prompt."""
    return first_object(messages).get("role") in ("system", "developer")


def mostly(values: Sequence[Any], test: Any) -> bool:
    """Return whether at least four in five of `values` pass `test`; False if there are none."""
    return bool(values) and 5 * sum(map(test, values)) >= 4 * len(values)


def are_own(values: Any, is_one: Any, is_own: Any) -> bool:
    """Return whether most of the first `values` of a list pass `is_one`, and one `is_own`."""
    head = values[:50] if isinstance(values, (list, tuple)) else ()
    return mostly(head, is_one) and any(map(is_own, head))


def text_of(content: Any) -> str:
    """Return the text of a message's content in any form; empty if there is none."""
    if isinstance(content, str):
        return content
    if isinstance(content, dict):
        content = [content]
    if not isinstance(content, list):
        return ""
    texts = []
    for part in content:
        if isinstance(part, dict):
            part = part.get("text", part.get("value", part.get("content")))
        if isinstance(part, str):
            texts.append(part)
    return "\n".join(texts)


def camel_case(name: str) -> str:
    """Return `snake_case` as `snakeCase`."""
    return _UNDERSCORE.sub(lambda match: match[1].upper(), name)


def snake_case(name: str) -> str:
    """Return `camelCase` as `camel_case`."""
    return _CAPITAL.sub(lambda match: f"_{match[0].lower()}", name)


def title_of(messages: Iterable[Any]) -> str:
    """Return the first line of the user's first message with text, or an empty string."""
    for message in messages:
        if isinstance(message, dict) and message.get("role") in ("user", "human"):
            text = title(text_of(message.get("content")))
            if text:
                return text
    return ""


def label(raw: Mapping[str, Any], *keys: str) -> str:
    """Return the first of `keys` in `raw` that holds a name or a number, as text."""
    for key in keys:
        value = raw.get(key)
        if isinstance(value, str) and value.strip():
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, float) and measures.number(value) is not None:
            return f"{value:.15g}"
    return ""


def id_of(value: Any) -> str:
    """Return the `id` of an object as a string; empty if it has none."""
    return label(as_dict(value), "id")


def first_label(raws: Iterable[Mapping[str, Any]], *keys: str) -> str:
    """Return the first `label` that any of the objects has under `keys`."""
    return next(filter(None, (label(raw, *keys) for raw in raws)), "")


def labels(raw: Mapping[str, Any], *keys: str) -> str:
    """Return the labels under all of `keys`, joined as in `TypeError: no such name`."""
    return ": ".join(filter(None, (label(raw, key) for key in keys)))


def run_id_of(raw: Mapping[str, Any]) -> str:
    return title(label(raw, *_ID_KEYS))


def group_of(raw: Mapping[str, Any]) -> str:
    """Return the group of runs that a row names; mostly these are the runs of one prompt."""
    return title(label(raw, *_GROUP_KEYS))


def task_of(raw: Mapping[str, Any], messages: Iterable[Any]) -> str:
    """Return the task of a run: its name in the file, or the first line of the user."""
    return label(raw, *_TASK_KEYS) or title_of(messages)


def model_of(raw: Mapping[str, Any]) -> str:
    return label(raw, "model", "model_name", "model_id")


def details_of(raw: Mapping[str, Any], *, without: Iterable[str] = ()) -> dict[str, Any]:
    """Return the members of `raw` not in `without`, secrets masked and long ones summarised."""
    left_out = frozenset(without)
    kept = {str(key): value for key, value in raw.items() if key not in left_out}
    if not kept:
        return {}
    from hermes_tui.formats.secrets import mask_top

    return {key: detail(key, value) for key, value in mask_top(kept).items()}


def detail(name: str, value: Any) -> Any:
    """Return `value` shortened by `small`; the limit is much higher if `name` is a result's."""
    is_result = _CONTEXT_LINES.sub("", name) in _RESULT_NAMES
    return small(value, MAX_RESULT if is_result else MAX_DETAIL)


def is_empty(value: Any) -> bool:
    """Return whether `value` is null, or an empty text, list or object."""
    return value is None or value in ("", [], {})


def without_empty(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return the details that are not empty; zeros and false are kept."""
    return {key: value for key, value in details.items() if not is_empty(value)}


def without_falsy(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return the details that are neither empty nor zero nor false."""
    return {key: value for key, value in details.items() if value}


def small(value: Any, most: int = MAX_DETAIL) -> Any:
    """Return `value` with secrets masked.

    If it is longer than `most` characters of JSON, return a line with its size instead.
    """
    if isinstance(value, str):
        return value if len(value) <= most else f"({len(value):,} characters)"
    if not isinstance(value, (dict, list)):
        return value
    if len(value) <= most:
        try:
            json = orjson.dumps(value, default=str)
            if len(json) <= most:
                from hermes_tui.formats.secrets import mask_secrets, may_hold_secrets

                return mask_secrets(value) if may_hold_secrets(json) else value
        except TypeError:
            return _TOO_DEEP
    kind = "keys" if isinstance(value, dict) else "elements"
    return f"({len(value):,} {kind})"


def count_shortened(details: Any) -> int:
    """Return how many values in `details` `small` has replaced by their size."""
    pending, count = [details], 0
    while pending:
        match pending.pop():
            case str(text):
                count += _SIZE_ONLY.fullmatch(text) is not None
            case dict(members):
                pending.extend(members.values())
            case list(elements):
                pending.extend(elements)
    return count


def number(value: Any) -> float | None:
    """Return a finite number, also one written as a string; None for anything else."""
    if isinstance(value, str) and len(value) < 40:
        try:
            value = float(value)
        except ValueError:
            return None
    return measures.number(value)


def seconds(milliseconds: Any) -> float | None:
    """Return milliseconds in seconds, None for anything but a number."""
    found = number(milliseconds)
    return None if found is None else found / 1e3


def duration_of(raw: Mapping[str, Any], keys: Iterable[tuple[str, float]]) -> float | None:
    """Return the first duration in `raw` in seconds; the keys come with their units per second."""
    for key, units_per_second in keys:
        found = number(raw.get(key))
        if found is not None and found >= 0:
            return found / units_per_second
    return None


def numbers(raw: Mapping[str, Any]) -> dict[str, float]:
    """Return those members of `raw` that are numbers and have a name."""
    found = ((str(name), number(value)) for name, value in raw.items())
    return {name: value for name, value in found if name and value is not None}


def measured(raw: Mapping[str, Any], *, without: Iterable[str] = ()) -> dict[str, float]:
    """Return those members of `raw` that are numbers or booleans; true is 1 and false is 0."""
    left_out = frozenset(without)
    found = {
        str(name): float(value) if isinstance(value, bool) else measures.number(value)
        for name, value in raw.items()
        if name not in left_out
    }
    return {name: value for name, value in found.items() if value is not None}


NAMES_OF_RUNS = (
    "run_id", "trajectory_id", "rollout_id", "episode_id", "conversation_id", "thread_id",
    "dialog_id", "episode", "rollout", "trajectory",
)  # fmt: skip
"""The keys under which a row of a table of messages names its run."""


def as_dict(value: Any) -> dict[str, Any]:
    """Return `value` if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """Return `value` if it is a JSON array, else an empty one."""
    return value if isinstance(value, list) else []


def objects_in(value: Any) -> list[dict[str, Any]]:
    """Return the JSON objects in a JSON array; none if it is not one."""
    return [one for one in as_list(value) if isinstance(one, dict)]


def first_object(value: Any) -> dict[str, Any]:
    """Return the first element of a list if it is a JSON object, else an empty one."""
    return as_dict(value[0]) if isinstance(value, list) and value else {}


def json_text(value: Any) -> str:
    """Return `value` as compact JSON, or unchanged if it is a string."""
    return value if isinstance(value, str) else plain_values.json_text(value)


def excerpt(value: Any) -> str:
    """Return the beginning of `value` as JSON, for a person to recognise it by."""
    return json_text(value)[:MAX_EXCERPT]


def item_at(values: Any, index: int) -> Any:
    """Return the element at `index` of a JSON array, or None if there is none."""
    return values[index] if isinstance(values, list) and index < len(values) else None
