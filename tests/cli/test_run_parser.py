"""`scan --parser` and `open --parser` check every message of a run against that parser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import PROJECT, hermes_tui, within

SOUND = '<tool_call>\n{"name": "search", "arguments": {"query": "owls"}}\n</tool_call>'
QUOTED = SOUND.replace('"query"', "'query'")
XML = "<tool_call>\n<function=search>\n<parameter=query>\nowls\n</parameter>\n</function>"
SHAREGPT = [{"from": "human", "value": "go"}, {"from": "gpt", "value": QUOTED}]


def write(folder: Path, value: Any, name: str = "run.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def messages(*items: str | dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{"role": "user", "content": "go"}]
    for item in items:
        found.append(
            {"role": "assistant", **({"content": item} if isinstance(item, str) else item)}
        )
        found.append({"role": "user", "content": "go on"})
    return found


def findings(path: Path, parser: str) -> list[dict[str, Any]]:
    options = ["--parser", parser] if parser else []
    done = within("scan", path, "--runs", "--json", *options)
    return [found for line in done.text.splitlines() for found in json.loads(line)["findings"]]


def codes(path: Path, parser: str) -> dict[str, int]:
    options = ["--parser", parser] if parser else []
    found: dict[str, int] = json.loads(within("scan", path, "--json", *options).text)["diagnostics"]
    return found


def test_without_a_parser_nothing_is_added(tmp_path: Path) -> None:
    path = write(tmp_path, {"conversations": SHAREGPT})
    assert not any("vllm" in found["message"] for found in findings(path, ""))


def test_scan_counts_what_the_parser_does_with_the_messages(tmp_path: Path) -> None:
    path = write(tmp_path, messages(XML, "Hello.", XML))
    assert "WRONG_FORMAT" not in codes(path, "")
    assert codes(path, "vllm/hermes")["WRONG_FORMAT"] == 2
    assert "WRONG_FORMAT" not in codes(path, "vllm/qwen3_coder")


def test_a_place_reported_for_the_run_and_by_the_parser_counts_once(tmp_path: Path) -> None:
    path = write(tmp_path, {"conversations": SHAREGPT})
    assert codes(path, "")["BAD_QUOTES"] == codes(path, "vllm/hermes")["BAD_QUOTES"] == 1
    (finding,) = [one for one in findings(path, "vllm/hermes") if one["code"] == "BAD_QUOTES"]
    assert "vllm/hermes keeps the call as text" in finding["message"]


def test_unread_calls_with_the_same_cause_are_reported_together(tmp_path: Path) -> None:
    longcat = SOUND.replace("tool_call", "longcat_tool_call")
    path = write(tmp_path, messages(f"{longcat}\n{longcat}"))
    (finding,) = [one for one in findings(path, "vllm/hermes") if one["code"] == "WRONG_FORMAT"]
    assert "keeps 2 calls as text (search, search)" in finding["message"]


def test_a_finding_has_its_turn_and_names_the_parser(tmp_path: Path) -> None:
    path = write(tmp_path, messages("Hello.", XML))
    (found,) = [f for f in findings(path, "vllm/hermes") if f["code"] == "WRONG_FORMAT"]
    assert found["turn"] == 2
    assert "vllm/hermes keeps the call as text (search)" in found["message"]
    assert XML[slice(*found["span"])].startswith("<function=search")


def test_a_guessed_parser_is_reported_as_guessed(tmp_path: Path) -> None:
    path = write(tmp_path, messages(SOUND, XML))
    done = within("scan", path, "--runs", "--parser", "guess")
    assert "read by vllm/hermes, guessed from the markers" in done.err
    assert "vllm/hermes (guessed) keeps the call as text (search)" in done.text


def test_the_parser_is_guessed_for_each_run_of_a_file(tmp_path: Path) -> None:
    lines = [{"messages": messages(text)} for text in (SOUND, XML)]
    path = tmp_path / "runs.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    done = within("scan", path, "--parser", "guess")
    assert "vllm/hermes" in done.err
    assert "vllm/qwen3_coder" in done.err


def test_reasoning_is_searched_for_calls_too(tmp_path: Path) -> None:
    path = write(tmp_path, messages({"content": "Done.", "reasoning_content": XML}))
    assert "MARKER_IN_REASONING" not in codes(path, "")
    assert codes(path, "guess")["MARKER_IN_REASONING"] == 1


def test_a_truncated_call_hidden_by_finish_reason_is_found(tmp_path: Path) -> None:
    reply = {"content": SOUND[:50], "finish_reason": "stop"}
    path = write(tmp_path, messages(reply))
    found = [f["message"] for f in findings(path, "vllm/hermes") if f["code"] == "TRUNCATED"]
    assert any("although finish_reason says stop" in message for message in found)


def test_open_shows_the_diagnosis_in_the_timeline(tmp_path: Path) -> None:
    path = write(tmp_path, messages(XML))
    done = hermes_tui("open", path, "--parser", "vllm/hermes")
    assert done.code == 0
    assert "WRONG_FORMAT" in done.text
    assert "WRONG_FORMAT" not in hermes_tui("open", path).text


def test_a_run_of_single_records_is_diagnosed_in_the_same_way(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text("".join(json.dumps(m) + "\n" for m in messages(SOUND, XML)), encoding="utf-8")
    assert codes(path, "guess")["WRONG_FORMAT"] == 1


def test_a_recording_with_calls_as_separate_records_is_not_called_empty() -> None:
    assert codes(PROJECT / "transcripts" / "clean-run.native.jsonl", "guess") == {}


@pytest.mark.parametrize("command", ["scan", "open"])
def test_an_unknown_parser_is_a_usage_error_with_the_near_names(
    command: str, tmp_path: Path
) -> None:
    done = within(command, write(tmp_path, messages(SOUND)), "--parser", "vllm/hermez")
    assert done.code == 2
    assert "did you mean vllm/hermes" in done.one_line


def test_the_numbers_of_messages_and_calls_do_not_change(tmp_path: Path) -> None:
    for name in ("hostile.json", "ids.json", "atropos-group.jsonl", "call-left-in-content.jsonl"):
        path = PROJECT / "transcripts" / name
        plain, read = (
            json.loads(within("scan", path, "--json", *options).text)
            for options in ([], ["--parser", "hermes-tui/auto"])
        )
        assert plain | {"diagnostics": {}} == read | {"diagnostics": {}}
        for code, count in plain["diagnostics"].items():
            assert read["diagnostics"][code] >= count


@pytest.mark.parametrize("command", ["scan", "open"])
def test_a_real_engine_is_refused_as_it_reads_single_texts(tmp_path: Path, command: str) -> None:
    path = write(tmp_path, messages(SOUND))
    done = within(command, path, "--parser", "real/vllm-0.33.0/hermes")
    assert done.code == 2
    assert "reads only single texts, not runs" in done.one_line
    assert "hermes-tui parse --parser" in done.one_line and "the parser lab" in done.one_line
