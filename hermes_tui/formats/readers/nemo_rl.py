"""`nemo-rl`: training data that NeMo RL logs (`train_data_step1.jsonl`), a rollout a line.

    row = {"content": [[text, …]], "rewards": [number], "input_lengths": [number], …}

A row is a batch of one. The texts are those of its messages, without their roles: first the prompt
in the chat template, in one text or one a message, up to the beginning of the reply. Then the
model's texts, without special tokens, alternate with the environment's answers.
"""

from __future__ import annotations

from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.declared_tools import tools_in_prompt
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.samples import name_of_prompt
from hermes_tui.formats.texts.chat_template import may_be_rendered, split_template
from hermes_tui.formats.texts.rollout_texts import prompt_messages
from hermes_tui.parsers.normalise import TextCalls

_MARKS = frozenset({"content", "input_lengths"})
_NOT_DETAILS = ("content", "rewards", "generation_logprobs", "prev_logprobs")
_POINTER = "/content/0"


class NemoRl:
    """Reads rows of training data that hold the texts of a rollout."""

    name = "nemo-rl"
    summary = "NeMo RL training data (train_data_step….jsonl): one run per rollout, with its reward"

    def sniff(self, sample: Sample) -> Match | None:
        is_known = fields.mostly(sample.values, lambda value: _texts(value) is not None)
        return Match(0.95, Unit.RUNS) if is_known else None

    def read(self, value: Any, build: RunBuilder) -> None:
        texts = _texts(value)
        if texts is None:
            build.defect("no texts of a rollout in this record", value)
            return
        size = _prompt_size(texts)
        sent, prefill = prompt_messages("".join(texts[:size]))
        build.start(
            run_id=fields.label(value, "idx"),
            task=fields.title_of(sent),
            tools=tools_in_prompt(sent),
            group_id=name_of_prompt(texts[:size]),
            details=fields.details_of(value, without=_NOT_DETAILS),
        )
        _append(sent, f"{_POINTER}/0", build)
        _read_turns(texts, size, prefill, build)
        reward = next(iter(fields.as_list(value.get("rewards"))), None)
        if (found := fields.number(reward)) is not None:
            build.end(reward=found)


def _texts(value: Any) -> list[str] | None:
    if not isinstance(value, dict) or not value.keys() >= _MARKS:
        return None
    content = fields.as_list(value["content"])
    texts = content[0] if len(content) == 1 else None
    if not isinstance(texts, list) or not texts or not all(isinstance(t, str) for t in texts):
        return None
    return texts


def _prompt_size(texts: list[str]) -> int:
    """Return the number of texts in the prompt; the model's own texts have no special tokens."""
    plain = (n for n, text in enumerate(texts) if not _is_rendered(text))
    return max(1, next(plain, len(texts)))


def _is_rendered(text: str) -> bool:
    return may_be_rendered(text) and bool(split_template(text))


def _read_turns(texts: list[str], size: int, prefill: str, build: RunBuilder) -> None:
    """Read the texts after the prompt, which alternate between the model and its environment."""
    for offset, text in enumerate(texts[size:]):
        pointer = f"{_POINTER}/{size + offset}"
        if offset % 2 == 0:
            messages, prefill = [{"role": "assistant", "content": prefill + text}], ""
        else:
            messages, prefill = prompt_messages(text)
        _append(messages, pointer, build)
    if prefill:
        _append([{"role": "assistant", "content": prefill}], f"{_POINTER}/{len(texts) - 1}", build)


def _append(messages: list[Any], pointer: str, build: RunBuilder) -> None:
    for message in messages:
        build.message(message, pointer=pointer, text_calls=TextCalls.TRANSPORT)


FORMAT = NemoRl()
