"""`rl-rollouts`: the rollouts of a policy that trainers log, each a run.

    file   = (row | columns)* | table
    row    = {PROMPT: said, REPLY: said, "step" | "score" | "advantage" | …: number, …}
    said   = [message, …] | text, mostly in the model's chat template
    table  = {"columns": [name, …], "data": [[value, …], …], …}
    columns = {name: [value, …], …}                     values at the same index form a row

    PROMPT, REPLY               who writes them
    input, output               verl (`rollout_data_dir`, `validation_data_dir`), JSONL; special
                                tokens are skipped; its table has input_1, output_1, score_1, …
                                OpenRLHF (`batch_inference`), JSONL, with a `reward`
    prompt, completion          TRL (`log_completions`), Parquet; AReaL, JSONL; ms-swift, columns
    input_prompt, output_response   SkyRL (`dump_eval_results`), JSONL
    prompt, response            Agent Lightning, JSONL; the prompt is all but the last reply
                                slime (`Sample.to_dict`): all turns of the rollout, with `status`

Tables are those of Weights & Biases, and of pandas with `orient="split"`; some have prompt and
reply in one text (`rollout_wholes`). Other numbers in a row are the results of reward functions.
Rollouts of one prompt at one step are a group.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any, NamedTuple

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.chat_messages import SourceValue
from hermes_tui.formats.message_parts import without_usual_findings
from hermes_tui.formats.outcomes import OUTCOME_KEYS
from hermes_tui.formats.prompt_rows import outcome_of_reply, start_row
from hermes_tui.formats.readers.rollouts.wholes import Whole, whole_of
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.samples import name_of_prompt
from hermes_tui.formats.texts.rollout_texts import (
    normalise_text_message,
    prompt_messages,
    rejoined,
    reply_messages,
)
from hermes_tui.formats.texts.tagged_actions import Action, action_of, split_answers
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.messages import Usage
from hermes_tui.model.wording import title
from hermes_tui.parsers import measures
from hermes_tui.parsers.normalise import normalise_message

_REASONS = ("stop_reason", "finish_reason")
_ADVANTAGES = ("advantage", "advantages")


class _Kind(NamedTuple):
    """The names of prompt and reply in a row, and further members that identify the kind."""

    prompt: str
    reply: str
    marks: tuple[frozenset[str], ...]
    """All members of at least one of the sets must be present."""
    only_texts: bool = False


_KINDS = (
    _Kind("input", "output", (frozenset({"score", "step"}),)),
    _Kind("input", "output", (frozenset({"reward"}),), only_texts=True),
    _Kind("input_prompt", "output_response", (frozenset({"score"}),)),
    _Kind(
        "prompt",
        "completion",
        tuple(frozenset({name}) for name in ("step", *_ADVANTAGES, "tail_version")),
    ),
    _Kind("prompt", "response", (frozenset({"rollout_id", "reward"}),), only_texts=True),
    _Kind("prompt", "response", (frozenset({"group_index", "response_length"}),)),
)
_WHOLE_KIND = _Kind("prompt", "completion", ())
_FOREIGN_KEYS = frozenset({"example_id", "messages"})
"""Members of rows that have their own format."""
_USUAL_CODES = frozenset({Code.ID_MISSING, Code.ARGS_OBJECT})
"""TRL gives calls no ids, and writes their arguments as objects."""
_INDICES = frozenset({"index", "idx", "group_index", "sample_idx"})
_NO_SCORES = _INDICES | {"reward", "score", "task_id", "seqlen", "prompt_len"}
_VERL_KEY = re.compile(r"(.+)_\d+_\d+")
"""Sample, rollout and output, as verl's newer trainer writes them."""


class _Row(NamedTuple):
    """One rollout, and the pointers to its members if they are not stored under their names."""

    members: dict[str, Any]
    kind: _Kind
    place: str
    pointers: Mapping[str, str]
    of_one_text: bool = False

    def pointer(self, key: str) -> str:
        return self.pointers.get(key, f"{self.place}/{key}")


class Rollouts:
    """Reads rows, columns and tables of rollouts."""

    name = "rl-rollouts"
    summary = "rollouts of verl, TRL, slime, SkyRL, AReaL, ms-swift, OpenRLHF; tables of them (W&B)"

    def sniff(self, sample: Sample) -> Match | None:
        return sample.match_of_runs(0.96, _has_rows)

    def read(self, value: Any, build: RunBuilder) -> None:
        if not _has_rows(value):
            build.defect("no rollout in this record", value)
            return
        for row in _rows(value):
            if isinstance(row, _Row):
                _read_row(row, build)
            else:
                build.defect("not a rollout", row.value, pointer=row.pointer)


def _has_rows(value: Any) -> bool:
    return any(isinstance(row, _Row) for row in _rows(value))


def _rows(value: Any) -> Iterator[_Row | SourceValue]:
    """Yield the rollouts in a value, which is one or holds several."""
    if not isinstance(value, dict):
        return
    columns, data = value.get("columns"), value.get("data")
    if isinstance(columns, list) and isinstance(data, list):
        names = [name if isinstance(name, str) else "" for name in columns]
        for index, values in enumerate(data):
            place = f"/data/{index}"
            rows: list[_Row | SourceValue] = [*_rows_of_table(names, fields.as_list(values), place)]
            yield from rows or [SourceValue(values, place)]
    elif kind := _kind(value):
        if _are_columns(value, kind):
            yield from _rows_of_columns(value, kind)
        else:
            yield _Row(value, kind, "", {})


def _kind(row: Mapping[str, Any]) -> _Kind | None:
    if _FOREIGN_KEYS & row.keys():
        return None
    return next((kind for kind in _KINDS if _is_of_kind(row, kind)), None)


def _is_of_kind(row: Mapping[str, Any], kind: _Kind) -> bool:
    if not _may_be_messages(row.get(kind.prompt)) or not _may_be_messages(row.get(kind.reply)):
        return False
    if kind.only_texts and not isinstance(row[kind.prompt], str):
        return False
    return any(marks <= row.keys() for marks in kind.marks)


def _may_be_messages(value: Any) -> bool:
    if isinstance(value, list):
        return not value or any(isinstance(one, (str, dict, list)) for one in value[:5])
    return isinstance(value, str)


def _are_columns(value: Mapping[str, Any], kind: _Kind) -> bool:
    prompts, replies = value[kind.prompt], value[kind.reply]
    if not isinstance(prompts, list) or not isinstance(replies, list):
        return False
    return len(prompts) == len(replies) and isinstance(value.get("step"), list)


def _rows_of_columns(value: dict[str, Any], kind: _Kind) -> Iterator[_Row | SourceValue]:
    size = len(value[kind.prompt])
    columns = {
        name: column
        for name, column in value.items()
        if isinstance(column, list) and len(column) == size
    }
    for index in range(size):
        row = {**value, **{name: column[index] for name, column in columns.items()}}
        if _is_of_kind(row, kind):
            yield _Row(row, kind, "", {name: f"/{name}/{index}" for name in columns})
        else:
            yield SourceValue(row[kind.reply], f"/{kind.reply}/{index}")


def _rows_of_table(names: list[str], values: list[Any], place: str) -> Iterator[_Row]:
    row = dict(zip(names, values, strict=False))
    pointers = {name: f"{place}/{index}" for index, name in enumerate(names)}
    if kind := _kind(row):
        yield _Row(row, kind, place, pointers)
    elif whole := whole_of(row):
        yield _row_of_whole(row, whole, place, pointers[whole.name])
    for number in count(1) if "input_1" in row and "output_1" in row else ():
        own = {key: f"{key}_{number}" for key in ("input", "output", "score")}
        if own["output"] not in row:
            return
        one = {key: row.get(name) for key, name in own.items()} | {"step": row.get("step")}
        if kind := _kind(one):
            yield _Row(one, kind, place, {key: pointers[own[key]] for key in ("input", "output")})


def _row_of_whole(row: dict[str, Any], whole: Whole, place: str, pointer: str) -> _Row:
    kept = {key: value for key, value in row.items() if key not in (whole.name, "global_step")}
    about = {**kept, "step": row.get("step", row.get("global_step"))}
    members = {**about, "prompt": whole.prompt, "completion": whole.reply}
    pointers = dict.fromkeys(("prompt", "completion"), pointer)
    return _Row(members, _WHOLE_KIND, place, pointers, of_one_text=True)


def _read_row(row: _Row, build: RunBuilder) -> None:
    members, kind = row.members, row.kind
    prompt, reply = rejoined(
        *map(fields.messages_if_json, (members[kind.prompt], members[kind.reply]))
    )
    sent, prefill = prompt_messages(prompt)
    scores, named = _scores(row), (kind.prompt, kind.reply)
    reward, about = _reward(members, scores)
    details = fields.details_of(members, without=(*named, "tools", *scores, *OUTCOME_KEYS))
    start_row(
        {key: value for key, value in members.items() if key not in named},
        sent,
        build,
        row.place,
        run_id=title(_run_id(members)),
        task=fields.title_of(sent) or fields.task_of(members, ()),
        group_id=title(_group(members, _own_prompt(members, sent, prompt))),
        details={**details, **about},
    )
    reason = fields.label(members, *_REASONS)
    replies = reply_messages(reply, prompt, prefill, reason)
    action = action_of(sent, replies) if row.of_one_text or _is_text(reply) else None
    replies = split_answers(replies, action) if action else replies
    is_text = row.of_one_text
    _append(sent, row.pointer(kind.prompt), build, None, in_text=is_text or _is_text(prompt))
    _append(replies, row.pointer(kind.reply), build, action, in_text=is_text or _is_text(reply))
    # A rollout that is complete need not have done its task.
    judged = {key: each for key, each in members.items() if (key, each) != ("status", "completed")}
    outcome = outcome_of_reply(judged, *_REASONS) or {}
    scores = {**outcome.get("scores", {}), **scores}
    known = {"reward": reward, "scores": scores, "usage": _usage(members)}
    build.end(**{**outcome, **known, **({"stop_reason": reason} if reason else {})})


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _append(
    messages: list[Any], place: str, build: RunBuilder, action: Action | None, *, in_text: bool
) -> None:
    """Append messages, which all come from one text, or are elements of a list."""
    for index, message in enumerate(messages):
        pointer = place if in_text else f"{place}/{index}"
        if not isinstance(message, dict):
            build.defect("not a message", message, pointer=pointer)
        elif in_text:
            following = fields.as_dict(fields.item_at(messages, index + 1)).get("role")
            parts = normalise_text_message(
                message, action, build.tools, is_answered=following == "tool"
            )
            build.append(without_usual_findings(parts, _USUAL_CODES), pointer)
        else:
            build.append(without_usual_findings(normalise_message(message), _USUAL_CODES), pointer)


def _run_id(members: Mapping[str, Any]) -> str:
    if (index := fields.label(members, "sample_idx")) and "task_id" in members:
        return f"{fields.label(members, 'task_id')} · sample {index}"
    return fields.label(members, "request_id", "uid", "rollout_id") or fields.run_id_of(members)


def _own_prompt(members: Mapping[str, Any], sent: list[Any], prompt: Any) -> Any:
    """Return the prompt of a rollout, without the model's own turns in it.

    For Agent Lightning and ms-swift, everything but the last reply is prompt; ms-swift has the
    number of the model's turns in `num_turns`.
    """
    if "rollout_id" in members and _is_text(prompt):
        roles = [fields.as_dict(one).get("role") for one in sent]
        return sent[: roles.index("assistant")] if "assistant" in roles else sent
    turns = members.get("num_turns")
    if "advantages" not in members or not isinstance(turns, int):
        return prompt
    replies = [n for n, one in enumerate(sent) if fields.as_dict(one).get("role") == "assistant"]
    own = replies[len(replies) - turns + 1 :] if 1 < turns <= len(replies) + 1 else ()
    return sent[: own[0]] if own else sent


def _group(members: Mapping[str, Any], prompt: Any) -> str:
    """Return the group of a rollout: as the trainer names it, or by its prompt and step."""
    if named := fields.group_of(members):
        return named
    if "sample_idx" in members and (task := fields.label(members, "task_id")):
        return f"task {task}"
    key = _VERL_KEY.fullmatch(fields.label(members, "uid"))
    name = key[1] if key else name_of_prompt(prompt)
    step = fields.label(members, "step")
    return f"step {step} · {name}" if step else name


def _scores(row: _Row) -> dict[str, float]:
    """Return the numbers of a row: results of reward functions, the step, lengths and versions."""
    named = fields.as_dict(row.members.get("reward"))
    scores = fields.measured({**row.members, **named}, without=_NO_SCORES)
    step = fields.number(row.members.get("step"))
    return scores if step is None else {**scores, "step": step}


def _reward(
    members: Mapping[str, Any], scores: Mapping[str, float]
) -> tuple[float | None, dict[str, str]]:
    """Return the reward of a rollout, and a note if it is a sum computed here.

    A list holds a reward per token, an object several by name (slime's `--reward-key`). TRL records
    the results of reward functions without their weights or sum.
    """
    raw = next((members[key] for key in ("reward", "score") if members.get(key) is not None), None)
    if isinstance(raw, dict):
        raw = next((raw[name] for name in ("reward", "score") if name in raw), None)
    if isinstance(raw, list):
        each = [found for one in raw if (found := measures.number(one)) is not None]
        return (measures.number(sum(each)) if each else None), {}
    if raw is not None:
        return fields.number(raw), {}
    given = {name: scores[name] for name in _reward_columns(list(members)) if name in scores}
    if not given:
        return None, {}
    about = f"the sum of {', '.join(given)}: the file gives no weights" if len(given) > 1 else ""
    return measures.number(sum(given.values())), {"reward_is": about} if about else {}


def _reward_columns(names: list[str]) -> list[str]:
    """Return the columns of reward functions: those between the reply and the advantage."""
    advantage = next((name for name in _ADVANTAGES if name in names), None)
    if advantage is None or "completion" not in names:
        return []
    return names[names.index("completion") + 1 : names.index(advantage)]


def _usage(members: Mapping[str, Any]) -> Usage | None:
    prompt, whole = members.get("prompt_len"), members.get("seqlen")
    if not isinstance(prompt, int) or not isinstance(whole, int) or whole < prompt:
        return None
    return measures.usage({"prompt_tokens": prompt, "completion_tokens": whole - prompt})


FORMAT = Rollouts()
