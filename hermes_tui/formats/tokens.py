"""The tokens behind a reply: from the logprobs of a completion, whole or streamed; from the nodes
of a managed server; from the lists of a saved rollout.

    completion = {"choices": [{"message", "logprobs": {"content": [token]}}]}
    token      = {"token", "bytes", "logprob", "top_logprobs": [{"token", "logprob"}], "id"?}
    node       = {"full_text", "tokens": [id], "masked_tokens": [id | -100], "logprobs": [number]}
    rollouts   = {"tokens": [[id]], "masks": [[id | -100] | [0 | 1]], "inference_logprobs"?: …}

Nothing here raises, whatever the values.
"""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from hermes_tui.formats.fields import item_at
from hermes_tui.formats.streams.sse import join_chunks, looks_like_sse, read_sse
from hermes_tui.formats.token_table import TokenTable, table_of_ids, table_of_tokens
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.events import Event, ResponseReceived
from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.hidden import compare_completion
from hermes_tui.parsers.plain_values import decode
from hermes_tui.parsers.raw_tokens import join_tokens

UNTRAINED = -100
MAX_TABLES = 1_000

_ROLLOUT = re.compile(r"rollout (\d{1,9})(?: (chosen|rejected))?")
_LOGPROB_KEYS = ("inference_logprobs", "logprobs", "ref_logprobs")
_NO_LOGPROBS = "the server gave no logprobs"


def tokens_of(event: Event, tools: Sequence[ToolSpec] = ()) -> tuple[TokenTable, ...]:
    """Return the tokens of a reply: one table, or one for each node that it added; often none."""
    if not isinstance(event, ResponseReceived):
        return ()
    if event.sequences:
        return tuple(_node_tables(event.sequences))
    choice = first_choice(event.raw) if "logprobs" in event.raw else None
    table = choice_table(choice, tools) if choice is not None else None
    return (table,) if table is not None else ()


def first_choice(raw: str) -> dict[str, Any] | None:
    """Return the first choice of a reply's body, whole or streamed, or None if there is none."""
    if looks_like_sse(raw):
        joined = join_chunks(read_sse(raw).events)
        completion: Any = joined.reply if joined is not None else None
    else:
        completion = _decoded(raw)
    choices = completion.get("choices") if isinstance(completion, dict) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else None


def choice_table(choice: Mapping[str, Any], tools: Sequence[ToolSpec]) -> TokenTable | None:
    """Return the tokens of one choice, aligned with its message, or None if it has none."""
    entries = logprob_entries(choice)
    if not entries:
        return None
    raw = join_tokens(entries)
    comparison = None if raw.are_ids else compare_completion(raw.text, choice.get("message"), tools)
    return table_of_tokens("completion", raw, entries, comparison)


def logprob_entries(choice: Mapping[str, Any]) -> list[Any]:
    """Return the tokens of a choice; those of a legacy text completion are converted to the same
    form."""
    logprobs = choice.get("logprobs")
    if not isinstance(logprobs, dict):
        return []
    for key in ("content", "refusal"):
        if isinstance(entries := logprobs.get(key), list) and entries:
            return entries
    texts = logprobs.get("tokens")
    if not isinstance(texts, list):
        return []
    numbers, tops = logprobs.get("token_logprobs"), logprobs.get("top_logprobs")
    return [
        {
            "token": text,
            "logprob": item_at(numbers, index),
            "top_logprobs": _listed(item_at(tops, index)),
        }
        for index, text in enumerate(texts)
    ]


def logprob_findings(raw: str, tools: Sequence[ToolSpec] = ()) -> tuple[Diagnostic, ...]:
    """Return the findings that only a reply's logprobs show, or a note that there are none."""
    choice = first_choice(raw)
    entries = logprob_entries(choice) if choice is not None else []
    if choice is None or not entries:
        hint = "it does not know the parameter, or does not support it with this model or request"
        return (Diagnostic(Code.REPLY_SHAPE, Severity.NOTE, _NO_LOGPROBS, hint=hint),)
    completion = join_tokens(entries)
    if completion.are_ids:
        what = "the tokens came as numbers: what the model wrote is not known"
        hint = "start vLLM without --return-tokens-as-token-ids"
        return (Diagnostic(Code.REPLY_SHAPE, Severity.NOTE, what, hint=hint),)
    return compare_completion(completion.text, choice.get("message"), tools).diagnostics


def rollout_tables(record: str, run_id: str, *, note: str = "") -> tuple[TokenTable, ...]:
    """Return the tokens of one rollout of a saved group; `run_id` identifies it (`rollout 3`).

    `note` is a remark to show with them.
    """
    value = _decoded(record)
    if not isinstance(value, dict):
        return ()
    match = _ROLLOUT.match(run_id)
    index = int(match[1]) if match else 0
    prefix = f"{match[2]}_" if match and match[2] else ""
    ids = _rollout_list(value, f"{prefix}tokens", index)
    if ids is None:
        return ()
    logprobs = next(
        (found for key in _LOGPROB_KEYS if (found := _rollout_list(value, prefix + key, index))),
        None,
    )
    trained = _trained(_rollout_list(value, f"{prefix}masks", index), len(ids))
    title = match[0] if match else "rollout"
    numbers = _numbers(logprobs, len(ids))
    return (table_of_ids(title, ids, logprobs=numbers, trained=trained, note=note),)


def _rollout_list(value: Mapping[str, Any], key: str, index: int) -> list[Any] | None:
    """Return a list of one rollout, which is an element of a list of lists or the list itself."""
    lists = value.get(key)
    if not isinstance(lists, list):
        return None
    if index == 0 and lists and not isinstance(lists[0], list):
        return lists
    found = item_at(lists, index)
    return found if isinstance(found, list) else None


def _node_tables(nodes: Sequence[Any]) -> Iterable[TokenTable]:
    known = [node for node in nodes[:MAX_TABLES] if isinstance(node, dict)]
    for node in known:
        ids = node.get("tokens")
        if not isinstance(ids, list):
            continue
        number = node.get("index")
        title = f"node {number + 1}" if isinstance(number, int) else "node"
        text = node.get("full_text")
        yield table_of_ids(
            title,
            ids,
            logprobs=_numbers(node.get("logprobs"), len(ids)),
            trained=_trained(node.get("masked_tokens"), len(ids)),
            full_text=text if isinstance(text, str) else "",
        )


def _trained(masks: Any, count: int) -> bytearray | None:
    """Return 1 for each trained token and 0 for the others, or None if the masks do not show it."""
    if not isinstance(masks, list) or not masks:
        return None
    if UNTRAINED in masks:
        marks = bytearray(mark != UNTRAINED for mark in masks[:count])
    elif all(mark in (0, 1) for mark in masks):
        marks = bytearray(mark == 1 for mark in masks[:count])
    else:
        return None
    return marks + bytes(count - len(marks))


def _numbers(values: Any, count: int) -> array[float]:
    """Return logprobs; NaN for unknown ones. A positive one marks a masked token."""
    found = array("d")
    for value in values[:count] if isinstance(values, list) else ():
        is_known = isinstance(value, (int, float)) and not isinstance(value, bool) and value <= 0
        found.append(value if is_known else math.nan)
    found.extend([math.nan] * (count - len(found)))
    return found


def _listed(top: Any) -> list[dict[str, Any]]:
    if not isinstance(top, dict):
        return []
    return [{"token": text, "logprob": logprob} for text, logprob in top.items()]


def _decoded(text: str) -> Any:
    try:
        return orjson.loads(text)
    except ValueError:
        return decode(text)
