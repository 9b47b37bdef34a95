from __future__ import annotations

import json
from pathlib import Path

import pytest

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.messages import ToolResult
from hermes_tui.parsers.normalise import TextCalls, normalise_message
from hermes_tui.parsers.tool_errors import judge
from tests.normalise.reading import codes, only_result

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"


def test_a_tool_message_is_a_result():
    raw = {"role": "tool", "tool_call_id": "c1", "name": "f", "content": "4"}
    result = only_result(raw)
    assert (result.call_id, result.name, result.content, result.error) == ("c1", "f", "4", None)
    assert result.raw == raw


def test_ids_and_names_are_found_under_other_keys():
    assert only_result({"id": "c9", "content": ""}).call_id == "c9"
    assert only_result({"id": 5, "tool_call_id": None, "content": ""}).call_id is None
    assert only_result({"call_id": "x", "content": ""}).call_id == "x"
    assert only_result({"tool_name": "g", "content": ""}).name == "g"


def test_content_parts_of_a_result_are_joined():
    content = [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]
    assert only_result({"content": content}).content == "a\n[image image/png, 3 bytes]"


def test_tool_outputs_of_mirascope_are_results_of_a_users_message():
    messages = json.loads((FIXTURES / "mirascope" / "messages.json").read_bytes())
    found = [normalise_message(message) for message in messages]
    calls = [call for one in found for call, _ in one.calls]
    results = [result for one in found for result, _ in one.results]
    assert [result.call_id for result in results] == [call.id for call in calls]
    assert [result.content for result in results][:2] == ["Oslo: 3 degrees", "Rome: 3 degrees"]
    assert [result.error is not None for result in results] == [False, False, True, True, True]


def test_each_tool_response_of_ag2_is_a_result():
    responses = [
        {"tool_call_id": "c1", "role": "tool", "content": "4"},
        {"tool_call_id": "c2", "role": "tool", "content": "Error: float division by zero"},
        "bare",
    ]
    raw = {"role": "tool", "name": "user", "content": "4\n\nError …", "tool_responses": responses}
    found = normalise_message(raw)
    assert (found.message.text, found.message.results) == ("4\n\nError …", 3)
    assert [(one.call_id, one.content) for one, _ in found.results] == [
        ("c1", "4"),
        ("c2", "Error: float division by zero"),
        (None, "bare"),
    ]
    assert found.results[1][0].error is not None


def test_a_decoded_body_is_shown_as_json_and_checked_for_errors():
    result = only_result({"content": {"output": "", "exit_code": 2}})
    assert (result.content, result.exit_code) == ('{"output":"","exit_code":2}', 2)
    assert result.error is not None
    assert result.error.kind == "heuristic"


def test_a_users_tool_result_blocks_are_results():
    raw = {
        "role": "user",
        "content": [
            {
                "type": "tool_result",
                "tool_use_id": "t1",
                "content": [{"type": "text", "text": "x"}],
            },
            {"type": "tool_result", "tool_use_id": "t2", "content": "no", "is_error": True},
        ],
    }
    found = normalise_message(raw)
    assert (found.message.role, found.message.results) == ("user", 2)
    (first, _), (second, findings) = found.results
    assert (first.call_id, first.content, first.error) == ("t1", "x", None)
    assert second.error is not None
    assert second.error.kind == "flag"
    assert [(d.code, d.severity) for d in findings] == [(Code.TOOL_ERROR, Severity.ERROR)]


def test_every_response_block_is_a_result_even_if_it_quotes_the_tag():
    text = (
        '<tool_response>\n{"tool_call_id": "c1", "name": "f", "content": "ends </tool_response>"}'
        '\n</tool_response>\n<tool_response>\n{"tool_call_id": "c2", "name": "unknown", '
        '"content": {"error": "gone"}}\n</tool_response>\n<tool_response>plain</tool_response>'
    )
    found = normalise_message({"from": "tool", "value": text}, text_calls=TextCalls.TRANSPORT)
    results = [result for result, _ in found.results]
    assert [(r.call_id, r.name, r.content) for r in results] == [
        ("c1", "f", "ends </tool_response>"),
        ("c2", None, '{"error":"gone"}'),
        (None, None, "plain"),
    ]
    assert [r.error is not None for r in results] == [False, True, False]
    assert found.message.results == 3


def in_block(body: str) -> ToolResult:
    found = normalise_message({"role": "tool", "content": f"<tool_response>{body}</tool_response>"})
    ((result, _),) = found.results
    return result


def test_a_body_with_only_content_wraps_the_answer():
    failed = in_block('{"content": "Traceback (most recent call last):\\nKeyError: 1"}')
    assert failed.content.startswith("Traceback")
    assert failed.error is not None
    assert failed.error.reason == "KeyError: 1"
    flagged = in_block('{"content": "gone", "is_error": true}')
    assert (flagged.content, flagged.name) == ("gone", None)
    assert flagged.error is not None
    assert flagged.error.kind == "flag"


@pytest.mark.parametrize("body", ['{"content": "a", "path": "b"}', '{"name": null, "content": 1}'])
def test_a_body_with_other_keys_and_no_name_is_the_answer_itself(body):
    assert in_block(body).content == body


def test_response_blocks_of_a_user_are_results_in_a_text_transport_only():
    raw = {"role": "user", "content": "<tool_response>\n4\n</tool_response>"}
    sent = normalise_message(raw, text_calls=TextCalls.TRANSPORT)
    assert (sent.message.role, sent.message.results) == ("user", 1)
    assert sent.results[0][0].content == "4"
    assert normalise_message(raw).results == ()
    prose = {"role": "user", "content": "write <tool_response>x</tool_response>"}
    assert normalise_message(prose, text_calls=TextCalls.TRANSPORT).results == ()


def test_an_unclosed_response_block_is_reported():
    found = normalise_message({"role": "tool", "content": "<tool_response>\nhalf"})
    assert found.results[0][0].content == "half"
    assert codes(found.results[0][1]) == [Code.UNCLOSED]


@pytest.mark.parametrize(
    "raw",
    [
        {"is_error": True},
        {"isError": True},
        {"error": True},
        {"error": {"message": "boom"}},
        {"status": "error"},
        {"success": False},
    ],
)
def test_error_flags_next_to_the_content_give_flagged_errors(raw):
    found = normalise_message({"role": "tool", "content": "x", **raw})
    result, findings = found.results[0]
    assert result.error is not None
    assert result.error.kind == "flag"
    assert findings[0].severity is Severity.ERROR


@pytest.mark.parametrize(
    "content",
    [
        '{"error": "File not found: a"}',
        '{"success": false}',
        '{"isError": true, "content": []}',
        '{"status": "failed"}',
        '{"metadata": {"exit_code": 3}, "output": ""}',
        '{"output": "", "exit_code": 1}',
        "Error: no such file",
        "error: pathspec",
        "fatal: not a git repository",
        "Failed to open",
        "<tool_use_error>x</tool_use_error>",
        "Tool execution failed: x",
        "Unknown tool: y",
        "Unknown function 'y'. Available tools: ['x']",
        "Invalid JSON in arguments for 'x': Expecting value: line 1 column 1 (char 0)",
        "ValueError: bad",
        "Ran into [Errno 2] No such file",
        "out\nTraceback (most recent call last):\n  File\nKeyError: 'a'",
        '{"result": "Traceback (most recent call last):"}',
        "bash: foo: command not found\nexit code 127",
        "<returncode>1</returncode>\n<output></output>",
        "{'error': 'no such city: Atlantis'}",
        "{'success': False, 'message': \"it's gone\"}",
        "{'returncode': 2, 'stdout': ''}\n",
    ],
)
def test_texts_that_look_like_errors_give_heuristic_errors(content):
    found = normalise_message({"role": "tool", "content": content})
    result, findings = found.results[0]
    assert result.error is not None
    assert result.error.kind == "heuristic"
    assert [(d.code, d.severity) for d in findings] == [(Code.TOOL_ERROR, Severity.WARNING)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("Error:\n\n  no such column: age\nLINE 1", "Error: no such column: age"),
        ('{"success": false, "error": "Error:\\nno row"}', "error: Error: no row"),
        ("Error:", "Error:"),
        ("Error: no\nmore", "Error: no"),
    ],
)
def test_the_reason_of_an_error_includes_the_first_line_of_its_message(
    content: str, reason: str
) -> None:
    error = judge(content).error
    assert error is not None
    assert error.reason == reason


@pytest.mark.parametrize(
    "content",
    [
        "",
        "4",
        '{"error": "", "response": "ok"}',
        '{"error": null, "exit_code": 0, "output": "Traceback (most recent call last):"}',
        '{"error": 0.02}',
        '{"success": true}',
        "<returncode>0</returncode>",
        "Process exited with code 0",
        "No errors found",
        "Error-free run",
        "ErrorBoundary.tsx",
        "[1, 2]",
        "{'error': None, 'rain': True}",
        "{'error': 'cut",
        "{'error': 'x'} is what it said",
        "{'error': os.system('true')}",
    ],
)
def test_texts_that_only_mention_errors_are_not_errors(content):
    assert only_result({"content": content}).error is None


def test_the_exit_code_is_kept():
    assert only_result({"content": '{"output": "", "exit_code": 0}'}).exit_code == 0
    assert only_result({"content": "<returncode>-9</returncode>"}).exit_code == -9
    assert only_result({"content": "x", "extra": {"returncode": 2}}).exit_code == 2


def test_a_traceback_is_named_by_its_exception():
    mark = judge("Traceback (most recent call last):\n  File x\nKeyError: 'a'").error
    assert mark is not None
    assert mark.reason == "KeyError: 'a'"


def test_a_flagged_answer_has_its_exit_code_too() -> None:
    text = "out\n\nCommand exited with code 3"
    found = judge(text, {"is_error": True, "content": text})
    assert found.exit_code == 3
    assert found.error is not None
    assert found.error.reason == "is_error: out (exit code 3)"
    leading = judge("Exit code 3\nout", {"is_error": True})
    assert leading.error is not None
    assert leading.error.reason == "is_error: Exit code 3"
