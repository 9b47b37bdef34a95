"""A folder of numbered files, as OpenHands and Strands Agents save a run, opens as that run."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hermes_tui.cli.main import main
from hermes_tui.log.fold import RunState
from hermes_tui.model.events import RunEnded, RunStarted, SourceDefect
from hermes_tui.runtime.file_stamps import stamp_of
from hermes_tui.runtime.numbered_files import holds_one_run
from hermes_tui.runtime.opener import FoundRun, OpenFile, RunFold, open_file, read_events, survey
from hermes_tui.runtime.targets import expand_paths
from hermes_tui.runtime.watched_run import open_watched

FIXTURES = Path(__file__).parents[1] / "fixtures"


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """Return the folder of a conversation's events; its state is next to the folder."""
    return Path(shutil.copytree(FIXTURES / "openhands" / "conversation", tmp_path / "c")) / "events"


@pytest.fixture
def messages(tmp_path: Path) -> Path:
    """Return the folder of an agent's messages in a session."""
    session = Path(shutil.copytree(FIXTURES / "strands" / "session_demo", tmp_path / "session_1"))
    # Git keeps no empty folder.
    (session / "multi_agents").mkdir(exist_ok=True)
    return session / "agents" / "agent_default" / "messages"


def numbered_file(folder: Path, number: int) -> Path:
    [found] = [*folder.glob(f"event-{number:05}-*"), *folder.glob(f"message_{number}.json")]
    return found


def opened(folder: Path) -> tuple[OpenFile, list[FoundRun]]:
    file = open_file(folder, whole=True)
    return file, [step for step in survey(file) if isinstance(step, FoundRun) and step.final]


def state_of(folder: Path) -> RunState:
    file, [run] = opened(folder)
    file.close()
    return run.state


def failure_of(folder: Path) -> str:
    file, _ = opened(folder)
    file.close()
    return file.source.failure


def found_in(folder: Path) -> list[str]:
    return [str(target.path) for target in expand_paths([str(folder)])]


def test_the_files_of_a_run_are_one_target(events: Path, messages: Path) -> None:
    assert found_in(events.parent) == [str(events)]
    assert found_in(messages.parents[2]) == [str(messages)]
    assert found_in(events.parents[1]) == [str(events), str(messages)]


def test_the_folder_of_the_files_can_be_named_directly(
    events: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found_in(events) == [str(events)]
    monkeypatch.chdir(events.parent)
    assert [str(target.path) for target in expand_paths(["events/"])] == ["events"]
    monkeypatch.chdir(events)
    assert [str(target.path) for target in expand_paths(["."])] == [str(events)]


def test_a_conversation_of_openhands_is_one_run_with_its_state(events: Path) -> None:
    file, [run] = opened(events)
    log = read_events(run.ref)
    file.close()
    first, last = log[0], log[-1]
    assert isinstance(first, RunStarted)
    assert isinstance(last, RunEnded)
    assert (first.run_id, first.model) == (
        "c4638b2a-d85a-4c4f-a97a-8adc16e6a4ac",
        "openai/scripted",
    )
    assert (last.stop_reason, last.usage and last.usage.prompt_tokens) == ("finished", 615)
    assert (run.state.calls, run.state.results) == (6, 6)


def test_messages_are_ordered_by_number_not_by_name(messages: Path) -> None:
    shutil.copy(numbered_file(messages, 9), messages / "message_10.json")
    last = json.loads((messages / "message_10.json").read_text())
    last["message"]["content"] = [{"text": "Behind the tenth."}]
    (messages / "message_10.json").write_text(json.dumps(last, indent=2))
    file, [run] = opened(messages)
    log = read_events(run.ref)
    file.close()
    assert "Behind the tenth." in str(log[-1])


def test_a_single_file_of_a_run_still_opens(events: Path, messages: Path) -> None:
    for path, name in (
        (numbered_file(events, 2), "openhands"),
        (numbered_file(messages, 1), "strands"),
    ):
        file, [run] = opened(path)
        file.close()
        assert (file.reader.name, run.state.calls > 0) == (name, True)


def test_other_files_in_the_folder_are_separate_targets(events: Path) -> None:
    (events / "notes.json").write_text('{"role": "user", "content": "Hi"}\n')
    assert found_in(events.parent) == [str(events), str(events / "notes.json")]


def test_files_with_other_names_are_not_one_run(tmp_path: Path) -> None:
    for folder, name in (("events", "1.json"), ("messages", "a.json"), ("x", "message_1.json")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text("{}")
        assert not holds_one_run(tmp_path / folder)
        assert found_in(tmp_path / folder) == [str(tmp_path / folder / name)]


def test_missing_numbers_are_reported_and_the_rest_is_read(events: Path) -> None:
    numbered_file(events, 5).unlink()
    for number in (7, 8, 9):
        numbered_file(events, number).unlink()
    failure = failure_of(events)
    assert "no file has the number 5, no file has the number 7 to 9" in failure
    assert state_of(events).calls == 5


def test_a_torn_file_is_named_and_its_content_shown(events: Path) -> None:
    torn = numbered_file(events, 5)
    torn.write_bytes(torn.read_bytes()[:200])
    file, [run] = opened(events)
    log = read_events(run.ref)
    file.close()
    assert f"{torn.name}: no complete JSON" in file.source.failure
    assert any(isinstance(event, SourceDefect) for event in log)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda path: path.touch(), "it is empty"),
        (lambda path: path.symlink_to("/no/x"), "a link to /no/x, and there is no such file"),
        (lambda path: os.mkfifo(path), "not a regular file"),
        (lambda path: path.mkdir(), "not a regular file"),
    ],
)
def test_an_entry_that_is_not_a_message_file_is_named(
    messages: Path, spoil: Callable[[Path], None], why: str
) -> None:
    spoilt = numbered_file(messages, 4)
    spoilt.unlink()
    spoil(spoilt)
    assert failure_of(messages) == f"{messages}: message_4.json: {why}"
    assert state_of(messages).calls == 4


def test_a_link_to_a_file_is_read_like_that_file(messages: Path, tmp_path: Path) -> None:
    elsewhere = numbered_file(messages, 3).rename(tmp_path / "elsewhere.json")
    (messages / "message_3.json").symlink_to(elsewhere)
    assert failure_of(messages) == ""
    assert state_of(messages).calls == 4


def test_the_run_that_a_scan_reports_opens_by_its_folder(
    events: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scan", str(events.parent), "--runs", "--json"]) in (0, 1)
    row = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (row["path"], row["run"], row["format"]) == (str(events), 1, "openhands")
    assert main(["open", row["path"], "--at", f"{row['run']}:7"]) == 0
    assert "/no/such/place" in capsys.readouterr().out


def test_a_continued_scan_reads_the_run_again_once_its_last_file_changed(
    events: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def scanned() -> str:
        main(["scan", str(events), "--state", str(tmp_path / "state"), "--jobs", "2"])
        return capsys.readouterr().out.splitlines()[0]

    last = numbered_file(events, 15)
    whole = last.read_bytes()
    last.write_bytes(whole[:100])
    assert "not read to its end" in scanned()
    last.write_bytes(whole)
    assert "15 messages, 6 calls, 6 results" in scanned()
    assert "15 messages, 6 calls, 6 results" in scanned()


def test_a_folder_of_a_run_is_exported_and_compared_like_a_file(
    events: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(events), "--to", "openai"]) == 0
    assert len(json.loads(capsys.readouterr().out)["messages"]) == 15
    assert main(["diff", str(events), f"{events}:1"]) == 0
    assert "Both did the same" in capsys.readouterr().out


def test_the_files_of_a_run_matched_by_any_glob_are_one_run(
    events: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = sorted(map(str, events.glob("*.json")))
    for paths in (files, [str(events / "*.json")], [str(events.parent / "**" / "*.json")]):
        assert [str(target.path) for target in expand_paths(paths)] == [str(events)]
    monkeypatch.chdir(events)
    for paths in (
        [*map(os.path.basename, files)],
        ["*.json"],
        [f"./{Path(files[0]).name}", *files],
    ):
        assert {str(target.path) for target in expand_paths(paths)} >= {str(events)}
    assert [str(target.path) for target in expand_paths(files[:1])] == files[:1]


def test_a_glob_leaves_files_with_other_names_separate(events: Path) -> None:
    other = events / "notes.json"
    other.write_text("{}")
    found = expand_paths([str(other), *sorted(map(str, events.glob("event-*.json")))])
    assert [str(target.path) for target in found] == [str(other), str(events)]


def test_a_followed_session_grows_with_its_new_files(messages: Path) -> None:
    kept = {number: numbered_file(messages, number).read_bytes() for number in range(2, 10)}
    for number in kept:
        numbered_file(messages, number).unlink()
    file = open_file(messages, follow=True)
    fold = RunFold()

    def calls_after(message_count: int) -> int:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for _ in survey(file, fold=fold):
                pass
            if fold.state.messages >= message_count:
                break
            time.sleep(0.02)
        return fold.state.calls

    try:
        assert calls_after(2) == 2
        for number in (2, 3):
            (messages / f"message_{number}.json").write_bytes(kept[number])
        assert calls_after(4) == 3
        # The last file is read only once it is whole.
        (messages / "message_4.json").write_bytes(kept[4][:50])
        (messages / "message_4.json").write_bytes(kept[4])
        (messages / "message_5.json").write_bytes(kept[5])
        assert calls_after(6) == 4
        assert not fold.findings or all(one.code != "SOURCE_DEFECT" for one in fold.findings)
    finally:
        file.close()


def test_a_followed_session_reports_a_gap_until_the_file_appears(messages: Path) -> None:
    late = numbered_file(messages, 5)
    kept = late.read_bytes()
    late.unlink()
    file = open_file(messages, follow=True)

    def reports(failure: str) -> bool:
        deadline = time.monotonic() + 20
        while failure != file.source.failure and time.monotonic() < deadline:
            time.sleep(0.02)
        return failure == file.source.failure

    try:
        assert reports(f"{messages}: no file has the number 5")
        assert not file.source.complete
        late.write_bytes(kept)
        assert reports("")
    finally:
        file.close()


def test_a_followed_conversation_is_read_again_when_a_file_appears_or_grows(
    events: Path,
) -> None:
    last = numbered_file(events, 15)
    whole = last.read_bytes()
    last.unlink()
    file = open_watched(events, wanted_format="", parser="")
    assert file is not None
    assert file.watched is not None
    for _ in survey(file):
        pass

    def read_again() -> int:
        before, deadline = file.watched.revision, time.monotonic() + 20
        while file.watched.revision == before and time.monotonic() < deadline:
            file.watched.poll()
            time.sleep(0.02)
        return len(file.watched.runs[0].summary.codes)

    try:
        last.write_bytes(whole[:100])
        torn = read_again()
        last.write_bytes(whole)
        assert read_again() == torn - 1
        assert file.watched.news == ""
    finally:
        file.close()


def test_the_stamp_of_a_conversation_changes_with_its_state(events: Path) -> None:
    before = stamp_of(events)
    state = events.parent / "base_state.json"
    os.utime(state, ns=(0, time.time_ns() + 1_000_000_000))
    assert stamp_of(events) != before


@pytest.mark.parametrize("above", ["sessions", "conversations"])
def test_a_conversation_of_openhands_v0_is_one_run(tmp_path: Path, above: str) -> None:
    kept = FIXTURES / "openhands" / "sessions" / "demo"
    conversation = Path(shutil.copytree(kept, tmp_path / above / "demo"))
    whole = [json.loads(path.read_text()) for path in sorted((kept / "events").iterdir())]
    (conversation / "event_cache").mkdir()
    (conversation / "event_cache" / "0-25.json").write_text(json.dumps(whole))
    assert found_in(tmp_path) == [str(conversation / "events")]
    state = state_of(conversation / "events")
    asked = [one["tool_call_metadata"]["tool_call_id"] for one in whole if "action" in one
             and one["action"] == "run"]  # fmt: skip
    assert (list(state.call_ids), state.messages, state.tool_errors) == (asked, 8, 1)


def test_bare_numbers_name_files_of_a_run_only_in_openhands_folders(tmp_path: Path) -> None:
    for folder in ("events", "a/b/events", "sessions/demo/messages"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "1.json").write_text("{}")
        assert not holds_one_run(tmp_path / folder)


def test_other_folders_of_the_same_name_hide_no_files(tmp_path: Path) -> None:
    for name in ("base_state.json", "events/x.json", "agent.json", "messages/y.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    whole = sorted(map(str, tmp_path.rglob("*.json")))
    assert sorted(found_in(tmp_path)) == whole
    matched = expand_paths([str(tmp_path / "**" / "*.json")])
    assert [str(target.path) for target in matched] == whole
