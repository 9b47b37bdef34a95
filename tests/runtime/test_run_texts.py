"""The search through all texts of runs misses nothing for the sake of speed."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_tui.formats import detect
from hermes_tui.formats.framing import Layout
from hermes_tui.formats.json_text import big_list
from hermes_tui.log.codec import PACKED_FROM, encode_packed
from hermes_tui.model.errors import HermesError
from hermes_tui.model.events import (
    Event,
    MessageAppended,
    RequestFailed,
    RunStarted,
    ToolCallProposed,
    ToolFailed,
    ToolReturned,
)
from hermes_tui.runtime.opener import FoundRun, RunRef, open_file, read_events, survey
from hermes_tui.runtime.run_texts import search_run, sieve
from hermes_tui.ui.search import compile_search

MESSAGE = {"role": "user", "content": "hay"}
MANY_BYTES = 3_000_000
WORDS = st.text("kKsSiIaZ\u212a\u017f\u0130\u0131é ", min_size=1, max_size=12)


@contextmanager
def refs(path: Path) -> Iterator[list[RunRef]]:
    file = open_file(path, whole=True)
    try:
        yield [step.ref for step in survey(file) if isinstance(step, FoundRun) and step.final]
    finally:
        file.close()


def found_in_runs(path: Path, text: str, *, is_regex: bool = False) -> list[bool]:
    """Return, for each run of a file, whether a search finds `text` in it."""
    with refs(path) as runs:
        return [is_found(ref, text, is_regex=is_regex) for ref in runs]


def is_found(ref: RunRef, text: str, *, is_regex: bool = False) -> bool:
    search = compile_search(text, is_regex=is_regex, case_matters=False, in_texts=True)
    may_match = sieve("" if is_regex else text, case_matters=False)
    steps = search_run(ref, search.found_in, may_match)
    while True:
        try:
            next(steps)
        except StopIteration as ended:
            return bool(ended.value)


def write_chat(path: Path, *contents: str) -> Path:
    runs = [
        [{"role": "user", "content": "go"}, {"role": "assistant", "content": content}]
        for content in contents
    ]
    path.write_text("".join(json.dumps({"messages": run}) + "\n" for run in runs))
    return path


def test_only_the_runs_that_contain_the_text_are_found(tmp_path: Path) -> None:
    path = write_chat(tmp_path / "runs.jsonl", "The disk is FULL", "all fine", "disk full?")
    assert found_in_runs(path, "disk is full") == [True, False, False]
    assert found_in_runs(path, "(disk|all) f", is_regex=True) == [False, True, True]


def test_a_run_of_many_records_is_searched_to_its_last_one(tmp_path: Path) -> None:
    messages = [{"role": "user", "content": f"number {n}"} for n in range(300)]
    path = tmp_path / "run.jsonl"
    path.write_text("\n" + "\n".join(map(json.dumps, messages)) + "\n")
    assert found_in_runs(path, "number 299") == [True]
    assert found_in_runs(path, "number 300") == [False]


def test_several_runs_in_one_record_are_searched_separately(tmp_path: Path) -> None:
    group = {
        "tokens": [[1], [2]],
        "masks": [[1], [2]],
        "scores": [0.0, 1.0],
        "messages": [
            [{"role": "user", "content": "go"}, {"role": "assistant", "content": content}]
            for content in ("nothing", "the needle")
        ],
    }
    path = tmp_path / "groups.jsonl"
    path.write_text(json.dumps(group) + "\n")
    assert found_in_runs(path, "needle") == [False, True]


@pytest.mark.parametrize(
    "spelling",
    [
        r"the \u006eeedle",
        r"data: {\"choices\": [{\"delta\": {\"content\": \"nee\"}}]}",
        "data:text/plain;base64,bmVlZGxl",
    ],
    ids=["escaped", "in pieces", "packed"],
)
def test_a_line_that_may_spell_the_text_differently_passes_the_sieve(spelling: str) -> None:
    line = f'{{"messages": [{{"role": "user", "content": "{spelling}"}}]}}'.encode()
    assert sieve("needle", case_matters=False)(line)
    assert sieve("needle", case_matters=True)(line)


def test_the_body_of_a_failed_request_is_searched_even_if_it_is_packed(tmp_path: Path) -> None:
    body = "data: {}\n\n" * (PACKED_FROM // 10) + "a needle"
    path = tmp_path / "run.jsonl"
    events = (RunStarted(seq=0), RequestFailed(seq=1, body=body))
    path.write_bytes(b"".join(map(encode_packed, events)))
    assert found_in_runs(path, "needle") == [True]
    assert found_in_runs(path, "noodle") == [False]


def test_utf_16_and_numbers_with_other_spellings_pass_the_sieve() -> None:
    assert sieve("needle", case_matters=True)("a needle".encode("utf-16-le"))
    assert sieve("inf", case_matters=True)(b'{"cost": 1e999}')
    assert not sieve("needle", case_matters=True)(b'{"cost": 1e999}')


@given(content=WORDS, sought=WORDS, ensure_ascii=st.booleans(), case_matters=st.booleans())
def test_a_line_that_contains_the_text_passes_the_sieve(
    content: str, sought: str, ensure_ascii: bool, case_matters: bool
) -> None:
    found_in = compile_search(sought, is_regex=False, case_matters=case_matters).found_in
    for text in (content, sought, sought.upper(), sought.lower()):
        if found_in(text):
            data = json.dumps({"content": text}, ensure_ascii=ensure_ascii).encode()
            assert sieve(sought, case_matters=case_matters)(data)


def tick(content: str) -> dict[str, Any]:
    chunk = {"role": "assistant", "content": content, "contains_speech": True}
    return {"tick_id": 0, "timestamp": "2026-01-01T00:00:00", "agent_chunk": chunk}


SIMULATION = {"id": "s1", "task_id": "1", "termination_reason": "user_stop"}
TASK = {"id": "1", "description": {"purpose": "a needle"}}
PACKED = [gzip.compress(b'{"choices": [{"message": {"content": "a needle"}}]}').hex()]
EXCHANGE = {
    "startedDateTime": "2026-01-01T00:00:00Z",
    "time": 1,
    "request": {
        "method": "POST",
        "url": "https://api.openai.com/v1/chat/completions",
        "headers": [],
        "postData": {"text": json.dumps({"model": "m", "messages": [MESSAGE]})},
    },
    "response": {
        "status": 200,
        "headers": [{"name": "content-encoding", "value": "gzip"}],
        "content": {"mimeType": "application/json", "text": json.dumps(PACKED)},
    },
}
TEXTS_IN_PIECES = {
    "joined from ticks": {**SIMULATION, "ticks": [tick("the nee"), tick("dle")]},
    "joined from parts": [
        {"candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}]}
        for text in ("a nee", "dle")
    ],
    "packed as hex": {"log": {"version": "1.2", "entries": [EXCHANGE]}},
}


@pytest.mark.parametrize("value", TEXTS_IN_PIECES.values(), ids=TEXTS_IN_PIECES)
def test_a_text_joined_from_pieces_is_found(tmp_path: Path, value: Any) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps(value))
    assert all(found_in_runs(path, "needle"))


def test_a_text_outside_a_long_list_is_found_in_each_of_its_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, limit in (("HEAD", 1_000), ("SAMPLED_HEAD", 2_000), ("MAX_SAMPLE", 2_000)):
        monkeypatch.setattr(detect, name, limit)
    monkeypatch.setattr(big_list, "LOOKED_AT", 2_000)
    simulation = {**SIMULATION, "messages": [{"role": "user", "content": "hay " * 200}]}
    info = {"agent_info": {"llm": "m"}, "environment_info": {"domain_name": "d"}}
    path = tmp_path / "results.json"
    path.write_text(json.dumps({"info": info, "tasks": [TASK], "simulations": [simulation] * 60}))
    with refs(path) as runs:
        assert runs[0].file.reader.layout is Layout.INSIDE
    assert found_in_runs(path, "needle") == [True] * 60


def test_a_text_of_a_sidecar_is_found_in_its_run(tmp_path: Path) -> None:
    results = {"info": {}, "tasks": [TASK], "simulation_index": []}
    (tmp_path / "results.json").write_text(json.dumps(results))
    path = tmp_path / "simulations" / "s1.json"
    path.parent.mkdir()
    path.write_text(json.dumps({**SIMULATION, "messages": [MESSAGE]}))
    assert found_in_runs(path, "needle") == [True]


def test_no_word_of_a_real_file_is_missed(trajectories: Path) -> None:
    searched = 0
    for path in sorted(trajectories.rglob("*")):
        if not path.is_file() or path.stat().st_size > MANY_BYTES:
            continue
        with suppress(HermesError), refs(path) as runs:
            for ref in runs[:3]:
                for word in long_words(ref)[:5]:
                    assert is_found(ref, word), (path, word)
                    searched += 1
    assert searched > 300


def long_words(ref: RunRef) -> list[str]:
    """Return the words in the texts of a model, a tool or a person, the longest first."""
    texts = [text for event in read_events(ref) for text in texts_of(event)]
    words = {word for text in texts for word in re.findall("[A-Za-z]{5,}", text)}
    return sorted(words, key=lambda word: (-len(word), word))


def texts_of(event: Event) -> Iterator[str]:
    match event:
        case MessageAppended(message=message):
            yield from (message.text, *(piece.text for piece in message.reasoning))
        case ToolCallProposed(call=call):
            yield from (call.name or "", call.arguments_text)
        case ToolReturned(result=result) | ToolFailed(result=result):
            yield result.content
        case _:
            pass
