"""`scan --to` writes tables, JSON lines, JSON, SARIF and JUnit XML, each in its valid form."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from hermes_tui.cli import scan_report
from hermes_tui.cli.caret import cells
from hermes_tui.cli.main import main
from hermes_tui.cli.scan_documents import MAX_IN_MEMORY, Sarif
from hermes_tui.cli.scan_report import defect_finding
from hermes_tui.cli.scan_summary import Ending
from hermes_tui.runtime.scan.rates import Rates
from tests.cli.program import Outcome, hermes_tui, within
from tests.cli.scan_files import CHAT, called, chat, lines, with_defect

HOSTILE = "x\x1b]0;t\x07\u009b31m\u202e<&\"'\n\ufffe"


def document(done: Outcome) -> Any:
    return json.loads(done.text)


def test_json_is_one_object_with_runs_files_and_summary(tmp_path: Path) -> None:
    path = lines(tmp_path / "runs.jsonl", chat("a"), called("b", "sl"), chat("c"))
    done = within("scan", path, "--to", "json")
    found = document(done)
    assert done.code == 1
    assert list(found) == ["version", "results", "files", "summary", "complete"]
    assert [row["id"] for row in found["results"]] == ["b"]
    assert [row["runs"] for row in found["files"]] == [3]
    assert found["complete"] is True
    by_run = document(within("scan", path, "--to", "json", "--runs"))
    assert [row["id"] for row in by_run["results"]] == ["a", "b", "c"]


def test_json_rows_are_those_of_json_lines(transcripts: Path) -> None:
    whole = document(within("scan", transcripts, "--to", "json", "--runs"))
    runs = within("scan", transcripts, "--json", "--runs").text.splitlines()
    assert whole["results"] == [json.loads(line) for line in runs]
    files = within("scan", transcripts, "--json").text.splitlines()
    assert whole["files"] == [json.loads(line) for line in files]


def test_json_lists_the_named_files_that_cannot_be_read(tmp_path: Path) -> None:
    good = lines(tmp_path / "a.json", CHAT)
    found = document(within("scan", good, tmp_path / "b.json", "--to", "json"))
    assert [row["path"] for row in found["files"]] == [str(good), str(tmp_path / "b.json")]
    assert "no such file" in found["files"][1]["error"]


def test_a_malformed_place_outside_of_runs_is_a_result_without_a_run(tmp_path: Path) -> None:
    path = lines(tmp_path / "runs.jsonl", chat("a"), "{broken", chat("b"))
    (row,) = document(within("scan", path, "--to", "json"))["results"]
    assert (row["run"], [finding["code"] for finding in row["findings"]]) == (
        None,
        ["SOURCE_DEFECT"],
    )


def test_the_summary_counts_runs_by_code_tool_model_and_parser(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "runs.jsonl",
        called("a", "ls", model="m1"),
        called("b", "sl", model="m1"),
        called("c", "ls", model="m2"),
        chat("d", model="m2"),
    )
    found = document(within("scan", path, "--to", "json", "--parser", "vllm/hermes"))["summary"]
    assert (found["runs"], found["failed"], found["rate"]) == (4, 1, 0.25)
    place = [{"path": str(path), "at": "2:2"}]
    assert found["by_code"]["NAME_UNKNOWN"] == {
        "runs": 4, "failed": 1, "rate": 0.25, "mean_reward": None, "examples": place,
    }  # fmt: skip
    tools = {name: (rate["failed"], rate["runs"]) for name, rate in found["by_tool"].items()}
    assert tools == {"sl": (1, 1), "ls": (0, 2)}
    models = {name: (rate["failed"], rate["runs"]) for name, rate in found["by_model"].items()}
    assert models == {"m1": (1, 2), "m2": (0, 2)}
    assert list(found["by_parser"]) == ["vllm/hermes"]


def test_a_call_without_a_tool_name_is_an_example_with_its_place(tmp_path: Path) -> None:
    path = lines(tmp_path / "runs.jsonl", chat("a"), called("b", ""))
    found = document(within("scan", path, "--to", "json"))["summary"]["by_tool"]["(no name)"]
    assert found["examples"] == [{"path": str(path), "at": "2:2"}]
    assert (found["failed"], found["runs"]) == (1, 1)


def test_a_failed_result_without_a_call_is_an_example_with_its_place(
    tmp_path: Path,
) -> None:
    run = called("b", "ls", result="Error: no such file")
    run["messages"][2]["tool_call_id"] = "other"
    path = lines(tmp_path / "runs.jsonl", chat("a"), run)
    found = document(within("scan", path, "--to", "json"))["summary"]["by_tool"]["(no name)"]
    assert found["examples"] == [{"path": str(path), "at": "2:3"}]


def test_names_in_wide_characters_leave_the_columns_in_place(tmp_path: Path) -> None:
    path = lines(tmp_path / "runs.jsonl", called("a", "查找文件"), called("b", "sl"))
    rows = [line for line in within("scan", path).text.splitlines() if "1 of 1" in line]
    assert len(rows) == 2
    assert len({cells(row[: row.index("1 of 1")]) for row in rows}) == 1


def test_a_tool_has_failed_if_its_result_is_an_error(tmp_path: Path) -> None:
    wrong = json.dumps({"success": False, "error": "quota"})
    path = lines(tmp_path / "runs.jsonl", called("a", "ls"), called("b", "ls", result=wrong))
    tools = document(within("scan", path, "--to", "json"))["summary"]["by_tool"]
    assert tools["ls"] == {
        "runs": 2, "failed": 1, "rate": 0.5, "mean_reward": None,
        "examples": [{"path": str(path), "at": "2:3"}],
    }  # fmt: skip


def test_a_guessed_parser_is_reported_for_each_run(tmp_path: Path) -> None:
    tagged = '<tool_call>\n{"name": "ls", "arguments": {}}\n</tool_call>'
    path = lines(tmp_path / "runs.jsonl", chat("a", tagged), chat("b", "no call"))
    found = document(within("scan", path, "--to", "json", "--parser", "guess"))["summary"]
    assert {name: rate["runs"] for name, rate in found["by_parser"].items()} == {
        "vllm/hermes": 1,
        "": 1,
    }


def test_the_first_three_examples_are_given(tmp_path: Path) -> None:
    one = lines(tmp_path / "1.jsonl", called("a", "sl"), chat(), called("c", "sl"))
    two = lines(tmp_path / "2.jsonl", called("d", "sl"), called("e", "sl"))
    found = document(within("scan", one, two, "--to", "json"))["summary"]
    examples = found["by_code"]["NAME_UNKNOWN"]["examples"]
    assert [(Path(place["path"]).name, place["at"]) for place in examples] == [
        ("1.jsonl", "1:2"),
        ("1.jsonl", "3:2"),
        ("2.jsonl", "1:2"),
    ]  # fmt: skip


def test_the_summary_counts_malformed_places_outside_of_runs(tmp_path: Path) -> None:
    path = lines(tmp_path / "runs.jsonl", chat("a"), "{oops", "[1", chat("b"))
    done = within("scan", path)
    summary = "2 runs in 1 file, 0 with errors; plus 2 malformed places outside of any run"
    assert (done.code, done.text.splitlines()[-1]) == (1, summary)
    summary = document(within("scan", path, "--to", "json"))["summary"]
    assert (summary["failed"], summary["defects_outside_runs"]) == (0, 2)


def test_a_summary_follows_the_lines_if_several_runs_have_findings(
    tmp_path: Path,
) -> None:
    path = lines(tmp_path / "runs.jsonl", called("a", "sl"), chat("b"), called("c", "ls"))
    text = [" ".join(line.split()) for line in within("scan", path).text.splitlines()]
    assert "3 runs in 1 file, 1 with errors (33.3%)" in text
    assert f"NAME_UNKNOWN 1 of 3 33.3% 1 error {path} --at 1:2" in text
    assert len(within("scan", lines(path, chat("a"), chat("b"))).text.splitlines()) == 1


def test_each_heading_of_the_summary_names_the_counts_below_it(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "runs.jsonl",
        *(called("a", "ls", model="m", result="Error: no such file") for _ in range(3)),
        called("b", "sl", model="m"),
    )
    _, summary = within("scan", path).text.split("\n\n", 1)
    whole, *groups, look_at = summary.split("\n\n")
    assert whole == "4 runs in 1 file, 1 with errors (25.0%)"
    assert [group.splitlines()[0] for group in groups] == [
        "by code: runs with it as an error or warning, else as a note; how many of each",
        "by tool: runs in which the tool or a call of it failed, of those that call it",
        "by model: runs with errors, of its runs",
    ]
    counts = [
        [line.split("  /")[0].rstrip() for line in group.splitlines()[1:]] for group in groups
    ]
    assert counts == [
        ["  NAME_UNKNOWN  1 of 4   25.0%  1 error", "  TOOL_ERROR    3 of 4   75.0%  3 warnings"],
        ["  ls            3 of 3  100.0%", "  sl            1 of 1  100.0%"],
        ["  m             1 of 4   25.0%"],
    ]
    assert look_at == "look at one: hermes-tui open FILE --at RUN:MESSAGE\n"


def test_the_summary_counts_findings_by_code_and_severity(tmp_path: Path) -> None:
    object_given = called("a", "ls", result="Error: no such file")
    object_given["messages"][1]["tool_calls"][0]["function"]["arguments"] = {}
    path = lines(tmp_path / "runs.jsonl", object_given, "{broken", called("b", "sl"))
    summary = document(within("scan", path, "--to", "json"))["summary"]
    assert summary["findings"] == {
        "ARGS_OBJECT": {"note": 1},
        "NAME_UNKNOWN": {"error": 1},
        "SOURCE_DEFECT": {"error": 1},
        "TOOL_ERROR": {"warning": 1},
    }
    state = ("--state", tmp_path / "kept.state", "--jobs", "2")
    for _ in range(2):
        again = document(within("scan", path, "--to", "json", *state))["summary"]
        assert again == summary


def test_codes_with_errors_are_listed_first(tmp_path: Path) -> None:
    failed = called("a", "ls", result="Error: no such file")
    path = lines(tmp_path / "runs.jsonl", failed, failed, called("b", "sl"), chat("c"))
    by_code = within("scan", path).text.split("by code")[1].split("\n\n")[0]
    codes = [line.split()[0] for line in by_code.splitlines()[1:]]
    assert codes == ["NAME_UNKNOWN", "TOOL_ERROR"]


def test_a_clean_scan_of_several_files_ends_with_the_number_of_runs(tmp_path: Path) -> None:
    paths = [lines(tmp_path / f"{name}.jsonl", chat(name)) for name in "ab"]
    for options in ([], ["--runs"]):
        done = within("scan", *paths, *options)
        assert (done.code, done.text.splitlines()[2:]) == (
            0,
            ["", "2 runs in 2 files, 0 with errors"],
        )


def test_runs_of_one_file_that_are_all_clean_are_summed_up_below_their_lines(
    tmp_path: Path,
) -> None:
    path = lines(tmp_path / "runs.jsonl", chat("a"), chat("b"))
    shown = within("scan", path, "--runs").text.splitlines()
    assert shown[2:] == ["", "2 runs in 1 file, 0 with errors"]


def test_the_first_defects_in_runs_are_listed_below_the_line_of_their_file(tmp_path: Path) -> None:
    bad = lines(tmp_path / "bad.jsonl", chat("a"), with_defect("b"), with_defect("c"))
    worse = lines(tmp_path / "worse.jsonl", chat("a"), *(with_defect(f"{n}") for n in range(9)))
    shown = within("scan", bad, worse).text.splitlines()
    message = "a number of 5,000 digits is too long to read; kept as text"
    assert shown[0].endswith("SOURCE_DEFECT×2")
    assert [line.split("turn 0: ")[0] for line in shown[1:3]] == ["  error   SOURCE_DEFECT "] * 2
    assert [line.split("file: ")[1] for line in shown[1:3]] == [
        f"{message}  (--at 2:1)",
        f"{message}  (--at 3:1)",
    ]
    assert shown[3].endswith("SOURCE_DEFECT×9")
    assert [line.rpartition("  ")[2] for line in shown[4:7]] == [
        "(--at 2:1)",
        "(--at 3:1)",
        "(--at 4:1)",
    ]
    assert shown[7:9] == ["  and more SOURCE_DEFECT: --runs lists them all", ""]


def test_a_defect_reported_with_its_run_is_not_repeated(tmp_path: Path) -> None:
    path = lines(tmp_path / "bad.jsonl", chat("a"), with_defect("b"))
    assert within("scan", path, "--runs").text.count("5,000 digits") == 1


def test_defects_keep_their_places_after_an_interruption(tmp_path: Path) -> None:
    path = lines(tmp_path / "bad.jsonl", chat("a"), with_defect("b"))
    state = ("--state", tmp_path / "kept.state")
    first = within("scan", path, *state)
    assert "(--at 2:1)" in first.text
    assert within("scan", path, *state).text == first.text


def test_sarif_has_a_result_per_finding_with_a_rule_and_a_place(tmp_path: Path) -> None:
    path = lines(tmp_path / "run 1.json", called("a", "sl"))
    found = document(within("scan", path, "--to", "sarif"))
    assert found["version"] == "2.1.0"
    (run,) = found["runs"]
    assert run["tool"]["driver"]["name"] == "hermes-tui"
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    (result,) = run["results"]
    assert result["ruleId"] in rules
    assert result["level"] == "error"
    assert result["message"]["text"].startswith("no declared tool is called 'sl'")
    (place,) = result["locations"]
    uri = place["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == f"file://{str(path).replace(' ', '%20')}"
    assert place["logicalLocations"][0]["fullyQualifiedName"] == "1:2"
    assert run["invocations"][0]["executionSuccessful"] is True


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("runs/a b.jsonl", "runs/a%20b.jsonl"),
        ("a:b.jsonl", "a%3Ab.jsonl"),
        ("/runs/a.jsonl", "file:///runs/a.jsonl"),
        ("s3://bucket/a b.jsonl", "s3://bucket/a%20b.jsonl"),
        ("http://host:80/a%20b.jsonl?v=1", "http://host:80/a%20b.jsonl?v=1"),
    ],
)
def test_sarif_names_a_file_as_a_uri(path: str, uri: str) -> None:
    written: list[str] = []
    sarif = Sarif(written.append)
    sarif.begin()
    sarif.defect(path, "openai-messages", defect_finding("not JSON"))
    sarif.end(Ending(Rates(), str, files=1))
    [result] = json.loads("".join(written))["runs"][0]["results"]
    [place] = result["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == uri


def test_the_notifications_in_a_document_are_limited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan_report, "MAX_KEPT_COMPLAINTS", 2)
    paths = [tmp_path / f"{number}.jsonl" for number in range(4)]
    done = within("scan", *paths, "--to", "sarif")
    [invocation] = json.loads(done.text)["runs"][0]["invocations"]
    assert len(invocation["toolExecutionNotifications"]) == 2
    assert done.err.count("no such file") == 4


def test_sarif_is_valid_against_its_schema(transcripts: Path, tmp_path: Path) -> None:
    model = pytest.importorskip("pydantic_sarif.model")
    broken = lines(tmp_path / "runs.jsonl", chat("a"), "{broken", chat("b"))
    clean = lines(tmp_path / "clean.json", CHAT)
    baseline = tmp_path / "old.json"
    baseline.write_bytes(within("scan", transcripts, "--to", "json").out)
    for more in ([], [broken, tmp_path / "missing.json"], [clean, "--baseline", baseline]):
        done = within("scan", "--to", "sarif", transcripts, *more)
        report = model.StaticAnalysisResultsFormatSarifVersion210JsonSchema
        assert report.model_validate_json(done.text).runs[0].results


def test_junit_has_a_case_per_run_and_a_failure_if_it_has_errors(tmp_path: Path) -> None:
    path = lines(tmp_path / "runs.jsonl", chat("a"), called("b", "sl"), "{broken")
    done = within("scan", path, tmp_path / "missing.json", "--to", "junit")
    (suite,) = ElementTree.fromstring(done.text)
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("4", "2", "1")
    cases = {(case.get("classname"), case.get("name")): case for case in suite}
    assert cases[str(path), "a"].find("failure") is None
    failure = cases[str(path), "b"].find("failure")
    assert failure is not None
    assert (failure.get("type"), failure.text) == (
        "NAME_UNKNOWN",
        "NAME_UNKNOWN at 2:2: no declared tool is called 'sl'",
    )
    outside = cases[str(path), "outside any run"].find("failure")
    assert outside is not None and str(outside.text).startswith("SOURCE_DEFECT: byte ")
    assert cases[str(tmp_path / "missing.json"), "reading"].find("error") is not None


def test_a_newline_in_a_name_is_visible_in_junit(tmp_path: Path) -> None:
    path = lines(tmp_path / "two\nlines.jsonl", called("a", "sl"))
    (suite,) = ElementTree.fromstring(within("scan", path, "--to", "junit").text)
    assert [case.get("classname") for case in suite] == [str(tmp_path / "two␊lines.jsonl")]


@pytest.mark.parametrize("to", ["table", "jsonl", "json", "sarif", "junit"])
def test_hostile_names_are_harmless_in_every_output(tmp_path: Path, to: str) -> None:
    path = lines(
        tmp_path / f"r{HOSTILE}.jsonl",
        called(HOSTILE, HOSTILE, model=HOSTILE),
        called(HOSTILE, HOSTILE, result=f"Error: {HOSTILE}"),
    )
    done = within("scan", path, "--to", to, "--runs")
    assert (done.code, done.err) == (1, "")
    assert not any(mark in done.text for mark in ("\x1b", "\x07", "\u009b", "\u202e"))
    if to == "junit":
        assert len(ElementTree.fromstring(done.text)[0]) == 2
    elif to in ("json", "sarif"):
        json.loads(done.text)


@pytest.mark.parametrize(
    ("to", "read"),
    [
        ("jsonl", lambda out: [json.loads(line) for line in out.splitlines()]),
        ("json", json.loads),
        ("sarif", json.loads),
        ("junit", lambda out: ElementTree.tostring(ElementTree.fromstring(out))),
    ],
)
def test_machine_readable_output_does_not_depend_on_the_locale(
    tmp_path: Path, to: str, read: Callable[[bytes], Any]
) -> None:
    path = lines(tmp_path / "für.jsonl", called("Grüße → 你好 🙂", "naïve"))
    usual, *others = (
        hermes_tui("scan", path, "--to", to, "--runs", PYTHONIOENCODING=encoding)
        for encoding in ("utf-8", "latin-1", "ascii", "euc-jp")
    )
    for done in others:
        assert (done.code, done.err) == (1, "")
        assert read(done.out) == read(usual.out)


def test_results_held_until_the_end_of_a_document_may_exceed_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MAX_IN_MEMORY > 100
    monkeypatch.setattr("hermes_tui.cli.scan_documents.MAX_IN_MEMORY", 100)
    paths = [lines(tmp_path / f"{n}.json", CHAT) for n in range(5)]
    assert len(document(within("scan", *paths, "--to", "json"))["files"]) == 5


def test_format_can_also_name_an_output(tmp_path: Path) -> None:
    path = lines(tmp_path / "run.json", CHAT)
    for arguments in (["--format", "jsonl"], ["--to", "jsonl"], ["--json"]):
        (line,) = within("scan", path, *arguments).text.splitlines()
        assert json.loads(line)["format"] == "openai-messages"
    done = within("scan", path, "--format", "jsonl", "--format", "generic")
    assert json.loads(done.text)["format"] == "generic"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--to", "xml"], ["'xml'", "sarif"]),
        (["--json", "--to", "sarif"], ["two formats to print", "jsonl and sarif"]),
        (["--format", "generic", "--format", "native"], ["two formats to read as"]),
        (["--jobs", "0"], ["--jobs 0", "give 1"]),
        (["--jobs", "two"], ["--jobs two"]),
        (["--fail-on", "CALL_IN_CONTNT"], ["CALL_IN_CONTNT", "did you mean CALL_IN_CONTENT"]),
        (["--fail-on", "0815"], ["0815", "--to sarif` lists"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_invalid_options_are_one_line_and_2(
    tmp_path: Path, arguments: list[str], words: list[str]
) -> None:
    done = within("scan", lines(tmp_path / "run.json", CHAT), *arguments)
    assert (done.code, done.out) == (2, b"")
    for word in words:
        assert word in done.one_line


def test_the_help_has_examples_and_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["scan", "--help"])
    text = capsys.readouterr().out
    for word in ("--baseline old.json", "--fail-on", "--state", "130 Ctrl-C, 143 SIGTERM", "sarif"):
        assert word in text
    assert "only for errors and warnings of these codes" in " ".join(text.split())
    assert "at least this severe: error, warning or note" in " ".join(text.split())


def graded(run_id: str, reward: float | None, **fields: Any) -> dict[str, Any]:
    return chat(run_id, **({} if reward is None else {"reward": reward}), **fields)


def test_the_summary_counts_the_ends_of_runs_by_model_too(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "runs.jsonl",
        *(graded("a", 1.0, model="m1"), graded("b", 0.0, model="m1")),
        *(graded("c", 0.5, model="m2"), graded("d", None, model="m2")),
    )
    text = within("scan", path).text
    assert "outcome: mean reward 0.5 (3 runs, 1 at 0 or below)" in text
    assert "  m1  mean reward 0.5 (2 runs, 1 at 0 or below)" in text
    assert "  m2  mean reward 0.5 (1 run)\n" in text
    found = document(within("scan", path, "--to", "json"))["summary"]
    assert found["outcome"] == {
        "runs": 4, "known": 0, "failed": 0, "rewarded": 3, "mean_reward": 0.5, "reward_0": 1,
        "with_errors": {"rewarded": 0, "mean_reward": None, "reward_0": 0},
    }  # fmt: skip
    assert found["outcome_by_model"]["m2"]["rewarded"] == 1
    assert ", reward 0.5: 2 messages" in within("scan", path, "--runs").text


@pytest.mark.parametrize(
    ("at_most", "code"), [("0", 1), ("1", 0), ("33.3%", 1), ("33.4%", 0), ("100%", 0)]
)
def test_a_number_or_share_of_failing_runs_can_be_allowed(
    tmp_path: Path, at_most: str, code: int
) -> None:
    path = lines(tmp_path / "runs.jsonl", *(graded(name, 1.0) for name in "ab"), graded("c", 0.0))
    done = within("scan", path, "--fail-if", "reward < 1", "--at-most", at_most)
    verdict = "more than" if code else "at most"
    assert done.code == code
    assert f"true for 1 of 3 runs (33.3%), {verdict} {at_most}" in done.err


def test_a_share_is_compared_exactly(tmp_path: Path) -> None:
    path = lines(tmp_path / "runs.jsonl", *(graded(str(n), float(n >= 29)) for n in range(100)))
    assert within("scan", path, "--fail-if", "reward < 1", "--at-most", "29%").code == 0
    assert within("scan", path, "--fail-if", "reward < 1", "--at-most", "28.9%").code == 1


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--at-most", "5"), "add --fail-if EXPRESSION"),
        (("--at-most", "few", "--fail-if", "errors > 0"), "give 3, or 10%"),
        (("--at-most", "5", "--fail-if", "errors > 0", "--to", "junit"), "print another format"),
    ],
)
def test_an_allowance_that_makes_no_sense_is_refused(more: tuple[str, ...], message: str) -> None:
    done = within("scan", "x.json", *more)
    assert (done.code, message in done.err) == (2, True)


def test_runs_can_be_failed_by_an_expression(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "runs.jsonl", graded("a", 1.0), graded("b", 0.0), called("c", "sl", reward=1)
    )
    assert within("scan", path).code == 1
    done = within("scan", path, "--fail-if", "reward > 2", "--to", "junit")
    assert done.code == 0
    assert "--fail-if: true for 0 of 3 runs" in done.err
    done = within("scan", path, "--fail-if", "reward < 1", "--to", "junit")
    assert done.code == 1
    (suite,) = ElementTree.fromstring(done.text)
    failing = {case.get("name"): case.find("failure") for case in suite}
    assert [name for name, failure in failing.items() if failure is not None] == ["b"]
    assert "reward < 1 (status unknown, reward 0.0)" in str(getattr(failing["b"], "text", ""))
    both = within("scan", path, "--fail-if", "reward > 2", "--fail-on", "NAME_UNKNOWN")
    assert both.code == 1
    wrong = within("scan", path, "--fail-if", "nope > 2")
    assert (wrong.code, "--fail-if 'nope > 2'" in wrong.err) == (2, True)


def test_a_case_has_the_same_name_wherever_its_run_is(tmp_path: Path) -> None:
    runs = [chat("a"), chat("b"), chat("", "x"), chat("", "y"), called("c", "ls", group_id="7")]

    def names(*order: dict[str, Any]) -> list[str]:
        done = within("scan", lines(tmp_path / "runs.jsonl", *order), "--to", "junit")
        (suite,) = ElementTree.fromstring(done.text)
        return sorted(str(case.get("name")) for case in suite)

    assert names(*runs) == names(*reversed(runs))
    assert names(*runs)[:2] == ["7 · c", "a"]
    assert {"task", "task (2)"} <= set(names(*runs))


def test_sarif_has_the_line_and_the_meaning_of_its_rules(tmp_path: Path) -> None:
    run = called("b", "sl")
    run["messages"] += run["messages"][1:]
    path = lines(tmp_path / "runs.jsonl", chat("a"), "", run, run)
    (found,) = document(within("scan", path, "--to", "sarif", "--jobs", "1"))["runs"]
    rules = found["tool"]["driver"]["rules"]
    assert all(rule["shortDescription"]["text"] and rule["help"]["text"] for rule in rules)
    places = [result["locations"][0]["physicalLocation"] for result in found["results"]]
    assert {place["region"]["startLine"] for place in places} == {3, 4}
    prints = [result["partialFingerprints"]["run/v3"] for result in found["results"]]
    assert len(set(prints)) == len(prints) > 2
