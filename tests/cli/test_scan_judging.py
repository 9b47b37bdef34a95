"""`scan` exits with 1 according to `--fail-on` and `--baseline`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.program import within
from tests.cli.scan_files import CHAT, called, chat, lines

ALL_CODES = "`hermes-tui scan FILE --to sarif` lists and explains all"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return lines(tmp_path / "runs.jsonl", called("a", "sl"), chat("b"), called("c", "sl"))


def baseline(path: Path, *options: str) -> Path:
    """Return a file with the result of a scan of `path`."""
    old = path.with_name("old.json")
    old.write_bytes(within("scan", path, *(options or ("--to", "json"))).out)
    return old


def test_only_the_codes_of_fail_on_count(runs: Path) -> None:
    assert within("scan", runs).code == 1
    assert within("scan", runs, "--fail-on", "CALL_IN_CONTENT").code == 0
    assert within("scan", runs, "--fail-on", "call_in_content,name_unknown").code == 1


@pytest.mark.parametrize("codes", ["", " , "])
def test_fail_on_without_a_code_is_refused(runs: Path, codes: str) -> None:
    done = within("scan", runs, "--fail-on", codes)
    assert (done.code, done.text) == (2, "")
    assert "--fail-on: no code is named" in done.err


@pytest.mark.parametrize(
    ("selected", "code"),
    [
        ("TOOL_ERROR", 1),
        ("TOOL_ERROR:note", 1),
        ("tool_error : Warning", 1),
        ("TOOL_ERROR:error", 0),
        ("TOOL_ERROR:error,TOOL_ERROR", 1),
        ("ARGS_OBJECT", 0),
        ("ARGS_OBJECT:note", 1),
        ("error", 0),
        ("error,TOOL_ERROR", 1),
        ("Warning", 1),
        ("error,ARGS_OBJECT", 0),
    ],
)
def test_fail_on_selects_codes_from_a_severity_on(tmp_path: Path, selected: str, code: int) -> None:
    run = called("a", "ls", result="Error: no such file")
    run["messages"][1]["tool_calls"][0]["function"]["arguments"] = {}
    path = lines(tmp_path / "runs.jsonl", run)
    assert within("scan", path, "--fail-on", selected).code == code
    assert (
        'failures="1"' in within("scan", path, "--fail-on", selected, "--to", "junit").text
    ) == (code == 1)


def test_note_as_a_severity_alone_is_for_every_finding(tmp_path: Path) -> None:
    run = called("a", "ls")
    run["messages"][1]["tool_calls"][0]["function"]["arguments"] = {}
    path = lines(tmp_path / "runs.jsonl", run)
    assert within("scan", path, "--fail-on", "warning").code == 0
    assert within("scan", path, "--fail-on", "note").code == 1


def test_a_note_that_fail_on_selects_is_listed_with_its_run(tmp_path: Path) -> None:
    run = called("a", "ls")
    run["messages"][1]["tool_calls"][0]["function"]["arguments"] = {}
    path = lines(tmp_path / "runs.jsonl", run)
    assert "  note " not in within("scan", path, "--runs").text
    assert "  note " not in within("scan", path, "--runs", "--fail-on", "ARGS_OBJECT").text
    text = within("scan", path, "--runs", "--fail-on", "ARGS_OBJECT:note").text
    assert "  note    ARGS_OBJECT turn 1: " in text


def test_a_call_that_the_client_read_from_the_text_does_not_fail_by_its_code(
    tmp_path: Path,
) -> None:
    call = '<tool_call>\n{"name": "ls", "arguments": {}}\n</tool_call>'
    run = [
        {"role": "user", "content": "list"},
        {"role": "assistant", "content": call},
        {"role": "tool", "content": "a.txt"},
        {"role": "assistant", "content": "a.txt is there"},
    ]
    path = lines(tmp_path / "run.json", run)
    done = within("scan", path, "--fail-on", "CALL_IN_CONTENT,TRUNCATED")
    assert done.code == 0
    assert done.one_line == (
        "hermes-tui: --fail-on: no such finding; notes are not counted: CALL_IN_CONTENT×1 "
        "(CALL_IN_CONTENT:note counts them, too)"
    )


def test_what_fail_on_selects_is_counted_by_code(runs: Path) -> None:
    done = within("scan", runs, "--fail-on", "NAME_UNKNOWN,TRUNCATED")
    assert done.one_line == "hermes-tui: --fail-on: NAME_UNKNOWN×2"
    assert within("scan", runs, "--fail-on", "error").one_line == done.one_line


def test_with_a_baseline_fail_on_counts_only_new_findings(runs: Path) -> None:
    old = baseline(runs)
    done = within("scan", runs, "--baseline", old, "--fail-on", "error")
    assert (done.code, "--fail-on: no such finding\n" in done.err) == (0, True)
    lines(runs, called("a", "sl"), chat("b"), called("c", "sl"), called("d", "sl"))
    done = within("scan", runs, "--baseline", old, "--fail-on", "error")
    assert done.code == 1
    assert "--fail-on: NAME_UNKNOWN×1\n" in done.err


@pytest.mark.parametrize(
    ("selected", "message"),
    [
        ("TRUNCATED:fatal", "no severity is called 'fatal' (known: error, warning, note)"),
        ("TRUNCATED:", "no severity is called '' (known: error, warning, note)"),
        ("errors", "no code is called 'ERRORS' (did you mean error"),
        ("NAME_UNKNWN:note", "no code is called 'NAME_UNKNWN' (did you mean NAME_UNKNOWN"),
        ("TRUNCTED", f"(did you mean TRUNCATED, UNCLOSED? {ALL_CODES})"),
        ("FOO", f"no code is called 'FOO' ({ALL_CODES})"),
    ],
)
def test_a_severity_or_code_of_fail_on_that_does_not_exist_is_refused(
    runs: Path, selected: str, message: str
) -> None:
    done = within("scan", runs, "--fail-on", selected)
    assert (done.code, done.text) == (2, "")
    assert message in done.one_line


@pytest.mark.parametrize("options", [(), ("--jobs", "2"), ("--state", "scan.state")], ids=str)
def test_fail_on_is_judged_alike_however_the_work_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "runs"
    folder.mkdir()
    lines(folder / "a.jsonl", called("a", "ls", result="Error: no"), chat("b"))
    lines(folder / "b.jsonl", called("c", "ls", result="Error: no"))
    for _ in range(2):
        done = within("scan", folder, *options, "--fail-on", "TOOL_ERROR")
        assert (done.code, done.one_line) == (1, "hermes-tui: --fail-on: TOOL_ERROR×2")
        assert within("scan", folder, *options, "--fail-on", "TOOL_ERROR:error").code == 0


def test_fail_on_counts_malformed_places_outside_of_runs(tmp_path: Path) -> None:
    path = lines(tmp_path / "runs.jsonl", chat("a"), "{broken", chat("b"))
    assert within("scan", path, "--fail-on", "SOURCE_DEFECT").code == 1
    assert within("scan", path, "--fail-on", "TOOL_ERROR").code == 0


@pytest.mark.parametrize("options", [["--to", "json"], ["--runs", "--json"]], ids=" ".join)
def test_nothing_new_is_0(runs: Path, options: list[str]) -> None:
    done = within("scan", runs, "--baseline", baseline(runs, *options))
    assert done.code == 0
    assert done.one_line == "hermes-tui: 0 new, 2 as in the baseline"


def test_a_lone_surrogate_in_a_finding_does_not_break_the_baseline(tmp_path: Path) -> None:
    path = lines(tmp_path / "runs.jsonl", called("a", "ls", result="Error: \ud83d"))
    for options in (["--to", "json"], ["--runs", "--json"]):
        done = within("scan", path, "--baseline", baseline(path, *options))
        assert done.one_line == "hermes-tui: 0 new, 1 as in the baseline"


def test_a_baseline_that_names_none_of_the_files_is_reported(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = baseline(runs)
    monkeypatch.chdir(runs.parent)
    done = within("scan", runs.name, "--baseline", old)
    assert done.one_line == "hermes-tui: 0 new, 2 as in the baseline"
    lines(runs, called("a", "sl"), called("d", "sl"))
    done = within("scan", runs.name, "--baseline", old)
    assert done.code == 1
    assert "1 new, 1 as in the baseline; it names none of these files" in done.one_line


def test_a_finding_of_another_run_is_new(runs: Path) -> None:
    old = baseline(runs)
    lines(runs, called("a", "sl"), called("b", "sl"), called("c", "sl"))
    done = within("scan", runs, "--baseline", old, "--runs", "--json")
    assert done.code == 1
    rows = [json.loads(line) for line in done.text.splitlines()]
    assert [finding["new"] for row in rows for finding in row["findings"]] == [False, True, False]


def test_a_second_finding_of_the_same_run_and_code_is_new(runs: Path) -> None:
    old = baseline(runs)
    twice = called("a", "sl")
    lines(runs, {**twice, "messages": twice["messages"] * 2}, called("c", "sl"))
    done = within("scan", runs, "--baseline", old, "--fail-on", "NAME_UNKNOWN")
    assert done.code == 1


@pytest.mark.parametrize(("before", "code"), [("error", 0), ("warning", 0), ("note", 1)])
def test_a_finding_that_was_milder_in_the_baseline_is_new(
    tmp_path: Path, before: str, code: int
) -> None:
    path = lines(tmp_path / "runs.jsonl", called("a", "ls", result="Error: no such file"))
    old = baseline(path)
    assert '"severity":"warning"' in old.read_text()
    old.write_text(old.read_text().replace('"severity":"warning"', f'"severity":"{before}"'))
    assert within("scan", path, "--baseline", old, "--fail-on", "warning").code == code


def test_what_the_baseline_has_covers_the_most_severe_findings_first(tmp_path: Path) -> None:
    run = called("a", "ls")
    run["messages"] = run["messages"] * 2
    call = run["messages"][1]["tool_calls"][0] | {"id": "c2"}
    result = run["messages"][2] | {"tool_call_id": "c2"}
    last = run["messages"][-1]
    run["messages"] += [{"role": "assistant", "tool_calls": [call, call]}, result, result, last]
    path = lines(tmp_path / "runs.jsonl", run)
    old = baseline(path)
    document = json.loads(old.read_text())
    findings = document["results"][0]["findings"]
    assert [(item["code"], item["severity"]) for item in findings] == [
        ("ID_DUPLICATE", "warning"),
        ("ID_DUPLICATE", "error"),
    ]
    del findings[0]
    old.write_text(json.dumps(document))
    done = within("scan", path, "--baseline", old)
    assert (done.code, done.one_line) == (0, "hermes-tui: 1 new, 1 as in the baseline")


def test_moved_lines_and_removed_runs_are_not_new(runs: Path) -> None:
    old = baseline(runs)
    lines(runs, chat("new"), called("c", "sl"), "", called("a", "sl"))
    assert within("scan", runs, "--baseline", old).code == 0
    lines(runs, called("c", "sl"))
    assert within("scan", runs, "--baseline", old).code == 0


def test_runs_without_an_id_are_recognised_by_their_task(tmp_path: Path) -> None:
    def anonymous(task: str) -> dict[str, object]:
        run = called(task, "sl")
        del run["id"]
        return run

    path = lines(tmp_path / "runs.jsonl", anonymous("one"), anonymous("two"))
    old = baseline(path)
    lines(path, anonymous("two"), anonymous("one"))
    assert within("scan", path, "--baseline", old).code == 0
    lines(path, anonymous("two"), anonymous("three"))
    assert within("scan", path, "--baseline", old).code == 1


def test_malformed_places_outside_of_runs_can_be_known(tmp_path: Path) -> None:
    path = lines(tmp_path / "runs.jsonl", chat("a"), "{broken", chat("b"))
    old = baseline(path)
    assert within("scan", path, "--baseline", old).code == 0
    lines(path, chat("a"), "{broken", "{broken too", chat("b"))
    assert within("scan", path, "--baseline", old).code == 1


def test_new_findings_are_marked_in_every_output(runs: Path) -> None:
    old = baseline(runs)
    lines(runs, called("a", "sl"), called("b", "sl"))
    text = within("scan", runs, "--baseline", old, "--runs").text
    assert [" (new)" in line for line in text.splitlines() if "NAME_UNKNOWN turn" in line] == [
        False,
        True,
    ]
    sarif = json.loads(within("scan", runs, "--baseline", old, "--to", "sarif").text)
    states = [result["baselineState"] for result in sarif["runs"][0]["results"]]
    assert states == ["unchanged", "new"]
    assert 'failures="1"' in within("scan", runs, "--baseline", old, "--to", "junit").text


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        "no json",
        '{"results": [{}]}',
        '{"path": "a", "runs": 1}',
        "7",
        pytest.param("[" * 99_999, id="deep"),
    ],
)
def test_an_invalid_baseline_is_one_line_and_2(tmp_path: Path, content: str) -> None:
    path = lines(tmp_path / "run.json", CHAT)
    (tmp_path / "old.json").write_text(content)
    done = within("scan", path, "--baseline", tmp_path / "old.json")
    assert (done.code, done.out) == (2, b"")
    assert "not what `scan --to json` writes" in done.one_line


def test_a_baseline_that_is_missing_is_3(tmp_path: Path) -> None:
    path = lines(tmp_path / "run.json", CHAT)
    done = within("scan", path, "--baseline", tmp_path / "old.json")
    assert (done.code, done.out) == (3, b"")
    assert "old.json: no such file" in done.one_line
