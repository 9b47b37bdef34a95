"""How far the emulated parsers agree with the real engines: `python -m tests.parsers.agreement`.

Reads the corpus next to the project, and prints a line for each engine and format, then the rows
that differ. With arguments, shows only the rows of parsers whose name contains one of them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.base import Outcome, ParseResult
from hermes_tui.parsers.engines.registry import engine_parsers

CORPUS = Path(__file__).resolve().parents[2].parent / "shared" / "corpus" / "parsers"
COLUMNS = {"vllm": "vllm", "sglang": "sglang", "hermes": "hermes-agent"}

REASONS: dict[tuple[str, str], str] = {}
"""Why a row differs: (parser, row) to a sentence. Empty as long as every row agrees."""


class Verdict(NamedTuple):
    """One row read by one emulated parser; `difference` is empty if the real engine agrees."""

    parser: str
    format: str
    row: str
    difference: str


def rows() -> Iterator[dict[str, Any]]:
    with (CORPUS / "corpus.jsonl").open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def toolsets() -> dict[str, tuple[ToolSpec, ...]]:
    """Return the tools of the corpus by key."""
    raw = json.loads((CORPUS / "tools.json").read_text(encoding="utf-8"))
    return {key: tuple(_tool(one["function"]) for one in tools) for key, tools in raw.items()}


def _tool(raw: dict[str, Any]) -> ToolSpec:
    return ToolSpec(raw["name"], raw.get("description", ""), raw.get("parameters"))


def verdicts() -> list[Verdict]:
    """Return a verdict for each row and emulated parser for which the corpus has a real verdict."""
    parsers = {parser.name: parser for parser in engine_parsers()}
    tools = toolsets()
    found = []
    for row in rows():
        for column, engine in COLUMNS.items():
            real = row.get(column)
            parser = parsers.get(f"{engine}/{real['parser']}") if real else None
            if real and parser:
                ours = parser.parse(row["text"], tools[row["tools"]])
                difference = differs(ours, real)
                found.append(Verdict(parser.name, row["format"], row["id"], difference))
    return found


def differs(ours: ParseResult, real: dict[str, Any]) -> str:
    """Return the difference between our verdict and the real one, empty if there is none."""
    if (ours.outcome is Outcome.RAISED) != bool(real["error"]):
        return f"raised: {real['error'] or 'no'} / ours {ours.error or 'no'}"
    if real["error"]:
        return ""
    theirs = [(call["name"], call["arguments"]) for call in real["tool_calls"]]
    mine = [(call.name, call.arguments) for call in ours.calls]
    if len(mine) != len(theirs) or not all(map(_same_call, mine, theirs)):
        return f"calls: {theirs} / ours {mine}"
    if (ours.content or "").strip() != (real["content"] or "").strip():
        return f"content: {real['content']!r} / ours {ours.content!r}"
    if (ours.outcome is Outcome.CALLS) != real["tools_called"]:
        return f"tools_called: {real['tools_called']}"
    return ""


def _same_call(mine: tuple[str | None, str], theirs: tuple[str, str]) -> bool:
    if mine[0] != theirs[0]:
        return False
    if mine[1] == theirs[1]:
        return True
    try:
        return _canonical(mine[1]) == _canonical(theirs[1])
    except ValueError:
        return False


def _canonical(text: str) -> str:
    return json.dumps(json.loads(text), sort_keys=True)


class Share(NamedTuple):
    """How many of how many rows agree."""

    agreed: int
    total: int

    @property
    def percent(self) -> float:
        return 100 * self.agreed / self.total if self.total else 100.0


def share(found: Iterable[Verdict]) -> Share:
    listed = list(found)
    return Share(sum(not one.difference for one in listed), len(listed))


def table(found: list[Verdict]) -> Iterator[str]:
    """Yield the lines of the report."""
    for engine in COLUMNS.values():
        of_engine = [one for one in found if one.parser.startswith(f"{engine}/")]
        for key in sorted({(one.parser, one.format) for one in of_engine}):
            part = share(one for one in of_engine if (one.parser, one.format) == key)
            yield f"{key[0]:28} {key[1]:16} {_figures(part)}"
        yield f"{engine:28} {'all':16} {_figures(share(of_engine))}\n"
    for one in found:
        if one.difference:
            reason = REASONS.get((one.parser, one.row), "")
            yield f"{one.parser} {one.row}: {reason}\n    {one.difference[:400]}"


def _figures(part: Share) -> str:
    return f"{part.agreed:5} of {part.total:5}  {part.percent:6.1f} %"


def main(words: list[str]) -> int:
    if not CORPUS.exists():
        print(f"no corpus at {CORPUS}", file=sys.stderr)
        return 3
    found = [one for one in verdicts() if not words or any(word in one.parser for word in words)]
    for line in table(found):
        print(line.encode("utf-8", "backslashreplace").decode())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
