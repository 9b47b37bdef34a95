"""How vLLM and SGLang read calls written as tags and markers, and what is reported about it."""

from __future__ import annotations

import pytest

from hermes_tui.model.diagnostics import Code
from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.base import Outcome
from tests.parsers.engine_cases import calls, found, lost, read

QWEN = ["vllm/qwen3_coder", "vllm/qwen3_xml", "sglang/qwen3_coder"]
OSLO = ("get_weather", '{"city": "Oslo"}')
OWL = ("search", '{"query": "owl"}')


def codes(result: object, text: str) -> list[str]:
    return [code for code, _ in found(result, text)]  # type: ignore[arg-type]


def function(name: str = "get_weather", **values: str) -> str:
    lines = "".join(f"<parameter={key}>\n{value}\n</parameter>\n" for key, value in values.items())
    return f"<tool_call>\n<function={name}>\n{lines}</function>\n</tool_call>"


@pytest.mark.parametrize("parser", QWEN)
def test_functions_are_read_and_the_text_before_them_is_content(parser: str) -> None:
    text = "I look. " + function(city="Oslo") + "\n" + function("search", query="owl")
    result = read(parser, text)
    assert calls(result) == [OSLO, OWL]
    assert (result.content or "").strip() == "I look."
    assert result.diagnostics == ()


@pytest.mark.parametrize("parser", QWEN)
def test_one_newline_is_trimmed_on_each_side_of_a_value(parser: str) -> None:
    assert calls(read(parser, function(city="\n  Oslo \n"))) == [
        ("get_weather", '{"city": "\\n  Oslo \\n"}')
    ]


@pytest.mark.parametrize("parser", QWEN)
def test_the_last_of_two_values_of_a_key_wins(parser: str) -> None:
    text = function(city="Rome").replace(
        "</function>", "<parameter=city>\nOslo\n</parameter></function>"
    )
    result = read(parser, text)
    assert calls(result) == [OSLO]
    assert codes(result, text) == ["DUP_KEY"]


@pytest.mark.parametrize("parser", QWEN)
def test_an_unclosed_value_ends_where_the_next_one_opens(parser: str) -> None:
    text = function(city="Oslo", unit="c").replace("\n</parameter>\n<parameter=u", "<parameter=u")
    assert calls(read(parser, text)) == [("get_weather", '{"city": "Oslo", "unit": "c"}')]


def test_an_unclosed_last_value_is_dropped_by_vllm_and_kept_by_sglang() -> None:
    text = "<tool_call>\n<function=get_weather>\n<parameter=city>\nOsl"
    result = read("vllm/qwen3_coder", text)
    assert calls(result) == [("get_weather", "{}")]
    assert ("TRUNCATED", "<parameter=city>\nOsl") in found(result, text)
    result = read("sglang/qwen3_coder", text)
    assert calls(result) == [("get_weather", '{"city": "Osl"}')]
    assert "TRUNCATED" in codes(result, text)


def test_a_function_without_wrapper_is_read_by_vllm_only() -> None:
    text = "<function=get_weather>\n<parameter=city>\nOslo\n</parameter>\n</function>"
    assert calls(read("vllm/qwen3_coder", text)) == [OSLO]
    result = read("sglang/qwen3_coder", text)
    assert (result.calls, result.content) == ((), text)
    assert found(result, text) == [("MARKER_VARIANT", "<function=")]


def test_an_opening_tag_in_prose_makes_vllm_lose_the_text_up_to_the_function() -> None:
    text = "Write <tool_call> to call. " + function(city="Oslo")
    result = read("vllm/qwen3_coder", text)
    assert calls(result) == [OSLO]
    assert result.content == "Write"


def test_vllm_loses_the_text_after_a_call_but_not_after_an_empty_block() -> None:
    assert read("vllm/qwen3_coder", f"a {function(city='Oslo')} b").content == "a"
    assert read("vllm/qwen3_coder", "a <tool_call></tool_call> b").content == "a  b"


def test_special_tokens_vanish_inside_values_in_vllm_only() -> None:
    text = function(city="Os<|im_end|>lo")
    result = read("vllm/qwen3_coder", text)
    assert calls(result) == [OSLO]
    assert found(result, text) == [("STRAY_SPECIAL", "<|im_end|>")]
    assert calls(read("sglang/qwen3_coder", text)) == [
        ("get_weather", '{"city": "Os<|im_end|>lo"}')
    ]


def test_json_in_the_block_is_lost_and_a_parser_that_reads_it_is_named() -> None:
    text = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Oslo"}}\n</tool_call>'
    for parser in QWEN:
        result = read(parser, text)
        assert (result.outcome, result.content, lost(result, text)) == (Outcome.TEXT, None, [text])
        (hint,) = [one.hint for one in result.diagnostics if one.code == "WRONG_FORMAT"]
        assert "hermes" in hint


def test_unknown_names_are_delivered_in_function_xml() -> None:
    for parser in QWEN:
        result = read(parser, function("find", q="owl"))
        assert calls(result) == [("find", '{"q": "owl"}')]
        assert "NAME_UNKNOWN" in codes(result, "")


def test_sglang_keeps_the_text_for_a_value_that_json_cannot_hold() -> None:
    tools = (ToolSpec("f", parameters={"properties": {"a": {"type": "array"}}}),)
    text = function("f", a="{1, 2}")
    result = read("sglang/qwen3_coder", text, tools)
    assert (result.calls, result.content) == ((), text)


@pytest.mark.parametrize("parser", ["sglang/qwen3_coder", "sglang/glm47", "sglang/kimi_k2"])
def test_sglang_reads_nothing_without_tools(parser: str) -> None:
    text = function(city="Oslo")
    assert read(parser, text, ()).content == text


def glm(name: str = "get_weather", newline: str = "\n", **values: str) -> str:
    pairs = "".join(
        f"<arg_key>{key}</arg_key>{newline}<arg_value>{value}</arg_value>{newline}"
        for key, value in values.items()
    )
    return f"<tool_call>{name}{newline}{pairs}</tool_call>"


GLM = ["vllm/glm45", "vllm/glm47", "sglang/glm45", "sglang/glm47"]


@pytest.mark.parametrize("parser", GLM)
def test_glm_pairs_are_read(parser: str) -> None:
    newline = "" if parser == "sglang/glm47" else "\n"
    text = "I look. " + glm(newline=newline, city="Oslo") + glm("search", newline, query="owl")
    result = read(parser, text)
    assert calls(result) == [OSLO, OWL]
    assert result.content == "I look."
    assert result.diagnostics == ()


def test_sglang_glm_parsers_differ_on_the_newline_after_the_name() -> None:
    plain, lined = glm(newline="", city="Oslo"), glm(city="Oslo")
    assert calls(read("sglang/glm45", plain)) == []
    assert calls(read("sglang/glm47", lined)) == []
    assert calls(read("sglang/glm45", lined.replace("\n", "\\n"))) == [OSLO]


def test_glm_drops_unknown_names_with_their_text() -> None:
    for parser in GLM:
        text = "a " + glm("find", "" if parser == "sglang/glm47" else "\n", q="owl")
        result = read(parser, text)
        assert (calls(result), (result.content or "").strip()) == ([], "a")
        assert "NAME_UNKNOWN" in codes(result, text)


def test_a_key_without_a_value_swallows_the_next_pair() -> None:
    text = glm(city="Oslo").replace("get_weather\n", "get_weather\n<arg_key>unit</arg_key>")
    for parser in ("vllm/glm45", "sglang/glm45"):
        result = read(parser, text)
        (_, arguments) = calls(result)[0]
        assert arguments == '{"unit</arg_key><arg_key>city": "Oslo"}'
        assert "PARAM_PAIRING" in codes(result, text)


def test_a_cut_glm_call_is_delivered_by_vllm_and_lost_or_kept_by_sglang() -> None:
    text = "a <tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Os"
    assert calls(read("vllm/glm45", text)) == [("get_weather", "{}")]
    assert read("sglang/glm45", text).content == "a"
    assert read("sglang/glm47", text).content == text


def test_glm47_keeps_the_text_around_calls() -> None:
    text = f"a {glm(newline='', city='Oslo')} b"
    assert read("sglang/glm47", text).content == "a  b"
    assert read("vllm/glm47", text).content == "a"


SECTION, SECTION_END = "<|tool_calls_section_begin|>", "<|tool_calls_section_end|>"


def kimi(*ids_and_arguments: tuple[str, str]) -> str:
    inner = "".join(
        f"<|tool_call_begin|>{name}<|tool_call_argument_begin|>{arguments}<|tool_call_end|>"
        for name, arguments in ids_and_arguments
    )
    return f"{SECTION}{inner}{SECTION_END}"


KIMI = ["vllm/kimi_k2", "sglang/kimi_k2"]


@pytest.mark.parametrize("parser", KIMI)
def test_kimi_names_are_read_from_the_ids(parser: str) -> None:
    text = "I look." + kimi(("functions.get_weather:0", OSLO[1]), ("search:1", OWL[1]))
    result = read(parser, text)
    assert calls(result) == [OSLO, OWL]
    assert (result.content, lost(result, text), result.diagnostics) == ("I look.", [], ())


@pytest.mark.parametrize("parser", KIMI)
def test_a_kimi_id_of_another_form_loses_the_call(parser: str) -> None:
    text = kimi(("call_7f3a", OSLO[1]))
    result = read(parser, text)
    assert (calls(result), result.content) == ([], None)
    assert ("NAME_DECORATED", "call_7f3a") in found(result, text)


def test_vllm_kimi_takes_a_name_from_the_arguments_if_the_id_has_none() -> None:
    assert calls(read("vllm/kimi_k2", kimi(("7", '{"name": "search"}')))) == [
        ("search", '{"name": "search"}')
    ]
    result = read("vllm/kimi_k2", kimi(("7", '{"name": 5, "a": 1}')))
    assert (result.outcome, result.error.partition(":")[0]) == (Outcome.RAISED, "ValidationError")


def test_sglang_kimi_guesses_the_tool_for_a_bare_number() -> None:
    text = kimi(("7", OWL[1]))
    result = read("sglang/kimi_k2", text)
    assert calls(result) == [OWL]
    assert found(result, text) == [("TYPE_GUESSED", "7")]


def test_kimi_arguments_are_sent_raw_and_sglang_requires_an_object() -> None:
    text = kimi(("search:0", '{"query": "o'))
    assert calls(read("vllm/kimi_k2", text)) == [("search", '{"query": "o')]
    assert "RAW_ARGS" in codes(read("vllm/kimi_k2", text), text)
    assert calls(read("sglang/kimi_k2", text)) == []


def test_vllm_kimi_loses_all_text_after_the_section() -> None:
    result = read("vllm/kimi_k2", kimi(("search:0", OWL[1])) + "Done.")
    assert result.content is None


BEGIN, END, SEP = "<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>", "<｜tool▁sep｜>"


def deepseek(*inner: str) -> str:
    calls_in = "".join(f"{BEGIN}{one}{END}" for one in inner)
    return f"<｜tool▁calls▁begin｜>{calls_in}<｜tool▁calls▁end｜>"


def v3(name: str, arguments: str, kind: str = "function") -> str:
    return f"{kind}{SEP}{name}\n```json\n{arguments}\n```"


def test_both_deepseek_formats_are_read_by_both_engines() -> None:
    text = "I look." + deepseek(v3(*OSLO), v3(*OWL))
    for parser in ("vllm/deepseek_v3", "sglang/deepseekv3"):
        assert calls(read(parser, text)) == [OSLO, OWL]
        assert (read(parser, text).content, read(parser, text).diagnostics) == ("I look.", ())
    text = "I look." + deepseek(f"get_weather{SEP}{OSLO[1]}", f"search{SEP}{OWL[1]}")
    for parser in ("vllm/deepseek_v31", "sglang/deepseekv31"):
        assert calls(read(parser, text)) == [OSLO, OWL]
        assert (read(parser, text).content, read(parser, text).diagnostics) == ("I look.", ())


def test_vllm_deepseek_claims_calls_although_none_match() -> None:
    text = deepseek("get_weather")
    result = read("vllm/deepseek_v3", text)
    assert (result.outcome, result.calls, result.content) == (Outcome.CALLS, (), None)
    assert {"CALLED_EMPTY", "SILENT_DROP"} <= set(codes(result, text))


def test_vllm_deepseek_v3_keeps_the_text_of_another_kind_than_function() -> None:
    text = deepseek(v3(*OSLO), v3(*OWL, kind="tool"))
    result = read("vllm/deepseek_v3", text)
    assert (result.calls, result.content) == ((), text)
    assert "SIBLING_VOIDED" in codes(result, text)


def test_vllm_deepseek_passes_on_broken_arguments_and_sglang_keeps_the_text() -> None:
    text = deepseek(v3("search", '{"query": "owl",}'))
    assert calls(read("vllm/deepseek_v3", text)) == [("search", '{"query": "owl",}')]
    result = read("sglang/deepseekv3", text)
    assert (result.calls, result.content) == ((), text)
    assert "TRAILING_COMMA" in codes(result, text)


def test_of_vllm_only_deepseek_v3_keeps_the_text_after_the_calls() -> None:
    assert read("vllm/deepseek_v3", deepseek(v3(*OSLO)) + " b").content == " b"
    assert read("vllm/deepseek_v31", deepseek(f"search{SEP}{{}}") + " b").content is None


def test_a_v3_body_in_vllm_v31_calls_a_tool_named_function() -> None:
    text = deepseek(v3(*OSLO))
    assert [name for name, _ in calls(read("vllm/deepseek_v31", text))] == ["function"]
    assert read("sglang/deepseekv31", text).content == text


@pytest.mark.parametrize("parser", ["vllm/deepseek_v3", "vllm/deepseek_v31"])
def test_a_section_end_without_a_call_end_is_reported_as_the_missing_marker(parser: str) -> None:
    name = "function<｜tool▁sep｜>" if parser.endswith("v3") else ""
    payload = '\n```json\n{"city": "Rome"}\n```' if name else '<｜tool▁sep｜>{"city": "Rome"}'
    call = f"<｜tool▁call▁begin｜>{name}get_weather{payload}"
    text = f"<｜tool▁calls▁begin｜>{call}%s<｜tool▁calls▁end｜>"
    (cause,) = [one for one in read(parser, text % "").diagnostics if one.code is Code.UNCLOSED]
    assert "no <｜tool▁call▁end｜> after the arguments" in cause.message
    assert "V3.1" not in cause.hint and "write both" in cause.hint
    assert read(parser, text % "<｜tool▁call▁end｜>").calls


@pytest.mark.parametrize("parser", ["vllm/qwen3_coder", "vllm/glm45", "vllm/mistral_v11"])
def test_a_special_token_in_the_text_does_not_hide_that_the_call_is_of_another_format(
    parser: str,
) -> None:
    text = '<|python_tag|>{"name": "get_weather", "parameters": {}}<|eom_id|>'
    codes = [one.code for one in read(parser, text).diagnostics]
    assert Code.STRAY_SPECIAL in codes and Code.WRONG_FORMAT in codes
