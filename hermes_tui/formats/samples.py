"""Several samples of one prompt in one row, as rejection sampling and pass@k keep them.

    row    = {"prompt" | "question" | …: text, "completions" | "responses" | …: [sample, …], …}
           | {"prompt": [message, …], "completions" | "responses" | …: [sample, …], …}
           | {"messages": [message, …], …: [sample, …], …}        the last message is the request
    sample = text | {"text" | "response" | …: text, …} | {"message": message, …} | message
           | [message, …]

verl writes texts under `responses`; vLLM's offline outputs are objects with `text` under `outputs`.
A parallel list of the same length with numbers, truth values or objects of scores, such as
`rewards`, has an element for each sample.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from zlib import crc32

from hermes_tui.formats import fields
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.outcomes import OUTCOME_KEYS

_KEYS = (
    "completions",
    "responses",
    "outputs",
    "samples",
    "choices",
    "generations",
    "candidates",
)
TEXT_KEYS = ("text", "completion", "response", "generated_text", "output")
"""The names under which a row or a sample has the text of a reply."""
ASKED_KEYS = ("question", "query", "instruction", "input", "problem")
"""The names of a text that is a prompt if a reply is next to it."""
_SINGULAR_NAMES = {"rewards": "reward", "scores": "score", "finish_reasons": "finish_reason"}
_REQUEST_ROLES = ("user", "human", "tool", "function", "system", "developer")


class PromptSample(NamedTuple):
    """One sample: its pointer in the row, its messages with their pointers, and its metadata."""

    pointer: str
    messages: tuple[tuple[str, Any], ...]
    """The messages; empty if the sample has no content."""
    is_text: bool
    """Whether it is the model's own text, which no parser has read."""
    metadata: dict[str, Any]


def prompt_key(row: Mapping[str, Any]) -> str:
    """Return the key of the prompt in a row, or "" if there is none."""
    if "messages" not in row:
        prompt = fields.messages_if_json(row.get("prompt"))
        if _has_text(prompt) or fields.is_message_list(prompt):
            return "prompt"
        is_asked = "prompt" not in row
        return next((key for key in ASKED_KEYS if is_asked and _has_text(row.get(key))), "")
    messages = decode_if_json(row["messages"])
    ends_with_request = (
        fields.is_message_list(messages)
        and fields.as_dict(messages[-1]).get("role") in _REQUEST_ROLES
    )
    return "messages" if ends_with_request else ""


def _has_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def samples_key(row: Mapping[str, Any]) -> str:
    """Return the key of the samples in a row, or "" if it is no such row."""
    listed = [key for key in _KEYS if isinstance(row.get(key), list)]
    if not listed or any(isinstance(row.get(key), str) for key in TEXT_KEYS):
        return ""
    if not prompt_key(row):
        return ""
    return next((key for key in listed if _are_samples(row[key])), "")


def samples_of(row: Mapping[str, Any], key: str) -> list[PromptSample]:
    """Return the samples under `key` of a row."""
    parallel = parallel_lists(row, len(row[key]))
    return [
        _sample_of(raw, f"/{key}/{index}", {name: each[index] for name, each in parallel.items()})
        for index, raw in enumerate(row[key])
    ]


def parallel_lists(row: Mapping[str, Any], size: int) -> dict[str, list[Any]]:
    """Return the lists of a row that have an element for each of its `size` samples."""
    return {
        name: listed
        for name, listed in row.items()
        if isinstance(listed, list) and len(listed) == size and _is_parallel(name, listed)
    }


def values_of_sample(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of one sample in parallel lists, under the names of a row with one
    reply."""
    members = {_SINGULAR_NAMES.get(name, name): value for name, value in values.items()}
    if isinstance(members.get("score"), dict):
        members["scores"] = members.pop("score")
    return members


def group_of_samples(row: Mapping[str, Any]) -> str:
    """Return the group of the samples in a row: its own name, or one derived from its prompt."""
    if named := fields.group_of(row) or fields.run_id_of(row):
        return named
    return name_of_prompt(row.get(prompt_key(row)))


def name_of_prompt(prompt: Any) -> str:
    """Return the name of a group that is identified only by its prompt."""
    return f"prompt {crc32(fields.json_text(prompt).encode('utf-8', 'surrogatepass')):08x}"


def name_in_row(row_id: str, part: str) -> str:
    """Return the name of a run that is a part of a row, whose own id may be empty."""
    return f"{row_id} · {part}" if row_id else part


def name_of_choice(reply_id: str, choice: int) -> str:
    """Return the name of the run of a reply's choice; the first has the reply's own name."""
    return name_in_row(reply_id, f"choice {choice + 1}") if choice else reply_id


def _are_samples(listed: list[Any]) -> bool:
    """Return whether a list holds samples; a failed sample is null."""
    return any(listed) and fields.mostly(
        listed, lambda raw: raw is None or _content_of(raw) is not None
    )


def _content_of(raw: Any) -> tuple[str, Any] | None:
    """Return the pointer inside a sample to its content, and the content; None if there is none."""
    if isinstance(raw, str):
        return "", raw
    if isinstance(raw, list):
        return ("", raw) if fields.is_message_list(raw) else None
    if not isinstance(raw, dict):
        return None
    if isinstance(raw.get("message"), dict):
        return "/message", raw["message"]
    if fields.is_message(raw):
        return "", raw
    key = next((key for key in TEXT_KEYS if isinstance(raw.get(key), str)), "")
    return (f"/{key}", raw[key]) if key else None


def _sample_of(raw: Any, pointer: str, parallel: Mapping[str, Any]) -> PromptSample:
    members = values_of_sample(parallel)
    found = _content_of(raw)
    if found is None:
        return PromptSample(pointer, (), False, members)
    inner, content = found
    if isinstance(raw, dict):
        kept = OUTCOME_KEYS if not inner else raw.keys() - {inner[1:]}
        members |= {key: raw[key] for key in raw if key in kept}
    place = pointer + inner
    if isinstance(content, list):
        messages = tuple((f"{place}/{index}", one) for index, one in enumerate(content))
        return PromptSample(pointer, messages, False, members)
    is_text = isinstance(content, str)
    message = {"role": "assistant", **({"content": content} if is_text else content)}
    if reason := fields.label(members, "finish_reason"):
        message = {"finish_reason": reason, **message}
    return PromptSample(pointer, ((place, message),), is_text, members)


def _is_parallel(name: str, listed: list[Any]) -> bool:
    """Return whether a list has one value for each sample.

    Numbers and truth values can only describe samples; texts and objects may be anything.
    """
    kinds: tuple[type, ...] = (bool, int, float)
    if name == "finish_reasons":
        kinds = (str,)
    elif name in ("scores", "rewards"):
        kinds = (*kinds, dict)
    elif name == "prompt_token_ids":
        return False
    found = [each for each in listed if each is not None]
    return bool(found) and all(isinstance(each, kinds) for each in found)
