"""The text of the lab: it is shown completely, with carets at the right places."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.model.spans import Span
from hermes_tui.ui.lab.fates import Fate, Piece
from hermes_tui.ui.lab.parsers import lab_parsers
from hermes_tui.ui.panes.lab import with_step
from hermes_tui.ui.render.lab import result_rows
from hermes_tui.ui.render.lab_text import STEP_SUFFIX, Caret, LabDocument
from hermes_tui.ui.render.wrap import cells, row_starts
from hermes_tui.ui.theme import DARK, styles_for
from tests.ui.readings import lab

WIDTHS = st.integers(8, 30)


# Every parser on every text


CORPUS = Path(__file__).resolve().parents[2].parent / "shared" / "corpus" / "parsers"


@pytest.mark.shared
def test_every_step_of_every_parser_can_be_shown() -> None:
    path = CORPUS / "corpus.jsonl"
    if not path.is_file():
        pytest.skip("the texts are not here")
    for line in path.read_text("utf-8").splitlines()[::40]:
        text = json.loads(line)["text"]
        for parser in lab_parsers():
            model = lab(text, parser.name)
            for index in range(len(model.steps)):
                model.go(index)
                pieces = model.pieces()
                assert sum(piece.end - piece.start for piece in pieces) == len(text)
                document = LabDocument(text, pieces, step=model.span(), width=40)
                shown = [line.text for line in document.lines]
                assert "\n".join(shown) == text
                assert result_rows(model, 50)


# The text


def test_carets_are_below_the_right_row_of_a_wrapped_line() -> None:
    text = "word " * 30 + "BAD" + " word" * 30 + "\nnext"
    at = text.index("BAD")
    caret = Caret(Span(at, at + 3), "broken")
    document = LabDocument(text, [Piece(0, len(text), Fate.CONTENT)], caret=caret, width=40)
    lines = [line.text for line in document.lines]
    number = next(n for n, line in enumerate(lines) if "^" in line)
    assert lines[number].strip() in ("^^^ broken", "broken ^^^")
    row = lines[number - 1][row_starts(lines[number - 1], 40)[-1] :]
    assert row.index("BAD") == lines[number].index("^^^")
    assert "".join(lines[:number] + lines[number + 1 : -1]) + "\nnext" == text
    for offset, char in enumerate(text):
        line, character = document.place(offset)
        assert char == "\n" or lines[line][character] == char


@given(
    st.text("ab \n\té漢", max_size=80), st.integers(0, 80), st.integers(0, 9), st.integers(8, 30)
)
@settings(max_examples=150)
def test_a_caret_hides_no_text(text: str, start: int, count: int, width: int) -> None:
    start = min(start, len(text))
    end = min(start + count, len(text))
    pieces = [Piece(0, len(text), Fate.CONTENT)] if text else []
    document = LabDocument(text, pieces, caret=Caret(Span(start, end), "m" * 50), width=width)
    carets = [n for n in range(len(document)) if n == document.caret_line]
    assert len(carets) == 1
    assert cells(document.lines[carets[0]].text) <= width
    kept = [line.text for n, line in enumerate(document.lines) if n not in carets]
    assert "".join(kept).replace("\n", "") == text.replace("\n", "")
    for offset, char in enumerate(text):
        line, character = document.place(offset)
        assert char == "\n" or document.lines[line].text[character] == char


def test_without_colour_fates_and_the_step_remain_distinct() -> None:
    styles = with_step(styles_for(DARK, no_color=True))
    looks = [str(styles(fate.style_name + here)) for fate in Fate for here in ("", STEP_SUFFIX)]
    assert len(set(looks)) == len(looks)
