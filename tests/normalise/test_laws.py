from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.parsers.normalise import TextCalls, normalise_message
from tests.timing import assert_linear

SHARED = Path(__file__).resolve().parents[2] / "../shared/corpus/trajectories"

SCRAPS = (
    "<think>",
    "</think>",
    "<tool_call>",
    "</tool_call>",
    '{"name": "f", "arguments": {}}',
    "<tool_response>",
    "</tool_response>",
    "[TOOL_CALLS]",
    '{"error": "x"}',
    "Error",
    '"',
    "\\",
    "\n",
    "data:image/png;base64,AA",
    "assistant",
    "tool",
    "text",
    "tool_use",
    "thinking",
    "\ud800",
)
KEYS = [
    "role",
    "from",
    "type",
    "author",
    "name",
    "content",
    "value",
    "text",
    "parts",
    "refusal",
    "tool_calls",
    "function_call",
    "function",
    "custom",
    "input",
    "id",
    "arguments",
    "args",
    "reasoning",
    "reasoning_content",
    "reasoning_details",
    "thinking",
    "summary",
    "data",
    "tool_call_id",
    "is_error",
    "error",
    "status",
    "exit_code",
    "metadata",
    "usage",
    "cost",
    "timestamp",
    "duration",
    "reward",
    "active",
    "compacted",
    "finish_reason",
    "image_url",
    "source",
    "extra",
    "provider_specific_fields",
]
TEXTS = st.one_of(st.lists(st.sampled_from(SCRAPS), max_size=6).map("".join), st.text(max_size=8))
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    ),
    max_leaves=15,
)


@settings(max_examples=250, deadline=None)
@given(VALUES, st.sampled_from(TextCalls), st.sampled_from([None, "assistant", "tool", "odd"]))
def test_any_json_value_is_a_message_whose_counts_and_spans_fit(raw, mode, role):
    found = normalise_message(raw, text_calls=mode, role=role)
    message = found.message
    assert message.calls == len(found.calls)
    assert message.results == len(found.results)
    assert [call.index for call, _ in found.calls] == list(range(len(found.calls)))
    spans = [r.span for r in message.reasoning] + [call.span for call, _ in found.calls]
    assert all(0 <= s.start <= s.end <= len(message.text) for s in spans if s is not None)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(
        ["user", "assistant", "system", "gpt", "human", "tool", "function_call", "odd"]
    ),
    st.sampled_from([("role", "content"), ("from", "value")]),
    TEXTS | st.sampled_from(["[CONTEXT SUMMARY] so far", "words", "a < b"]),
    st.sampled_from(TextCalls),
)
def test_a_message_of_plain_words_is_read_like_any_other(speaker, keys, text, mode):
    alone = dict(zip(keys, (speaker, text), strict=True))
    found = normalise_message(alone, text_calls=mode)
    beside_others = normalise_message({**alone, "cost": None}, text_calls=mode)
    assert found.message == beside_others.message
    assert found.calls == beside_others.calls
    assert found.diagnostics == beside_others.diagnostics
    assert len(found.results) == len(beside_others.results)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=10))
def test_any_object_as_an_assistants_call_is_kept(entry):
    found = normalise_message({"role": "assistant", "content": "", "tool_calls": [entry]})
    assert found.calls[0][0].raw == entry or entry != entry


@pytest.mark.parametrize("depth", [200, 900])
@pytest.mark.parametrize(
    "key", ["content", "tool_calls", "reasoning", "reasoning_details", "usage"]
)
def test_deep_nesting_is_read(key, depth):
    for opener, closer in (("[", "]"), ('{"value":', "}"), ('{"content":', "}")):
        value = json.loads(opener * depth + "1" + closer * depth)
        for role in ("assistant", "tool"):
            normalise_message({"role": role, key: value})


@pytest.mark.parametrize("depth", [200, 300, 900, 1020, 5000])
def test_a_deep_answer_in_tags_is_read(depth):
    for content in ('{"a":' * depth + "1" + "}" * depth, "[" * depth + "]" * depth):
        text = f'<tool_response>\n{{"name": "f", "content": {content}}}\n</tool_response>'
        found = normalise_message({"role": "tool", "content": text})
        assert len(found.results) == 1


@pytest.mark.parametrize(
    "scrap", ["<tool_response>", "<tool_response>{", "</think>", "<tool_call>{", "Error: ["]
)
@pytest.mark.parametrize("role", ["assistant", "tool"])
def test_the_time_grows_linearly_with_unclosed_tags(scrap, role):
    def normalising(count):
        raw = {"role": role, "content": scrap * count}
        return partial(normalise_message, raw, text_calls=TextCalls.TRANSPORT)

    assert_linear(normalising, 200_000 // len(scrap))


def test_a_normalised_message_can_be_recorded():
    raw = {
        "role": "assistant",
        "content": [{"type": "text", "text": "a"}, {"odd": [1]}],
        "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{"}}, 5],
        "usage": {"prompt_tokens": 1},
    }
    found = normalise_message(raw)
    assert msgspec.json.encode(found.message)
    assert all(msgspec.json.encode(call) for call, _ in found.calls)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("path", "key", "expected"),
    [
        ("01-openai-chat/ft_xml_example.jsonl", "messages", (209, 103, 0, 0)),
        ("01-openai-chat/reason_tool_use_demo_50.jsonl", "messages", (274, 68, 42, 0)),
        (
            "05-verifiers/math-python--gpt-4.1-mini__578769a7/results.jsonl",
            "completion",
            (75, 30, 30, 15),
        ),
        ("15-tau-bench/gpt-4o-airline.json", "traj", (5308, 1164, 1164, 73)),
        ("21-datasets/glaive_toolcall_en_demo.json", "conversations", (1914, 211, 211, 0)),
    ],
)
def test_the_counts_of_real_runs_are_those_of_their_catalogue(path, key, expected):
    file = SHARED / path
    if not file.exists():
        pytest.skip("no shared files here")
    text = file.read_text(encoding="utf-8")
    is_lines = path.endswith(".jsonl")
    runs = [json.loads(line) for line in text.splitlines()] if is_lines else json.loads(text)
    found = [normalise_message(raw) for run in runs for raw in run[key]]
    errors = sum(result.error is not None for one in found for result, _ in one.results)
    calls = sum(one.message.calls for one in found)
    results = sum(one.message.results for one in found)
    assert (len(found), calls, results, errors) == expected
