"""Atropos scored groups: parallel lists over the rollouts of one prompt, each rollout a run.

    group    = {"tokens": [[int]], "masks": [[int]], "scores": [number], "messages"?: [said], …}
             | the same with one rollout, its lists not wrapped
             | {"prompt": [said], "chosen": [said], "rejected": [said], …_tokens, …_masks}
    said     = [{"role", "content"}] | rendered chat template | markdown with roles

A mask holds -100 for a token that is not trained and the token id for one that is. Without any
-100 it is read as 0/1 if it has only those values; otherwise it is meaningless.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.declared_tools import tools_in_prompt
from hermes_tui.formats.fields import item_at
from hermes_tui.formats.framing import Layout, Unit
from hermes_tui.formats.json_text.json_values import decode_if_json
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.texts.chat_template import split_template
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.parsers.normalise import TextCalls

UNTRAINED = -100
_PREFERENCE = ("chosen", "rejected")
_ROLLOUT_KEYS = frozenset({"tokens", "masks", "scores", "messages", "advantages"})
_LOGPROB_LISTS = ("inference_logprobs", "ref_logprobs")
_TEMPLATE_START = re.compile(r"\s*<\|(?:begin_of_text|start_header_id|im_start|system|user)\|>")
_ROLES = {"agent": "assistant", "environment": "user", "env": "user"}


@dataclass(slots=True)
class _Rollout:
    """One rollout of a group, with its own lists. `place` is the pointer to its messages."""

    name: str
    place: str
    messages: Any = None
    tokens: Any = None
    masks: Any = None
    score: Any = None
    advantage: Any = None
    prompts: tuple[tuple[str, Any], ...] = ()
    """Pointers and messages that precede it: the prompt of a preference pair."""
    details: dict[str, Any] = field(default_factory=dict)
    short: tuple[str, ...] = ()
    """A message for each list of the group that ends before this rollout."""


class AtroposGroup:
    """Reads the groups that Atropos writes, one line each."""

    name = "atropos-group"
    summary = (
        "Atropos scored groups (JSONL): one run per rollout, with scores, masks and token counts"
    )

    def sniff(self, sample: Sample) -> Match | None:
        objects = [value for value in sample.values if isinstance(value, dict)]
        if sample.layout is Layout.DOCUMENT and not objects:
            return None
        return Match(0.95, Unit.RUNS) if fields.mostly(objects, _is_group) else None

    def read(self, value: Any, build: RunBuilder) -> None:
        if not isinstance(value, dict) or not _is_group(value):
            build.defect("not a scored group", value)
            return
        group_id = fields.group_of(value) or fields.label(value, "item_id", "id")
        rollouts = list(_rollouts(value))
        if not rollouts:
            build.defect("a group without rollouts", value)
        for rollout in rollouts:
            findings = [*_token_findings(rollout)]
            turns = _turns(rollout, findings)
            build.start(
                run_id=rollout.name,
                task=fields.title_of(turn for _, turn in turns),
                tools=tools_in_prompt([turn for _, turn in turns[:1]]),
                model=fields.model_of(value),
                group_id=group_id,
                details=rollout.details,
                pointer=rollout.place,
                diagnostics=tuple(findings),
            )
            for pointer, turn in turns:
                _append(turn, pointer, build)
            _end(rollout, value, build)


def _is_group(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    if isinstance(value.get("tokens"), list) and ("masks" in value or "scores" in value):
        return True
    if all(isinstance(value.get(key), list) for key in _PREFERENCE):
        return any(f"{key}_{kind}" in value for key in _PREFERENCE for kind in ("tokens", "masks"))
    scores, messages = value.get("scores"), value.get("messages")
    # Without tokens, only parallel lists distinguish a group from scored messages.
    return (
        isinstance(scores, list)
        and isinstance(messages, list)
        and len(scores) == len(messages) > 0
        and all(isinstance(one, str) or fields.is_message_list(one) for one in messages)
    )


def _rollouts(value: Mapping[str, Any]) -> Iterator[_Rollout]:
    if _is_list_of(value.get("tokens"), int):
        wrapped = {
            k: [v] if k in (*_ROLLOUT_KEYS, *_LOGPROB_LISTS) else v for k, v in value.items()
        }
        for rollout in _rollouts(wrapped):
            rollout.place = "/messages" if "messages" in value else ""
            yield rollout
        return
    if all(key in value for key in _PREFERENCE):
        yield from _preference_pairs(value)
        return
    keys = ("tokens", "masks", "scores", "messages")
    lengths = {key: len(value[key]) for key in keys if isinstance(value.get(key), list)}
    size = max(lengths.values())
    for index in range(size):
        rollout = _Rollout(
            name=f"rollout {index}",
            place=f"/messages/{index}" if item_at(value.get("messages"), index) is not None else "",
            messages=item_at(value.get("messages"), index),
            tokens=item_at(value.get("tokens"), index),
            masks=item_at(value.get("masks"), index),
            score=item_at(value.get("scores"), index),
            advantage=item_at(value.get("advantages"), index),
            short=tuple(
                f"no {key} of this rollout: the group has {length:,} for {size:,} rollouts"
                for key, length in lengths.items()
                if index >= length and key != "messages"
            ),
        )
        rollout.details = _details(value, index, size, rollout)
        yield rollout


def _preference_pairs(value: Mapping[str, Any]) -> Iterator[_Rollout]:
    size = max(len(value[key]) for key in _PREFERENCE)
    for index in range(size):
        prompt = item_at(value.get("prompt"), index)
        prompts = () if prompt is None else ((f"/prompt/{index}", prompt),)
        for key in _PREFERENCE:
            rollout = _Rollout(
                name=f"rollout {index} {key}",
                place=f"/{key}/{index}",
                messages=item_at(value.get(key), index),
                tokens=item_at(value.get(f"{key}_tokens"), index),
                masks=item_at(value.get(f"{key}_masks"), index),
                score=item_at(value.get("scores"), index),
                prompts=prompts,
            )
            rollout.details = {"preference": key, **_details(value, index, size, rollout)}
            yield rollout


def _is_list_of(value: Any, kind: type) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], kind)


def _details(value: Mapping[str, Any], index: int, size: int, rollout: _Rollout) -> dict[str, Any]:
    """Return the details of one rollout of a group: counts, and small extra members."""
    details: dict[str, Any] = {"group_size": size, **_token_details(rollout)}
    if rollout.score is not None:
        details["score"] = fields.small(rollout.score)
    for key in _LOGPROB_LISTS:
        logprobs = item_at(value.get(key), index)
        if logprobs is not None:
            details[key] = f"{len(logprobs):,}" if isinstance(logprobs, list) else logprobs
    skipped = {*_ROLLOUT_KEYS, *_LOGPROB_LISTS, "prompt", *_PREFERENCE}
    for key, extra in {"advantages": value.get("advantages"), **value}.items():
        if (key in skipped and key != "advantages") or extra is None or extra in ([], {}):
            continue
        if key.endswith(("_tokens", "_masks")) and rollout.prompts:
            continue
        parallel = isinstance(extra, list) and len(extra) == size
        details[key] = fields.small(extra[index] if parallel else extra)
    return details


def _token_details(rollout: _Rollout) -> dict[str, Any]:
    details: dict[str, Any] = {}
    if isinstance(rollout.tokens, list):
        details["tokens"] = len(rollout.tokens)
    masks = rollout.masks
    if isinstance(masks, list) and masks:
        untrained = masks.count(UNTRAINED)
        if untrained:
            details["trained_tokens"] = len(masks) - untrained
            details["mask"] = f"token ids, {UNTRAINED} where not trained"
        elif all(mark in (0, 1) for mark in masks):
            details["trained_tokens"] = masks.count(1)
            details["mask"] = "0 and 1"
        else:
            details["mask"] = f"token ids without any {UNTRAINED}: it does not say what is trained"
    placeholder = _placeholder(rollout)
    if placeholder:
        details["tokens_are"] = f"placeholders: {placeholder}"
    return details


def _placeholder(rollout: _Rollout) -> str:
    """Return why the tokens do not record what was trained, or "" if they may."""
    tokens, masks = rollout.tokens, rollout.masks
    if not isinstance(tokens, list) or len(tokens) < 2:
        return ""
    if tokens[:2] == [0, 1] and tokens == list(range(len(tokens))):
        return "they only count from 0"
    made_up = isinstance(masks, list) and masks[:2] == [UNTRAINED, tokens[1]]
    if made_up and masks[1:] == tokens[1:]:
        return "only the first one is masked, so they were made from the text afterwards"
    return ""


def _token_findings(rollout: _Rollout) -> Iterator[Diagnostic]:
    placeholder = _placeholder(rollout)
    if placeholder:
        yield Diagnostic(
            Code.SOURCE_DEFECT,
            Severity.NOTE,
            f"placeholder tokens: {placeholder}",
            hint="tokens and masks do not show what the model saw or what was trained",
        )
    tokens, masks = rollout.tokens, rollout.masks
    if isinstance(tokens, list) and isinstance(masks, list) and len(tokens) != len(masks):
        message = f"{len(tokens):,} tokens but {len(masks):,} mask entries"
        yield Diagnostic(Code.SOURCE_DEFECT, Severity.WARNING, message)
    if not placeholder and rollout.details.get("trained_tokens") == 0:
        message = "nothing of this rollout is trained: its mask leaves out every token"
        yield Diagnostic(Code.SOURCE_DEFECT, Severity.NOTE, message)
    for short in rollout.short:
        yield Diagnostic(Code.SOURCE_DEFECT, Severity.WARNING, short)


def _turns(rollout: _Rollout, findings: list[Diagnostic]) -> list[tuple[str, Any]]:
    """Return the messages of a rollout with their pointers; extend `findings`."""
    turns: list[tuple[str, Any]] = []
    for place, value in (*rollout.prompts, (rollout.place, rollout.messages)):
        if value is None:
            continue
        last_role = "assistant" if rollout.prompts and place == rollout.place else "user"
        turns.extend(_messages_in(value, place, last_role, findings))
    if not turns:
        message = "no messages were saved with this rollout, only token ids"
        hint = "a tokenizer turns them into text; include_messages=True saves the messages"
        findings.append(Diagnostic(Code.SOURCE_DEFECT, Severity.NOTE, message, hint=hint))
    return turns


def _messages_in(
    value: Any, place: str, plain_role: str, findings: list[Diagnostic]
) -> Iterator[tuple[str, Any]]:
    value = decode_if_json(value)
    if isinstance(value, dict):
        yield place, value
    elif isinstance(value, list) and (rendered := _rendered_conversation(value)):
        message = "one user message held the whole rendered conversation: split into its messages"
        findings.append(Diagnostic(Code.SOURCE_DEFECT, Severity.NOTE, message))
        yield from _messages_in(rendered, f"{place}/0", plain_role, findings)
    elif isinstance(value, list):
        for index, message in enumerate(value):
            yield f"{place}/{index}", decode_if_json(message)
    elif isinstance(value, str):
        turns = split_template(value)
        for turn in turns:
            yield place, {"role": turn.role or plain_role, "content": turn.text}
        if not turns and plain_role == "user":
            message = "one text without roles: shown whole, as a user message"
            findings.append(Diagnostic(Code.SOURCE_DEFECT, Severity.NOTE, message))
        if not turns:
            yield place, {"role": plain_role, "content": value}
    else:
        yield place, value


def _rendered_conversation(messages: list[Any]) -> str:
    """Return the rendered conversation that the base environment writes as the only message if it
    has none, else ""."""
    if len(messages) != 1 or not isinstance(messages[0], dict) or messages[0].get("role") != "user":
        return ""
    content = messages[0].get("content")
    return content if isinstance(content, str) and _TEMPLATE_START.match(content) else ""


def _append(turn: Any, pointer: str, build: RunBuilder) -> None:
    if not isinstance(turn, dict):
        build.defect("not a message", turn, pointer=pointer)
        return
    label = turn.get("role")
    role = _ROLES.get(label.lower()) if isinstance(label, str) else None
    build.message(turn, pointer=pointer, text_calls=TextCalls.TRANSPORT, role=role)


def _end(rollout: _Rollout, value: Mapping[str, Any], build: RunBuilder) -> None:
    if rollout.score is None and "scores" not in value:
        return
    reward = fields.number(rollout.score)
    details = {} if reward is not None else {"score": fields.small(rollout.score)}
    advantage = _advantage(rollout.advantage)
    scores = {} if advantage is None else {"advantage": advantage}
    build.end(reward=reward, scores=scores, details=details)


def _advantage(raw: Any) -> float | None:
    """Return the advantage of a rollout, which may be given for each token, with 0 where it is not
    trained; None if trained tokens differ."""
    if not isinstance(raw, list):
        return fields.number(raw)
    if not {int, float}.issuperset(map(type, raw)):
        return None
    trained = set(raw) - {0} or set(raw)
    return fields.number(trained.pop()) if len(trained) == 1 else None


FORMAT = AtroposGroup()
