"""Logs of vLLM and SGLang servers, as the servers' own code wrote them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_tui.formats.framing import Layout, Unit
from hermes_tui.formats.reader import Reader, split_runs
from hermes_tui.formats.readers.engine_log.reader import FORMAT
from hermes_tui.log.summary import fold_run
from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.events import Event, MessageAppended, ResponseReceived, SourceDefect
from hermes_tui.model.messages import Origin
from tests.formats.foreign import calls, dialog, format_of, only, read_bytes, started
from tests.fuzz.reader_laws import read_lawfully, work

FOLDER = Path(__file__).parents[1] / "fixtures" / "engine_log"
WITH_BODIES = ("vllm-0.33.log", "sglang-0.5.23.log", "sglang-0.5.23-json.log")
GOOD = '<tool_call>\n{"name": "ls", "arguments": {"path": "."}}\n</tool_call>'
BROKEN = GOOD.replace('."}}', '."},}')
PREFIX = "(APIServer pid=1) INFO 11-23 04:00:00 [logger.py:40] "
USER = {"role": "user", "content": "List it."}


def fixture(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


def runs_in(data: bytes) -> list[list[Event]]:
    assert format_of(data) == "engine-log"
    return [list(run) for run in split_runs(tuple(read_bytes(FORMAT, data)))[1]]


def read(*lines: str, prefix: str = PREFIX) -> list[list[Event]]:
    return runs_in("".join(f"{prefix}{line}\n" for line in lines).encode())


def body(request_id: str, *sent: object) -> str:
    value = {"model": "m", "messages": sent, "tools": []}
    return f"Request {request_id} JSON body: {json.dumps(value)}"


def generated(request_id: str, text: str, reason: str = "stop", stream: str = "") -> str:
    mode = f" (streaming {stream})" if stream else ""
    return f"Generated response {request_id}{mode}: output: {text!r}, finish_reason: {reason}"


def finished(request_id: str, text: str, prompt: str = "", **meta: object) -> str:
    out = {"text": text, "meta_info": {"id": request_id, **meta}}
    return f"Finish: obj=GenerateReqInput(rid={request_id!r}, text={prompt!r}), out={out!r}"


def errors(run: Iterable[Event]) -> list[Code]:
    return [f.code for f in fold_run(run)[1] if f.severity is Severity.ERROR]


@pytest.mark.parametrize("name", WITH_BODIES)
def test_the_requests_of_a_conversation_are_one_run(name: str) -> None:
    found = runs_in(fixture(name))
    assert len(found) == 2
    for run in found:
        assert [role for role, _ in dialog(run)] == [
            *("user", "assistant", "tool", "assistant", "user", "assistant"),
        ]
        assert fold_run(run)[0].model == "NousResearch/Hermes-4-14B"


@pytest.mark.parametrize("name", WITH_BODIES)
def test_a_call_that_the_server_did_not_read_is_an_error_with_its_cause(name: str) -> None:
    for run in runs_in(fixture(name)):
        assert errors(run) == [Code.TRAILING_COMMA, Code.CALL_IN_CONTENT]


@pytest.mark.parametrize("name", [*WITH_BODIES, "vllm-0.33-debug.log"])
def test_what_the_servers_parser_logged_is_shown_at_its_reply(name: str) -> None:
    for run in runs_in(fixture(name)):
        warned = [f for f in fold_run(run)[1] if f.code is Code.PARSER_RAISED]
        assert [f.turn for f in warned] == [2]
        assert "Expecting property name" in warned[0].message


@pytest.mark.parametrize("name", [*WITH_BODIES, "vllm-0.33-debug.log"])
def test_the_parser_of_the_server_is_the_runs(name: str) -> None:
    assert {started(run).parser for run in runs_in(fixture(name))} == {
        f"{name.partition('-')[0]}/hermes"
    }


def test_a_rendered_prompt_is_split_into_messages_and_tools() -> None:
    first, _ = runs_in(fixture("vllm-0.33-debug.log"))
    assert started(first).tools[0].name == "ls"
    assert [role for role, _ in dialog(first)][:3] == ["system", "user", "assistant"]
    assert [call.name for call in calls(first)] == ["ls", "ls"]


def test_reply_and_request_lead_to_their_lines() -> None:
    data = fixture("vllm-0.33.log")
    run = runs_in(data)[0]
    for event in only(run, MessageAppended)[:2]:
        line = data[event.at.range.start : event.at.range.end]
        wanted = b"JSON body" if event.message.role == "user" else b"Generated response"
        assert wanted in line and line.count(b"\n") == 1


def test_the_raw_text_of_a_reply_is_kept() -> None:
    (run,) = read(generated("chatcmpl-a", f"Well.\n{GOOD}", "streaming_complete", "complete"))
    assert only(run, ResponseReceived)[0].raw == f"Well.\n{GOOD}"
    assert calls(run)[0].origin is Origin.TEXT
    assert not errors(run)


def test_lines_of_older_versions_have_the_prompt_in_the_request() -> None:
    prompt = '<|im_start|>user\nIt\'s "it"\\n.<|im_end|>\n<|im_start|>assistant\n'
    received = (
        f"Received request chatcmpl-1: prompt: {prompt!r}, params: SamplingParams(n=1, "
        "stop=['prompt: ']), prompt_token_ids: None, lora_request: None."
    )
    output = "Generated response chatcmpl-1: output: 'Yes', output_token_ids: [1, 2], "
    (run,) = read(
        received, f"{output}finish_reason: length", prefix="INFO 07-10 12:00:00 [l.py:4] "
    )
    assert dialog(run) == [("user", 'It\'s "it"\\n.'), ("assistant", "Yes")]
    assert fold_run(run)[0].status == "truncated"


def test_a_call_that_the_client_never_got_is_an_error() -> None:
    (run,) = read(
        body("a", USER),
        "Received request chatcmpl-a: params: SamplingParams(), lora_request: None.",
        generated("chatcmpl-a", f"Let me see.\n{GOOD}", "streaming_complete", "complete"),
        body("b", USER, {"role": "assistant", "content": "Let me see."}, USER),
        "Received request chatcmpl-b: params: SamplingParams(), lora_request: None.",
        generated("chatcmpl-b", "Done."),
    )
    assert Code.SILENT_DROP in errors(run)


def test_a_complaint_alone_makes_the_calls_of_a_last_reply_lost() -> None:
    place = "ERROR 11-23 04:00:00 [hermes_tool_parser.py:117]"
    (run,) = read(
        f"{PREFIX}{body('a', USER)}",
        f"{place} Error in extracting tool call from response.",
        f"{place} Traceback (most recent call last):",
        f'{place}   File "x.py", line 1, in f',
        f"{place} ValueError: {'bad ' * 20}at the end",
        f"{PREFIX}{generated('chatcmpl-a', BROKEN, 'streaming_complete', 'complete')}",
        prefix="",
    )
    assert Code.CALL_IN_CONTENT in errors(run)
    (warned,) = [f for f in fold_run(run)[1] if f.code is Code.PARSER_RAISED]
    assert "Error in extracting tool call from response. · ValueError: bad bad" in warned.message
    assert warned.message.endswith("at the end")


def test_a_complaint_after_the_last_reply_belongs_to_the_last_request() -> None:
    complaint = "ERROR 11-23 04:00:00 [hermes_tool_parser.py:117] Error in extracting tool call."
    (run,) = read(f"{PREFIX}{body('a', USER)}", complaint, prefix="")
    assert Code.PARSER_RAISED in fold_run(run)[0].codes


def test_calls_of_a_reply_without_text_are_read_from_its_line() -> None:
    text = '[tool_calls: ls({"path": ")]"}), cat({"path": "a, b("})]'
    (run,) = read(generated("chatcmpl-a", text, "tool_calls"))
    assert [(c.name, c.arguments) for c in calls(run)] == [
        ("ls", {"path": ")]"}),
        ("cat", {"path": "a, b("}),
    ]


def test_calls_that_were_not_logged_come_from_the_next_request() -> None:
    sent = {"id": "c", "type": "function", "function": {"name": "ls", "arguments": "{}"}}
    echo = {"role": "assistant", "content": "I look.", "tool_calls": [sent]}
    first = (body("a", USER), generated("chatcmpl-a", "I look.\n", "tool_calls"))
    (alone,) = read(*first)
    assert not errors(alone) and not calls(alone)
    answer = {"role": "tool", "tool_call_id": "c", "content": "x"}
    (run,) = read(*first, body("b", USER, echo, answer), generated("chatcmpl-b", "One file."))
    assert [call.name for call in calls(run)] == ["ls"]
    assert not fold_run(run)[1]


def test_the_finish_reason_of_a_reply_whose_calls_were_not_logged_is_shown() -> None:
    (run,) = read(body("a", USER), generated("chatcmpl-a", "I look.\n", "tool_calls"))
    assert only(run, ResponseReceived)[0].finish_reason == "tool_calls"
    assert not errors(run)


def test_the_choices_of_a_request_are_a_run_each() -> None:
    found = read(body("a", USER), generated("chatcmpl-a", "x"), generated("chatcmpl-a", "y"))
    assert [dialog(run)[-1] for run in found] == [("assistant", "x"), ("assistant", "y")]


def test_deltas_count_only_if_the_whole_reply_is_missing() -> None:
    deltas = [generated("chatcmpl-a", text, "None", "delta") for text in ("Hel", "lo")]
    whole = generated("chatcmpl-a", "Hello", "stop", "complete")
    (run,) = read(body("a", USER), *deltas, whole)
    assert dialog(run)[1:] == [("assistant", "Hello")]
    assert not fold_run(run)[1]
    (run,) = read(body("a", USER), *deltas)
    assert dialog(run)[1:] == [("assistant", "Hello")]
    assert any("only deltas of this reply" in f.message for f in fold_run(run)[1])


def test_deltas_of_a_request_that_was_not_logged_are_shown() -> None:
    (run,) = read(generated("chatcmpl-a", "Hel", "None", "delta"))
    assert dialog(run) == [("assistant", "Hel")]


def test_concurrent_requests_find_their_bodies_by_the_prompt() -> None:
    bodies = [{"messages": [{"role": "user", "content": f"Task {n}."}]} for n in (1, 2)]
    lines = [f"Receive OpenAI: obj={one!r}" for one in bodies]
    replies = [
        finished(f"r{n}", f"Did {n}.", f"<|im_start|>user\nTask {n}.<|im_end|>\n") for n in (2, 1)
    ]
    found = read(*lines, *replies, prefix="[2026-11-23 04:00:00] ")
    assert sorted(dialog(run) for run in found) == [
        [("user", f"Task {n}."), ("assistant", f"Did {n}.")] for n in (1, 2)
    ]


def test_usage_and_time_of_a_request_are_kept() -> None:
    line = finished("r", "x", prompt_tokens=9, completion_tokens=5, e2e_latency=1.5)
    (run,) = read(line, prefix="[2026-11-23 04:00:00] ")
    (received,) = only(run, ResponseReceived)
    assert received.usage is not None and received.usage.completion_tokens == 5
    assert received.duration_s == 1.5 and received.ts is not None


def test_a_text_whose_middle_was_left_out_is_reported() -> None:
    text = "a" * 2_000 + "b" * 2_000
    shortened = f"{text[:1024]!r} ... {text[-1024:]!r}"
    out = f"{{'text': {shortened}, 'meta_info': {{'id': 'r'}}}}"
    (run,) = read(f"Finish: obj=GenerateReqInput(rid='r', text=None), out={out}", prefix="[x] ")
    assert any("the middle of this reply" in f.message for f in fold_run(run)[1])
    assert dialog(run)[-1][1].startswith("a" * 1024 + " ... b")


@pytest.mark.parametrize("key", ["message", "log"])
def test_lines_that_a_collector_wrapped_in_json_are_read(key: str) -> None:
    line = f"\x1b[32m{PREFIX}\x1b[0m{generated('chatcmpl-a', 'hi')}\n"
    data = json.dumps({key: line, "stream": "stderr"}).encode() + b"\n"
    assert format_of(data) == "engine-log"
    assert dialog(read_bytes(FORMAT, data)) == [("assistant", "hi")]


def test_a_log_without_requests_says_how_to_log_them() -> None:
    data = f"{PREFIX}vLLM API server version 0.33.0\n".encode()
    assert format_of(data) == "engine-log"
    assert "--enable-log-outputs" in only(read_bytes(FORMAT, data), SourceDefect)[0].message


@pytest.mark.parametrize(
    "line", ['Request a JSON body: {"mess', "Generated response a: output: 'x", "Finish: obj=G(a="]
)
def test_a_line_that_is_cut_is_reported_with_its_place(line: str) -> None:
    found = [e for run in read(generated("b", "y"), line) for e in run]
    (defect,) = only(found, SourceDefect)
    assert defect.message.startswith("byte ") and defect.excerpt.endswith(line)


def test_a_conversation_about_such_a_log_is_not_one() -> None:
    message = {"role": "user", "content": f"{PREFIX}{generated('chatcmpl-a', 'hi')}"}
    assert format_of(json.dumps({"messages": [message]}).encode()) == "openai-messages"


@given(st.lists(st.sampled_from(["{", "'", '"', "\\", "obj=", "a(", ", ", "1", "\n", " ... "])))
def test_no_line_breaks_the_reader(pieces: list[str]) -> None:
    for start in ("Finish: obj=", "Request a JSON body: ", "Generated response a: output: "):
        data = f"{PREFIX}{start}{''.join(pieces)}\n".encode()
        assert read_bytes(FORMAT, data)


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.log")))
@given(order=st.randoms(use_true_random=True), share=st.sampled_from([1.0, 0.9, 0.5]))
def test_logs_in_any_order_and_with_gaps_are_read(name: str, order: Random, share: float) -> None:
    lines = fixture(name).splitlines(keepends=True)
    order.shuffle(lines)
    kept = [line[: order.randrange(len(line) + 1)] + b"\n" for line in lines[: len(lines) // 8]]
    kept += [line for line in lines if order.random() < share]
    read_lawfully(Reader(FORMAT, Layout.WHOLE_LINES, Unit.RUNS), b"".join(kept))


@pytest.mark.parametrize("is_same", [True, False], ids=["same-prompt", "other-prompts"])
def test_the_work_is_linear_in_the_requests(is_same: bool) -> None:
    def calls_made(count: int) -> int:
        lines = []
        for n in range(count):
            first = USER if is_same else {"role": "user", "content": f"Task {n}."}
            echo = {"role": "assistant", "content": f"Reply {n}"}
            lines += [body(f"a{n}", first), generated(f"chatcmpl-a{n}", f"Reply {n}")]
            lines += [body(f"b{n}", first, echo, USER), generated(f"chatcmpl-b{n}", "x")]
        data = "".join(f"{PREFIX}{line}\n" for line in lines).encode()
        return work(Reader(FORMAT, Layout.WHOLE_LINES, Unit.RUNS), data)

    assert calls_made(400) < 5 * calls_made(100)
