"""The emulated parsers agree with the real engines on the corpus next to the project."""

from __future__ import annotations

from functools import cache

import pytest

from hermes_tui.parsers.engines.registry import engine_parsers
from tests.parsers.agreement import CORPUS, Verdict, share, verdicts

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not CORPUS.exists(), reason="the corpus is not beside the project"),
]

MINIMUM_PERCENT = {"vllm": 97.0, "sglang": 97.0, "hermes-agent": 99.0}
MINIMUM_PERCENT_OF_A_FORMAT = 90.0
ENGINES = tuple(MINIMUM_PERCENT)


@cache
def found() -> list[Verdict]:
    return verdicts()


@pytest.mark.parametrize("engine", ENGINES)
def test_emulations_agree_with_the_real_engine(engine: str) -> None:
    of_engine = [one for one in found() if one.parser.startswith(f"{engine}/")]
    assert len(of_engine) > 150
    wrong = [f"{one.parser} {one.row}: {one.difference}" for one in of_engine if one.difference]
    assert share(of_engine).percent >= MINIMUM_PERCENT[engine], "\n".join(wrong)


@pytest.mark.parametrize("name", [parser.name for parser in engine_parsers()])
def test_every_format_is_emulated_well(name: str) -> None:
    of_parser = [one for one in found() if one.parser == name]
    for wire in {one.format for one in of_parser}:
        part = [one for one in of_parser if one.format == wire]
        wrong = [f"{one.row}: {one.difference}" for one in part if one.difference]
        assert share(part).percent >= MINIMUM_PERCENT_OF_A_FORMAT, (wire, wrong)
