"""`export` writes one run, whole or not at all, in a form that reads back the same."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.cli.main import main
from tests.cli.program import within

WRITERS = ("openai", "sharegpt", "markdown", "html", "native")
REPAIRED_CODES = ("ID_MISSING", "UNKNOWN_ROLE")
"""Findings about what the API refuses, which an export for it has no more."""
COUNTS = ("messages", "tool_calls", "tool_results", "tool_errors", "reasoning")


def scanned(capsys: pytest.CaptureFixture[str], path: Path) -> dict[str, Any]:
    main(["scan", "--json", str(path)])
    (line,) = capsys.readouterr().out.splitlines()
    row: dict[str, Any] = json.loads(line)
    return row


def exported(path: Path, to: str, target: Path, *more: str) -> Path:
    assert main(["export", str(path), "--to", to, "-o", str(target), *more]) == 0
    return target


SAMPLES = [
    "clean-run.json", "ids.json", "reasoning.json", "tool-errors.json", "hostile.json",
    "arguments-not-json.json", "arguments-double-encoded.json",
    "call-left-in-content.jsonl", "unknown-role.json",
]  # fmt: skip


@pytest.mark.parametrize("to", ["openai", "native"])
@pytest.mark.parametrize("name", SAMPLES)
def test_an_export_reads_back_with_the_same_counts_and_findings(
    name: str, to: str, transcripts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = scanned(capsys, transcripts / name)
    after = scanned(capsys, exported(transcripts / name, to, tmp_path / "out"))
    assert after["format"] == ("native" if to == "native" else "openai-messages")
    assert [after[key] for key in COUNTS] == [before[key] for key in COUNTS]
    mended = REPAIRED_CODES if to == "openai" else ()
    left = {code: n for code, n in before["diagnostics"].items() if code not in mended}
    assert after["diagnostics"] == left


def with_a_subagent(folder: Path) -> Path:
    agent = {"name": "a", "version": "1"}
    step = {"step_id": 1, "source": "agent", "message": "hi"}
    inner = {"schema_version": "ATIF-v1.7", "trajectory_id": "in", "agent": agent, "steps": [step]}
    outer = inner | {"trajectory_id": "out", "subagent_trajectories": [inner]}
    path = folder / "run.json"
    path.write_text(json.dumps(outer))
    return path


def test_atif_includes_the_runs_of_subagents(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = exported(with_a_subagent(tmp_path), "atif", tmp_path / "out", "--run", "1")
    assert capsys.readouterr().err == ""
    document = json.loads(target.read_bytes())
    assert [run["trajectory_id"] for run in document["subagent_trajectories"]] == ["in"]


def test_atif_includes_subagents_from_separate_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prompt = {"role": "user", "content": "go"}
    line = {"type": "user", "uuid": "u1", "sessionId": "s", "parentUuid": None, "message": prompt}
    session, agents = tmp_path / "s.jsonl", tmp_path / "s" / "subagents"
    agents.mkdir(parents=True)
    session.write_text(json.dumps(line) + "\n")
    of_agent = line | {"agentId": "a", "isSidechain": True}
    (agents / "agent-a.jsonl").write_text(json.dumps(of_agent) + "\n")
    (agents / "agent-b.jsonl").write_bytes(b"\x00")
    target = exported(session, "atif", tmp_path / "out")
    document = json.loads(target.read_bytes())
    assert [run["trajectory_id"] for run in document["subagent_trajectories"]] == ["a"]
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("hermes-tui: a subagent is left out: ")
    assert "agent-b.jsonl" in line


def test_omitted_runs_of_subagents_are_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = with_a_subagent(tmp_path)
    exported(path, "openai", tmp_path / "out", "--run", "out")
    assert "1 run of subagents left out: --to atif includes them" in capsys.readouterr().err
    exported(path, "openai", tmp_path / "inner", "--run", "in")
    assert capsys.readouterr().err == ""


def test_exporting_a_recording_again_keeps_its_events(transcripts: Path, tmp_path: Path) -> None:
    once = exported(transcripts / "hostile.json", "native", tmp_path / "once")
    twice = exported(once, "native", tmp_path / "twice")
    for a, b in zip(once.read_text().splitlines(), twice.read_text().splitlines(), strict=True):
        first, second = json.loads(a), json.loads(b)
        for event in (first, second):
            event.pop("at", None)
            event.get("details", {}).pop("exported_from", None)
        assert first == second


def test_sharegpt_keeps_every_call_and_result(
    transcripts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = exported(transcripts / "clean-run.json", "sharegpt", tmp_path / "out")
    after = scanned(capsys, target)
    assert (after["format"], after["tool_calls"], after["tool_results"]) == (
        "hermes-sharegpt",
        5,
        5,
    )


def test_the_shipped_recording_is_what_export_writes(
    transcripts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(transcripts.parent)
    target = exported(Path("transcripts/clean-run.json"), "native", tmp_path / "out")
    assert target.read_bytes() == (transcripts / "clean-run.native.jsonl").read_bytes()


@pytest.mark.parametrize("to", WRITERS)
def test_standard_output_gets_the_same_bytes_as_a_file(
    to: str, transcripts: Path, tmp_path: Path
) -> None:
    path = transcripts / "hostile.json"
    target = exported(path, to, tmp_path / "out")
    done = within("export", path, "--to", to)
    assert (done.code, done.err.count("\n")) == (0, to == "sharegpt")
    assert done.out == target.read_bytes()


@pytest.mark.parametrize("to", WRITERS)
def test_captured_credentials_are_in_no_export(to: str, transcripts: Path, tmp_path: Path) -> None:
    path = transcripts / "request-failed.jsonl"
    secrets = ("sk-sample-0123456789abcdef", "sample-key-that-must-not-be-shown", "sample-cookie")
    assert all(secret in path.read_text() for secret in secrets)
    text = exported(path, to, tmp_path / "out").read_text()
    assert not [secret for secret in secrets if secret in text]


def test_one_of_many_runs_is_chosen_by_number_or_id(
    transcripts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = transcripts / "atropos-group.jsonl"
    assert main(["export", str(path), "--to", "openai"]) == 2
    assert (
        "holds 4 runs (choose one with --run 1 … --run 4, or every one with --all)"
        in capsys.readouterr().err
    )
    for run_choice in ("3", "rollout 2"):
        target = exported(path, "openai", tmp_path / run_choice, "--run", run_choice)
        assert "11, folders below src included" in target.read_text()
    assert main(["export", str(path), "--to", "openai", "--run", "5"]) == 2
    assert "its runs are 1 to 4" in capsys.readouterr().err


@pytest.mark.parametrize("to", [*WRITERS, "atif"])
def test_a_run_without_messages_is_exported_with_a_notice(
    to: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.json"
    path.write_text('{"messages": [], "model": "m"}')
    exported(path, to, tmp_path / "out")
    assert "the run has no messages" in capsys.readouterr().err


def test_details_that_a_recording_omits_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.json"
    messages = [{"role": "user", "content": "hi"}]
    long = {"notes": "x" * 5_000, "rows": [1] * 3_000, "metrics": {"by": "me"}, "short": "(2)"}
    path.write_text(json.dumps({"messages": messages} | long))
    exported(path, "native", tmp_path / "out")
    assert "2 details of the run left out: longer than 2,000 char" in capsys.readouterr().err
    path.write_text(json.dumps({"messages": messages, "short": "(2)"}))
    exported(path, "native", tmp_path / "short")
    assert capsys.readouterr().err == ""


IMAGE = "data:image/png;base64,iVBORw0KGgo="
ODD_MESSAGES = [
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "see"},
            {"type": "image_url", "image_url": {"url": IMAGE}},
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        ],
    },
    {"role": "martian", "content": "hm"},
    {
        "role": "assistant",
        "content": None,
        "reasoning_details": [{"type": "reasoning.encrypted", "data": "AAAA"}],
        "tool_calls": [
            {"type": "function", "function": {"name": "ls", "arguments": {"a": 1}}},
            {"type": "function", "id": "c", "function": {"name": "ls", "arguments": "{"}},
        ],
    },
]
NOTICES = {
    "openai": "1 role written as user, 1 id made up, 1 argument object written as text, "
    "1 encrypted reasoning block left out",
    "sharegpt": "2 images written as text, 1 encrypted reasoning block left out, "
    "1 call id left out, 1 argument text written as a JSON string",
    "atif": "2 images left out, 1 role written as user, 1 id made up, "
    '1 encrypted reasoning block left out, 1 argument text written as {"raw": …}',
}


@pytest.mark.parametrize("to", NOTICES)
def test_what_a_format_cannot_hold_is_reported_in_one_line(to: str, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"messages": ODD_MESSAGES}))
    done = within("export", path, "--to", to)
    assert done.code == 0
    assert done.one_line == f"hermes-tui: changed for {to}: {NOTICES[to]}"


def test_an_export_that_changes_nothing_reports_nothing(transcripts: Path) -> None:
    for to in ("openai", "atif"):
        assert within("export", transcripts / "clean-run.json", "--to", to).err == ""


def test_the_images_of_a_message_are_in_an_export_for_the_api(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"messages": ODD_MESSAGES}))
    written = json.loads(within("export", path, "--to", "openai").out)
    assert written["messages"][0] == ODD_MESSAGES[0]


def test_media_that_the_api_does_not_accept_are_written_as_text_and_reported(
    tmp_path: Path,
) -> None:
    parts = [
        {"type": "file", "mediaType": "application/pdf", "data": "AAAA"},
        {"type": "input_audio", "data": "AAAA"},
        {"type": "image_url", "image_url": {"file_id": "x"}},
    ]
    path = tmp_path / "run.json"
    path.write_text(json.dumps([{"role": "user", "content": parts}]))
    done = within("export", path, "--to", "openai")
    kinds = [part["type"] for part in json.loads(done.out)["messages"][0]["content"]]
    assert kinds == ["text"] * 3
    assert "1 file written as text" in done.one_line and "1 image written as text" in done.one_line


def test_the_images_of_another_api_are_written_in_the_form_of_this_one(tmp_path: Path) -> None:
    block = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
    asked = {"role": "user", "content": [{"type": "image", "source": block}]}
    call = {"type": "tool_use", "id": "a", "name": "shot", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "a", "content": asked["content"]}
    run = [
        asked,
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [result]},
    ]
    path = tmp_path / "run.json"
    path.write_text(json.dumps(run))
    done = within("export", path, "--to", "openai")
    image = {"type": "image_url", "image_url": {"url": IMAGE}}
    assert json.loads(done.out)["messages"][0]["content"] == [image]
    assert done.one_line.endswith("changed for openai: 1 image of a result written as text")


@pytest.mark.parametrize(
    ("to", "name"),
    [
        ("openai", "call-left-in-content.jsonl"),
        ("atif", "call-left-in-content.jsonl"),
        ("sharegpt", "atropos-group.jsonl"),
    ],
)
def test_an_export_did_the_same_as_its_source_and_has_the_same_end(
    to: str, name: str, transcripts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = transcripts / name
    target = exported(path, to, tmp_path / "out", "--run", "1")
    assert main(["diff", "--json", f"{path}:1", str(target)]) == 0
    report = json.loads(capsys.readouterr().out)
    ends = [(report[side]["status"], report[side]["reward"]) for side in ("left", "right")]
    assert ends[0] == ends[1]
    assert ends[0][1] is not None


def test_deeply_nested_details_of_a_recording_are_exported(tmp_path: Path) -> None:
    nested = '{"a":' * 900 + '"(5,000 characters)"' + "}" * 900
    run = tmp_path / "run.jsonl"
    run.write_text(f'{{"schema":1,"kind":"RunStarted","seq":0,"details":{nested}}}\n')
    exported(run, "native", tmp_path / "out")


def test_an_existing_file_is_kept_unless_forced(
    transcripts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "out.html"
    target.write_text("mine")
    arguments = ["export", str(transcripts / "ids.json"), "--to", "html", "-o", str(target)]
    assert main(arguments) == 2
    assert "add --force" in capsys.readouterr().err
    assert target.read_text() == "mine"
    assert main([*arguments, "--force"]) == 0
    assert target.read_text().startswith("<!doctype html>")


def test_the_file_is_written_whole_with_the_usual_mode_and_no_other_file(
    transcripts: Path, tmp_path: Path
) -> None:
    plain = tmp_path / "plain"
    plain.touch()
    target = exported(transcripts / "ids.json", "markdown", tmp_path / "out.md")
    assert stat.S_IMODE(target.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)
    assert sorted(tmp_path.iterdir()) == [target, plain]


def test_a_failed_write_leaves_nothing_behind(
    transcripts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["export", str(transcripts / "ids.json"), "--to", "html", "-o"]
    assert main([*arguments, str(tmp_path / "no" / "out.html")]) == 3
    assert "choose another place with -o" in capsys.readouterr().err
    assert main([*arguments, str(tmp_path), "--force"]) == 2
    assert "is a folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_device_is_written_to_and_never_replaced(transcripts: Path) -> None:
    arguments = ["export", str(transcripts / "ids.json"), "--to", "html", "--force"]
    assert main([*arguments, "-o", "/dev/null"]) == 0
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


@pytest.mark.parametrize("to", ["openai", "sharegpt", "markdown", "html"])
def test_an_export_shows_what_a_person_changed(to: str, tmp_path: Path) -> None:
    arguments = {"call_index": 0, "before": "{}", "after": '{"a":1}'}
    answer = {"call_index": 0, "reason": "", "result": "by hand"}
    events = [
        {"schema": 1, "kind": "RunStarted", "run_id": "r", "source_format": "native"},
        {"kind": "MessageAppended", "message": {"role": "user", "text": "go"}},
        {"kind": "ArgumentsEdited", **arguments},
        {"kind": "CallSkipped", **answer},
        {"kind": "ToolFailed", "result": {"content": "no"}, "call_index": 0, "by": "person"},
        {"kind": "RequestFailed", "message": "cancelled by hand", "by": "person"},
        {"kind": "RunEnded", "status": "ok"},
    ]
    run = tmp_path / "run.jsonl"
    lines = (json.dumps({**event, "seq": seq}) for seq, event in enumerate(events))
    run.write_text("\n".join(lines) + "\n")
    text = exported(run, to, tmp_path / "out").read_text().replace("\\", "").replace("&#34;", '"')
    assert "steered" in text and "calls" in text
    assert "calls_edited" in text and "calls_answered" in text
    assert "calls_cancelled" in text and "requests_cancelled" in text
