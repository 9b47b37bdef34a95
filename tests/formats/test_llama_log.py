"""Logs of llama.cpp's server, as builds 9538 and 11434 wrote them."""

from __future__ import annotations

import json
import re

import pytest

from hermes_tui.formats.framing import Layout, Unit
from hermes_tui.formats.reader import Reader
from hermes_tui.formats.readers.engine_log.reader import FORMAT
from hermes_tui.log.summary import fold_run
from hermes_tui.model.diagnostics import Code, Diagnostic
from hermes_tui.model.events import (
    Event,
    MessageAppended,
    RequestFailed,
    ResponseReceived,
    SourceDefect,
)
from hermes_tui.model.messages import Origin
from tests.formats.foreign import calls, dialog, format_of, only, read_bytes, started
from tests.formats.test_engine_log import errors, fixture, runs_in
from tests.fuzz.reader_laws import work

NEW, OLD, PLAIN = "llama-11434-debug.log", "llama-9538-debug.log", "llama-11434.log"
JSON_LINES = "llama-11434-json.log"
CALL = '<tool_call>\n{"name": "ls", "arguments": {"path": "."}}\n</tool_call>'
BROKEN = CALL.replace('."}}', '."},}')
REFUSED = "The model produced output that does not match the expected peg-native format"
USER = {"role": "user", "content": "List it."}
HEAD = re.compile(rb"^\d+\.\d\d\.\d{3}\.\d{3} [DIWE] ", re.MULTILINE)


def read(*entries: str) -> list[list[Event]]:
    lines = (f"0.00.{n:03}.000 D {entry}\n" for n, entry in enumerate(entries))
    return runs_in("".join(lines).encode("utf-8", "surrogateescape"))


def token(piece: str, task: int = 0) -> str:
    return f"slot process_toke: id  0 | task {task} | n_gen = 1, next token:    44 '{piece}'"


def parsed(content: str, *sent: tuple[str, str]) -> str:
    functions = [{"name": name, "arguments": arguments} for name, arguments in sent]
    made = [{"type": "function", "function": function} for function in functions]
    return f"Parsed message: {json.dumps({'content': content, 'tool_calls': made})}"


def asked(*messages: object, **more: object) -> str:
    return f"srv  log_server_r: request:  {json.dumps({'messages': messages, **more})}"


def answered(response: object = None) -> str:
    return f"srv  log_server_r: response: {json.dumps(response) if response else ''}"


def failed(message: str, code: int = 500) -> str:
    error = {"error": {"code": code, "message": message}}
    return f"srv operator(): got exception: {json.dumps(error)}"


def facts(run: list[Event]) -> tuple[object, ...]:
    return dialog(run), [(call.name, call.arguments) for call in calls(run)], errors(run)


def found(run: list[Event], code: Code) -> list[Diagnostic]:
    return [finding for finding in fold_run(run)[1] if finding.code is code]


def test_a_reply_is_the_text_that_the_model_wrote_token_by_token() -> None:
    run = runs_in(fixture(NEW))[0]
    text = '<tool_call>\n{"name": "ls", "arguments": {"path": "src"}}\n</tool_call>'
    assert dialog(run) == [("assistant", text)]
    assert only(run, ResponseReceived)[0].raw == text
    assert [(c.name, c.origin) for c in calls(run)] == [("ls", Origin.TEXT)]
    (received,) = only(run, ResponseReceived)
    assert received.usage is not None
    assert (received.usage.prompt_tokens, received.usage.completion_tokens) == (382, 30)
    assert not errors(run)


@pytest.mark.parametrize("name", [NEW, OLD])
def test_every_request_of_the_log_is_in_a_run(name: str) -> None:
    found_runs = runs_in(fixture(name))
    refused = [run for run in found_runs if Code.PARSER_RAISED in errors(run)]
    failures = [one for run in found_runs for one in only(run, RequestFailed)]
    assert len(refused) == (2 if name == NEW else 1)
    assert [one.status for one in failures] == [500]
    assert "Failed to parse tool call arguments" in failures[0].message
    assert sum(Code.TRUNCATED in errors(run) for run in found_runs) >= 2
    assert {started(run).parser for run in found_runs} == {"llama.cpp/peg-native"}


def test_the_requests_that_older_builds_log_are_the_conversation() -> None:
    run = runs_in(fixture(OLD))[0]
    roles = [role for role, _ in dialog(run)]
    assert roles == ["user", "assistant", "tool", "assistant"]
    assert [tool.name for tool in started(run).tools] == ["ls"]


@pytest.mark.parametrize("name", [NEW, OLD, PLAIN])
def test_a_reply_that_the_parser_refused_is_shown_at_every_verbosity(name: str) -> None:
    run = next(run for run in runs_in(fixture(name)) if Code.PARSER_RAISED in errors(run))
    assert Code.CALL_IN_CONTENT in errors(run)
    role, text = dialog(run)[-1]
    assert role == "assistant" and text.startswith('<tool_call>\n{"arguments": {"path": "src"},')
    assert text.endswith("</tool_call>")


@pytest.mark.parametrize("name", [NEW, OLD])
def test_a_call_that_was_left_in_the_content_is_an_error(name: str) -> None:
    assert any(
        Code.CALL_IN_CONTENT in errors(run) and Code.PARSER_RAISED not in errors(run)
        for run in runs_in(fixture(name))
    )


def test_a_cut_call_is_shown_as_the_server_delivered_it() -> None:
    cut = [run for run in runs_in(fixture(NEW)) if Code.ARGS_INVALID in errors(run)]
    assert [call.arguments_text for run in cut for call in calls(run)] == ['{"path": "']
    assert fold_run(cut[0])[0].status == "truncated"
    assert not found(cut[0], Code.ID_MISSING) and not found(cut[0], Code.HIDDEN_BY_SERVER)


def test_a_request_in_another_api_is_known_from_its_conversion() -> None:
    run = runs_in(fixture(NEW))[-1]
    assert dialog(run)[0] == ("user", "List the files in test.")
    assert [tool.name for tool in started(run).tools] == ["ls"]


def test_lines_lead_to_their_places() -> None:
    data = fixture(OLD)
    for event in only(runs_in(data)[0], MessageAppended)[:2]:
        line = data[event.at.range.start : event.at.range.end]
        wanted = b"new prompt" if event.message.role == "user" else b"Parsed message"
        assert wanted in line


@pytest.mark.parametrize("prefix", [b"", b"llama-1  | "], ids=["untimed", "compose"])
def test_a_log_without_times_or_with_a_prefix_reads_the_same(prefix: bytes) -> None:
    data = fixture(NEW)
    plain = HEAD.sub(b"", data)
    other = b"".join(prefix + line for line in (data if prefix else plain).splitlines(True))
    assert [facts(run) for run in runs_in(other)] == [facts(run) for run in runs_in(data)]


def test_a_log_in_json_lines_reads_the_same() -> None:
    found_runs = [facts(run) for run in runs_in(fixture(JSON_LINES))]
    assert found_runs == [facts(run) for run in runs_in(fixture(NEW))][: len(found_runs)]
    assert len(found_runs) == 3


def test_a_character_may_be_several_tokens() -> None:
    pieces = [byte.decode("utf-8", "surrogateescape") for byte in (b"\xe6\x97", b"\xa5", b"!\n")]
    (run,) = read(*map(token, pieces), token("it's '"), parsed("日!\nit's '"))
    assert dialog(run) == [("assistant", "日!\nit's '")]


def ended(task: int) -> str:
    return f"slot print_timing: id  0 | task {task} |        eval time = 9.00 ms /     3 tokens"


def prompted(task: int) -> str:
    return f"slot update_slots: id  0 | task {task} | new prompt, n_ctx_slot = 9, n_tokens = 5"


def test_replies_written_at_the_same_time_are_told_apart() -> None:
    texts = [CALL.replace('"."', f'"{n}"') for n in range(3)]
    begun = [token(text[:20], n) for n, text in enumerate(texts)]
    rest = [token(text[20:], n) for n, text in enumerate(texts)]
    sent = [parsed("", ("ls", f'{{"path":"{n}"}}')) for n in range(3)]
    late = (rest[2], rest[0], ended(2), ended(0), sent[0], sent[2])
    found_runs = read(*begun, rest[1], ended(1), sent[1], *late)
    assert [dialog(run)[-1][1] for run in found_runs] == texts
    assert not any(found(run, Code.HIDDEN_BY_SERVER) for run in found_runs)


def test_a_whole_and_a_streamed_reply_at_the_same_time_keep_their_requests() -> None:
    streamed, whole = ({"role": "user", "content": text} for text in ("streamed", "whole"))
    found_runs = read(
        prompted(1),
        prompted(2),
        asked(streamed, stream=True),
        answered(),
        *(token(f"Reply {task}.", task) for task in (1, 2)),
        *(entry for task in (1, 2) for entry in (ended(task), parsed(f"Reply {task}."))),
        asked(whole),
        answered({"choices": [{"message": {"content": "Reply 2."}}]}),
    )
    assert sorted(dialog(run) for run in found_runs) == [
        [("user", "streamed"), ("assistant", "Reply 1.")],
        [("user", "whole"), ("assistant", "Reply 2.")],
    ]


def test_a_call_that_the_parser_dropped_is_an_error() -> None:
    (run,) = read(token(f"Well.\n{CALL}"), parsed("Well."))
    (lost,) = found(run, Code.SILENT_DROP)
    assert "the server's parser delivered none of them" in lost.message


def test_reasoning_that_began_in_the_prompt_is_shown_as_the_parser_split_it() -> None:
    message = {"content": "Done.", "reasoning_content": "Let me think."}
    (run,) = read(
        token("Let me think.\n</think>\n\nDone."), f"Parsed message: {json.dumps(message)}"
    )
    (shown,) = only(run, MessageAppended)
    assert shown.message.text == "Done."
    assert [piece.text for piece in shown.message.reasoning] == ["Let me think."]
    assert only(run, ResponseReceived)[0].raw.startswith("Let me think.\n</think>")


def test_arguments_that_the_parser_changed_are_shown_as_delivered() -> None:
    (run,) = read(token(CALL), parsed("", ("ls", "{}")))
    assert [call.arguments for call in calls(run)] == [{}]
    assert len(found(run, Code.HIDDEN_BY_SERVER)) == 1
    assert only(run, ResponseReceived)[0].raw == CALL


def test_a_single_copied_entry_is_a_log() -> None:
    (run,) = runs_in(f"common_chat_peg_parse: unparsed peg-native output: {BROKEN}\n".encode())
    assert dialog(run) == [("assistant", BROKEN)] and Code.TRAILING_COMMA in errors(run)


def test_the_next_attempt_after_a_refused_reply_continues_the_run() -> None:
    refusal = {"error": {"code": 500, "message": REFUSED}}
    (run,) = read(
        token(BROKEN),
        f"common_chat_peg_parse: unparsed peg-native output: {BROKEN}",
        failed(REFUSED),
        asked(USER),
        answered(refusal),
        token("Done.", 7),
        parsed("Done."),
        asked(USER),
        answered({"choices": [{"message": {"role": "assistant", "content": "Done."}}]}),
    )
    assert dialog(run) == [("user", "List it."), ("assistant", BROKEN), ("assistant", "Done.")]
    assert errors(run) == [Code.PARSER_RAISED, Code.TRAILING_COMMA, Code.CALL_IN_CONTENT]


def test_the_request_of_a_streamed_reply_is_logged_before_it() -> None:
    (run,) = read(asked(USER, stream=True), answered(), token("Hi."), parsed("Hi."))
    assert dialog(run) == [("user", "List it."), ("assistant", "Hi.")]


def test_an_error_without_a_reply_is_a_failed_request_with_its_messages() -> None:
    refusal = {"error": {"code": 400, "message": "no"}}
    (run,) = read(failed("no", 400), asked(USER), answered(refusal))
    assert dialog(run) == [("user", "List it.")]
    assert [one.status for one in only(run, RequestFailed)] == [400]


def test_requests_without_messages_and_the_unanswered_are_told_apart() -> None:
    other = 'srv  log_server_r: request:  {"content": "x"}'
    (run,) = read(other, answered({"tokens": [1]}), asked(USER))
    assert dialog(run) == [("user", "List it.")]


def test_an_entry_whose_json_is_cut_off_is_reported() -> None:
    found_events = [e for run in read(token("Hi."), 'Parsed message: {"content": "H') for e in run]
    assert "its JSON is cut off" in only(found_events, SourceDefect)[0].message


def test_a_log_without_replies_says_how_to_log_them() -> None:
    data = b"0.00.001.000 I srv  llama_server: listening on http://127.0.0.1:8080\n"
    assert format_of(data) == "engine-log"
    assert "-lv 5" in only(read_bytes(FORMAT, data), SourceDefect)[0].message


@pytest.mark.parametrize("kind", ["open", "parsed", "answered"])
def test_the_work_is_linear_in_the_replies(kind: str) -> None:
    def calls_made(count: int) -> int:
        lines: list[str] = []
        for n in range(count):
            lines += [token(f"Reply {n}", n), *([] if kind == "open" else [parsed(f"Reply {n}")])]
            if kind == "answered":
                sent = {"role": "assistant", "content": f"Reply {n}"}
                lines += [asked(USER), answered({"choices": [{"message": sent}]})]
        lines.append(parsed("none of them"))
        data = "".join(f"0.00.000.000 D {line}\n" for line in lines).encode()
        return work(Reader(FORMAT, Layout.WHOLE_LINES, Unit.RUNS), data)

    assert calls_made(400) < 5 * calls_made(100)
