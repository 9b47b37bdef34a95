"""Messages as the AI SDK writes them: typed parts for calls and results, in camel case."""

from __future__ import annotations

from typing import Any

import pytest

from hermes_tui.model.diagnostics import Code
from hermes_tui.parsers.measures import usage
from hermes_tui.parsers.normalise import normalise_message
from tests.normalise.reading import codes, only_result

CALL = {"type": "tool-call", "toolCallId": "c1", "toolName": "f", "input": {"a": 1}}


def answer(**more: Any) -> dict[str, Any]:
    part = {"type": "tool-result", "toolCallId": "c1", "toolName": "f", **more}
    return {"role": "tool", "content": [part]}


def test_reasoning_text_and_calls_of_a_reply_are_separated() -> None:
    parts = [{"type": "reasoning", "text": "Hm."}, {"type": "text", "text": "So:"}, CALL]
    found = normalise_message({"role": "assistant", "content": parts})
    assert found.message.text == "So:"
    assert [one.text for one in found.message.reasoning] == ["Hm."]
    [(call, findings)] = found.calls
    assert (call.id, call.name, call.arguments, call.raw) == ("c1", "f", {"a": 1}, CALL)
    assert findings == ()


def test_arguments_that_are_still_a_text_are_read_as_the_model_wrote_them() -> None:
    found = normalise_message({"role": "assistant", "content": [{**CALL, "input": '{"a": 1,}'}]})
    [(call, findings)] = found.calls
    assert call.arguments_text == '{"a": 1,}'
    assert codes(findings) == [Code.ARGS_INVALID]


@pytest.mark.parametrize(
    ("output", "text"),
    [
        ({"type": "text", "value": "sunny"}, "sunny"),
        ({"type": "json", "value": {"t": 18}}, '{"t":18}'),
        ({"type": "json", "value": None}, ""),
        ({"type": "content", "value": [{"type": "text", "text": "sunny"}]}, "sunny"),
        ({"type": "weather", "value": 3}, '{"type":"weather","value":3}'),
        ({"type": ["text"], "value": 3}, '{"type":["text"],"value":3}'),
        ({"type": "text"}, '{"type":"text"}'),
        (1, "1"),
    ],
)
def test_a_typed_output_is_shown_without_its_type(output: Any, text: str) -> None:
    result = only_result(answer(output=output))
    assert (result.call_id, result.name, result.content) == ("c1", "f", text)
    assert result.error is None


@pytest.mark.parametrize(
    ("output", "text"),
    [
        ({"type": "error-text", "value": "no such city"}, "no such city"),
        ({"type": "error-json", "value": {"code": 7}}, '{"code":7}'),
        ({"type": "execution-denied", "reason": "too risky"}, "too risky"),
        ({"type": "execution-denied"}, "execution denied"),
    ],
)
def test_a_failed_output_is_flagged_as_an_error(output: Any, text: str) -> None:
    raw = answer(output=output)
    result = only_result(raw)
    assert result.content == text
    assert result.error is not None
    assert (result.error.kind, result.error.reason) == ("flag", f"error: {text}")
    assert result.raw == raw["content"][0]


def test_the_plain_results_of_version_4_are_read_with_their_flag() -> None:
    assert only_result(answer(result={"t": 18})).content == '{"t":18}'
    failed = only_result(answer(result="no such city", isError=True))
    assert failed.error is not None
    assert failed.error.kind == "flag"


def test_the_error_of_a_step_is_an_answer() -> None:
    part = {"type": "tool-error", "toolCallId": "c1", "toolName": "f", "error": "no such city"}
    [(result, findings)] = normalise_message({"role": "tool", "content": [part]}).results
    assert (result.call_id, result.content) == ("c1", "no such city")
    assert codes(findings) == [Code.TOOL_ERROR]
    lost = only_result({"role": "tool", "content": [{**part, "error": {}}]})
    assert lost.content == ""
    assert lost.error is not None


@pytest.mark.parametrize(
    "counts",
    [
        {"inputTokens": 100, "outputTokens": 20, "reasoningTokens": 3, "cachedInputTokens": 5},
        {
            "inputTokens": 100,
            "inputTokenDetails": {"noCacheTokens": 95, "cacheReadTokens": 5},
            "outputTokens": 20,
            "outputTokenDetails": {"textTokens": 17, "reasoningTokens": 3},
        },
    ],
)
def test_token_counts_are_read_with_their_details(counts: Any) -> None:
    used = usage(counts)
    assert used is not None
    assert (used.prompt_tokens, used.completion_tokens) == (100, 20)
    assert (used.cached_tokens, used.reasoning_tokens) == (5, 3)


def test_token_counts_of_version_4_are_read() -> None:
    used = usage({"promptTokens": 100, "completionTokens": 20, "totalTokens": 120})
    assert used is not None
    assert (used.prompt_tokens, used.completion_tokens) == (100, 20)


def test_finish_reasons_with_hyphens_mean_the_same() -> None:
    called = normalise_message({"role": "assistant", "content": "", "finishReason": "tool-calls"})
    assert codes(called.diagnostics) == [Code.CALLED_EMPTY]
    cut = normalise_message({"role": "assistant", "content": "x", "finishReason": "content-filter"})
    assert codes(cut.diagnostics) == [Code.TRUNCATED]
