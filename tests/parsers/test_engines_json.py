"""How vLLM and SGLang read JSON calls, and what is reported about it."""

from __future__ import annotations

import pytest

from hermes_tui.parsers.base import Outcome
from tests.parsers.engine_cases import calls, found, lost, read

OSLO = '{"name": "get_weather", "arguments": {"city": "Oslo"}}'
OWL = '{"name": "search", "arguments": {"query": "owl"}}'
OSLO_CALL = ("get_weather", '{"city": "Oslo"}')
OWL_CALL = ("search", '{"query": "owl"}')


def tagged(*payloads: str) -> str:
    return "\n".join(f"<tool_call>\n{payload}\n</tool_call>" for payload in payloads)


@pytest.mark.parametrize("parser", ["vllm/mistral", "sglang/mistral", "hermes-agent/mistral"])
def test_unknown_arguments_that_are_encoded_as_a_string_are_reported(parser: str) -> None:
    text = '[TOOL_CALLS] [{"name": "get_weather", "arguments": "{\\"town\\": \\"Oslo\\"}"}]'
    result = read(parser, text)
    assert [call.name for call in result.calls] == ["get_weather"]
    assert result.diagnostics


@pytest.mark.parametrize(
    "parser", ["vllm/hermes", "vllm/qwen3_json", "sglang/hermes", "sglang/qwen25"]
)
def test_tagged_calls_are_read_and_the_text_before_them_is_content(parser: str) -> None:
    result = read(parser, "I look.\n" + tagged(OSLO, OWL))
    assert calls(result) == [OSLO_CALL, OWL_CALL]
    assert (result.content or "").strip() == "I look."
    assert result.diagnostics == ()


def test_vllm_keeps_the_whole_text_for_one_bad_block() -> None:
    text = tagged(OSLO, '{"name": "search", "arguments": {"query": "owl",}}')
    result = read("vllm/hermes", text)
    assert (result.outcome, result.calls, result.content) == (Outcome.TEXT, (), text)
    assert [code for code, _ in found(result, text)] == ["TRAILING_COMMA", "SIBLING_VOIDED"]


def test_sglang_qwen25_drops_the_bad_block_alone() -> None:
    text = tagged(OSLO, '{"name": "search", "arguments": {"query": "owl",}}')
    result = read("sglang/qwen25", text)
    assert calls(result) == [OSLO_CALL]
    assert ("SILENT_DROP", text[text.rindex("<tool_call>") :]) in found(result, text)


def test_sglang_qwen25_requires_newlines_inside_the_tags() -> None:
    text = f"<tool_call>{OSLO}</tool_call>"
    result = read("sglang/qwen25", text)
    assert (result.calls, result.content) == ((), text)
    assert found(result, text) == [("MARKER_VARIANT", "<tool_call>")]
    assert calls(read("vllm/hermes", text)) == [OSLO_CALL]


def test_a_block_that_never_closes_is_read_by_vllm_and_lost_by_qwen25() -> None:
    text = f"<tool_call>\n{OSLO}"
    assert calls(read("vllm/hermes", text)) == [OSLO_CALL]
    result = read("sglang/qwen25", text)
    assert (result.calls, result.content, lost(result, text)) == ((), None, [text])


@pytest.mark.parametrize("key", ["parameters", "args"])
def test_vllm_requires_the_arguments_under_their_key(key: str) -> None:
    text = tagged(OSLO.replace("arguments", key))
    result = read("vllm/hermes", text)
    assert (result.calls, result.content) == ((), text)
    assert found(result, text)[0][0] == "ARGS_KEY"


def test_sglang_calls_without_arguments_if_it_does_not_know_their_key() -> None:
    text = tagged(OSLO.replace("arguments", "args"))
    result = read("sglang/hermes", text)
    assert calls(result) == [("get_weather", "{}")]
    assert [code for code, _ in found(result, text)] == ["SCHEMA_VIOLATION", "ARGS_KEY"]


def test_sglang_loses_a_call_to_a_tool_that_is_not_declared() -> None:
    text = "Wait." + tagged(OSLO.replace("get_weather", "functions.get_weather"))
    result = read("sglang/hermes", text)
    assert (result.outcome, result.calls, result.content) == (Outcome.TEXT, (), "Wait.")
    codes = [code for code, _ in found(result, text)]
    assert codes == ["SILENT_DROP", "NAME_DECORATED"]
    assert calls(read("vllm/hermes", text))[0][0] == "functions.get_weather"


def test_sglang_reads_nothing_without_tools() -> None:
    text = tagged(OSLO)
    result = read("sglang/hermes", text, tools=())
    assert (result.calls, result.content) == ((), text)
    assert "no tools" in result.diagnostics[0].message


def test_a_list_in_a_block_is_read_by_sglang_only() -> None:
    text = tagged(f"[{OSLO}, {OWL}]")
    assert calls(read("sglang/hermes", text)) == [OSLO_CALL, OWL_CALL]
    assert found(read("vllm/hermes", text), text) == [("MULTI_PAYLOAD", f"\n[{OSLO}, {OWL}]\n")]


def test_the_finding_points_at_the_damage() -> None:
    text = tagged('{"name": "search", "arguments": {"query": "the "blue" owl"}}')
    (finding,) = read("vllm/hermes", text).diagnostics
    assert finding.code.value == "INNER_QUOTE"
    assert finding.hint


def test_each_decision_is_a_step() -> None:
    steps = read("vllm/hermes", tagged(OSLO)).steps
    assert [(step.rule, step.outcome, step.depth) for step in steps] == [
        ("vllm/hermes", "calls", 0),
        ("block", "delivered", 1),
        ("json.loads", "read", 2),
        ("call", "delivered", 2),
    ]


def test_arguments_are_the_string_that_the_engine_sends() -> None:
    text = tagged('{"name":"search","arguments":{"query":"\\u00e9té","limit":3}}')
    assert calls(read("vllm/hermes", text)) == [("search", '{"query": "été", "limit": 3}')]


def test_vllm_llama_is_voided_by_any_later_brace() -> None:
    text = f"{OSLO} and then {{x}}"
    assert read("vllm/llama3_json", text).content == text
    assert calls(read("sglang/llama3", text)) == [OSLO_CALL]
    assert calls(read("hermes-agent/llama3_json", text)) == [OSLO_CALL]


def test_vllm_llama_skips_the_brace_right_after_an_object() -> None:
    result = read("vllm/llama3_json", OSLO + OWL)
    assert result.calls == ()
    assert calls(read("vllm/llama3_json", f"{OSLO}; {OWL}")) == [OSLO_CALL, OWL_CALL]


def test_vllm_llama_drops_the_text_around_its_calls() -> None:
    text = f"Let me see. {OSLO}"
    result = read("vllm/llama3_json", text)
    assert (calls(result), result.content) == ([OSLO_CALL], None)
    assert found(result, text) == [("CONTENT_LOST", "Let me see. ")]


def test_sglang_llama_reads_python_dicts_and_reports_it() -> None:
    text = "<|python_tag|>{'name': 'search', 'parameters': {'query': 'owl', 'limit': None,}}"
    result = read("sglang/llama3", text)
    assert calls(result) == [("search", '{"query": "owl", "limit": null}')]
    assert result.calls[0].verdict == "python-literal"


def test_sglang_llama_raises_on_json_that_is_not_an_object() -> None:
    result = read("sglang/llama3", "<|python_tag|>42")
    assert result.outcome is Outcome.RAISED
    assert result.error == "AttributeError: 'int' object has no attribute 'get'"
    assert result.steps[-1].detail == result.error


def test_deep_nesting_is_kept_as_text_or_raises() -> None:
    text = tagged('{"name": "search", "arguments": ' + "[" * 3_000)
    assert read("vllm/hermes", text).content == text
    assert read("sglang/qwen25", text + "\n</tool_call>").outcome is Outcome.RAISED


MISTRAL = f"[TOOL_CALLS] [{OSLO}, {OWL}]"


@pytest.mark.parametrize("parser", ["vllm/mistral", "sglang/mistral", "hermes-agent/mistral"])
def test_a_mistral_list_is_read_by_every_parser(parser: str) -> None:
    assert calls(read(parser, MISTRAL)) == [OSLO_CALL, OWL_CALL]


def test_sglang_mistral_requires_the_space_before_the_list() -> None:
    text = MISTRAL.replace("] [", "][")
    result = read("sglang/mistral", text)
    assert (result.calls, result.content) == ((), None)
    assert [code for code, _ in found(result, text)] == ["MARKER_VARIANT", "SILENT_DROP"]
    assert len(read("vllm/mistral", text).calls) == 2


def test_vllm_mistral_loses_marker_and_prose_if_the_list_is_damaged() -> None:
    text = "Wait. " + MISTRAL.replace("owl", 'the "owl"')
    result = read("vllm/mistral", text)
    assert (result.outcome, result.calls) == (Outcome.TEXT, ())
    assert result.content == text.partition("[TOOL_CALLS] ")[2]
    assert ("SILENT_DROP", "Wait. ") in found(result, text)


def test_mistral_items_share_the_text_between_them() -> None:
    result = read("vllm/mistral", MISTRAL)
    first, second = (MISTRAL[call.span.start : call.span.end] for call in result.calls)
    assert (first, second) == (f"[TOOL_CALLS] [{OSLO}, ", f"{OWL}]")


def test_a_nameless_item_is_called_with_an_empty_name_by_vllm() -> None:
    text = '[TOOL_CALLS] [{"arguments": {"city": "Oslo"}}]'
    assert calls(read("vllm/mistral", text)) == [("", '{"city": "Oslo"}')]
    assert read("sglang/mistral", text).calls == ()


NAMED = '[TOOL_CALLS]get_weather[ARGS]{"city": "Oslo", "days": "3"}'


def test_vllm_coerces_named_arguments_to_the_schema() -> None:
    result = read("vllm/mistral_v11", NAMED)
    assert calls(result) == [("get_weather", '{"city": "Oslo", "days": 3}')]
    assert [code for code, _ in found(result, NAMED)] == ["COERCED"]
    assert calls(read("sglang/mistral", NAMED))[0][1] == '{"city": "Oslo", "days": "3"}'


def test_vllm_passes_on_arguments_that_are_not_json() -> None:
    text = "[TOOL_CALLS]search[ARGS]{'query': 'owl'}"
    result = read("vllm/mistral_v11", text)
    assert calls(result) == [("search", "{'query': 'owl'}")]
    assert [code for code, _ in found(result, text)] == ["RAW_ARGS", "BAD_QUOTES"]
    assert result.calls[0].verdict == "failed"


def test_a_brace_also_ends_the_name_for_vllm_but_not_for_sglang() -> None:
    text = NAMED.replace("[ARGS]", "")
    assert calls(read("vllm/mistral_v11", text))[0][0] == "get_weather"
    assert read("sglang/mistral", text).calls == ()


def test_a_call_in_reasoning_is_run_and_reported() -> None:
    text = f"<think>maybe {tagged(OSLO)}</think>No call is needed."
    result = read("vllm/hermes", text)
    assert calls(result) == [OSLO_CALL]
    assert "MARKER_IN_REASONING" in [code for code, _ in found(result, text)]


@pytest.mark.parametrize(
    ("text", "code", "hint"),
    [
        ("<function=search>\n<parameter=query>\nowl\n</parameter>", "WRONG_FORMAT", "qwen3_coder"),
        ('[TOOL_CALLS]search[ARGS]{"query": "owl"}', "WRONG_FORMAT", "mistral"),
        (f"{OSLO}\n</tool_call>", "ORPHAN_CLOSE", "prompt"),
        (f"&lt;tool_call&gt;{OSLO}", "MARKER_VARIANT", "<tool_call>"),
        ("It is 4 degrees.", "NO_MARKER", "<tool_call>"),
    ],
)
def test_a_text_without_calls_says_why_there_are_none(text: str, code: str, hint: str) -> None:
    (finding,) = read("vllm/hermes", text).diagnostics
    assert (finding.code.value, hint in finding.hint) == (code, True)


@pytest.mark.parametrize(
    ("payload", "code", "place"),
    [
        (f"{OSLO} (calling now)", "EXTRA_TEXT", "(calling now)"),
        (f"Calling: {OSLO}", "EXTRA_TEXT", "Calling: "),
        (f"```json\n{OSLO}\n```", "EXTRA_TEXT", "```json\n"),
        (f"{OSLO}}}", "BRACES_EXTRA", "}"),
        (f"{OSLO}\n{OWL}", "MULTI_PAYLOAD", OWL),
        (OSLO.replace('"Oslo"', "True"), "PY_LITERAL", "True"),
        ("<function=search>", "WRONG_FORMAT", "<function=search>"),
    ],
)
def test_a_damaged_block_is_reported_with_its_flaw_and_place(
    payload: str, code: str, place: str
) -> None:
    text = f"<tool_call>{payload}</tool_call>"
    result = read("vllm/hermes", text)
    assert result.content == text
    assert (code, place) in found(result, text)


@pytest.mark.parametrize(
    ("parser", "hint"),
    [
        ("vllm/hermes", "--tool-call-parser llama3_json"),
        ("sglang/hermes", "--tool-call-parser llama3"),
        ("hermes-agent/hermes", 'get_parser("llama3_json")'),
        ("sglang/mistral", "--tool-call-parser llama3"),
    ],
)
def test_the_hint_uses_the_name_in_that_engine(parser: str, hint: str) -> None:
    (finding,) = read(parser, OSLO).diagnostics
    assert (finding.code.value, finding.hint) == ("WRONG_FORMAT", f"{hint} reads it")


def test_brackets_in_prose_are_not_a_marker() -> None:
    (finding,) = read("sglang/pythonic", "as shown [1] before").diagnostics
    assert finding.code.value == "NO_MARKER"
