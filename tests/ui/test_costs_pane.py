"""Times, tokens and costs of tools and turns on the metadata page."""

from __future__ import annotations

from pathlib import Path

from hermes_tui.log.codec import encode
from hermes_tui.model.events import Event, copy_event
from hermes_tui.model.messages import Usage, changed
from hermes_tui.ui.panes.metadata import MetadataPane
from hermes_tui.ui.render.metadata import RunMetadata, ValueTexts, metadata_lines
from tests.log.runs import answer, call, says, started, timeline
from tests.ui.opened import WIDE, app_on, press_until, run_screen, settled


def turn(number: int, seconds: float | None) -> list[Event]:
    """Return a turn whose tool takes `seconds` and whose reply takes one second."""
    result = answer(call_id=f"c{number}")
    known = seconds is not None
    usage = Usage(prompt_tokens=1_000 * number, completion_tokens=number) if known else None
    return [
        says("assistant", f"s{number}", calls=1, usage=usage, duration_s=1.0 if known else None),
        call("terminal", f"c{number}"),
        copy_event(result, result=changed(result.result, duration_s=seconds)),
    ]


def run_of(*seconds: float | None) -> list[Event]:
    turns = [event for number, s in enumerate(seconds, 1) for event in turn(number, s)]
    return [started(source_format="native"), says("user", "x"), *turns]


def page_of(events: list[Event]) -> list[str]:
    lines = metadata_lines(RunMetadata(timeline(*events), "f"), set(), ValueTexts())
    return [line.line.text.rstrip() for line in lines]


def test_a_tool_shows_its_total_seconds_and_its_longest_call() -> None:
    assert "  terminal      3 · 60 s, longest 40 s" in page_of(run_of(12.0, 40.0, 8.0))
    assert "  terminal      1 · 2.5 s" in page_of(run_of(2.5))


def test_the_most_expensive_turns_are_listed_longest_first() -> None:
    page = page_of(run_of(12.0, 40.0, 8.0))
    at = page.index("Most expensive turns (Enter goes there)")
    assert [line.split("  ", 1)[0] for line in page[at + 1 : at + 4]] == [
        "turn 2", "turn 1", "turn 3"
    ]  # fmt: skip
    assert page[at + 1].endswith("41 s · 2,000 tokens in · 2 tokens out")


def test_unknown_costs_are_not_shown() -> None:
    page = page_of(run_of(None, None))
    assert "  terminal      2" in page and not any("Most expensive" in line for line in page)


def test_numbers_of_any_size_are_drawn() -> None:
    assert page_of(run_of(float("inf"), float("nan"), -1.0, 1e300))


async def test_enter_moves_to_the_turn(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    events = run_of(12.0, 40.0, 8.0)
    path.write_bytes(b"".join(encode(copy_event(e, seq=n)) for n, e in enumerate(events)))
    app = app_on(path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("8")
        await settled(pilot)
        pane = app.screen.query_one(MetadataPane)
        await press_until(pilot, "j", lambda: pane.copied.startswith("turn 2"))
        await pilot.press("enter")
        await settled(pilot)
        model = run_screen(app).model
        assert model.timeline.turn_row(2) == model.row
