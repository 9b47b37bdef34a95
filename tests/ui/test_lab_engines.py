"""The lab with real engines: their verdicts next to the emulated ones, and their streams."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hermes_tui.runtime.engines import store
from hermes_tui.runtime.engines.worker import EngineWorker
from tests.ui.lab import TEXT, Lab, lab_on
from tests.ui.opened import answer, until

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
    """Add a checkout of hermes-agent with parsers that differ from the emulated ones."""
    monkeypatch.setattr(store, "engines_dir", lambda: tmp_path / "engines")
    parsers = tmp_path / "checkout" / "environments" / "tool_call_parsers"
    parsers.mkdir(parents=True)
    (parsers / "__init__.py").write_text(PARSERS)
    store.add_path(tmp_path / "checkout")


@pytest.mark.usefixtures("checkout")
async def test_a_real_engine_is_listed_with_its_differences_from_the_emulation(
    tmp_path: Path,
) -> None:
    async with lab_on(tmp_path) as lab:
        await lab.press("m")
        await lab.shows("hermes-agent/mine", "≠ emulated: lost instead of text kept")
        lab.screen.choose(lab.screen.model.verdicts["hermes-agent/hermes", "emulated"])
        await lab.shows("2 Steps of hermes-agent/hermes", "≠ emulated", "another content")


@pytest.mark.usefixtures("checkout")
async def test_a_real_parser_without_emulation_shows_the_automatic_reading(tmp_path: Path) -> None:
    async with lab_on(tmp_path) as lab:
        await lab.press("m")
        await lab.compared()
        await lab.shows("hermes-agent/mine")
        names = [verdict.name for verdict in lab.screen.model.rows()]
        await lab.press("g", *["j"] * names.index("hermes-agent/mine"), "enter")
        await lab.shows("2 Steps of hermes-tui/auto", "is not emulated", "1 CALL")


@pytest.mark.usefixtures("checkout")
async def test_a_hanging_engine_gets_a_row_and_keys_still_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(EngineWorker.parse.__kwdefaults__, "timeout_s", 1.0)
    async with lab_on(tmp_path) as lab:
        await lab.press("m")
        await lab.compared()
        await lab.press("escape", "s", "s")
        assert lab.screen.model.step == 2
        await lab.press("m")
        await lab.shows("timed out", "stopped after 1 s")


@pytest.mark.usefixtures("checkout")
async def test_a_real_parser_can_be_chosen_by_name(tmp_path: Path) -> None:
    async with lab_on(tmp_path) as lab:
        await answer(lab.pilot, "p", "real/hermes-agent/mine")
        await lab.shows("2 Steps of hermes-tui/auto", "is not emulated", "real hermes-agent")
        await answer(lab.pilot, "p", "real/hermes-agent/mime")
        await lab.shows("has no parser 'mime'", "mine")
        await answer(lab.pilot, "p", "real/vllm-9/hermes")
        await lab.shows("no engine 'vllm-9' was added")


@pytest.mark.usefixtures("checkout")
async def test_the_lab_says_whether_an_engine_is_loading_or_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(EngineWorker.parse.__kwdefaults__, "timeout_s", 1.0)
    async with lab_on(tmp_path) as lab:
        await answer(lab.pilot, "p", "real/hermes-agent/spins")
        await lab.shows("hermes-agent is loading its parser …")
        await lab.shows("stopped after 1 s")
        await answer(lab.pilot, "p", "real/hermes-agent/mine")
        await lab.shows("real hermes-agent")
        assert lab.screen.waiting_text("hermes-agent", "mine") == "hermes-agent is reading …"


async def reproduced(lab: Lab, name: str) -> Path:
    """Write a reproduction of the real hermes-agent's parser `name`, and return its folder."""
    await lab.press("m")
    await lab.compared()
    lab.screen.choose(lab.screen.model.verdicts[f"hermes-agent/{name}", "hermes-agent"])
    await lab.shows("real hermes-agent")
    await lab.press("ctrl+r")
    await lab.shows(f"reproduce hermes-agent {name} in folder")
    await lab.press("enter")
    await lab.shows("a report, a test")
    (written,) = Path("reproductions").iterdir()
    return written


@pytest.mark.usefixtures("checkout")
@pytest.mark.parametrize("name", ["hermes", "mine"], ids=["emulated too", "not emulated"])
async def test_a_reproduction_of_a_real_engine_is_reduced_with_that_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    async with lab_on(tmp_path, f"Look.\n\n{TEXT}") as lab:
        written = await reproduced(lab, name)
    report = (written / "report.md").read_text("utf-8")
    assert f"hermes-tui parse text.txt --parser real/hermes-agent/{name}" in report
    assert "hermes-tui engines add --path CHECKOUT" in report
    got = {"hermes": "another content", "mine": '"arguments": {}'}[name]
    assert "the engine itself" in report and got in report
    assert "Look." not in (written / "text.txt").read_text("utf-8")
    case = (written / "test_reproduction.py").read_text("utf-8")
    assert f"PARSER = 'real/hermes-agent/{name}'" in case


@pytest.mark.usefixtures("checkout")
async def test_the_test_of_a_reproduction_is_skipped_without_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with lab_on(tmp_path, TEXT) as lab:
        written = await reproduced(lab, "hermes")
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_reproduction.py"],
        cwd=written,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "empty")},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert "2 skipped" in done.stdout, done.stdout + done.stderr


@pytest.mark.usefixtures("checkout")
async def test_no_reproduction_is_written_if_the_engine_has_no_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with lab_on(tmp_path, "another content") as lab:
        await lab.press("m")
        await lab.compared()
        lab.screen.choose(lab.screen.model.verdicts["hermes-agent/hermes", "hermes-agent"])
        await lab.press("ctrl+r", "enter")
        await lab.shows("nothing failed: real/hermes-agent/hermes has no finding")
        assert not Path("reproductions").exists()


@pytest.mark.usefixtures("checkout")
async def test_a_reproduction_runs_the_real_engine_that_has_the_parser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with lab_on(tmp_path, TEXT) as lab:
        await answer(lab.pilot, "p", "hermes-agent/hermes")
        await lab.shows("2 Steps of hermes-agent/hermes")
        assert lab.screen.model.real is None
        await lab.press("ctrl+r")
        await lab.shows("reproduce hermes-agent hermes in folder")
        await lab.press("enter")
        await lab.shows("a report, a test")
    (written,) = Path("reproductions").iterdir()
    assert "the engine itself" in (written / "report.md").read_text("utf-8")


@pytest.mark.usefixtures("checkout")
async def test_parser_names_are_suggested_while_typing(tmp_path: Path) -> None:
    async with lab_on(tmp_path) as lab:
        await lab.press("p")
        await lab.shows("vllm/hermes · ")
        await lab.press(*"spins")
        await lab.shows("real/hermes-agent/spins")
        assert " · " not in lab.screen._message
        await lab.press("backspace", *"x")
        await lab.shows("no parser has 'spinx' in its name")
        await lab.press(*["backspace"] * 5, *"mine", "enter")
        await lab.shows("2 Steps of hermes-tui/auto", "is not emulated")


# Streams (with vLLM's parsers added)

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
async def test_the_key_bar_shows_the_keys_of_a_replay_on_a_narrow_screen(tmp_path: Path) -> None:
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
        await lab.shows("splits of", "≠ call 1: arguments", "deltas of 1")
        await lab.shows("change the result of the text in one delta: 1 call")
        cut = next(n for n, swept in enumerate(stream.swept) if swept.split.border)
        await lab.press(*["j"] * cut, "enter")
        border = stream.swept[cut].split.border
        await lab.shows("2 Deltas", f"delta 0 of {stream.deltas} · cut after character {border}")
        await lab.press("S")
        await lab.shows("1. → terminal")


@pytest.mark.engines
async def test_the_real_verdict_is_requested_when_the_lab_opens(tmp_path: Path) -> None:
    needs_vllm()
    async with lab_on(tmp_path, TEXT) as lab:
        await lab.shows("real vllm-0.33.0: text kept", "= emulated")


@pytest.mark.engines
async def test_a_reproduction_of_a_replay_records_the_delta_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs_vllm()
    monkeypatch.chdir(tmp_path)
    async with lab_on(tmp_path, f"Hi.\n\n{SENSITIVE}") as lab:
        await lab.press("d", "plus")
        await lab.shows("stream:", "deltas of 2 pseudo-tokens")
        await lab.press("ctrl+r")
        await lab.shows("reproduce vllm-0.33.0 hermes (streamed) in folder")
        await lab.press("enter")
        await lab.shows("a report, a test")
    (written,) = Path("reproductions").iterdir()
    report = (written / "report.md").read_text("utf-8")
    assert "in deltas of 2 pseudo-tokens" in report and "--stream 2" in report
    assert "1 passed, 1 xfailed" in await run_case_in(written)


async def test_a_parser_in_a_user_file_can_be_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text("def parse(text):\n    return [{'name': 'own', 'arguments': {}}]\n")
    async with lab_on(tmp_path) as lab:
        await lab.press("p", *"./mine.py")
        await lab.shows("(engine/name or FILE.py)", "Enter runs the parser in the file './mine.py'")
        await lab.press("escape")
        await answer(lab.pilot, "p", "mine.py")
        await lab.shows("real mine.py", "own")
        await answer(lab.pilot, "p", "nowhere.py")
        await lab.shows("nowhere.py: no such file")
        await lab.press("m")
        await lab.compared()
        await lab.shows("own/mine")


MINE = """\
import json
import re


def parse(text):
    found = re.search(r"<tool_call>(.*)</tool_call>", text, re.DOTALL)
    body = found[1].replace(",}", "}") if MENDED else found[1]
    try:
        return [json.loads(body)]
    except ValueError:
        return []
"""
COMMA = '<tool_call>{"name": "terminal", "arguments": {"command": "ls",}}</tool_call>'


@pytest.mark.parametrize("mended", [False, True])
async def test_a_reproduction_of_a_user_parser_runs_the_users_file(
    mended: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(f"MENDED = {mended}\n{MINE}")
    async with lab_on(tmp_path, COMMA) as lab:
        await answer(lab.pilot, "p", "./mine.py")
        await lab.shows("real ./mine.py")
        await lab.press("ctrl+r", "enter")
        if mended:
            await lab.shows(f"nothing failed: {tmp_path}/mine.py has no finding in this text")
            return
        await lab.shows("a report, a test")
    (written,) = Path("reproductions").iterdir()
    report = (written / "report.md").read_text("utf-8")
    assert f"sh\nhermes-tui parse text.txt --parser {tmp_path / 'mine.py'}" in report
    assert "1 passed, 1 xfailed" in await run_case_in(written)
    Path("mine.py").unlink()
    assert "1 failed, 1 xfailed" in await run_case_in(written)


async def run_case_in(folder: Path) -> str:
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_reproduction.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
    )
    return done.stdout + done.stderr
