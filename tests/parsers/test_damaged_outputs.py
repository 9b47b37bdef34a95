"""Damaged outputs of the corpus next to the project: every reading keeps its laws."""

from __future__ import annotations

from random import Random

import pytest

from hermes_tui.parsers.auto import Auto
from hermes_tui.parsers.diagnosis import diagnose
from hermes_tui.parsers.engines.registry import engine_parsers
from tests.parsers.agreement import COLUMNS, CORPUS, rows, toolsets
from tests.parsers.damage import damaged
from tests.parsers.laws import check_laws
from tests.parsers.test_engine_laws import check_engine_laws

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not CORPUS.exists(), reason="the corpus is not beside the project"),
]


@pytest.mark.parametrize("seed", range(3))
def test_any_damaged_output_gets_a_lawful_verdict(seed: int) -> None:
    random, found = Random(seed), list(rows())
    parsers = {parser.name: parser for parser in engine_parsers()}
    tools, texts = toolsets(), [row["text"] for row in found]
    for row in found:
        text, declared = damaged(row["text"], texts, random), tools[row["tools"]]
        read_by = [f"{COLUMNS[key]}/{row[key]['parser']}" for key in COLUMNS if row.get(key)]
        other = random.choice(list(parsers))
        for parser in [parsers[name] for name in (*read_by, other) if name in parsers]:
            check_engine_laws(text, parser.parse(text, declared))
        check_laws(text, Auto().parse(text, declared))
        diagnose(text, parser=parsers[other], tools=declared)
