"""Calls in the text or reasoning of a reply: which of them are run, and what is reported."""

from __future__ import annotations

import json

import pytest

from hermes_tui.debugger.asked_parser import read_by_parser
from hermes_tui.debugger.inputs import EditArguments, EditName, EditText, Resume, ToolReplied
from hermes_tui.model import events as ev
from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.messages import Origin
from tests.debugger.scenario import (
    ANSWERED,
    DISPATCHED,
    FINISHED,
    LS,
    REQUEST,
    Scenario,
    calls,
    replied,
    replies,
    run_to,
    saw,
    says,
    stopped,
    task,
)
from tests.timing import Work, assert_linear

WHOLE = '<tool_call>\n{"name": "terminal", "arguments": {"command": "ls"}}\n</tool_call>'
CUT = 'I clean up.\n<tool_call>\n{"name": "terminal", "arguments": {"command": "rm -r /home/me'
BEFORE_ITS_BRACKETS = '<tool_call>{"name": "terminal", "arguments": {"command": "ls"'
CUT_VALUE = "<tool_call>\n<function=terminal>\n<parameter=command>\nrm -r /home/me"
LIST = '[{"name": "terminal", "arguments": {"command": "ls"}}]'
PYTHONIC = '[terminal(command="ls"), terminal(command="pwd")]'
HARMONY = (
    'analysisNeed to list files.assistantcommentary to=functions.terminal json{"command": "ls"}'
)
CUT_OFF = "The call was cut off before its end"
CUT_OFF_RESULT = f'{{"error": "{CUT_OFF} and was not run. Please send it again whole."}}'


def last_message(run: Scenario) -> ev.MessageAppended:
    return [event for event in run.log if isinstance(event, ev.MessageAppended)][-1]


def proposed(run: Scenario) -> list[ev.ToolCallProposed]:
    return [event for event in run.log if isinstance(event, ev.ToolCallProposed)]


@pytest.mark.parametrize("finish", ["length", "stop"])
@pytest.mark.parametrize("text", [CUT, BEFORE_ITS_BRACKETS, CUT_VALUE])
def test_a_call_whose_text_is_cut_is_not_run_and_the_model_is_informed(
    text: str, finish: str
) -> None:
    run = Scenario() >> task(stop_points=frozenset(), parser="auto") >> says(text, finish)
    refused = saw(ev.ToolFailed, call_index=0, exception=CUT_OFF)
    run << (*replied(1), refused, ev.ToolErrorRecorded, ev.MessageAppended, *REQUEST)
    assert run.conversation()[-1]["content"] == CUT_OFF_RESULT


def test_parameters_missing_at_the_end_of_a_cut_reply_are_not_run() -> None:
    text = "<tool_call>\n<function=terminal>\n<parameter=command>\nls\n</parameter>\n"
    run = Scenario() >> run_to(parser="auto") >> says(text, "length") >> Resume()
    run << (ev.Resumed, stopped("invalid_args", 0))


@pytest.mark.parametrize("finish", ["length", "stop"])
@pytest.mark.parametrize("closing", ["}}", "}", '}, "id": "ab'])
def test_a_call_that_lacks_only_its_closing_characters_is_run(closing: str, finish: str) -> None:
    text = '<tool_call>{"name": "terminal", "arguments": {"command": "ls"' + closing
    run = Scenario() >> task(stop_points=frozenset(), parser="auto") >> says(text, finish)
    run << (*replied(1), *DISPATCHED)


def test_whole_arguments_inside_a_value_do_not_make_a_cut_call_whole() -> None:
    inner = json.dumps('"arguments": {"command": "ls"}')[1:-1]
    text = f'<tool_call>{{"name": "terminal", "arguments": {{"command": "echo {inner} >> /home/me'
    run = Scenario() >> run_to(parser="auto") >> says(text, "length") >> Resume()
    run << (ev.Resumed, stopped("invalid_args", 0))


@pytest.mark.parametrize("key", ["parameters", "args", "input"])
def test_a_cut_call_with_another_arguments_key_is_run_if_the_arguments_are_whole(key: str) -> None:
    text = f'<tool_call>{{"name": "terminal", "{key}": {{"command": "ls"}}'
    run = Scenario() >> run_to(parser="auto") >> says(text, "length") >> Resume()
    run << (ev.Resumed, *DISPATCHED)


@pytest.mark.parametrize("arguments", ['{"command": "ls"', r'"{\"command\": \"l'])
def test_a_call_cut_within_arguments_of_another_key_is_not_run(arguments: str) -> None:
    text = f'<tool_call>{{"name": "terminal", "parameters": {arguments}'
    run = Scenario() >> run_to(parser="auto") >> says(text, "length") >> Resume()
    run << (ev.Resumed, stopped("invalid_args", 0))


def test_a_cut_call_whose_arguments_are_a_whole_json_string_is_run() -> None:
    arguments = json.dumps(json.dumps({"command": "ls"}))
    text = f'<tool_call>{{"name": "terminal", "arguments": {arguments}'
    run = Scenario() >> run_to(parser="auto") >> says(text, "length") >> Resume()
    assert run.session.state.reply is not None
    assert not run.session.state.reply.calls[0].cut


def test_only_the_last_call_of_a_cut_list_is_refused() -> None:
    whole = {"name": "terminal", "arguments": {"command": "ls"}}
    last = '{"name": "terminal", "arguments": {"command": "rm -rf /ho'
    run = (
        Scenario()
        >> task(stop_points=frozenset(), parser="auto")
        >> says(f"<tool_call>[{json.dumps(whole)}, {last}", "length")
        << (*replied(2), *DISPATCHED)
    )
    run >> ToolReplied("a.py")
    refused = saw(ev.ToolFailed, call_index=1, exception=CUT_OFF)
    run << (*ANSWERED, refused, ev.ToolErrorRecorded, ev.MessageAppended, *REQUEST)
    cut = [one.code for one in proposed(run)[1].diagnostics]
    assert Code.TRUNCATED in cut
    assert Code.TRUNCATED not in [one.code for one in proposed(run)[0].diagnostics]


def test_a_cut_call_stops_the_run_and_is_run_after_its_arguments_are_edited() -> None:
    run = (
        Scenario()
        >> run_to(parser="auto")
        >> says(CUT, "length")
        << (
            *replied(1),
            stopped("truncated"),
        )
    )
    run >> Resume() << (ev.Resumed, stopped("invalid_args", 0))
    run >> EditName(0, "read_file") >> EditArguments(0, '{"command": "rm -r /home/me/x"}')
    run >> Resume() << (ev.Resumed, *DISPATCHED)
    run >> ToolReplied("removed")
    assert run.reopened().session.state == run.session.state


def test_a_new_name_does_not_make_a_cut_call_whole() -> None:
    run = Scenario() >> run_to(parser="auto") >> says(CUT, "length") >> EditName(0, "read_file")
    run >> Resume() << (ev.Resumed, stopped("invalid_args", 0))


@pytest.mark.parametrize("parser", ["auto", ""])
def test_a_call_repeated_in_the_text_is_run_once_and_noted(parser: str) -> None:
    run = Scenario() >> run_to(parser=parser) >> calls(LS, text=f"I look.\n{WHOLE}")
    run << (*replied(1), *DISPATCHED)
    run >> ToolReplied("a file") << (*ANSWERED, *REQUEST)
    (reply,) = [event for event in run.log if isinstance(event, ev.MessageAppended)][1:2]
    assert [(one.code, one.severity) for one in reply.diagnostics] == [
        (Code.CALL_IN_CONTENT, Severity.NOTE)
    ]


@pytest.mark.parametrize("parser", ["auto", ""])
@pytest.mark.parametrize(
    ("text", "number", "reader"),
    [
        (LIST, 1, "vllm/llama3_json"),
        (LIST[1:-1], 1, "sglang/llama3"),
        (PYTHONIC, 2, "sglang/pythonic"),
        (HARMONY, 1, "--tool-call-parser openai (vllm)"),
    ],
)
def test_a_text_that_is_nothing_but_calls_stops_the_run_and_is_not_run(
    parser: str, text: str, number: int, reader: str
) -> None:
    run = Scenario() >> run_to(parser=parser) >> says(text)
    run << (*replied(number), stopped("parse_failure"))
    (error,) = last_message(run).diagnostics
    assert (error.code, error.severity) == (Code.CALL_IN_CONTENT, Severity.ERROR)
    assert reader in error.hint or not parser
    run >> Resume() << (ev.Resumed, *FINISHED)
    assert run.reopened().session.state == run.session.state


@pytest.mark.parametrize("text", [LIST, PYTHONIC, HARMONY])
def test_a_call_that_is_all_the_text_after_the_reasoning_is_a_missed_call(text: str) -> None:
    run = Scenario() >> run_to(parser="auto") >> says(f"<think>hm</think>\n\n{text}")
    assert run.session.state.stop.stop_point == "parse_failure"
    (error,) = last_message(run).diagnostics
    assert error.span is not None and error.span.start >= len("<think>hm</think>\n\n")
    assert "vllm" in error.hint


def test_a_missed_call_after_thousands_of_reasoning_blocks_is_found_at_its_place() -> None:
    thoughts = "".join(f"<think>thought {n}</think>\n" for n in range(5_000))
    run = Scenario() >> run_to(parser="auto") >> says(thoughts + LIST)
    run << (ev.ResponseReceived, ev.ReasoningExtracted, *replied(1)[1:], stopped("parse_failure"))
    (error,) = last_message(run).diagnostics
    assert error.span is not None
    assert (thoughts + LIST)[error.span.start : error.span.end] == LIST[1:-1]


@pytest.mark.parametrize(
    "text",
    [
        "I would run terminal(command='ls') now, or [terminal(command='pwd')].",
        '{"name": "terminal", "size": 3}',
        '{"name": "terminal"}',
        '[{"terminal": "ls"}, 2]',
        "[terminal, read_file]",
        'other(command="ls")',
        '```python\n[terminal(command="ls")]\n```',
        "The analysis is for the assistant: terminal (a tool).",
        "[see](terminal)",
    ],
)
def test_prose_and_data_that_name_a_tool_are_not_missed_calls(text: str) -> None:
    run = Scenario() >> run_to(parser="auto") >> says(text) << (*replied(), *FINISHED)
    assert run.findings() == []


def test_a_missed_call_that_an_edit_of_the_text_introduces_is_reported() -> None:
    run = Scenario() >> run_to("after_response", parser="auto") >> says("I look.")
    run >> EditText(PYTHONIC)
    run << (ev.TextEdited, *replied(2)[1:], stopped("parse_failure"))


@pytest.mark.parametrize("markup", [WHOLE, CUT_VALUE + "</parameter></function></tool_call>"])
@pytest.mark.parametrize("content", [None, "", "\n"])
@pytest.mark.parametrize("mode", ["strict", "faithful"])
def test_a_call_only_in_the_reasoning_stops_the_run(
    mode: str, content: str | None, markup: str
) -> None:
    message = {"content": content, "reasoning_content": f"I call it.\n</think>\n{markup}"}
    run = Scenario() >> run_to(parser="auto", mode=mode) >> replies(message)
    assert run.session.state.stop.stop_point == "parse_failure"
    (error,) = last_message(run).diagnostics
    assert (error.code, error.severity) == (Code.MARKER_IN_REASONING, Severity.ERROR)
    assert "--reasoning-parser" in error.hint
    run >> Resume() << (ev.Resumed, *FINISHED)


def test_a_call_rehearsed_in_the_reasoning_of_an_answer_does_not_stop_the_run() -> None:
    message = {"content": "There are no files.", "reasoning_content": f"I could.\n{WHOLE}"}
    run = (
        Scenario()
        >> run_to(parser="auto")
        >> replies(message)
        << (
            ev.ResponseReceived,
            ev.ReasoningExtracted,
            ev.ResponseParsed,
            ev.MessageAppended,
            *FINISHED,
        )
    )
    (warning,) = last_message(run).diagnostics
    assert warning.severity is Severity.WARNING


@pytest.mark.parametrize("mode", ["strict", "faithful"])
@pytest.mark.parametrize("api", ["openai", "http"])
def test_calls_that_a_server_left_in_the_text_are_run_with_a_warning(api: str, mode: str) -> None:
    asked = run_to(parser="auto", mode=mode, details={"live": {"api": api}})
    run = Scenario() >> asked >> says(f"I look.\n{WHOLE}") << (*replied(1), *DISPATCHED)
    (warning,) = last_message(run).diagnostics
    assert (warning.code, warning.severity) == (Code.CALL_IN_CONTENT, Severity.WARNING)
    assert "the server left 1 call in the text (terminal); it was read here" in warning.message
    assert "--tool-call-parser hermes (vllm)" in warning.hint
    # Findings made at once must not depend on the rest of the run.
    assert run.findings() == ["CALL_IN_CONTENT"]


@pytest.mark.parametrize("api", ["demo", "local", "managed", ""])
def test_texts_that_are_expected_to_hold_the_calls_give_no_warning(api: str) -> None:
    run = Scenario() >> run_to(parser="auto", details={"live": {"api": api}}) >> says(WHOLE)
    run << (*replied(1), *DISPATCHED)
    assert run.findings() == []


def test_a_damaged_call_left_in_the_text_is_reported_without_blaming_the_server() -> None:
    text = WHOLE.replace('"ls"', '"ls",')
    asked = run_to(parser="auto", details={"live": {"api": "openai"}})
    run = Scenario() >> asked >> says(text)
    assert sorted(run.findings()) == ["CALL_IN_CONTENT", "TRAILING_COMMA"]
    (left,) = last_message(run).diagnostics
    assert (left.code, left.severity) == (Code.CALL_IN_CONTENT, Severity.WARNING)
    assert "TRAILING_COMMA" in left.hint and "--tool-call-parser" not in left.hint


COMMAND = '"arguments": {"command": "ls"}'
MISTRAL = f'I look. [TOOL_CALLS][{{"name": "terminal", {COMMAND}}}]'
TWO_LISTED = f'[TOOL_CALLS] [{{"name": "terminal", {COMMAND}}}, {{"name": "terminal", {COMMAND}}}]'


def sent_back(run: Scenario) -> dict[str, object]:
    """Return the reply with calls in the form in which it is sent back to the model."""
    return [one for one in run.conversation() if one["role"] == "assistant"][-1]


@pytest.mark.parametrize(
    ("parser", "text", "count", "left"),
    [
        ("vllm/mistral", MISTRAL, 1, "I look."),
        ("sglang/mistral", TWO_LISTED, 2, ""),
        ("vllm/pythonic", PYTHONIC, 2, ""),
        ("vllm/hermes", f"First. {WHOLE}\n{WHOLE}", 2, "First."),
        (
            "hermes-agent/llama3_json",
            '{"name": "terminal", "parameters": {"command": "ls"}}',
            1,
            "",
        ),
        ("hermes-tui/auto", LIST, 1, ""),
    ],
)
def test_the_selected_parser_reads_the_calls_and_the_model_sees_them_as_calls(
    parser: str, text: str, count: int, left: str
) -> None:
    run = Scenario() >> task(stop_points=frozenset(), parser=parser) >> says(text)
    run << (*replied(count), *DISPATCHED)
    assert [(one.call.name, one.call.origin) for one in proposed(run)] == [
        ("terminal", Origin.TEXT)
    ] * count
    assert [one.parser for one in run.log if isinstance(one, ev.ResponseParsed)] == [parser]
    for _ in range(count):
        run >> ToolReplied("a.py")
    assert (sent_back(run)["content"] or "") == left
    assert len(sent_back(run)["tool_calls"]) == count


def test_an_undeclared_tool_is_reported_once_whichever_parser_reads_its_call() -> None:
    text = MISTRAL.replace("terminal", "list_files")
    run = Scenario() >> task(stop_points=frozenset(), parser="vllm/mistral") >> says(text)
    assert run.findings().count("NAME_UNKNOWN") == 1


def test_a_call_that_the_selected_parser_does_not_read_is_reported_and_not_run() -> None:
    run = Scenario() >> run_to(parser="vllm/mistral") >> says(WHOLE)
    run << (*replied(1), stopped("parse_failure"))
    codes = {one.code for one in last_message(run).diagnostics}
    assert Code.CALL_IN_CONTENT in codes


def test_native_calls_are_used_whichever_parser_is_selected() -> None:
    run = Scenario() >> task(stop_points=frozenset(), parser="vllm/mistral") >> calls(LS)
    run << (*replied(1), *DISPATCHED)


def test_a_call_in_reasoning_is_not_run_by_the_selected_parser() -> None:
    text = f"<think>Maybe {WHOLE}</think>Nothing to do."
    run = Scenario() >> run_to(parser="vllm/hermes") >> says(text)
    assert not [one for one in run.log if isinstance(one, ev.ToolDispatched)]


def test_an_edited_text_is_read_by_the_selected_parser() -> None:
    run = Scenario() >> run_to(parser="vllm/mistral") >> says(WHOLE) >> EditText(MISTRAL)
    assert run.session.state.reply is not None
    assert [one.call.name for one in run.session.state.reply.running] == ["terminal"]


def test_the_time_to_place_calls_grows_linearly_with_their_number() -> None:
    def reading(count: int) -> Work:
        text = "[" + ", ".join(['terminal(command="ls")'] * count) + "]"
        return lambda: read_by_parser("vllm/pythonic", {"content": text}, ())

    assert_linear(reading, 8_000)
