"""Search in all that runs say: nothing is missed for the sake of speed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_tui.model.errors import HermesError
from hermes_tui.model.events import (
    Event,
    MessageAppended,
    ToolCallProposed,
    ToolFailed,
    ToolReturned,
)
from hermes_tui.runtime.opener import FoundRun, RunRef, open_file, read_events, survey
from hermes_tui.runtime.run_texts import look_through, sieve
from hermes_tui.ui.view_model import compile_search

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
    """Return for each run of a file whether a search finds a text in it."""
    with refs(path) as runs:
        return [is_found(ref, text, is_regex=is_regex) for ref in runs]


def is_found(ref: RunRef, text: str, *, is_regex: bool = False) -> bool:
    search = compile_search(text, is_regex=is_regex, case_matters=False, in_texts=True)
    may_hold = sieve("" if is_regex else text, case_matters=False)
    under_way = look_through(ref, search.found_in, may_hold)
    while True:
        try:
            next(under_way)
        except StopIteration as ended:
            return bool(ended.value)


def write_chat(path: Path, *contents: str) -> Path:
    runs = [
        [{"role": "user", "content": "go"}, {"role": "assistant", "content": said}]
        for said in contents
    ]
    path.write_text("".join(json.dumps({"messages": run}) + "\n" for run in runs))
    return path


def test_only_the_runs_that_say_it_are_found(tmp_path: Path) -> None:
    path = write_chat(tmp_path / "runs.jsonl", "The disk is FULL", "all fine", "disk full?")
    assert found_in_runs(path, "disk is full") == [True, False, False]
    assert found_in_runs(path, "(disk|all) f", is_regex=True) == [False, True, True]


def test_a_run_of_many_records_is_searched_to_its_last(tmp_path: Path) -> None:
    messages = [{"role": "user", "content": f"number {n}"} for n in range(300)]
    path = tmp_path / "run.jsonl"
    path.write_text("\n" + "\n".join(map(json.dumps, messages)) + "\n")
    assert found_in_runs(path, "number 299") == [True]
    assert found_in_runs(path, "number 300") == [False]


def test_of_several_runs_in_one_record_each_is_searched_for_itself(tmp_path: Path) -> None:
    group = {
        "tokens": [[1], [2]],
        "masks": [[1], [2]],
        "scores": [0.0, 1.0],
        "messages": [
            [{"role": "user", "content": "go"}, {"role": "assistant", "content": said}]
            for said in ("nothing", "the needle")
        ],
    }
    path = tmp_path / "groups.jsonl"
    path.write_text(json.dumps(group) + "\n")
    assert found_in_runs(path, "needle") == [False, True]


@pytest.mark.parametrize(
    "spelled",
    [
        r"the \u006eeedle",
        r"data: {\"choices\": [{\"delta\": {\"content\": \"nee\"}}]}",
        "data:text/plain;base64,bmVlZGxl",
    ],
    ids=["escaped", "in pieces", "packed"],
)
def test_what_may_be_spelled_otherwise_is_looked_at(spelled: str) -> None:
    line = f'{{"messages": [{{"role": "user", "content": "{spelled}"}}]}}'.encode()
    assert sieve("needle", case_matters=False)(line)
    assert sieve("needle", case_matters=True)(line)


@given(said=WORDS, wanted=WORDS, ensure_ascii=st.booleans(), case_matters=st.booleans())
def test_what_is_in_a_text_passes_the_sieve(
    said: str, wanted: str, ensure_ascii: bool, case_matters: bool
) -> None:
    found_in = compile_search(wanted, is_regex=False, case_matters=case_matters).found_in
    for text in (said, wanted, wanted.upper(), wanted.lower()):
        if found_in(text):
            data = json.dumps({"content": text}, ensure_ascii=ensure_ascii).encode()
            assert sieve(wanted, case_matters=case_matters)(data)


def test_no_word_of_a_real_file_is_missed(trajectories: Path) -> None:
    searched = 0
    for path in sorted(trajectories.rglob("*")):
        if not path.is_file() or path.stat().st_size > MANY_BYTES:
            continue
        with suppress(HermesError), refs(path) as runs:
            for ref in runs[:3]:
                for word in _long_words(ref)[:5]:
                    assert is_found(ref, word), (path, word)
                    searched += 1
    assert searched > 300


def _long_words(ref: RunRef) -> list[str]:
    """Return the words of what a model, a tool or a person said, the longest first."""
    texts = [text for event in read_events(ref) for text in _said(event)]
    words = {word for text in texts for word in re.findall("[A-Za-z]{5,}", text)}
    return sorted(words, key=lambda word: (-len(word), word))


def _said(event: Event) -> Iterator[str]:
    match event:
        case MessageAppended(message=message):
            yield from (message.text, *(piece.text for piece in message.reasoning))
        case ToolCallProposed(call=call):
            yield from (call.name or "", call.arguments_text)
        case ToolReturned(result=result) | ToolFailed(result=result):
            yield result.content
        case _:
            pass
