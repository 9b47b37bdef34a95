"""What the emulated parsers report about a verdict is true, and points at the right place."""

from __future__ import annotations

from typing import Any

import pytest

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.parsers.auto import Auto
from hermes_tui.parsers.base import ParseResult
from hermes_tui.parsers.engines.places import ENDED_BY
from hermes_tui.parsers.engines.registry import engine_parsers, parser_named
from tests.parsers.agreement import COLUMNS, CORPUS, rows, toolsets
from tests.parsers.engine_cases import calls, found, read

CALL = '{"name": "get_weather", "arguments": {"city": "Lisbon"}}'
BLOCK = f"<tool_call>{CALL}</tool_call>"
BAD = BLOCK.replace('"}}', '",}}')

needs_corpus = pytest.mark.skipif(not CORPUS.exists(), reason="no corpus beside the project")


def one_finding(result: ParseResult, code: Code) -> Diagnostic:
    (only,) = [finding for finding in result.diagnostics if finding.code is code]
    return only


def marked(result: ParseResult, code: Code, text: str) -> str:
    span = one_finding(result, code).span
    assert span is not None
    return text[span.start : span.end]


def row_readings() -> list[tuple[dict[str, Any], str, ParseResult, dict[str, Any]]]:
    names, tools = {parser.name for parser in engine_parsers()}, toolsets()
    return [
        (row, name, parser_named(name).parse(row["text"], tools[row["tools"]]), real)
        for row in rows()
        for column, engine in COLUMNS.items()
        if (real := row.get(column)) and (name := f"{engine}/{real['parser']}") in names
    ]


# Steps


@pytest.mark.shared
@needs_corpus
def test_each_call_is_delivered_by_one_step() -> None:
    wrong = []
    for row, name, result, _ in row_readings():
        steps = [step.outcome for step in result.steps if step.rule == "call"]
        delivered = len([outcome for outcome in steps if outcome == "delivered"])
        within = [step.outcome for step in result.steps[1:]]
        if delivered != len(result.calls) or ("delivered" in within and not result.calls):
            wrong.append(f"{name} {row['id']}")
    assert not wrong


@pytest.mark.parametrize("parser", ["vllm/hermes", "sglang/hermes", "hermes-agent/hermes"])
def test_the_steps_take_back_a_call_that_is_not_delivered(parser: str) -> None:
    result = read(parser, f"{BLOCK}\n{BAD}")
    (call,) = [step for step in result.steps if step.rule == "call"]
    assert (call.outcome, call.detail) == ("taken back", "get_weather")


def test_one_call_is_singular_and_two_are_plural() -> None:
    assert read("vllm/hermes", BLOCK).steps[0].detail == "1 call"
    assert read("vllm/hermes", BLOCK + BLOCK).steps[0].detail == "2 calls"
    text = f"[TOOL_CALLS][{CALL}]"
    assert [step.outcome for step in read("vllm/mistral", text).steps][1] == "1 call"


def test_a_marker_is_a_step_that_names_what_ends_and_what_begins() -> None:
    text = "<tool_call>get_weather<arg_key>city</arg_key><arg_value>x</arg_value></tool_call>"
    first = read("vllm/glm45", text).steps[1]
    assert (first.rule, first.outcome) == ("<tool_call>", "read")
    assert first.detail == "words of the answer end here, the letters of a name begin"


# A bad call that takes others with it


@pytest.mark.parametrize("parser", ["vllm/hermes", "sglang/hermes", "hermes-agent/hermes"])
def test_the_cause_comes_first_and_the_sound_calls_share_one_finding(parser: str) -> None:
    text = "\n".join([BLOCK] * 45 + [BAD])
    result = read(parser, text)
    assert [finding.code for finding in result.diagnostics] == [
        Code.TRAILING_COMMA,
        Code.SIBLING_VOIDED,
    ]
    siblings = one_finding(result, Code.SIBLING_VOIDED)
    assert siblings.message.startswith("45 valid calls, lost because")
    assert siblings.span is not None
    assert siblings.span.start == 0 and siblings.span.end == text.rindex(BAD) - 1


def test_a_single_sound_call_is_named() -> None:
    result = read("vllm/hermes", f"{BLOCK}\n{BAD}")
    message = one_finding(result, Code.SIBLING_VOIDED).message
    assert message.startswith("a valid call (get_weather), lost because vllm/hermes")


# Calls in reasoning


@pytest.mark.parametrize(
    ("parser", "hint"),
    [
        ("vllm/hermes", "--reasoning-parser deepseek_r1 keeps it there; qwen3 and glm45 end"),
        ("sglang/hermes", "with --reasoning-parser qwen3 or deepseek-r1 it remains reasoning"),
        ("hermes-agent/hermes", "hermes-agent reads the raw completion: remove the reasoning"),
    ],
)
def test_the_hint_for_a_call_in_reasoning_helps(parser: str, hint: str) -> None:
    result = read(parser, f"<think>maybe {BLOCK} helps</think>No.")
    assert one_finding(result, Code.MARKER_IN_REASONING).hint.startswith(hint)


@pytest.mark.parametrize("text", [f"<think>maybe {BLOCK} helps", f"maybe {BLOCK}</think>No."])
def test_sglang_keeps_a_call_in_open_reasoning_with_one_reasoning_parser_only(text: str) -> None:
    hint = one_finding(read("sglang/hermes", text), Code.MARKER_IN_REASONING).hint
    assert hint == "with --reasoning-parser deepseek-r1 it remains reasoning"


def test_only_parsers_whose_marker_ends_the_reasoning_are_reported_to_run_the_call() -> None:
    llama = read("vllm/llama3_json", f"<think>maybe {CALL} helps</think>No.")
    hint = one_finding(llama, Code.MARKER_IN_REASONING).hint
    assert hint == "--reasoning-parser deepseek_r1 keeps it there"
    assert not any(marker in parser_named("vllm/llama3_json").info.markers for marker in ENDED_BY)


# What reaches the client


@pytest.mark.shared
@needs_corpus
def test_a_number_that_json_does_not_have_is_reported_as_it_is_sent() -> None:
    seen = 0
    for row, name, result, real in row_readings():
        for finding in result.diagnostics:
            if finding.code is not Code.NONFINITE or not real["tool_calls"]:
                continue
            seen += 1
            (call,) = real["tool_calls"]
            how = "as a string" if '"NaN"' in call["arguments"] else "unchanged"
            assert finding.message.endswith(f"emits it {how}"), (name, row["id"])
            assert "null" not in finding.message
    assert seen > 20


def test_a_claim_of_calls_without_any_does_not_reach_the_client() -> None:
    result = read("vllm/deepseek_v3", "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function")
    finding = one_finding(result, Code.CALLED_EMPTY)
    assert finding.message == "the parser reports a call, but has none"
    assert "`stop` or `length`" in finding.hint


@pytest.mark.parametrize("parser", ["vllm/qwen3_coder", "vllm/glm45"])
def test_a_cut_call_is_reported_by_the_finish_reason(parser: str) -> None:
    text = {
        "vllm/qwen3_coder": "<tool_call><function=get_weather><parameter=city>Lis",
        "vllm/glm45": "<tool_call>get_weather\n<arg_key>city</arg_key><arg_value>Lis",
    }[parser]
    hints = [d.hint for d in read(parser, text).diagnostics if d.code is Code.TRUNCATED]
    assert any("finish_reason `length`" in hint for hint in hints)
    assert not any("nothing tells" in hint for hint in hints)


@pytest.mark.parametrize("parser", ["vllm/pythonic", "sglang/pythonic"])
@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("[get-weather(city='Lisbon')]", "-"),
        ("[get-weather(city=['Lisbon'])]", "-"),
        ("[tools.get_weather(city='Lisbon')]", "."),
        ("[get_weather (city='Lisbon')]", " "),
        ("[get_weather('Lisbon')]", "'"),
    ],
)
def test_the_finding_points_to_where_the_list_stops_being_one(
    parser: str, text: str, at: str
) -> None:
    result = read(parser, text)
    span = one_finding(result, Code.EXPR_NOT_LITERAL).span
    assert span is not None
    assert (text[span.start : span.end], span.start) == (at, text.index(at))
    if at != "'":
        assert f"stops at {at!r}" in one_finding(result, Code.EXPR_NOT_LITERAL).message


@pytest.mark.parametrize("parser", ["vllm/mistral", "sglang/mistral", "hermes-agent/mistral"])
def test_a_sound_call_after_another_marker_is_reported_as_lost(parser: str) -> None:
    second = '[{"name": "search", "arguments": {}}]'
    text = f"[TOOL_CALLS] [{CALL}][TOOL_CALLS] {second}"
    result = read(parser, text)
    assert calls(result) == [("get_weather", '{"city": "Lisbon"}')]
    kept = parser == "sglang/mistral"
    finding = one_finding(result, Code.CALL_IN_CONTENT if kept else Code.SILENT_DROP)
    assert finding.severity is Severity.ERROR
    assert "the call (search)" in finding.message
    assert finding.span is not None
    assert text[finding.span.start :].startswith("[TOOL_CALLS] [{")


def test_an_object_in_prose_is_not_a_lost_call() -> None:
    for beside in ('{"a": 1}', '{"name": "nobody", "arguments": {}}', f"<think>{CALL}</think>"):
        result = read("vllm/mistral", f"[TOOL_CALLS] [{CALL}] {beside}")
        assert Code.SILENT_DROP not in {finding.code for finding in result.diagnostics}


@pytest.mark.parametrize("parser", ["vllm/mistral_v11", "sglang/mistral"])
def test_a_second_object_after_the_arguments_is_an_error(parser: str) -> None:
    text = '[TOOL_CALLS]get_weather[ARGS]{"city": "Lisbon"}\n{"city": "Oslo"}'
    assert one_finding(read(parser, text), Code.MULTI_PAYLOAD).severity is Severity.ERROR


# hermes-agent


def test_a_marker_that_ends_a_value_early_is_named_as_such() -> None:
    glm = (
        "<tool_call>search<arg_key>query</arg_key>"
        "<arg_value>the </arg_value> tag</arg_value></tool_call>"
    )
    assert found(read("hermes-agent/glm47", glm), glm) == [("MARKER_IN_VALUE", "tag</arg_value>")]
    coder = (
        "<tool_call>\n<function=search>\n<parameter=query>\nit printed </tool_call> and\n"
        "</parameter>\n</function>\n</tool_call>"
    )
    codes = found(read("hermes-agent/qwen3_coder", coder), coder)
    assert codes[0] == ("MARKER_IN_VALUE", "</tool_call>")
    assert not {"VALUE_TRIMMED", "PARAM_UNCLOSED", "UNCLOSED"} & {code for code, _ in codes}


@pytest.mark.parametrize(
    ("parser", "text"),
    [
        (
            "hermes-agent/glm45",
            "<tool_call>search\n<arg_key>query</arg_key><arg_value>owl\n</arg_value></tool_call>",
        ),
        (
            "hermes-agent/qwen3_coder",
            "<function=search><parameter=query>\nowl\n\n</parameter></function>",
        ),
    ],
)
def test_a_lost_final_newline_is_reported(parser: str, text: str) -> None:
    result = read(parser, text)
    assert calls(result) == [("search", '{"query": "owl"}')]
    message = one_finding(result, Code.VALUE_TRIMMED).message
    assert message == "query: the final newline of the value is lost"
    plain = text.replace("owl\n\n", "owl\n").replace("owl\n</arg", "owl</arg")
    assert not read(parser, plain).diagnostics


def test_html_escapes_are_reported_for_hermes_agent_too() -> None:
    text = (
        "<tool_call><function=search><parameter=query>a &amp; b</parameter></function></tool_call>"
    )
    assert marked(read("hermes-agent/qwen3_coder", text), Code.BAD_ESCAPE, text) == "&amp;"


@pytest.mark.parametrize(
    "parser", ["vllm/qwen3_coder", "sglang/qwen3_coder", "hermes-agent/qwen3_coder"]
)
def test_a_name_in_an_attribute_is_marked_there(parser: str) -> None:
    text = '<tool_call>\n<function name="search">\n</function>\n</tool_call>'
    result = read(parser, text)
    assert marked(result, Code.MARKER_VARIANT, text) == '<function name="search">'


# SGLang's Llama


def test_sound_json_after_a_space_is_not_called_python() -> None:
    first = '{"name": "get_weather", "parameters": {"city": "Lisbon"}}'
    text = f"{first}; {first}"
    assert found(read("sglang/llama3", text), text) == [("EXTRA_TEXT", "; ")]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ('{"name": "search", "parameters": {"query": "a\tb"}}', "raw control character"),
        ('{"name": "search", "parameters": {"query": "owl",}}', "comma before"),
        ("{'name': 'search', 'parameters': {'query': 'owl'}}", "double quotes"),
    ],
)
def test_a_payload_read_as_python_gets_the_reason_why_it_is_not_json(
    payload: str, reason: str
) -> None:
    message = one_finding(read("sglang/llama3", payload), Code.PY_LITERAL).message
    assert reason in message and "other engines" not in message


# Severity and place


@pytest.mark.parametrize(
    ("parser", "text"),
    [
        ("sglang/hermes", "<tool_call>{}</tool_call>"),
        ("hermes-agent/hermes", "<tool_call>{}</tool_call>"),
        ("vllm/mistral", "[TOOL_CALLS] [{}]"),
    ],
)
def test_arguments_under_a_key_that_no_parser_reads_are_an_error(parser: str, text: str) -> None:
    text = text.replace("{}", '{"name": "get_weather", "args": {"city": "Lisbon"}}')
    result = read(parser, text)
    assert calls(result) == [("get_weather", "{}")]
    finding = one_finding(result, Code.ARGS_KEY)
    assert finding.severity is Severity.ERROR
    assert "`args` ignored" in finding.message
    assert marked(result, Code.ARGS_KEY, text) == '{"city": "Lisbon"}'
    bare = text.replace(', "args": {"city": "Lisbon"}', "")
    assert one_finding(read(parser, bare), Code.ARGS_KEY).severity is Severity.WARNING


@pytest.mark.shared
@needs_corpus
def test_a_call_delivered_without_its_arguments_or_not_at_all_is_an_error() -> None:
    mild = []
    for row, name, result, _ in row_readings():
        if any(finding.severity is Severity.ERROR for finding in result.diagnostics):
            continue
        meant = [call for call in row["intent"] if call["name"]]
        emptied = any(
            ours.arguments == "{}" and call["arguments"]
            for ours, call in zip(result.calls, meant, strict=False)
        )
        if len(result.calls) < len(meant) or emptied:
            mild.append(f"{name} {row['id']}")
    assert not mild


VALUES = {
    "hermes": BLOCK.replace('{"city": "Lisbon"}', '{"days": "x", "city": "A"}'),
    "glm45": (
        "<tool_call>get_weather\n<arg_key>days</arg_key><arg_value>x</arg_value>"
        "<arg_key>city</arg_key><arg_value>A</arg_value></tool_call>"
    ),
    "qwen3_coder": (
        "<tool_call><function=get_weather><parameter=days>\nx\n</parameter>"
        "<parameter=city>A</parameter></function></tool_call>"
    ),
    "pythonic": "[get_weather(days='x', city='A')]",
}


@pytest.mark.parametrize("engine", ["vllm", "sglang", "hermes-agent"])
@pytest.mark.parametrize("wire", VALUES)
def test_the_value_that_breaks_the_schema_is_marked(engine: str, wire: str) -> None:
    if f"{engine}/{wire}" not in {parser.name for parser in engine_parsers()}:
        pytest.skip("the engine has no such parser")
    text = VALUES[wire]
    result = read(f"{engine}/{wire}", text)
    assert marked(result, Code.SCHEMA_VIOLATION, text) in ("x", '"x"', "'x'")
    for finding in result.diagnostics:
        if finding.code in (Code.COERCE_FAILED, Code.COERCED):
            assert finding.span is not None
            assert text[finding.span.start : finding.span.end] == "x"


def test_the_coerced_value_is_marked() -> None:
    text = '[TOOL_CALLS]get_weather[ARGS]{"city": 7, "days": 3}'
    assert marked(read("vllm/mistral_v11", text), Code.COERCED, text) == "7"


@pytest.mark.parametrize("parser", ["vllm/qwen3_coder", "vllm/glm45", "sglang/qwen3_coder"])
def test_text_that_is_lost_next_to_prose_is_reported_as_part_of_the_reply(parser: str) -> None:
    for text, seen in ((f"Some words.\n{BLOCK}", "sees only the rest"), (BLOCK, "an empty reply")):
        result = read(parser, text)
        assert bool(result.content) == (seen == "sees only the rest")
        assert seen in one_finding(result, Code.SILENT_DROP).hint


@pytest.mark.parametrize("parser", ["vllm/qwen3_coder", "vllm/glm45", "sglang/qwen3_coder"])
@pytest.mark.parametrize(
    ("text", "read_by"),
    [
        (BLOCK, {"vllm", "sglang"}),
        (BAD, set()),
        (f"<tool_call>[{CALL}]</tool_call>", {"sglang"}),
        ('<tool_call>{"name": "get_weather"}</tool_call>', {"sglang"}),
        (BLOCK.replace("get_weather", "get_whether"), {"vllm"}),
    ],
)
def test_whether_a_hermes_parser_reads_json_is_reported_correctly(
    parser: str, text: str, read_by: set[str]
) -> None:
    hint = one_finding(read(parser, text), Code.WRONG_FORMAT).hint
    is_read = parser.partition("/")[0] in read_by
    does = "reads it" if is_read else "is made for it, but reads no call here either"
    assert hint == f"--tool-call-parser hermes {does}"


@pytest.mark.parametrize("parser", ["vllm/qwen3_coder", "vllm/qwen3_xml", "vllm/glm45"])
def test_no_parser_is_advised_to_switch_to_itself(parser: str) -> None:
    finding = one_finding(read(parser, "<tool_call><function=<function="), Code.WRONG_FORMAT)
    assert finding.message == "the body is function XML"
    assert finding.hint == (
        ""
        if "qwen3" in parser
        else "--tool-call-parser qwen3_coder is made for it, but reads no call here either"
    )


@pytest.mark.parametrize("name", ["WEATHER", "Get_Weather", "weather", "get_wether"])
def test_a_tool_whose_name_contains_the_called_one_is_suggested(name: str) -> None:
    result = read("vllm/hermes", BLOCK.replace("get_weather", name))
    assert one_finding(result, Code.NAME_UNKNOWN).hint == "did you mean get_weather?"


@pytest.mark.parametrize("end", ["", "</tool_call>", '"</tool_call>'])
@pytest.mark.parametrize("form", ["<tool_call>{}{}", "[TOOL_CALLS]{}{}", "{}{}"])
def test_a_quoted_message_of_the_decoder_does_not_end_with_a_dangling_at(
    form: str, end: str
) -> None:
    text = form.format(CALL.partition('"}}')[0], end)
    for parser in (Auto(), *engine_parsers()):
        result = parser.parse(text)
        texts = [step.detail or step.outcome for step in result.steps]
        texts += [finding.message for finding in result.diagnostics]
        assert not [words for words in texts if " at at " in words or words.endswith(" at")]


@pytest.mark.parametrize("blank", ["", " "])
@pytest.mark.parametrize(
    ("parser", "tag"),
    [
        ("vllm/hermes", "tool_call"),
        ("vllm/longcat", "longcat_tool_call"),
        ("hermes-agent/hermes", "tool_call"),
    ],
)
def test_a_closing_marker_inside_a_string_of_the_payload_is_the_cause(
    parser: str, tag: str, blank: str
) -> None:
    closer = f"</{tag}>"
    payload = '{"name": "get_weather", "arguments": {"city": "a%s"}}'
    text = f"<{tag}>{payload % (blank + closer)}{closer}"
    result = read(parser, text)
    assert not result.calls
    assert marked(result, Code.MARKER_IN_VALUE, text) == closer
    assert [one.code for one in result.diagnostics] == [Code.MARKER_IN_VALUE]
    escaped = payload % (blank + closer.replace("<", "\\u003c"))
    assert read(parser, f"<{tag}>{escaped}{closer}").calls
