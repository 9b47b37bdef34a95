"""Verdicts side by side, their ranking, and the state of a stream after each delta."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hermes_tui.runtime.engines.added import AddedEngine
from hermes_tui.runtime.engines.verdicts import (
    CallPiece,
    EngineCall,
    EngineOutcome,
    EngineVerdict,
    StreamDelta,
)
from hermes_tui.ui.lab.parsers import lab_parsers
from hermes_tui.ui.lab.stream import Split, StreamModel, splits_of
from hermes_tui.ui.lab.verdicts import (
    Verdict,
    differences,
    of_engine,
    ranked,
    same_arguments,
    sound_calls,
    verdict_word,
)
from hermes_tui.ui.render.lab_matrix import matrix_row
from hermes_tui.ui.render.lab_stream import delta_row, stream_place, stream_rows
from tests.ui.readings import BAD, GOOD, TOOLS, lab

# Verdicts


def verdict(name: str, *calls: tuple[str, str], **facts: Any) -> Verdict:
    return Verdict(name, facts.pop("source", "emulated"), outcome="calls", calls=calls, **facts)


def test_a_verdict_is_one_of_a_few_words() -> None:
    assert verdict("a", ("f", "{}")).word == "calls"
    assert Verdict("a", "emulated", outcome="text", content="all").word == "text kept"
    assert Verdict("a", "emulated", outcome="text", lost=4).word == "lost"
    assert Verdict("a", "emulated", outcome="calls").word == "text kept"
    assert Verdict("a", "emulated", outcome="calls", claims_calls=True).word == "lost"
    assert Verdict("a", "vllm-0", outcome="timed-out").word == "timed out"
    assert Verdict("a", "emulated", outcome="raised").word == "raised"


def test_calls_that_differ_from_the_selected_verdict_are_wrong() -> None:
    selected = verdict("a", ("f", '{"x": 1}'))
    assert verdict_word(selected, verdict("b", ("f", '{"x":1}'))) == "calls"
    assert verdict_word(selected, verdict("b", ("f", '{"x": "1"}'))) == "wrong"
    assert verdict_word(selected, verdict("b", ("f", "{}"), ("g", "{}"))) == "wrong"
    assert differences(selected, verdict("b", ("f", '{"x": "1"}'))) == [
        'call 1: arguments {"x": "1"} instead of {"x": 1}'
    ]
    long = '{"text": "' + "a" * 90
    other = differences(verdict("a", ("f", f'{long}b"}}')), verdict("b", ("f", f'{long}c"}}')))
    assert other == ['call 1: arguments …aaaaaaaaaaaac"} instead of …aaaaaaaaaaaab"}']
    assert differences(selected, selected) == []


def test_arguments_are_compared_by_value() -> None:
    assert same_arguments('{"a": 1, "b": 2}', '{"b":2,"a":1}')
    assert not same_arguments("{", "{}")
    assert same_arguments("{", "{")
    assert not same_arguments('{"a": true}', '{"a": 1}')


def test_the_best_parser_reads_most_declared_calls_and_loses_no_text() -> None:
    one = verdict("vllm/one", ("terminal", "{}"))
    lossy = verdict("vllm/lossy", ("terminal", "{}"), ("read_file", "{}"), lost=9)
    both = verdict("sglang/both", ("terminal", "{}"), ("read_file", "{}"))
    junk = verdict("vllm/junk", ("terminal", "[1]"), ("nobody", "{}"))
    text = Verdict("vllm/text", "emulated", outcome="text", content="x")
    names = [tool.name for tool in TOOLS]
    order = ranked([one, lossy, both, junk, text], lambda each: sound_calls(each, names))
    assert [each.name for each in order] == ["sglang/both", "vllm/lossy", "vllm/one"]


def test_a_parser_whose_real_and_emulated_verdict_agree_is_ranked_once() -> None:
    emulated = verdict("vllm/a", ("f", "{}"))
    real = verdict("vllm/a", ("f", "{}"), source="vllm-0.33.0")
    other = verdict("vllm/a", ("g", "{}"), source="vllm-0.32.0")
    order = ranked([emulated, real, other], lambda each: len(each.calls))
    assert [each.source for each in order] == ["vllm-0.33.0", "vllm-0.32.0"]


def test_every_emulated_parser_has_a_row() -> None:
    model = lab(f"{GOOD}\n{BAD}")
    for parser in model.unread():
        model.add_verdict(parser, parser.parser.parse(model.text, model.tools))
    rows = model.rows()
    assert len(rows) == len(lab_parsers())
    assert rows[0].name == "hermes-tui/auto"
    best = model.rows(by_rank=True)[0]
    assert best.calls and "--tool-call-parser" in best.flag


def test_a_partial_reading_is_ranked_only_if_the_parsers_marker_occurs() -> None:
    model = lab(f"{GOOD}\n{BAD}")
    for parser in model.unread():
        model.add_verdict(parser, parser.parser.parse(model.text, model.tools))
    names = [each.name for each in model.rows(by_rank=True)]
    assert "sglang/qwen25" in names
    assert "hermes-agent/llama3_json" not in names
    read = [each.name for each in model.rows() if each.calls]
    assert "hermes-agent/llama3_json" in read


def test_a_real_engine_that_returns_no_content_has_lost_the_text() -> None:
    found = EngineVerdict(EngineOutcome.TEXT, content="Sure.")
    engine = AddedEngine("vllm-0", "vllm", "0", "python", "", "", "", ("x",), {}, Path())
    lost = of_engine(engine, "x", "Sure. <tool_call>", found)
    assert (lost.word, lost.lost) == ("lost", 11)
    assert (lost.key, lost.flag) == (("vllm/x", "vllm-0"), "--tool-call-parser x")
    kept = of_engine(engine, "x", "Sure.", found)
    assert kept.word == "text kept"


def test_calls_lost_by_a_real_engine_are_counted() -> None:
    engine = AddedEngine("vllm-0", "vllm", "0", "python", "", "", "", ("x",), {}, Path())
    text = f"{GOOD}\n{BAD}"
    ours = lab_parsers()[0].parser.parse(text, TOOLS)
    first = EngineCall(ours.calls[0].name or "", ours.calls[0].arguments)
    one = EngineVerdict(EngineOutcome.CALLS, (first,), tools_called=True)
    assert of_engine(engine, "x", text, one).lost is None
    lost = of_engine(engine, "x", text, one, ours).lost
    assert lost == sum(not letter.isspace() for letter in BAD)
    kept = one._replace(content=BAD)
    assert of_engine(engine, "x", text, kept, ours).lost == 0
    row = matrix_row(of_engine(engine, "x", text, one, ours), None, None, ranking=True, meant=2)
    shown = "".join(part for part, _ in row)
    assert "1 of 2" in shown and f"{lost} characters lost" in shown


def test_a_real_verdict_equal_to_the_emulated_one_takes_over_its_losses() -> None:
    model = lab("text")
    emulated = verdict("vllm/x", ("f", "{}"), lost=7)
    real = verdict("vllm/x", ("f", "{}"), source="vllm-0", lost=0)
    other = verdict("vllm/x", ("g", "{}"), source="vllm-1", lost=0)
    model.real = real
    for found in (real, emulated, other):
        model.note(found)
    assert model.real.lost == 7
    assert {key[1]: each.lost for key, each in model.verdicts.items() if key[0] == "vllm/x"} == {
        "emulated": 7,
        "vllm-0": 7,
        "vllm-1": 0,
    }


def test_an_engine_without_verdict_does_not_differ_from_its_emulation() -> None:
    emulated = verdict("vllm/x", ("f", "{}"))
    unknown = Verdict("vllm/x", "vllm-0", outcome="unknown", error="cannot be run here")
    shown = "".join(part for part, _ in matrix_row(unknown, None, emulated, ranking=False))
    assert "cannot be run here" in shown and "≠" not in shown


# Streams


def streamed() -> StreamModel:
    deltas = (
        StreamDelta(3, "Hi ", "", ()),
        StreamDelta(6, "", "", (CallPiece(0, "f", ""),)),
        StreamDelta(9, "", "", (CallPiece(0, "", '{"a":1}'),)),
    )
    stream = StreamModel("vllm-0", "hermes")
    stream.reading = EngineVerdict(EngineOutcome.CALLS, (EngineCall("f", "{}"),), deltas=deltas)
    return stream


def test_a_stream_is_stepped_delta_by_delta() -> None:
    stream = streamed()
    assert (stream.read_to, stream.sent().content) == (0, "")
    stream.go(2)
    assert stream.read_to == 6
    assert stream.sent().calls == (EngineCall("f", ""),)
    assert stream.next_delta_with_calls() == 3
    assert stream.go(99) and stream.at == 3
    assert not stream.go(99)


def test_an_interrupted_stream_shows_the_reason() -> None:
    stream = streamed()
    assert stream_place(stream) == "delta 0 of 3 · 1 pseudo-token"
    stream.streamed = Verdict("hermes", "vllm-0", outcome="timed-out")
    assert stream_place(stream) == "delta 0 of 3 · 1 pseudo-token · timed out"


def test_among_very_many_streamed_calls_the_last_are_listed() -> None:
    pieces = tuple(CallPiece(slot, f"f{slot}", "{}") for slot in range(12_000))
    stream = streamed()
    deltas = tuple(StreamDelta(n, "", "", (piece,)) for n, piece in enumerate(pieces))
    stream.reading = EngineVerdict(EngineOutcome.CALLS, deltas=deltas)
    stream.go(len(deltas))
    texts = ["".join(part for part, _ in row.segments) for row in stream_rows(stream, 80)]
    assert "delta 12,000 of 12,000" in texts[0]
    assert "11,800 earlier calls not listed" in texts
    assert sum(" → " in text for text in texts) == 200
    rows = [delta_row(stream, "", index) for index in (1, 12_000)]
    assert len({len(row[0][0]) for row in rows}) == 1


def test_a_new_stream_starts_at_its_beginning_and_names_its_delta_size() -> None:
    stream = streamed()
    stream.go(2)
    stream.begin()
    assert (stream.at, stream.deltas, stream.delta_size) == (0, 0, "1 pseudo-token")
    stream.size, stream.by_characters = 3, True
    assert stream.delta_size == "3 characters"
    stream.begin(Split(border=4))
    assert stream.delta_size == "cut after character 4"
    stream.begin(Split(size=1))
    assert stream.delta_size == "1 character"


def test_a_sweep_tries_all_borders_or_those_next_to_markup_in_a_long_text() -> None:
    short = splits_of("abc")
    assert {split.border for split in short if split.border} == {1, 2}
    assert Split(size=1) in short
    assert Split(border=2).sizes[0] == 2
    long = splits_of("x" * 5_000 + GOOD)
    assert {split.border for split in long if split.border} >= {5_000, 5_001}
    assert len(long) < 500
