"""The real engines, where they were added, give the verdicts that were measured with the whole
engines: `hermes-tui engines add vllm==0.33.0` and `sglang==0.5.23` make these tests run."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from hermes_tui.parsers.engines.places import ENDED_BY
from hermes_tui.parsers.engines.registry import engine_parsers, parser_named
from hermes_tui.runtime.engines.pool import EnginePool
from hermes_tui.runtime.engines.verdicts import EngineOutcome, EngineVerdict, received_after
from hermes_tui.runtime.engines.worker import EngineWorker
from tests.cli.program import within
from tests.parsers.agreement import differs, toolsets
from tests.parsers.damage import damaged

CORPUS = Path(__file__).resolve().parents[2].parent / "shared" / "corpus" / "parsers"
LIMIT_S = 20.0
AGREE = 0.995

pytestmark = [pytest.mark.engines]


@pytest.fixture
async def pool() -> AsyncIterator[EnginePool]:
    pool = EnginePool()
    yield pool
    await pool.close()


def worker_of(pool: EnginePool, name: str) -> EngineWorker:
    engine = next((engine for engine in pool.engines if engine.name == name), None)
    if engine is None or engine.problem:
        what = engine.problem if engine else f"hermes-tui engines add {name.replace('-', '==')}"
        pytest.skip(f"{name} is not here: {what}")
    return pool.worker(name)


def rows_with(column: str) -> list[dict[str, Any]]:
    path = CORPUS / "corpus.jsonl"
    if not path.is_file():
        pytest.skip("the measured verdicts are not here")
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [row for row in rows if row.get(column)]


def equal(measured: dict[str, Any], verdict: EngineVerdict) -> bool:
    if measured["error"]:
        return verdict.outcome is EngineOutcome.RAISED
    if verdict.outcome not in (EngineOutcome.CALLS, EngineOutcome.TEXT):
        return False
    calls = measured["tool_calls"]
    return (
        len(calls) == len(verdict.tool_calls)
        and verdict.tools_called == measured["tools_called"]
        and (measured["content"] or "") == (verdict.content or "")
        and all(
            call["name"] == found.name and same_json(call["arguments"], found.arguments)
            for call, found in zip(calls, verdict.tool_calls, strict=True)
        )
    )


def same_json(one: str, other: str) -> bool:
    if one == other:
        return True
    try:
        return bool(json.loads(one) == json.loads(other))
    except ValueError:
        return False


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("vllm-0.33.0", "vllm"),
        ("vllm-0.33.0", "vllm_stream"),
        ("sglang-0.5.23", "sglang"),
        ("sglang-0.5.23", "sglang_stream"),
    ],
)
async def test_verdicts_equal_those_of_the_whole_engine(
    pool: EnginePool, name: str, column: str
) -> None:
    worker = worker_of(pool, name)
    rows = rows_with(column)
    tools = json.loads((CORPUS / "tools.json").read_text("utf-8"))
    stream = [1] if column.endswith("_stream") else None
    total, agreed, differing = Counter[str](), Counter[str](), []
    for row in rows:
        schemas = tools.get(row["tools"]) or []
        verdict = await worker.parse(
            row[column]["parser"], row["text"], schemas, stream=stream, timeout_s=LIMIT_S
        )
        total[row["format"]] += 1
        if equal(row[column], verdict):
            agreed[row["format"]] += 1
        else:
            differing.append(row["id"])
    assert agreed.total() >= AGREE * total.total(), differing
    assert all(agreed[wire] >= 0.9 * total[wire] for wire in total), differing


@pytest.mark.shared
@pytest.mark.parametrize(("name", "column"), [("vllm-0.33.0", "vllm"), ("sglang-0.5.23", "sglang")])
async def test_damaged_outputs_are_read_by_the_emulation_as_by_the_engine(
    pool: EnginePool, name: str, column: str
) -> None:
    worker, random = worker_of(pool, name), Random(name)
    rows = rows_with(column)
    schemas = json.loads((CORPUS / "tools.json").read_text("utf-8"))
    tools, texts = toolsets(), [row["text"] for row in rows]
    emulated = {parser.name: parser for parser in engine_parsers()}
    compared = 0
    for row in rows:
        parser = emulated.get(f"{column}/{row[column]['parser']}")
        if parser is None:
            continue
        text = damaged(row["text"], texts, random)
        real = await worker.parse(
            row[column]["parser"], text, schemas[row["tools"]], timeout_s=LIMIT_S
        )
        ours = parser.parse(text, tools[row["tools"]])
        measured = {**real._asdict(), "tool_calls": [call._asdict() for call in real.tool_calls]}
        assert not differs(ours, measured), (parser.name, text)
        compared += 1
    assert compared > 250


@pytest.mark.parametrize(
    ("name", "parsers"), [("vllm-0.33.0", 56), ("sglang-0.5.23", 43)], ids=["vllm", "sglang"]
)
async def test_every_parser_loads(pool: EnginePool, name: str, parsers: int) -> None:
    worker = worker_of(pool, name)
    failing = await worker.failures()
    assert len((await worker.start())["names"]) - len(failing) >= parsers


async def test_a_text_of_exponential_time_is_stopped_without_blocking_anything_else(
    pool: EnginePool,
) -> None:
    worker = worker_of(pool, "sglang-0.5.23")
    await worker.start()
    arguments = ", ".join(f"a{number}=1" for number in range(30))
    tools = [{"type": "function", "function": {"name": "get_weather", "parameters": {}}}]
    began = time.monotonic()
    reading = asyncio.create_task(
        worker.parse("pythonic", f"[get_weather({arguments}", tools, timeout_s=0.5)
    )
    ticks = 0
    while not reading.done():
        await asyncio.sleep(0.01)
        ticks += 1
    verdict = await reading
    assert verdict.outcome is EngineOutcome.TIMED_OUT
    assert verdict.error.startswith("stopped after 0.5 s")
    assert time.monotonic() - began < 20
    assert ticks > 3
    assert (await worker.parse("hermes", "hello")).content == "hello"


@pytest.mark.parametrize("by_characters", [False, True])
async def test_a_stream_records_what_was_sent_after_each_delta(
    pool: EnginePool, by_characters: bool
) -> None:
    worker = worker_of(pool, "vllm-0.33.0")
    text = 'Sure. <tool_call>{"name": "f", "arguments": {"city": "Oslo"}}</tool_call>'
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    verdict = await worker.parse("hermes", text, tools, stream=[2], by_characters=by_characters)
    ends = [delta.end for delta in verdict.deltas]
    assert ends == sorted(ends) and ends[-1] == len(text)
    if by_characters:
        assert ends[:2] == [2, 4]
    assert received_after(verdict.deltas, 1).calls == ()
    whole = received_after(verdict.deltas, len(verdict.deltas))
    assert whole.calls == verdict.tool_calls
    assert whole.content == verdict.content
    assert verdict.tool_calls[0].arguments == '{"city": "Oslo"}'


async def test_the_size_of_the_deltas_changes_what_is_sent(pool: EnginePool) -> None:
    worker = worker_of(pool, "vllm-0.33.0")
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    text = '<tool_call>{"name": "f", "arguments": {"a": True}}</tool_call>'
    sent = {
        (await worker.parse("hermes", text, tools, stream=[size])).tool_calls[0].arguments
        for size in range(1, 20)
    }
    assert sent == {'{"a": True}', '{"a": True}}'}


async def test_the_sizes_decide_where_a_stream_is_cut(pool: EnginePool) -> None:
    worker = worker_of(pool, "sglang-0.5.23")
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    verdict = await worker.parse("hermes", "abcdefgh", tools, stream=[3, 1, 2], by_characters=True)
    assert [delta.end for delta in verdict.deltas] == [3, 4, 6, 8]
    assert verdict.content == "abcdefgh"


async def test_the_reasoning_parser_is_run_too(pool: EnginePool) -> None:
    text = '<think>hm</think><tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>'
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    for name, parser in (("vllm-0.33.0", "qwen3_json"), ("sglang-0.5.23", "qwen25")):
        worker = worker_of(pool, name)
        for stream in (None, [1]):
            verdict = await worker.parse(
                parser, text, tools, reasoning_parser="qwen3", stream=stream
            )
            assert verdict.reasoning == "hm", (name, stream)
            assert [call.name for call in verdict.tool_calls] == ["f"], (name, stream)


@pytest.mark.parametrize("stream", [None, [1]], ids=["whole", "stream"])
async def test_parsers_that_need_more_than_the_text_give_no_verdict_on_it(
    pool: EnginePool, stream: list[int] | None
) -> None:
    """A field of the request is available; metadata of a tokenizer and another package are not."""
    worker = worker_of(pool, "vllm-0.33.0")
    verdicts = {
        name: await worker.parse(name, "hello", stream=stream)
        for name in ("k2_horizon", "beam", "hf", "cohere_command3")
    }
    assert verdicts.pop("k2_horizon").content == "hello"
    assert {verdict.outcome for verdict in verdicts.values()} == {EngineOutcome.UNKNOWN}
    assert all(verdict.error.startswith("cannot be run here: ") for verdict in verdicts.values())


CALLS_BY_PARSER = {
    "hermes": '<tool_call>{"name": "f", "arguments": {}}</tool_call>',
    "qwen3_coder": "<tool_call><function=f></function></tool_call>",
    "glm45": "<tool_call>f\n</tool_call>",
    "kimi_k2": "<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0"
    "<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>",
    "mistral_v11": "[TOOL_CALLS]f[ARGS]{}",
    "llama3_json": '{"name": "f", "parameters": {}}',
}


@pytest.mark.parametrize("parser", CALLS_BY_PARSER)
async def test_vllm_makes_calls_in_reasoning_as_the_finding_claims(
    pool: EnginePool, parser: str
) -> None:
    """The claims are in `hermes_tui.parsers.engines.places`."""
    worker = worker_of(pool, "vllm-0.33.0")
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    text = f"<think>maybe {CALLS_BY_PARSER[parser]} helps</think>No."
    markers = parser_named(f"vllm/{parser}").info.markers
    runs = {name for marker, names in ENDED_BY.items() if marker in markers for name in names}
    for name in ("deepseek_r1", "qwen3", "glm45", "kimi_k2", "mistral"):
        if name == "mistral" and not runs:
            continue  # it requires the tokenizer of Mistral
        verdict = await worker.parse(parser, text, tools, reasoning_parser=name)
        if verdict.outcome in (EngineOutcome.CALLS, EngineOutcome.TEXT):
            assert bool(verdict.tool_calls) == (name in runs), (parser, name)


async def test_sglang_keeps_a_call_in_closed_reasoning(pool: EnginePool) -> None:
    worker = worker_of(pool, "sglang-0.5.23")
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    for closer in ("</think>No.", ""):
        text = f"<think>maybe {CALLS_BY_PARSER['hermes']} helps{closer}"
        for name in ("qwen3", "deepseek-r1"):
            verdict = await worker.parse("hermes", text, tools, reasoning_parser=name)
            runs = name == "qwen3" and not closer
            assert bool(verdict.tool_calls) == runs, (name, closer)


@pytest.mark.parametrize(
    ("engine", "wrong", "near"),
    [("vllm-0.33.0", "deepseek-r1", "deepseek_r1"), ("sglang-0.5.23", "qwen33", "qwen3")],
)
@pytest.mark.parametrize("options", [{}, {"stream": [1]}], ids=["whole", "streamed"])
async def test_an_unknown_reasoning_parser_is_refused_with_near_names(
    pool: EnginePool, engine: str, wrong: str, near: str, options: dict[str, Any]
) -> None:
    worker = worker_of(pool, engine)
    verdict = await worker.parse("hermes", "x", reasoning_parser=wrong, **options)
    assert verdict.outcome is EngineOutcome.UNKNOWN and verdict.is_refused
    assert verdict.error.startswith(f"no reasoning parser is called {wrong!r}; near: {near}")
    known = await worker.parse("hermes", "x", reasoning_parser=near, **options)
    assert known.outcome is EngineOutcome.TEXT


def test_an_unknown_reasoning_parser_is_wrong_usage(pool: EnginePool, tmp_path: Path) -> None:
    worker_of(pool, "vllm-0.33.0")
    reply = tmp_path / "reply.txt"
    reply.write_text("x")
    name = "real/vllm-0.33.0/hermes"
    done = within("parse", reply, "--parser", name, "--reasoning-parser", "qwen33")
    assert done.code == 2
    assert done.one_line.endswith("no reasoning parser is called 'qwen33'; near: qwen3")
