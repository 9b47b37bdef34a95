"""Messages as Bedrock's Converse API and the Strands SDK write them: parts without a type."""

from __future__ import annotations

from typing import Any

from hermes_tui.model.diagnostics import Code
from hermes_tui.model.messages import ErrorMark
from hermes_tui.parsers.normalise import normalise_message
from tests.normalise.reading import codes

USE = {"toolUseId": "t1", "name": "add", "input": {"a": 20}}
USED = {"inputTokens": 100, "outputTokens": 10, "totalTokens": 110, "cacheReadInputTokens": 7}


def message(role: str, *parts: Any, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": list(parts), **more}


def test_reasoning_text_and_calls_of_a_reply_are_separated() -> None:
    thought = {"reasoningContent": {"reasoningText": {"text": "Add.", "signature": "s"}}}
    metadata = {"metadata": {"usage": USED, "metrics": {"latencyMs": 3}}}
    found = normalise_message(
        message("assistant", thought, {"text": "So:"}, {"toolUse": USE}, **metadata)
    )
    assert found.message.text == "So:"
    assert [one.text for one in found.message.reasoning] == ["Add."]
    [(call, diagnostics)] = found.calls
    assert (call.id, call.name, call.arguments, diagnostics) == ("t1", "add", {"a": 20}, ())
    used = found.message.usage
    assert used is not None
    assert (used.prompt_tokens, used.completion_tokens, used.cached_tokens) == (100, 10, 7)


def test_results_may_be_in_messages_of_the_user() -> None:
    good = {"toolResult": {"toolUseId": "t1", "status": "success", "content": [{"text": "42"}]}}
    bad = {"toolResult": {"toolUseId": "t2", "status": "error", "content": [{"text": "no note"}]}}
    found = normalise_message(message("user", good, bad))
    assert (found.message.text, found.message.results) == ("", 2)
    (first, _), (second, diagnostics) = found.results
    assert (first.call_id, first.content, first.error) == ("t1", "42", None)
    assert (second.call_id, second.content) == ("t2", "no note")
    assert isinstance(second.error, ErrorMark)
    assert codes(diagnostics) == [Code.TOOL_ERROR]
