"""`hermes-tui open` on a real terminal: what is drawn, and what must never reach it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmarks.terminal import Program

OPEN = [sys.executable, "-m", "hermes_tui", "open"]
HOSTILE = {
    "OSC 52 writes the clipboard": "\x1b]52;c;SEVSTUVT\x07",
    "OSC 0 sets the title": "\x1b]0;PWNED\x07",
    "DSR makes the terminal type": "\x1b[6n",
    "colour": "\x1b[5;97;41m",
    "C1 CSI": "\x9b31m",
    "NUL": "a\x00b",
    "DEL": "a\x7fb",
    "right-to-left override": "\u202egnp.exe",
    "lone surrogate": "\ud800",
}
NEVER = [
    b"\x1b]52;c;SEVSTUVT", b"\x1b]0;PWNED", b"\x1b[6n", b"\x1b[5;97;41m", b"\xc2\x9b", b"\x00",
    b"\x7f", b"\xe2\x80\xae", b"\xed\xa0\x80",
]  # fmt: skip
MARKUP = "[@click=app.bell()]x[/] [/] [bold]"


@pytest.fixture
def started() -> Iterator[list[Program]]:
    programs: list[Program] = []
    yield programs
    for program in programs:
        program.end()


def hostile_run(path: Path) -> Path:
    import json

    text = "\n".join([*HOSTILE.values(), MARKUP, "FIRST-TEXT"])
    name = "\x1b]0;PWNED\x07tool[/]"
    arguments = json.dumps({"command": text})
    call = {"id": text, "type": "function", "function": {"name": name, "arguments": arguments}}
    messages = [
        {"role": "user\x1b[6n", "content": text},
        {"role": "assistant", "content": text, "reasoning_content": text, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": text, "content": f"Error: {text}"},
    ]
    run = {"id": text, "task": f"{text}", "model": text, "messages": messages, "tools": [call]}
    path.write_text(json.dumps(run), "ascii")
    return path


def test_no_control_character_of_a_file_reaches_the_terminal(
    tmp_path: Path, started: list[Program]
) -> None:
    program = Program.start([*OPEN, str(hostile_run(tmp_path / "hostile.json"))])
    started.append(program)
    program.wait_for(b"Timeline")
    program.settle()
    for keys in (b"j", b"j", b"3", b"z", b"z", b"4", b"5", b"6", b"z", b"v", b"v", b"r", b"?", b"q",
                 b"\x10", b"\x1b", b"/FIRST\r", b"T", b"T"):  # fmt: skip
        program.press(keys)
        program.settle(0.1)
    assert b"FIRST-TEXT" in program.output
    assert b"[@click=app.bell()]x[/]" in program.output
    assert [payload for payload in NEVER if payload in program.output] == []


def test_a_run_from_standard_input_is_drawn_and_keys_work(
    tmp_path: Path, started: list[Program]
) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text('{"role":"user","content":"FIRST"}\n{"role":"assistant","content":"SECOND"}\n')
    command = f"cat {path} | {' '.join(OPEN)} -"
    program = Program.start(["sh", "-c", command])
    started.append(program)
    program.wait_for(b"SECOND")
    program.settle()
    program.press(b"?")
    program.wait_for(b"to the next tool call")


@pytest.mark.parametrize(
    "text",
    [
        '{"role":"user","content":"x"}\n{"role":"assistant","content":"SHOWN"}\n',
        (
            '{"id":"a","messages":[{"role":"user","content":"x"}]}\n'
            '{"id":"SHOWN","messages":[{"role":"user","content":"x"}]}\n'
        ),
    ],
    ids=["a message a line", "a run a line"],
)
def test_rows_are_drawn_before_the_writer_closes_the_pipe(
    tmp_path: Path, started: list[Program], text: str
) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(text)
    program = Program.start(["sh", "-c", f"(cat {path}; sleep 90) | {' '.join(OPEN)} -"])
    started.append(program)
    program.wait_for(b"SHOWN")


def test_quitting_restores_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text('{"role":"user","content":"FIRST"}\n')
    program = Program.start([*OPEN, str(path)])
    program.wait_for(b"FIRST")
    program.settle()
    program.press(b"q")
    while program.read(5.0):
        pass
    _, status = os.waitpid(program.pid, 0)
    os.close(program.fd)
    assert os.waitstatus_to_exitcode(status) == 0
    assert b"\x1b[?1049l" in program.output


def test_ctrl_c_in_the_pager_is_for_the_pager(tmp_path: Path, started: list[Program]) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text('{"role":"user","content":"FIRST"}\n')
    pager = tmp_path / "pager.py"
    pager.write_text(
        "import signal, time\n"
        "signal.signal(signal.SIGINT, lambda *_: print('INTERRUPTED', flush=True))\n"
        "print('THE-PAGER-RUNS', flush=True)\n"
        "open('/dev/tty').readline()\n"
        "time.sleep(0.3)  # as long as a pager that waits\n"
    )
    program = Program.start([*OPEN, str(path)], {"PAGER": f"{sys.executable} {pager}"})
    started.append(program)
    program.wait_for(b"FIRST")
    program.settle()
    program.press(b"|")
    program.wait_for(b"THE-PAGER-RUNS")
    program.press(b"\x03")
    program.wait_for(b"INTERRUPTED")
    program.press(b"\r")
    program.settle()
    program.press(b"?")
    program.wait_for(b"to the next tool call")


def test_it_ends_with_its_terminal_even_if_sighup_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text('{"role":"user","content":"FIRST"}\n')
    program = Program.start(["sh", "-c", f"trap '' HUP; exec {' '.join(OPEN)} {path}"])
    program.wait_for(b"FIRST")
    os.close(program.fd)
    _, status = os.waitpid(program.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGHUP


def test_no_color_disables_colours(tmp_path: Path, started: list[Program]) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text('{"role":"user","content":"FIRST"}\n')
    program = Program.start([*OPEN, str(path)], {"NO_COLOR": "1"})
    started.append(program)
    program.wait_for(b"FIRST")
    program.settle()
    assert b"38;2;" not in program.output
    assert b"48;2;" not in program.output


def test_keys_typed_ahead_of_a_prompt_go_into_it(tmp_path: Path, started: list[Program]) -> None:
    path = tmp_path / "run.jsonl"
    others = '{"role":"assistant","content":"no"}\n' * 3
    path.write_text('{"role":"user","content":"FIRST query"}\n' + others)
    program = Program.start([*OPEN, str(path)])
    started.append(program)
    program.wait_for(b"FIRST")
    program.press(b"/query\r")
    # Only changes are painted, so the words of a line may not arrive next to each other.
    program.wait_for(b"1 of 2")
    program.press(b"\x1b")
    program.settle()
    program.press(b"/quiet\r")
    program.wait_for(b"no match")


def test_deleting_and_typing_at_once_in_a_prompt_keeps_the_order(
    tmp_path: Path, started: list[Program]
) -> None:
    path = tmp_path / "run.jsonl"
    others = '{"role":"assistant","content":"no"}\n' * 3
    path.write_text('{"role":"user","content":"FIRST query"}\n' + others)
    program = Program.start([*OPEN, str(path)])
    started.append(program)
    program.wait_for(b"FIRST")
    program.press(b"/nothing")
    program.settle()
    program.press(b"\x15quest\x7f\x7fry\r")
    program.wait_for(b"1 of 2")


def test_a_session_is_drawn_with_present_and_new_subagents(
    tmp_path: Path, started: list[Program]
) -> None:
    import json

    def write(path: Path, text: str, **more: object) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        head = {"type": "user", "uuid": text, "parentUuid": None, "sessionId": "s1", **more}
        path.write_text(json.dumps({**head, "message": {"role": "user", "content": text}}) + "\n")

    write(tmp_path / "s1.jsonl", "the-session")
    agents = tmp_path / "s1/subagents"
    write(agents / "agent-a.jsonl", "first-subagent", isSidechain=True, agentId="a")
    program = Program.start([*OPEN, "--follow", str(tmp_path / "s1.jsonl")])
    started.append(program)
    program.wait_for(b"first-subagent")
    assert b"the-session" in program.output
    write(agents / "agent-b.jsonl", "second-subagent", isSidechain=True, agentId="b")
    program.wait_for(b"second-subagent")
