"""The token pane: tokens of replies, of nodes and of saved rollouts."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from hermes_tui.formats.tokens import tokens_of
from hermes_tui.log.codec import encode
from hermes_tui.model.events import (
    Event,
    MessageAppended,
    RequestSent,
    ResponseReceived,
    RunEnded,
    RunStarted,
)
from hermes_tui.model.messages import Message
from hermes_tui.ui.panes.tokens import TokensPane
from hermes_tui.ui.render.tokens import RunningText
from tests.ui.opened import MEDIUM, NARROW, WIDE, app_on, run_screen, settled, shows, write_run
from tests.ui.screen_text import text_of

TEXT = 'I look.\n<tool_call>\n{"name": "ls"'


def reply(text: str = TEXT, size: int = 4, visible_text: str = "I look.") -> str:
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    content = [
        {"token": piece, "bytes": list(piece.encode()), "logprob": -0.01 - 6 * (number % 2),
         "top_logprobs": [{"token": "other", "logprob": -1.0}]}
        for number, piece in enumerate(pieces)
    ]  # fmt: skip
    return json.dumps(
        {"choices": [{"message": {"content": visible_text}, "logprobs": {"content": content}}]}
    )


def recording(path: Path, *replies: ResponseReceived, **parameters: Any) -> Path:
    """Write a recording with these replies, each to a user message."""
    details = {"parameters": parameters}
    events: list[Event] = [RunStarted(seq=0, run_id="r", source_format="native", details=details)]
    for answer in replies:
        for event in (
            MessageAppended(seq=0, message=Message("user", "go on"), raw="{}"),
            RequestSent(seq=0, turn=1),
            answer,
            MessageAppended(seq=0, message=Message("assistant", "I look."), raw="{}"),
        ):
            events.append(event)
    events.append(RunEnded(seq=0, status="ok"))
    numbered = [type(e)(**{f: getattr(e, f) for f in e.__struct_fields__} | {"seq": seq})
                for seq, e in enumerate(events)]  # fmt: skip
    path.write_bytes(b"".join(map(encode, numbered)))
    return path


def answer(raw: str = "", **fields: Any) -> ResponseReceived:
    return ResponseReceived(seq=0, turn=1, raw=raw, **fields)


def reply_without_tokens() -> str:
    return json.dumps({"choices": [{"message": {"content": "I look."}}]})


async def test_the_tokens_of_a_reply_include_hidden_ones(tmp_path: Path) -> None:
    app = app_on(recording(tmp_path / "run.jsonl", answer(reply())))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("G", "k", "7", "z")
        await settled(pilot)
        text = text_of(app)
        assert "7 Tokens" in text
        assert f"completion · {-(-len(TEXT) // 4)} tokens" in text
        assert "hidden by the server" in text
        assert "'I lo'" in text
        assert "'other' 36.8%" in text
        assert "0.25 !!!" in text


@pytest.mark.parametrize("size", [WIDE, MEDIUM, NARROW, (40, 10)])
async def test_the_tokens_pane_is_readable_at_every_size(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    app = app_on(recording(tmp_path / "run.jsonl", answer(reply())))
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("G", "k", "7", "j", "j", "G", "g", "tab", "shift+tab", "w")
        await settled(pilot)
        assert isinstance(app.focused, TokensPane)
        assert "'I lo'" in text_of(app)


async def test_the_tokens_pane_is_created_on_demand(tmp_path: Path) -> None:
    app = app_on(recording(tmp_path / "run.jsonl", answer(reply())))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        assert not run_screen(app).query(TokensPane)
        await pilot.press("7")
        assert run_screen(app).query(TokensPane)


async def test_the_tokens_pane_follows_the_cursor_of_the_run(tmp_path: Path) -> None:
    path = recording(
        tmp_path / "run.jsonl",
        answer(reply("first", visible_text="first")),
        answer(reply("second one")),
    )
    app = app_on(path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("G", "k", "7", "1")
        await settled(pilot)
        assert "completion · 3 tokens" in text_of(app)
        await pilot.press("left_parenthesis")
        await settled(pilot)
        assert "completion · 2 tokens" in text_of(app)
        await pilot.press("g")
        await settled(pilot)
        assert "no tokens here" in text_of(app)


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_the_reason_for_missing_tokens_is_not_cut(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    app = app_on(recording(tmp_path / "run.jsonl", answer(reply("first", visible_text="first"))))
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("g", "7")
        await shows(pilot, "no tokens here; live --raw logprobs asks for", "them")


async def test_the_hint_mentions_a_server_that_sent_no_tokens(tmp_path: Path) -> None:
    path = recording(tmp_path / "run.jsonl", answer(reply_without_tokens()), logprobs=True)
    app = app_on(path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("j", "j", "j", "j", "7")
        await shows(pilot, "they were requested", "server sent none")
        await pilot.press("1", "g")
        await shows(pilot, "no tokens here ")


async def test_nodes_show_what_is_trained(tmp_path: Path) -> None:
    node = {"index": 0, "full_text": "question answer", "tokens": [11, 22, 33],
            "masked_tokens": [-100, 22, 33], "logprobs": [1.0, -0.25, -0.75]}  # fmt: skip
    app = app_on(recording(tmp_path / "run.jsonl", answer(sequences=(node,))))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("G", "k", "7", "z")
        await settled(pilot)
        text = text_of(app)
        assert "node 1 · 3 tokens · 2 trained · mean logprob -0.500" in text
        assert "ends as: question answer" in text
        assert "masked" in text
        assert "11 22 33" in text


async def test_a_saved_rollout_shows_its_own_tokens(tmp_path: Path) -> None:
    conversation = [{"role": "user", "content": "go"}, {"role": "assistant", "content": "gone"}]
    group = {"tokens": [[1, 2], [71, 72, 73]], "masks": [[-100, 2], [-100, 72, 73]],
             "scores": [0.0, 1.0], "messages": [conversation, conversation],
             "inference_logprobs": [[1.0, -1.0], [1.0, -2.0, -4.0]]}  # fmt: skip
    path = tmp_path / "groups.jsonl"
    path.write_text(json.dumps(group) + "\n", "utf-8")
    app = app_on(path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("j", "enter")
        await settled(pilot)
        await pilot.press("7", "z")
        await settled(pilot)
        text = text_of(app)
        assert "rollout 1 · 3 tokens · 2 trained · mean logprob -3.000" in text
        assert "71 72 73" in text


async def test_a_run_without_tokens_shows_how_to_get_them(tmp_path: Path) -> None:
    app = app_on(write_run(tmp_path / "run.json"))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("7")
        await settled(pilot)
        assert "--raw logprobs" in text_of(app)


async def test_copying_gives_the_raw_completion(tmp_path: Path) -> None:
    app = app_on(recording(tmp_path / "run.jsonl", answer(reply())))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("G", "k", "7", "y")
        await settled(pilot)
        assert app.clipboard == TEXT


async def executed_lines_for_ten_pages(path: Path, repeated: int, tokens: int) -> int:
    """Return how many Python lines are executed to draw ten pages spread over a reply."""
    text = "word and\n" * repeated
    app = app_on(recording(path, answer(reply(text, 5, text))))
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("G", "k", "7", "z")
        await settled(pilot)
        assert f"{tokens:,} tokens" in text_of(app)
        pane = run_screen(app).query_one(TokensPane)
        assert pane.row_count == tokens

        def draw() -> None:
            for place in range(0, tokens, tokens // 10):
                pane.go(place)
                list(map(pane.render_line, range(pane.size.height)))

        return executed_lines(draw)


def executed_lines(work: Callable[[], None]) -> int:
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


async def test_the_cost_of_a_page_does_not_depend_on_the_number_of_tokens(tmp_path: Path) -> None:
    few = await executed_lines_for_ten_pages(tmp_path / "few.jsonl", 300, 540)
    many = await executed_lines_for_ten_pages(tmp_path / "many.jsonl", 60_000, 108_000)
    assert many < 2 * few


SHARED = Path(__file__).resolve().parents[2] / "../shared/corpus/trajectories/03-atropos-groups"


@pytest.mark.shared
@pytest.mark.parametrize("name", ["rubiks_process_results_32.jsonl", "doctor_22.jsonl"])
async def test_real_groups_show_their_tokens(name: str) -> None:
    if not (SHARED / name).is_file():
        pytest.skip("the corpus is not here")
    app = app_on(SHARED / name)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        await pilot.press("7", "z")
        await settled(pilot)
        assert "rollout 0 · " in text_of(app)
        assert " tokens · " in text_of(app)


def test_only_hidden_characters_are_marked_in_the_text() -> None:
    (table,) = tokens_of(answer(reply("ok <tool_call>{", 5, visible_text="ok")))
    (row,) = RunningText(table, 40).window(token=2, height=1)
    assert [text for text, style in row if style == "hidden"] == ["<t", "ool_c"]
    assert [text for text, style in row if style == "match.current"] == ["all>{"]
    assert "".join(text for text, _ in row) == "ok <tool_call>{"


@pytest.mark.parametrize("width", [1, 2, 7, 40])
def test_every_token_can_be_scrolled_into_view(width: int) -> None:
    (table,) = tokens_of(answer(reply("first line\n\nsecond 行 ☕\tend", 3)))
    flow = RunningText(table, width)
    for token in range(len(table)):
        rows = flow.window(token, 3)
        assert len(rows) == 3
        has_text = bool(table.row(token).text.strip())
        assert not has_text or any(style == "match.current" for row in rows for _, style in row)
