"""`lm-eval`: samples that the LM Evaluation Harness logs (`--log_samples`), a document a line.

    row     = {"doc_id", "doc", "target", "arguments": args, "resps": [[text, …]],
               "filtered_resps", "filter", "metrics": [name, …], name: number, …}
    args    = {"gen_args_0": {"arg_0": prompt, "arg_1": settings}}
            | [[prompt, settings]]                                       until 0.4.2
    prompt  = text | [JSON of messages]                                  chat templates

Several texts are repeats of one document and form a group; the metrics judge the filter's result,
mostly the first text. Files in which choices were scored and no text was generated contain no run;
they are not read.
"""

from __future__ import annotations

from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.declared_tools import tools_in_prompt
from hermes_tui.formats.prompt_rows import add_text
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.formats.samples import name_in_row
from hermes_tui.formats.texts.text_replies import TextReply, messages_of_prompt
from hermes_tui.parsers.normalise import TextCalls

_MARKS = frozenset({"doc_id", "arguments", "resps"})
_NOT_DETAILS = frozenset({"arguments", "resps", "filtered_resps", "metrics"})


class LmEval:
    """Reads samples of tasks whose answers are generated: a run each."""

    name = "lm-eval"
    summary = "LM Evaluation Harness samples (--log_samples): one run per reply, with its metrics"

    def sniff(self, sample: Sample) -> Match | None:
        return sample.match_of_runs(0.95, _is_sample)

    def read(self, value: Any, build: RunBuilder) -> None:
        if not _is_sample(value):
            build.defect("no generated text in this record", value)
            return
        texts = value["resps"][0]
        kept = set(filter(_is_text, fields.as_list(value.get("filtered_resps"))))
        prompt, place = _prompt(value["arguments"])
        for index, text in enumerate(texts):
            pointer = f"/resps/0/{index}"
            if not _is_text(text):
                build.defect("no generated text", text, pointer=pointer)
                continue
            prefill = _start(value, prompt, place, f"sample {index + 1}" * (len(texts) > 1), build)
            add_text(TextReply(pointer, prefill + text, ""), None, build)
            if len(texts) == 1 or text in kept:
                _end(value, build)


def _is_sample(value: Any) -> bool:
    if not isinstance(value, dict) or not value.keys() >= _MARKS:
        return False
    resps = fields.as_list(value["resps"])
    texts = fields.as_list(resps[0]) if len(resps) == 1 else []
    return any(map(_is_text, texts))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _prompt(arguments: Any) -> tuple[Any, str]:
    """Return the prompt, either messages or a text, and the pointer to it."""
    if isinstance(arguments, dict):
        found = fields.as_dict(arguments.get("gen_args_0")).get("arg_0")
        place = "/arguments/gen_args_0/arg_0"
    else:
        found, place = fields.item_at(fields.item_at(arguments, 0), 0), "/arguments/0/0"
    if isinstance(found, list) and len(found) == 1:
        found, place = found[0], f"{place}/0"
    return fields.messages_if_json(found), place


def _start(value: dict[str, Any], prompt: Any, place: str, part: str, build: RunBuilder) -> str:
    """Open a run with its prompt; return the prefill, the reply's beginning in the prompt."""
    sent, prefill = messages_of_prompt(prompt) if isinstance(prompt, str) else (prompt, "")
    sent = fields.as_list(sent)
    document = f"doc {fields.label(value, 'doc_id')}".strip()
    scores = _scores(value)
    build.start(
        run_id=name_in_row(document, part) if part else document,
        group_id=document if part else "",
        task=fields.title_of(sent),
        tools=tools_in_prompt(sent),
        lone_reply=True,
        details=fields.details_of(value, without=_NOT_DETAILS | scores.keys()),
    )
    for message in sent:
        if isinstance(message, dict):
            build.message(message, pointer=place, text_calls=TextCalls.TRANSPORT)
    return prefill


def _scores(value: dict[str, Any]) -> dict[str, float]:
    named = fields.as_list(value.get("metrics"))
    return fields.measured({name: value.get(name) for name in named if isinstance(name, str)})


def _end(value: dict[str, Any], build: RunBuilder) -> None:
    """Close the run. If there are several metrics, none of them is known to be the reward."""
    scores = _scores(value)
    if scores:
        reward = next(iter(scores.values())) if len(scores) == 1 else None
        build.end(reward=reward, scores=scores)


FORMAT = LmEval()
