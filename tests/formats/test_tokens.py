"""Tokens of replies: whole and streamed completions, nodes, and saved rollouts."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.formats.tokens import logprob_findings, rollout_tables, tokens_of
from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.events import RequestSent, ResponseReceived
from tests.timing import Work, assert_linear


def token(text: str, logprob: float, **top: float) -> dict[str, Any]:
    tops = [{"token": one, "logprob": value} for one, value in top.items()]
    return {"token": text, "bytes": list(text.encode()), "logprob": logprob, "top_logprobs": tops}


def reply(tokens: Any, **message: Any) -> str:
    choice = {"index": 0, "message": message, "logprobs": {"content": tokens}}
    return json.dumps({"choices": [choice]})


def event(raw: str = "", **fields: Any) -> ResponseReceived:
    return ResponseReceived(seq=0, raw=raw, **fields)


def test_a_reply_with_logprobs_is_a_table_of_its_tokens() -> None:
    tokens = [token("Hel", -0.1, Hel=-0.1, Hi=-3.0), token("lo", -math.log(4))]
    (table,) = tokens_of(event(reply(tokens, content="Hello")))
    assert (len(table), table.text) == (2, "Hello")
    row = table.row(1)
    assert (row.text, round(row.probability, 3), row.trained) == ("lo", 0.25, None)
    assert table.row(0).top == (("Hel", -0.1), ("Hi", -3.0))
    assert round(table.mean_logprob, 4) == round((-0.1 - math.log(4)) / 2, 4)


def test_streamed_logprobs_add_up() -> None:
    chunks = [
        {"choices": [{"index": 0, "delta": {"content": text},
                      "logprobs": {"content": [token(text, -1.0)]}}]}
        for text in ("Hel", "lo")
    ]  # fmt: skip
    raw = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
    (table,) = tokens_of(event(raw))
    assert (table.text, len(table)) == ("Hello", 2)
    assert logprob_findings(raw) == ()


def test_a_reply_without_logprobs_has_no_table_and_is_reported() -> None:
    raw = json.dumps({"choices": [{"message": {"content": "hi"}, "logprobs": None}]})
    assert tokens_of(event(raw)) == ()
    (note,) = logprob_findings(raw)
    assert (note.severity, note.message) == (Severity.NOTE, "the server gave no logprobs")


def test_tokens_hidden_by_the_server_are_marked() -> None:
    tokens = [token("ok ", -0.1), token("<tool_call>", -0.1), token('{"name": "x"', -0.1)]
    raw = reply(tokens, content="ok")
    (table,) = tokens_of(event(raw))
    assert [table.row(i).hidden for i in range(3)] == [False, True, True]
    (finding,) = logprob_findings(raw)
    assert (finding.code, finding.severity) == (Code.HIDDEN_BY_SERVER, Severity.ERROR)


def test_a_legacy_completion_is_read_too() -> None:
    choice = {"text": "ab", "logprobs": {"tokens": ["a", "b"], "token_logprobs": [None, -1],
                                         "top_logprobs": [None, {"b": -1, "c": -2}]}}  # fmt: skip
    (table,) = tokens_of(event(json.dumps({"choices": [choice]})))
    assert table.text == "ab"
    assert math.isnan(table.row(0).logprob)
    assert table.row(1).top == (("b", -1.0), ("c", -2.0))


def test_nodes_of_a_managed_server_mark_the_trained_tokens() -> None:
    node = {"index": 1, "full_text": "hi you", "tokens": [5, 6, 7],
            "masked_tokens": [-100, 6, 7], "logprobs": [1.0, -0.5, None]}  # fmt: skip
    (table,) = tokens_of(event(sequences=(node, "junk")))
    assert (table.title, table.full_text, table.trained_count) == ("node 2", "hi you", 2)
    assert [table.row(i).trained for i in range(3)] == [False, True, True]
    assert [table.row(i).id for i in range(3)] == [5, 6, 7]
    assert table.mean_logprob == -0.5
    assert table.text == "5 6 7 "


def test_a_saved_rollout_has_the_tokens_for_its_index_in_the_group() -> None:
    group = {"tokens": [[1], [2, 3]], "masks": [[1], [-100, 3]], "scores": [0, 1],
             "inference_logprobs": [[0.0], [1.0, -2.0]]}  # fmt: skip
    (table,) = rollout_tables(json.dumps(group), "rollout 1")
    assert [table.row(i).id for i in range(2)] == [2, 3]
    assert table.is_masked(0) and not table.is_masked(1)
    assert table.logprobs[1] == -2.0
    assert rollout_tables(json.dumps(group), "rollout 7") == ()


def test_a_single_rollout_and_a_preference_pair_are_found() -> None:
    (alone,) = rollout_tables('{"tokens": [4, 5], "masks": [0, 1]}', "rollout 0")
    assert [alone.is_masked(0), alone.is_masked(1)] == [True, False]
    pair = {"chosen": ["a"], "rejected": ["b"], "rejected_tokens": [[9]], "rejected_masks": [[9]]}
    (table,) = rollout_tables(json.dumps(pair), "rollout 0 rejected")
    assert (table.row(0).id, table.trained) == (9, None)


def test_other_events_have_no_tokens() -> None:
    assert tokens_of(RequestSent(seq=0)) == ()


def test_unlikely_tokens_are_counted() -> None:
    tokens = [token("a", -9.0), token("b", -0.1), token("c", -8.0)]
    (table,) = tokens_of(event(reply(tokens, content="abc")))
    assert table.surprises == 2


def test_a_mean_that_overflows_is_infinite() -> None:
    (table,) = tokens_of(event(reply([token("a", -1e308), token("b", -1e308)], content="ab")))
    assert table.mean_logprob == -math.inf


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(["token", "bytes", "logprob", "top_logprobs", "id", "tokens", "full_text",
                         "masked_tokens", "logprobs", "content", "message", "choices", "index",
                         "masks", "token_logprobs"]), inner, max_size=5),
    max_leaves=16,
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(JUNK)
def test_every_row_of_a_table_made_from_junk_can_be_built(value: Any) -> None:
    raw = json.dumps({"choices": [{"logprobs": {"content": value}, "message": value}]})
    logprob_findings(raw)
    tables = [
        *tokens_of(event(raw)),
        *tokens_of(event(json.dumps({"choices": [{"logprobs": value}]}))),
        *tokens_of(event(sequences=(value, {"tokens": value, "masked_tokens": value}))),
        *rollout_tables(json.dumps({"tokens": value, "masks": value}), "rollout 0"),
        *rollout_tables(json.dumps(value), "rollout 0"),
    ]
    for table in tables:
        rows = [table.row(index) for index in range(len(table))]
        assert all(0 <= table.span(i).start <= table.span(i).end <= len(table.text)
                   for i in range(len(rows)))  # fmt: skip
        assert table.mean_logprob <= 0 or math.isnan(table.mean_logprob)
        assert 0 <= table.surprises <= len(table)


@pytest.mark.parametrize("kind", ["completion", "node"])
def test_a_hundred_thousand_tokens_take_linear_time(kind: str) -> None:
    def reading(count: int) -> Work:
        tops = {"a": -1.0, "b": -2.0, "c": -3.0}
        if kind == "completion":
            made = event(reply([token("ab ", -1.0, **tops)] * count, content="ab " * count))
        else:
            ids = list(range(count))
            node = {"tokens": ids, "masked_tokens": [-100, *ids[1:]], "logprobs": [-1.0] * count}
            made = event(sequences=(node,))

        def work() -> None:
            (table,) = tokens_of(made)
            assert len(table) == count
            assert math.isclose(table.mean_logprob, -1.0)
            rows = range(0, count, 100)
            assert [table.row(index).position for index in rows] == list(rows)

        return work

    assert_linear(reading, 100_000)
