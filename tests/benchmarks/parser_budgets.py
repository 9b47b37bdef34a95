"""The cost of pathological texts to a parser: 1 MB of each, against 2 KB of the same.

    python -m tests.benchmarks.parser_budgets [PARSER …]

Times are processor times, so that other programs do not count. The engines themselves take up to
minutes for some of these texts; the emulations give their verdict in linear time.
"""

from __future__ import annotations

import time

from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.auto import Auto
from hermes_tui.parsers.base import Parser
from hermes_tui.parsers.engines.registry import engine_parsers
from tests.benchmarks.figures import choose, command_line

SHORT, LONG = 2_000, 1_000_000
LONG_BUDGET_S, SHORT_BUDGET_S = 1.0, 0.003
TOOLS = (ToolSpec("get_weather", parameters={"properties": {"city": {"type": "string"}}}),)
UNITS = (
    "<tool_call>",
    '<tool_call>{"name":"a"',
    '<tool_call>\n{"name": "a", "arguments": {}}\n</tool_call>\n',
    "<tool_call> ",
    "<function=f>",
    "<parameter=x>",
    "<arg_key>a",
    "<arg_value>",
    "[TOOL_CALLS]",
    '[TOOL_CALLS] [{"name":',
    "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>",
    "<｜tool▁call▁begin｜>function<｜tool▁sep｜>a",
    "<|tool_calls_section_begin|><|tool_call_begin|>functions.a:0",
    "functools[",
    "<|action_start|>",
    "call:a{x:{",
    "[get_weather(a=1, ",
    '{"name":{',
    "{",
    "[",
    '"',
    "\\",
    " ",
    "<think>",
    "```",
)


def cost_s(parser: Parser, text: str) -> float:
    began = time.process_time()
    parser.parse(text, TOOLS)
    return time.process_time() - began


def worst(parser: Parser, size: int) -> tuple[float, str]:
    """Return the processor seconds of the slowest unit, and the unit."""
    return max((cost_s(parser, unit * (size // len(unit) + 1)), unit) for unit in UNITS)


def main() -> int:
    """Print a line per parser; return 1 if a budget is exceeded."""
    parsers: dict[str, Parser] = {parser.name: parser for parser in (Auto(), *engine_parsers())}
    names = choose(command_line("parser_budgets", __doc__), "parser", list(parsers))
    over = 0
    print(f"{'parser':<28} {'1 MB':>8} {'':<42} {'2 KB':>8}")
    for parser in map(parsers.__getitem__, names):
        worst(parser, SHORT)
        long_s, unit = worst(parser, LONG)
        short_s, _ = worst(parser, SHORT)
        kept = long_s <= LONG_BUDGET_S and short_s <= SHORT_BUDGET_S
        over += not kept
        verdict = "ok" if kept else "OVER"
        print(f"{parser.name:<28} {long_s:7.2f}s {unit!r:<42.42} {short_s * 1000:6.1f}ms {verdict}")
    return int(over > 0)


if __name__ == "__main__":
    raise SystemExit(main())
