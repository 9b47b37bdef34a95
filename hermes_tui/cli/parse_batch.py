"""`hermes-tui parse --batch`: JSON lines in, JSON lines out, one for one and in order."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any, NamedTuple, NoReturn

from hermes_tui.cli.json_text import ascii_line
from hermes_tui.cli.parse_report import verdict_row
from hermes_tui.formats.declared_tools import tool_specs
from hermes_tui.model.errors import HermesError, UsageError
from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.base import Outcome
from hermes_tui.parsers.choice import guess_parser
from hermes_tui.runtime.parser_panel import ParserPanel
from hermes_tui.runtime.parser_verdicts import ParserVerdict
from hermes_tui.runtime.real_parser import Deltas


class Defaults(NamedTuple):
    """What lines get that do not say it themselves."""

    parser: str = ""
    tools: tuple[ToolSpec, ...] = ()
    deltas: Deltas | None = None


def run_batch(lines: Iterable[bytes], panel: ParserPanel, defaults: Defaults) -> int:
    """Answer every line at once, and return the worst exit code: 3, 2, 1, 0."""
    worst = 0
    for number, line in enumerate(lines, 1):
        row, code = _answer(number, line, panel, defaults)
        worst = max(worst, code)
        sys.stdout.write(_line(row))
        sys.stdout.flush()
    return worst


def _line(row: dict[str, Any]) -> str:
    """Return the row in ASCII: lone surrogates survive, and nothing in it acts on a terminal."""
    try:
        return ascii_line(row)
    except RecursionError:
        # Only the id is passed on as it came, and so deep a one names nothing.
        return _line(row | {"id": None})


def _answer(
    number: int, line: bytes, panel: ParserPanel, defaults: Defaults
) -> tuple[dict[str, Any], int]:
    """Return the row for one line and the exit code that it asks for."""
    request: dict[str, Any] = {}
    try:
        request = _request(line)
        text = _text(request)
        name = _parser(request, defaults.parser, text)
        tools = tool_specs(_tools(request))
        deltas = _deltas(request) if "stream" in request else defaults.deltas
        given = defaults.tools if tools is None else tools
        verdict = panel.read(name, text, given, deltas=deltas)
    except HermesError as error:
        return _refused(request, f"line {number:,}: {error}"), error.exit_code
    row = {"id": request.get("id"), **verdict_row(verdict), "parser": name}
    return row, int(verdict.has_errors)


def _request(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"no JSON: {str(error) or 'nested too deeply'}") from error
    if not isinstance(value, dict):
        raise UsageError("no JSON object", 'one line is {"id", "parser", "text", "tools"}')
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


def _parser(request: dict[str, Any], default: str, text: str) -> str:
    """Return the parser that the line names, or the default, or the one that its markers tell."""
    name = request.get("parser")
    name = default if name is None else name
    if not isinstance(name, str):
        raise UsageError("the parser is no string", 'such as "parser": "vllm/hermes"')
    return name or guess_parser(text).name


def _text(request: dict[str, Any]) -> str:
    text = request.get("text")
    if not isinstance(text, str):
        raise UsageError("no text", '"text" is the string to read')
    return text


def _tools(request: dict[str, Any]) -> Any:
    tools = request.get("tools")
    if tools is not None and not isinstance(tools, list):
        raise UsageError("the tools are no list", '"tools" is a list of schemas')
    return tools


def _deltas(request: dict[str, Any]) -> Deltas | None:
    wanted = request.get("stream")
    if wanted is not None and not isinstance(wanted, str):
        raise UsageError("the size of the deltas is no string", '"stream": "1", as of --stream')
    return Deltas.of(wanted) if wanted else None


def _refused(request: dict[str, Any], error: str) -> dict[str, Any]:
    """Return the row of a line that no parser has read; it has every field."""
    parser = request.get("parser")
    name = parser if isinstance(parser, str) else ""
    nothing = ParserVerdict(name, "", False, Outcome.RAISED, False, error=error)
    return {"id": request.get("id"), **verdict_row(nothing), "parser": parser}
