from __future__ import annotations

from typing import Any

import pytest

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.parsers.normalise import normalise_message
from tests.normalise.reading import codes


@pytest.mark.parametrize(
    ("label", "role"),
    [
        ("developer", "system"),
        ("human", "user"),
        ("gpt", "assistant"),
        ("ai", "assistant"),
        ("model", "assistant"),
        ("bot", "assistant"),
        ("function", "tool"),
        ("observation", "tool"),
        ("ipython", "tool"),
        ("tool-response", "tool"),
        ("toolResult", "tool"),
        ("environment", "environment"),
        ("session_meta", "session_meta"),
    ],
)
def test_known_labels_become_their_role_without_a_finding(label, role):
    found = normalise_message({"role": label, "content": "hi"})
    assert found.message.role == role
    assert found.message.author == ("" if label == role else label)
    assert found.diagnostics == ()


def test_an_unknown_role_is_kept_and_reported():
    found = normalise_message({"role": "Orchestrator (-> WebSurfer)", "content": "go"})
    assert found.message.role == "Orchestrator (-> WebSurfer)"
    assert [(d.code, d.severity) for d in found.diagnostics] == [
        (Code.UNKNOWN_ROLE, Severity.WARNING)
    ]


def test_the_role_is_found_under_the_usual_names():
    assert normalise_message({"from": "human", "value": "hi"}).message.role == "user"
    assert normalise_message({"type": "ai", "content": "hi"}).message.role == "assistant"
    assert normalise_message({"type": "UserMessage", "content": "hi"}).message.role == "user"
    by_author = {"author": {"role": "assistant", "name": "a"}, "content": "hi"}
    assert normalise_message(by_author).message.role == "assistant"


def test_a_given_role_overrides_the_one_inside():
    found = normalise_message({"role": "user", "content": "hi"}, role="gpt")
    assert (found.message.role, found.message.author) == ("assistant", "user")


def test_a_speakers_name_is_the_author():
    assert normalise_message({"role": "user", "name": "Ann", "content": ""}).message.author == "Ann"


@pytest.mark.parametrize(
    ("raw", "text"),
    [("hello", "hello"), (None, "null"), (7, "7"), (True, "true"), ([1, "a"], '[1,"a"]')],
)
def test_a_value_that_is_not_a_message_is_shown_as_one(raw, text):
    found = normalise_message(raw)
    assert (found.message.role, found.message.text) == ("unknown", text)
    assert codes(found.diagnostics) == [Code.UNKNOWN_ROLE]


def test_a_text_with_a_given_role_is_a_message():
    found = normalise_message("<think>a</think>b", role="assistant")
    assert found.message.reasoning[0].text == "a"
    assert found.diagnostics == ()


def test_plain_text_has_no_parts():
    found = normalise_message({"role": "user", "content": "hi"})
    assert (found.message.text, found.message.parts) == ("hi", ())


def test_texts_of_parts_are_joined_whatever_their_key():
    content = [
        {"type": "text", "text": "a"},
        {"type": "text", "value": "b"},
        {"type": "input_text", "text": "c"},
        {"type": "output_text", "output_text": "d"},
        {"type": "text", "text": {"value": "e"}},
        "f",
    ]
    found = normalise_message({"role": "user", "content": content})
    assert found.message.text == "a\nb\nc\nd\ne\nf"
    assert [part.kind for part in found.message.parts] == ["text"] * 6


@pytest.mark.parametrize(
    ("part", "kind", "text"),
    [
        (
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAAAAAA"}},
            "image",
            "[image image/png, 6 bytes]",
        ),
        (
            {"type": "image_url", "image_url": "https://x.y/z.png"},
            "image",
            "[image https://x.y/z.png]",
        ),
        (
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/gif", "data": "AAA="},
            },
            "image",
            "[image image/gif, 2 bytes]",
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            "audio",
            "[audio audio/wav, 3 bytes]",
        ),
        (
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:text/x;base64,AAAA"}},
            "file",
            "[file a.pdf text/x, 3 bytes]",
        ),
        ({"type": "refusal", "refusal": "no"}, "refusal", "no"),
        ({"type": "weather", "x": 1}, "json", '{"type":"weather","x":1}'),
    ],
)
def test_other_parts_are_shown_as_a_placeholder_or_as_json(part, kind, text):
    found = normalise_message({"role": "user", "content": [part]})
    assert [(p.kind, p.text) for p in found.message.parts] == [(kind, text)]
    assert found.message.text == ""


def test_a_large_image_is_shown_with_its_size():
    url = "data:image/png;base64," + "A" * 16460
    part = normalise_message(
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}
    ).message.parts[0]
    assert (part.text, part.size, part.media_type) == (
        "[image image/png, 12,345 bytes]",
        12345,
        "image/png",
    )


def test_the_refusal_field_is_a_part_next_to_the_text():
    found = normalise_message({"role": "assistant", "content": "hm", "refusal": "I cannot"})
    assert [(p.kind, p.text) for p in found.message.parts] == [
        ("text", "hm"),
        ("refusal", "I cannot"),
    ]


def test_an_object_as_content_is_shown_as_json():
    found = normalise_message({"role": "user", "content": {"a": [1]}})
    assert found.message.text == '{"a":[1]}'
    assert found.message.parts[0].kind == "json"


def test_a_message_without_content_shows_its_other_fields():
    found = normalise_message({"role": "session_meta", "model": "m"})
    assert found.message.text == '{"role":"session_meta","model":"m"}'
    assert normalise_message({"role": "assistant"}).message.text == ""


@pytest.mark.parametrize(
    "text", ["[CONTEXT COMPACTION] x", "[CONTEXT SUMMARY]: x", "[Old tool output cleared to save]"]
)
def test_compaction_placeholders_are_flagged(text):
    assert normalise_message({"role": "user", "content": text}).message.flags == ("compaction",)


def test_rows_that_were_rewound_or_summarised_away_are_flagged():
    row = {"role": "user", "content": "x", "active": 0, "compacted": 1}
    assert normalise_message(row).message.flags == ("compaction", "hidden")
    row = {"role": "user", "content": "x", "active": 1, "compacted": 0}
    assert normalise_message(row).message.flags == ()


def test_a_cut_reply_is_reported_once():
    cut = normalise_message({"role": "assistant", "content": "so", "finish_reason": "length"})
    assert cut.message.finish_reason == "length"
    assert [(d.code, d.severity) for d in cut.diagnostics] == [(Code.TRUNCATED, Severity.ERROR)]
    text = '<tool_call>\n{"name": "f", "arguments": {"a": "Lis'
    inside = normalise_message({"role": "assistant", "content": text, "stop_reason": "max_tokens"})
    everything = [*inside.diagnostics, *(d for _, found in inside.calls for d in found)]
    assert [d.code for d in everything].count(Code.TRUNCATED) == 1


@pytest.mark.parametrize(
    ("reason", "hint"),
    [
        ("max_tokens", "raise max_tokens, or shorten the context"),
        ("model_length", "shorten the context"),
        ("model_context_window_exceeded", "shorten the context"),
        ("insufficient_system_resource", ""),
        ("abort", ""),
    ],
)
def test_every_api_s_word_for_a_cut_reply_is_known(reason: str, hint: str) -> None:
    reply = {"role": "assistant", "content": "so", "finish_reason": reason}
    [found] = normalise_message(reply).diagnostics
    assert (found.code, found.hint) == (Code.TRUNCATED, hint)


def test_a_reply_that_ended_in_an_error_says_so() -> None:
    reply = {"role": "assistant", "content": "so", "finish_reason": "error"}
    assert [d.code for d in normalise_message(reply).diagnostics] == [Code.ERROR_IN_REPLY]


@pytest.mark.parametrize("reason", ["tool_calls", "tool_use", "function_call"])
@pytest.mark.parametrize("more", [{}, {"tool_calls": []}, {"tool_calls": None}])
def test_a_reply_that_promises_a_call_and_has_none_lost_its_calls(
    reason: str, more: dict[str, Any]
) -> None:
    reply = {"role": "assistant", "content": "Let me look.", "finish_reason": reason, **more}
    errors = [d for d in normalise_message(reply).diagnostics if d.severity is Severity.ERROR]
    assert [error.code for error in errors] == [Code.CALLED_EMPTY]
    assert normalise_message({**reply, "finish_reason": "stop"}).diagnostics == tuple(
        d for d in normalise_message(reply).diagnostics if d.severity is not Severity.ERROR
    )
    assert not normalise_message({**reply, "role": "user", "tool_calls": None}).diagnostics


def test_a_call_in_the_text_is_not_a_lost_call():
    text = '<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>'
    reply = {"role": "assistant", "content": text, "finish_reason": "tool_calls"}
    assert Code.CALLED_EMPTY not in [d.code for d in normalise_message(reply).diagnostics]


def test_measures_of_a_message_are_kept():
    found = normalise_message(
        {
            "role": "assistant",
            "content": "x",
            "reward": 0.5,
            "timestamp": "2026-01-02T03:04:05Z",
            "latency_sec": 1.5,
            "usage": {"prompt_tokens": 3, "completion_tokens": 4},
            "cost": 0.01,
        }
    ).message
    assert (found.reward, found.time_s, found.duration_s) == (0.5, 1767323045.0, 1.5)
    assert found.usage is not None
    assert (found.usage.prompt_tokens, found.usage.cost_usd) == (3, 0.01)
