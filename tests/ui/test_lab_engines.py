"""The lab with real engines: their verdicts beside ours, and what they stream."""

from __future__ import annotations

from pathlib import Path

import pytest

from hermes_tui.runtime.engines import store
from hermes_tui.runtime.engines.pool import EnginePool
from tests.ui.lab import TEXT, lab_on
from tests.ui.opened import until

PARSERS = """
import time
from types import SimpleNamespace

def list_parsers():
    return ["hermes", "mine", "spins"]

def get_parser(name):
    def parse(text):
        while name == "spins":
            pass
        if name == "mine":
            return "nothing", [call("read_file", "{}")]
        return "another content", None
    return SimpleNamespace(parse=parse)

def call(name, arguments):
    return SimpleNamespace(function=SimpleNamespace(name=name, arguments=arguments))
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Add a checkout of hermes-agent whose parsers are not those that we emulate."""
    monkeypatch.setattr(store, "engines_dir", lambda: tmp_path / "engines")
    parsers = tmp_path / "checkout" / "environments" / "tool_call_parsers"
    parsers.mkdir(parents=True)
    (parsers / "__init__.py").write_text(PARSERS)
    store.add_path(tmp_path / "checkout")


@pytest.mark.usefixtures("checkout")
async def test_a_real_engine_stands_beside_the_emulated_one_and_differences_are_told(
    tmp_path: Path,
) -> None:
    async with lab_on(tmp_path) as lab:
        await lab.press("m")
        await lab.shows("hermes-agent/mine", "≠ emulated: lost instead of text kept")
        lab.screen.choose(lab.screen.model.verdicts["hermes-agent/hermes", "emulated"])
        await lab.shows("2 Steps of hermes-agent/hermes", "≠ emulated", "another content")


@pytest.mark.usefixtures("checkout")
async def test_a_parser_that_is_not_emulated_is_shown_beside_our_reading(tmp_path: Path) -> None:
    async with lab_on(tmp_path) as lab:
        await lab.press("m")
        await lab.compared()
        await lab.shows("hermes-agent/mine")
        names = [verdict.name for verdict in lab.screen.model.rows()]
        await lab.press("g", *["j"] * names.index("hermes-agent/mine"), "enter")
        await lab.shows("2 Steps of hermes-tui/auto", "is not emulated", "1 CALL")


@pytest.mark.usefixtures("checkout")
async def test_an_engine_that_hangs_is_a_row_and_keys_are_answered_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(EnginePool.parse.__kwdefaults__, "timeout_s", 1.0)
    async with lab_on(tmp_path) as lab:
        await lab.press("m")
        await lab.compared()
        await lab.press("escape", "s", "s")
        assert lab.screen.model.step == 2
        await lab.press("m")
        await lab.shows("timed out", "stopped after 1 s")


# Streams, where vLLM's parsers were added

SENSITIVE = '<tool_call>{"name": "terminal", "arguments": {"a": True}}</tool_call>'


def needs_vllm() -> None:
    if not any(engine.name == "vllm-0.33.0" for engine in store.added_engines()):
        pytest.skip("vllm-0.33.0 is not here: hermes-tui engines add vllm==0.33.0")


@pytest.mark.engines
async def test_a_stream_is_stepped_delta_by_delta(tmp_path: Path) -> None:
    needs_vllm()
    async with lab_on(tmp_path, f"Hi. {SENSITIVE}") as lab:
        await lab.press("d")
        await lab.shows("2 Deltas", "whole text:", "stream:", "≠ calls instead of text kept")
        stream = lab.screen.stream
        assert stream is not None
        await lab.shows(f"delta 0 of {stream.deltas} · 1 pseudo-token")
        await lab.press("s")
        await lab.shows(f"delta 1 of {stream.deltas} · 1 pseudo-token")
        await lab.press("c")
        await lab.shows("1. → terminal", f"delta {stream.at} of {stream.deltas}")
        await lab.press("less_than_sign")
        assert "1. → terminal" not in lab.shown
        await lab.press("plus", "plus", "u")
        await until(lab.pilot, lambda: "deltas of 3 characters" in lab.shown or stream.deltas < 40)
        assert stream.size == 3 and stream.by_characters
        await lab.shows(f"delta 0 of {stream.deltas} · 3 characters")
        await lab.press("S")
        await lab.shows(f"delta {stream.deltas} of {stream.deltas} · 3 characters", "1. → terminal")


@pytest.mark.engines
async def test_the_keys_of_a_replay_are_in_the_bar_on_a_narrow_screen_too(tmp_path: Path) -> None:
    needs_vllm()
    async with lab_on(tmp_path, SENSITIVE, size=(80, 24)) as lab:
        keys = " > Next  < Previous  + Larger  - Smaller  u Characters  X Sweep "
        await lab.press("d")
        await lab.shows(keys, "? Help", "q Back")
        await lab.press("u")
        await lab.shows("u Tokens")
        await lab.press("escape")
        await lab.shows("s Step")
        assert keys not in lab.shown


@pytest.mark.engines
async def test_a_sweep_lists_the_splits_that_change_the_result(tmp_path: Path) -> None:
    needs_vllm()
    async with lab_on(tmp_path, SENSITIVE) as lab:
        await lab.press("X")
        stream = lab.screen.stream
        assert stream is not None
        await until(lab.pilot, lambda: 0 < stream.splits == stream.tried)
        assert stream.swept
        await lab.shows("splits of", "≠ call 1: other arguments", "deltas of 1")
        cut = next(n for n, swept in enumerate(stream.swept) if swept.split.border)
        await lab.press(*["j"] * cut, "enter")
        border = stream.swept[cut].split.border
        await lab.shows("2 Deltas", f"delta 0 of {stream.deltas} · cut after character {border}")
        await lab.press("S")
        await lab.shows("1. → terminal")


@pytest.mark.engines
async def test_the_real_verdict_is_asked_for_when_the_lab_opens(tmp_path: Path) -> None:
    needs_vllm()
    async with lab_on(tmp_path, TEXT) as lab:
        await lab.shows("real vllm-0.33.0: text kept", "= emulated")
