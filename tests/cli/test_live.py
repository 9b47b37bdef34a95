"""`hermes-tui live --headless` runs as scripts use it, with a real server and tools."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.cli.live_recorded import check_recorded_options
from hermes_tui.cli.main import parser
from hermes_tui.model.errors import UsageError
from tests.servers.local_server import Answer, LocalServer
from tests.tools.helpers import processes_with

LIVE = [sys.executable, "-m", "hermes_tui", "live", "--headless"]


@pytest.fixture(autouse=True)
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Keep the recordings of these runs out of the user's own state folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield tmp_path / "state"


def live(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*LIVE, *arguments], capture_output=True, text=True, timeout=240, check=False
    )


def events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def kinds(text: str) -> list[str]:
    return [event["kind"] for event in events(text)]


def without_times(event: dict[str, Any]) -> dict[str, Any]:
    volatile = ("ts", "duration_s", "run_id", "details")
    result = {k: v for k, v in event.get("result", {}).items() if k != "duration_s"}
    kept = {key: value for key, value in event.items() if key not in volatile}
    return {**kept, "result": result} if result else kept


def test_the_demo_finishes_and_its_tools_really_run(tmp_path: Path) -> None:
    ended = live("--workdir", str(tmp_path))
    assert ended.returncode == 0, ended.stderr
    assert kinds(ended.stdout)[-1] == "RunEnded"
    checked = subprocess.run(
        [sys.executable, "check.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "5 of 5 checks pass" in checked.stdout


def test_the_output_of_tools_is_not_mixed_with_the_events(tmp_path: Path) -> None:
    tools = tmp_path / "tools.py"
    tools.write_text(
        "import os, subprocess\n"
        "def terminal(command: str) -> str:\n"
        '    """Write to standard output, and read standard input to its end."""\n'
        '    os.write(1, b"noise")\n'
        '    subprocess.run(["sh", "-c", "echo more noise; cat"], check=True)\n'
        '    return "done"\n'
    )
    ended = live("--no-record", "--api", "demo", "--tools", f"python:{tools}", "--max-turns", "1")
    (answer,) = [event for event in events(ended.stdout) if event["kind"] == "ToolReturned"]
    assert answer["printed"] == "noisemore noise\n"
    assert "noise" not in ended.stderr


def test_a_closed_output_pipe_ends_the_run_silently() -> None:
    command = [*LIVE, "--no-record", "--api", "demo"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        assert b"RunStarted" in process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_no_terminal_escape_is_printed_verbatim(tmp_path: Path) -> None:
    tools = tmp_path / "tools.py"
    tools.write_text(
        "def terminal(command: str) -> str:\n"
        '    """Answer with C1 and bidi controls."""\n'
        '    return "a\\x9b31mb\\u202ec"\n'
    )
    ended = live("--no-record", "--api", "demo", "--tools", f"python:{tools}", "--max-turns", "1")
    assert "\x9b" not in ended.stdout and "\u202e" not in ended.stdout
    (answer,) = [event for event in events(ended.stdout) if event["kind"] == "ToolReturned"]
    assert answer["result"]["content"] == "a\x9b31mb\u202ec"


def recorded_part(printed: str) -> str:
    """Return the printed events without the findings in their lines."""
    return re.sub(r',"findings":\[.*\]\}$', "}", printed, flags=re.MULTILINE)


def test_the_recording_has_the_printed_events_and_its_path_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    ended = live("--record", str(path))
    assert path.read_text() == recorded_part(ended.stdout)
    assert str(path) in ended.stderr


def test_the_recording_holds_only_the_names_of_the_given_headers(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    headers = ["--header", "X-Team: bluebird", "--header", "Authorization: Bearer nightingale"]
    ended = live("--api", "demo", "--max-turns", "1", "--record", str(path), *headers)
    text = path.read_text()
    assert json.loads(text.splitlines()[0])["details"]["live"]["header_names"] == [
        "X-Team",
        "Authorization",
    ]
    assert not {"bluebird", "nightingale"} & set(re.findall(r"\w+", text + ended.stdout))


def test_without_record_the_recording_is_in_the_state_folder(state_folder: Path) -> None:
    live("--max-turns", "1")
    (recording,) = state_folder.rglob("*.jsonl")
    assert "RunEnded" in recording.read_text()


def test_no_record_writes_no_recording(state_folder: Path) -> None:
    assert live("--no-record", "--max-turns", "1").returncode == 1
    assert not list(state_folder.rglob("*.jsonl"))


def test_a_stop_at_a_breakpoint_is_4_and_names_the_command_to_continue(tmp_path: Path) -> None:
    path = tmp_path / "a run.jsonl"
    stopped = live("--record", str(path), "--break", "before_dispatch:write_file")
    assert stopped.returncode == 4
    assert kinds(stopped.stdout)[-1] == "Stopped"
    assert f"continue with `hermes-tui live --resume '{path}'`" in stopped.stderr
    assert "before_dispatch" in stopped.stderr


def test_a_stopped_run_is_resumed_at_its_stop(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    before = live("--record", str(path), "--break", "before_dispatch:write_file")
    again = live("--resume", str(path))
    assert again.returncode == 4
    assert path.read_text() == recorded_part(before.stdout)
    assert "a person is needed; continue with" in again.stderr
    assert again.stderr.endswith("on a terminal, without --headless\n")


def test_tools_that_changed_since_a_run_began_are_reported_on_resume(
    tmp_path: Path,
) -> None:
    path, tools = tmp_path / "run.jsonl", tmp_path / "tools.py"
    tools.write_text("def terminal(command: str) -> str:\n    return command\n")
    stops = ("--break", "before_dispatch:terminal")
    began = live("--api", "demo", "--record", str(path), "--tools", f"python:{tools}", *stops)
    assert began.returncode == 4
    assert "tools: changed" not in live("--resume", str(path)).stderr
    tools.write_text("def terminal(command: str, shell: str) -> str:\n    return command\n")
    message = live("--resume", str(path)).stderr
    assert "tools: changed: terminal; this run keeps the schemas it began with" in message


def test_a_run_out_of_turns_is_1() -> None:
    ended = live("--max-turns", "2")
    assert ended.returncode == 1
    assert "ended: out of turns (--max-turns N allows more); recorded in " in ended.stderr


def test_a_run_out_of_tokens_is_6() -> None:
    ended = live("--token-limit", "500")
    assert ended.returncode == 6
    spent = events(ended.stdout)[-1]["details"]["spent"]
    assert f"ended: --token-limit of 500 reached ({spent} used)" in ended.stderr


def test_a_run_out_of_time_is_6() -> None:
    ended = live("--time-limit", "0.001")
    assert ended.returncode == 6
    assert "ended: --time-limit of 0.001 s reached" in ended.stderr


def test_an_unreachable_server_is_1_and_is_named() -> None:
    ended = live("--server", "http://127.0.0.1:9/v1", "--model", "m", "--task", "x")
    assert ended.returncode == 1
    (failed,) = [event for event in events(ended.stdout) if event["kind"] == "RequestFailed"]
    assert "127.0.0.1:9" in failed["message"]
    assert f"ended: request_failed: {failed['message']}" in ended.stderr
    assert "(--retries N asks again automatically); recorded in" in ended.stderr
    again = live("--server", "http://127.0.0.1:9/v1", "--model", "m", "--task", "x", "--retries=1")
    assert "--retries" not in again.stderr


def test_a_replay_gives_the_same_run(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    first = live("--record", str(path))
    replayed = live("--replay", str(path))
    assert replayed.returncode == 0, replayed.stderr
    assert [*map(without_times, events(replayed.stdout))] == [
        *map(without_times, events(first.stdout))
    ]


def test_a_replay_has_no_hints_of_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hermes_tui.cli import live as command
    from hermes_tui.cli.main import parser

    path, given = tmp_path / "run.jsonl", []
    path.touch()
    monkeypatch.setattr(command, "_draw", lambda *arguments: given.append(arguments) or 0)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    for line in (["demo"], ["live", "--replay", str(path)]):
        run = command.run_demo if line == ["demo"] else command.run_live
        assert run(parser().parse_args(line)) == 0
    (_, _, of_demo), (_, _, of_replay) = given
    assert of_demo and not of_replay


def test_a_replay_that_diverges_is_5_and_shows_both_sides(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    live("--record", str(path))
    changed = path.read_text().replace('\\"command\\": \\"ls\\"', '\\"command\\": \\"ls -la\\"')
    path.write_text(changed)
    replayed = live("--replay", str(path))
    assert replayed.returncode == 5
    (diverged,) = [e for e in events(replayed.stdout) if e["kind"] == "ReplayDiverged"]
    assert "ls -la" in diverged["got"] + diverged["expected"]


def test_a_replay_ends_where_the_recording_does_and_invents_nothing(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    live("--record", str(path), "--break", "before_dispatch:terminal")
    replayed = live("--replay", str(path))
    assert replayed.returncode == 1
    assert kinds(replayed.stdout)[-2:] == ["ToolDispatched", "RunEnded"]
    message = f"the recording ends here; continue with `hermes-tui live --resume {path}`"
    assert message in replayed.stderr


def test_a_killed_run_loses_only_the_line_being_written(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    tool = tmp_path / "slow.py"
    tool.write_text(
        "import time\n\n\ndef terminal(command: str) -> str:\n"
        '    """Run a command."""\n    time.sleep(60)\n    return command\n'
    )
    command = [*LIVE, "--api", "demo", "--record", str(path), "--tools", f"python:{tool}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if json.loads(line)["kind"] == "ToolDispatched":
                break
        running.send_signal(signal.SIGKILL)
    assert kinds(path.read_text())[-1] == "ToolDispatched"
    again = live("--resume", str(path))
    assert again.returncode == 4
    assert "recovery" in again.stderr


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_recording_that_ends_before_its_run_began_is_refused(tmp_path: Path, length: int) -> None:
    path = tmp_path / "run.jsonl"
    live("--record", str(path), "--max-turns", "1")
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:length]))
    refused = live("--resume", str(path))
    assert refused.returncode == 3
    assert "ends before its run began" in refused.stderr
    assert "begin the run again" in refused.stderr


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_stops_the_run_where_it_can_be_resumed(
    tmp_path: Path, number: int, code: int
) -> None:
    path, tool = tmp_path / "run.jsonl", tmp_path / "slow.py"
    seconds = str(1_000_000 + os.getpid())
    tool.write_text(
        "import subprocess\n\n\ndef terminal(command: str) -> str:\n"
        '    """Run a command."""\n'
        f'    subprocess.run(["sleep", "{seconds}"], check=True)\n'
        "    return command\n"
    )
    command = [*LIVE, "--api", "demo", "--record", str(path), "--tools", f"python:{tool}"]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as running:
        while not processes_with(f"sleep {seconds}"):
            assert running.poll() is None
            time.sleep(0.01)
        running.send_signal(number)
        message = running.communicate(timeout=40)[1]
    assert running.returncode == code
    assert not processes_with(f"sleep {seconds}")
    assert message == f"hermes-tui: stopped; continue with `hermes-tui live --resume {path}`\n"
    assert kinds(path.read_text())[-1] == "ToolDispatched"
    again = live("--resume", str(path))
    assert "recovery" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--server", "http://127.0.0.1:9/v1"], "--task"),
        (["--task", "x"], "no server (give --server URL or --api local; or run `hermes-tui demo`)"),
        (["--messages", "x.json"], "no server"),
        (["--tools", "builtin"], "no server"),
        (["--model", "x"], "no server"),
        (["--server", "127.0.0.1:9", "--task", "x"], "is not a URL"),
        (["--api", "openai", "--task", "x"], "needs --server"),
        (["--break", "before_dispach"], "before_dispatch"),
        (["--break", "before_dispatch if name =="], "--break"),
        (["--extra-body", "{"], "--extra-body"),
        (["--extra-body", "[]"], "--extra-body"),
        (["--header", "novalue"], "--header"),
        (["--api-key-env", "NO_SUCH_VARIABLE"], "NO_SUCH_VARIABLE"),
        (["--api", "demo", "--tools", "builtin:termnal"], "terminal"),
        (["--api", "demo", "--tools", "bultin"], "builtin"),
        (["--no-record", "--resume", "x.jsonl"], "--no-record"),
        (["--resume", "x.jsonl", "--task", "other"], "the recording sets --task (leave it out)"),
        (
            ["--resume", "x.jsonl", "--temperature", "0"],
            "the recording sets --temperature (leave it out)",
        ),
        (["--resume", "x.jsonl", "--run"], "the recording sets --run (leave it out)"),
        (
            ["--replay", "x.jsonl", "--max-turns", "30", "--model", "m", "--tools", "builtin"],
            "the recording sets --model, --max-turns and --tools (leave them out)",
        ),
        (["--api", "managed", "--server", "http://127.0.0.1:9", "--task", "x"], "--model"),
        (["--max-turns", "-1"], "--max-turns"),
        (["--api", "demo", "--parser", "vllm/mistrl"], "did you mean vllm/mistral"),
        (["--api", "demo", "--parser", "vllm/hermes", "--mode", "faithful"], "leave out"),
        (["--time-limit", "0"], "--time-limit"),
    ],
)
def test_a_usage_error_is_one_line_and_2(arguments: list[str], message: str) -> None:
    ended = live(*arguments)
    assert ended.returncode == 2, ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert message in ended.stderr


def test_keys_are_named_only_if_there_is_a_screen() -> None:
    line = parser().parse_args(["live", "--resume", "x.jsonl", "--run"])
    with pytest.raises(
        UsageError, match=r"\(leave it out; press C to continue without stopping before calls\)"
    ):
        check_recorded_options(line, has_screen=True)
    with pytest.raises(UsageError, match=r"\(leave it out\)"):
        check_recorded_options(line, has_screen=False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--workdir", "/no/such/folder"], "/no/such/folder"),
        (["--messages", "/no/such/file", "--server", "http://127.0.0.1:9/v1"], "/no/such/file"),
        (["--resume", "/no/such/file"], "/no/such/file"),
        (["--replay", "/no/such/file"], "/no/such/file"),
        (["--record", "/proc/no/run.jsonl"], "/proc/no"),
        (["--server", "http://127.0.0.1:9/v1", "--task", "x"], "is the server running"),
    ],
)
def test_an_environment_error_is_one_line_and_3(arguments: list[str], message: str) -> None:
    ended = live(*arguments)
    assert ended.returncode == 3, ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert message in ended.stderr


def test_a_recording_that_is_being_written_cannot_be_resumed(tmp_path: Path) -> None:
    from hermes_tui.runtime.writer import Recording

    path = tmp_path / "run.jsonl"
    live("--record", str(path), "--break", "before_dispatch")
    recording, _ = Recording.resumed(path)
    refused = live("--resume", str(path))
    recording.close()
    assert refused.returncode == 3
    assert "another hermes-tui" in refused.stderr


def test_a_recording_of_a_custom_loop_can_be_replayed_but_not_resumed(tmp_path: Path) -> None:
    from hermes_tui.model.events import BreakpointsSet, RequestSent, RunStarted
    from hermes_tui.runtime.writer import Recording

    path = tmp_path / "run.jsonl"
    recording = Recording(path)
    asked = RequestSent(seq=2, turn=1, parameters="{}")
    for event in (RunStarted(seq=0), BreakpointsSet(seq=1), asked):
        recording.append(event)
    recording.close()
    refused = live("--resume", str(path))
    assert refused.returncode == 3
    assert "`live --replay` answers from it" in refused.stderr
    replayed = live("--replay", str(path), "--no-record")
    assert replayed.stderr == "hermes-tui: ended: the recording ends here\n"


def test_an_existing_file_is_never_recorded_over(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text("mine")
    refused = live("--record", str(path))
    assert refused.returncode == 2
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (
            b'{"error": {"message": "upstream model is loading"}}',
            200,
            "ended: empty_response: the body is an error: upstream model is loading (--retries N ",
        ),
        (b'{"choices": []}', 200, "ended: empty_response: choices is empty (the server accepted"),
        (b'{"error": "no"}', 401, "ended: request_failed: 401: no (no key was sent: export OPEN"),
    ],
)
def test_a_missing_reply_is_reported_with_its_cause_and_a_hint(
    monkeypatch: pytest.MonkeyPatch, body: bytes, status: int, message: str
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with LocalServer(Answer([body], status)) as local:
        ended = live("--no-record", "--server", local.url, "--model", "m", "--task", "go")
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"hermes-tui: {message}")
