"""Laws of every registered format, checked on values made for it and on damaged real files.

Nothing raises, nothing is lost silently, and the work is in proportion to the file.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.formats.detect import detect
from hermes_tui.formats.framing import Layout, Unit
from hermes_tui.formats.reader import Reader
from hermes_tui.formats.registry import formats
from tests.bytes_source import BytesSource
from tests.formats.foreign import any_json
from tests.fuzz.mutations import ODD, Pick, grown, lists_in, mutated, vocabulary
from tests.fuzz.reader_laws import read_lawfully, work
from tests.fuzz.seeds import Seed, all_seeds, written

NAMES = [item.name for item in formats()]
RANDOMS = st.randoms(use_true_random=True)


def seeds(name: str) -> list[Seed]:
    """Return the available real files of a format; skip the test if there are none."""
    found = all_seeds().get(name)
    if not found:
        pytest.skip("no real file of this format is here")
    return found


@cache
def words(name: str) -> list[str]:
    """Return the strings that the module of a format looks for."""
    entry = next(item for item in formats() if item.name == name)
    return vocabulary(import_module(type(entry._format).__module__))  # type: ignore[attr-defined]


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


def reader_of(data: bytes, wanted: str = "") -> Reader | None:
    return detect(BytesSource(data), formats(), format_name=wanted).reader


def damaged(data: bytes, pick: Pick) -> bytes:
    """Return the bytes of a file, sometimes torn or with some of them changed."""
    match pick(8):
        case 0:
            return data[: pick(len(data) + 1)]
        case 1:
            place = pick(len(data) + 1)
            return data[:place] + bytes([pick(256)]) + data[place + pick(9) :]
        case _:
            return data


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25, deadline=None)
@given(
    data=st.binary(max_size=120) | any_json("messages", "role", "content", "type").map(encoded),
    layout=st.sampled_from(list(Layout)),
    unit=st.sampled_from(list(Unit)),
)
def test_any_bytes_in_any_layout_are_read_or_reported(
    name: str, data: bytes, layout: Layout, unit: Unit
) -> None:
    found = next(item for item in formats() if item.name == name)
    read_lawfully(Reader(found, layout, unit), data)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15, deadline=None)
@given(rnd=RANDOMS, is_lines=st.booleans())
def test_generated_values_are_read_or_reported(name: str, rnd: Any, is_lines: bool) -> None:
    value = grown(words(name), rnd.randrange)
    reader = reader_of(damaged(written(value, is_lines), rnd.randrange), name)
    if reader is not None:
        read_lawfully(reader, written(value, is_lines))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15, deadline=None)
@given(rnd=RANDOMS, is_forced=st.booleans())
def test_mutated_real_files_are_read_or_reported(name: str, rnd: Any, is_forced: bool) -> None:
    pick = rnd.randrange
    seed = seeds(name)[pick(len(seeds(name)))]
    data = damaged(written(mutated(seed.value, pick, ODD), seed.is_lines), pick)
    reader = reader_of(data, name if is_forced else "")
    if reader is not None:
        read_lawfully(reader, data)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_read_as_another_format_is_read_or_reported(name: str) -> None:
    for others in all_seeds().values():
        data = written(others[0].value, others[0].is_lines)
        reader = reader_of(data, name)
        assert reader is not None
        read_lawfully(reader, data)


@pytest.mark.parametrize(
    "value", [[[]], {"loss": 0.25}, [{"resourceSpans": [{}]}], {"resourceSpans": [None]}]
)
@pytest.mark.parametrize("name", NAMES)
def test_a_record_unknown_to_the_format_is_a_defect(name: str, value: Any) -> None:
    data = written(value, is_lines=False)
    reader = reader_of(data, name)
    assert reader is None or read_lawfully(reader, data)


@pytest.mark.parametrize("name", NAMES)
def test_the_work_is_linear_in_the_size_of_the_file(name: str) -> None:
    seed = max(seeds(name), key=lambda one: len(lists_in(one.value)))
    lists = lists_in(seed.value)
    longest = sorted(range(len(lists)), key=lambda nth: -len(str(lists[nth])))[:4]
    for nth in longest:
        small, large = (seed.repeated(nth, times) for times in (4, 16))
        reader = reader_of(small, name)
        assert reader is not None
        assert work(reader, large) <= 5 * work(reader, small) + 2_000


PATHOLOGICAL = (
    "[",
    "{",
    '{"a":',
    "<think>",
    "<tool_call>{",
    "\\",
    '"',
    "\x00",
    "data: {}\n\n",
    "é",
)


@pytest.mark.parametrize("name", NAMES)
def test_pathological_texts_are_read_in_linear_time(name: str) -> None:
    for unit in PATHOLOGICAL:
        small, large = (
            json.dumps([{key: unit * (size // len(unit)) for key in words(name)[:40]}]).encode()
            for size in (100, 800)
        )
        reader = reader_of(small, name)
        assert reader is not None
        assert work(reader, large) <= 10 * work(reader, small) + 3_000
