"""`promptfoo`: results of `promptfoo eval -o FILE.json` or `.jsonl`, a run for each row.

    file     = {"evalId", "results": {"results": [row, …], …}, "config"} | row*
    row      = {"id", "prompt": {"raw": text | JSON text of messages, "label"}, "provider", "vars",
                "response"?: response, "success", "score", "namedScores", "gradingResult",
                "error"?, "failureReason", "latencyMs", "cost", "promptIdx", "testIdx", …}
    response = {"output": text | message | [call, …], "tokenUsage", "finishReason"?, "cached"?}
             | {"error": text, …}
    provider = {"id", "label"} | text

`failureReason` is 0, 1 if an assertion failed, and 2 if there was no output to check.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.chat_messages import ChatMessage, append_messages, raw_messages
from hermes_tui.formats.declared_tools import tool_specs
from hermes_tui.formats.dialects.any_messages import read_input, read_output
from hermes_tui.formats.outcomes import run_status
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.messages import ToolSpec, Usage
from hermes_tui.parsers.measures import usage

_NO_OUTPUT: Final = 2
_DETAIL_KEYS: Final = ("vars", "namedScores", "failureReason", "description")


class Promptfoo:
    """Reads the rows of an evaluation."""

    name = "promptfoo"
    summary = (
        "promptfoo results: `promptfoo eval -o FILE`, a run for each prompt, provider and test"
    )

    def sniff(self, sample: Sample) -> Match | None:
        return sample.match_of_runs(0.95, lambda value: _is_row(value) or _is_evaluation(value))

    def read(self, value: Any, build: RunBuilder) -> None:
        if not _is_evaluation(value):
            _read_row(value, build, "", {}, "")
            return
        config = fields.as_dict(value.get("config"))
        tools = _tools_by_provider(config.get("providers"))
        description = fields.label(config, "description")
        for index, row in enumerate(value["results"]["results"]):
            _read_row(row, build, f"/results/results/{index}", tools, description)
        if not value["results"]["results"]:
            build.defect("no result in this evaluation", value.get("evalId"))


def _is_evaluation(value: Any) -> bool:
    results = fields.as_dict(value).get("results")
    rows = fields.as_dict(results).get("results")
    if not isinstance(rows, list):
        return False
    return fields.mostly(rows[:20], _is_row) or (not rows and "evalId" in value)


def _is_row(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("prompt"), dict):
        return False
    return "raw" in value["prompt"] and "provider" in value and "vars" in value


def _tools_by_provider(providers: Any) -> dict[str, tuple[ToolSpec, ...]]:
    found: dict[str, tuple[ToolSpec, ...]] = {}
    for provider in map(fields.as_dict, fields.as_list(providers)):
        tools = tool_specs(fields.as_dict(provider.get("config")).get("tools"))
        if tools is not None:
            for name in filter(None, (fields.label(provider, key) for key in ("id", "label"))):
                found.setdefault(name, tools)
    return found


def _read_row(
    row: Any,
    build: RunBuilder,
    pointer: str,
    tools: dict[str, tuple[ToolSpec, ...]],
    description: str,
) -> None:
    if not _is_row(row):
        build.defect("not a result of promptfoo", row, pointer=pointer)
        return
    prompt = fields.as_dict(row["prompt"])
    sent = read_input(prompt.get("raw"), f"{pointer}/prompt/raw")
    provider = row["provider"] if isinstance(row["provider"], dict) else {"id": row["provider"]}
    names = [fields.label(provider, key) for key in ("label", "id")]
    declared = tool_specs(fields.as_dict(prompt.get("config")).get("tools")) or sent.tools
    known = (tools[name] for name in names if name in tools)
    response = fields.as_dict(row.get("response"))
    build.start(
        run_id=fields.label(row, "id"),
        task=fields.title_of(raw_messages(sent.messages)),
        model=fields.label(provider, "id"),
        tools=declared or next(known, None),
        group_id=_group(row),
        lone_reply=True,
        details=_details(row, prompt, names[0], description),
        pointer=pointer,
    )
    append_messages(build, sent.messages)
    if response.get("output") is not None:
        append_messages(build, _replies(response, f"{pointer}/response"))
    elif error := _error(row, response):
        build.request_failed(error, pointer=f"{pointer}/response")
    _end(row, response, build)


def _group(row: dict[str, Any]) -> str:
    number = row.get("testIdx")
    return f"test {number + 1}" if type(number) is int else ""


def _details(
    row: dict[str, Any], prompt: dict[str, Any], label: str, description: str
) -> dict[str, Any]:
    test = fields.as_dict(row.get("testCase"))
    failed = [
        fields.label(fields.as_dict(one), "reason")
        for one in fields.as_list(fields.as_dict(row.get("gradingResult")).get("componentResults"))
        if fields.as_dict(one).get("pass") is False
    ]
    known: dict[str, Any] = {
        "description": test.get("description") or description,
        "provider": label,
        "prompt": prompt.get("label"),
        "failed_assertions": failed,
        **{key: row[key] for key in _DETAIL_KEYS if key in row},
    }
    return fields.details_of(fields.without_falsy(known))


def _replies(response: dict[str, Any], pointer: str) -> list[ChatMessage]:
    """Return the output of a provider: a text as the model wrote it, else a message or calls."""
    output, place = response["output"], f"{pointer}/output"
    ending = {
        "finish_reason": response.get("finishReason"),
        "usage": _counts(response.get("tokenUsage")),
    }
    if isinstance(output, str):
        return [ChatMessage({"role": "assistant", "content": output, **ending}, place)]
    messages = read_output(output, place).messages
    if not messages:
        messages = [ChatMessage({"role": "assistant", "content": fields.json_text(output)}, place)]
    *others, last = messages
    return [*others, replace(last, raw={**ending, **last.raw})]


def _counts(tokens: Any) -> dict[str, Any] | None:
    counts = fields.as_dict(tokens)
    details = fields.as_dict(counts.get("completionDetails"))
    found = {
        "prompt_tokens": counts.get("prompt"),
        "completion_tokens": counts.get("completion"),
        "cached_tokens": details.get("cacheReadInputTokens"),
        "reasoning_tokens": details.get("reasoning"),
    }
    return {key: value for key, value in found.items() if value is not None} or None


def _error(row: dict[str, Any], response: dict[str, Any]) -> str:
    return fields.label(response, "error") or fields.label(row, "error")


def _end(row: dict[str, Any], response: dict[str, Any], build: RunBuilder) -> None:
    reason = fields.label(fields.as_dict(row.get("gradingResult")), "reason")
    failed = row.get("failureReason") == _NO_OUTPUT or "error" in response
    build.end(
        status="error" if failed else run_status(row.get("success")),
        stop_reason=_error(row, response) or reason,
        reward=fields.number(row.get("score")),
        scores=fields.numbers(fields.as_dict(row.get("namedScores"))),
        usage=_usage(row, response),
        duration_s=fields.seconds(row.get("latencyMs")),
    )


def _usage(row: dict[str, Any], response: dict[str, Any]) -> Usage | None:
    return usage(_counts(response.get("tokenUsage")), row.get("cost") or None)


FORMAT = Promptfoo()
