"""`hermes-tui parse --batch`: JSON lines in, JSON lines out, one for one and in order.

With `--expect` a line is printed with the verdict as its `"expected"`; with `--check` the verdict
is compared with that.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple, NoReturn

from hermes_tui.cli.json_text import ascii_line
from hermes_tui.cli.parse_check import differences, expectation, expected_of
from hermes_tui.cli.parse_names import batch_line_parser, resolve_parser_name
from hermes_tui.cli.parse_report import verdict_row
from hermes_tui.cli.progress import ProgressLine
from hermes_tui.cli.stderr import print_notice
from hermes_tui.formats.declared_tools import tool_specs
from hermes_tui.model.errors import HermesError, UsageError
from hermes_tui.model.messages import ToolSpec
from hermes_tui.model.visible import visible_line
from hermes_tui.model.wording import counted
from hermes_tui.parsers.base import Outcome
from hermes_tui.parsers.choice import guess_parser
from hermes_tui.runtime.parser_panel import ParserPanel
from hermes_tui.runtime.parser_verdicts import ParserVerdict
from hermes_tui.runtime.real_parser import Deltas

REFUSED: Final = "refused"
"""The outcome of a line that no parser has read; `error` gives the reason."""
_MAX_SHOWN: Final = 60


class Defaults(NamedTuple):
    """Settings of the lines that do not have their own."""

    parser: str = ""
    tools: tuple[ToolSpec, ...] = ()
    deltas: Deltas | None = None
    reasoning: str = ""


class Answer(NamedTuple):
    """The answer to the line `number`: its row, and the exit code that it calls for."""

    number: int
    request: dict[str, Any]
    row: dict[str, Any]
    code: int

    @property
    def is_refused(self) -> bool:
        return bool(self.row["outcome"] == REFUSED)


class Output(NamedTuple):
    """What an answer is printed as, and the exit code that it calls for."""

    code: int
    text: str = ""
    notice: str = ""


Show = Callable[[Answer], Output]


def run_batch(lines: Iterable[bytes], panel: ParserPanel, defaults: Defaults, show: Show) -> int:
    """Answer every line as it arrives, and return the worst exit code: 3, 2, 1, 0.

    If the answers go elsewhere or are rare, a terminal shows how many lines have been read.
    """
    worst, progress, is_terminal = 0, ProgressLine(), sys.stdout.isatty()
    try:
        for number, line in enumerate(lines, 1):
            output = show(_answer(number, line, panel, defaults))
            worst = max(worst, output.code)
            if output.notice or (output.text and is_terminal):
                progress.clear()
            else:
                progress.reading(number)
            sys.stdout.write(output.text)
            sys.stdout.flush()
            if output.notice:
                print_notice(output.notice)
    finally:
        progress.clear()
    return worst


def as_row(answer: Answer) -> Output:
    """Return the row of an answer."""
    return Output(answer.code, _line(answer.row))


def as_expected(answer: Answer) -> Output:
    """Return the line with the verdict as its `"expected"`; refused lines are left out."""
    if answer.is_refused:
        return Output(answer.code, notice=f"left out: {answer.row['error']}")
    line = answer.request | {"expected": expected_of(answer.row)}
    try:
        return Output(0, ascii_line(line))
    except RecursionError:
        notice = f"left out: line {answer.number:,}: nested too deeply"
        return Output(UsageError.exit_code, notice=notice)


class Check:
    """Compares verdicts with what the lines expect; findings are no failure here."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._compared = self._wrong = self._lines = 0

    def compare(self, answer: Answer) -> Output:
        """Return the differences of a line, or its row with them; they make the code 1."""
        self._lines += 1
        row, code = answer.row, answer.code
        expected: dict[str, Any] | None = None
        if not answer.is_refused:
            try:
                expected, code = expectation(answer.request), 0
            except UsageError as error:
                message = f"line {answer.number:,}: {error}"
                row, code = row | {"outcome": REFUSED, "error": message}, error.exit_code
        found = [] if expected is None else differences(expected, row)
        self._compared += expected is not None
        self._wrong += bool(found)
        if self._as_json:
            lines = [_line(row | {"differences": [difference._asdict() for difference in found]})]
        elif code:
            lines = [visible_line(row["error"] or "", 4 * _MAX_SHOWN) + "\n"]
        else:
            lines = [
                f"line {answer.number:,}{_id_note(row)}: {difference}\n" for difference in found
            ]
        return Output(code or int(bool(found)), "".join(lines))

    def end(self) -> None:
        """Report the totals on standard error; raise UsageError if nothing could be compared."""
        if self._lines and not self._compared:
            raise UsageError('no line says what is "expected"', "--expect writes such lines")
        self.report()

    def report(self, when: str = "") -> None:
        """Print the totals so far on standard error."""
        without = self._lines - self._compared
        rest = f"; {counted(without, 'line')} not compared" if without else ""
        print_notice(
            f"{when}{counted(self._compared, 'line')} compared, "
            f"{self._wrong:,} not as expected{rest}"
        )


def _id_note(row: dict[str, Any]) -> str:
    name = row["id"]
    return f" ({visible_line(str(name), _MAX_SHOWN)})" if isinstance(name, (str, int)) else ""


def _line(row: dict[str, Any]) -> str:
    """Return the row in ASCII: lone surrogates survive, and nothing acts on a terminal."""
    try:
        return ascii_line(row)
    except RecursionError:
        # Only the id is passed on unchanged, and one nested so deeply names nothing.
        return _line(row | {"id": None})


def _answer(number: int, line: bytes, panel: ParserPanel, defaults: Defaults) -> Answer:
    """Return the answer to one line."""
    request: dict[str, Any] = {}
    try:
        request = _request(line)
        text = _text(request)
        name = _parser(request, defaults.parser, text)
        tools = tool_specs(_tools(request))
        deltas = _deltas(request) if "stream" in request else defaults.deltas
        used_tools = defaults.tools if tools is None else tools
        parser_name = resolve_parser_name(
            name, panel, deltas, _reasoning(request, defaults.reasoning)
        )
        verdict = panel.read(parser_name, text, used_tools, deltas=deltas)
    except HermesError as error:
        row = _refused_row(request, f"line {number:,}: {error}")
        return Answer(number, request, row, error.exit_code)
    row = {"id": request.get("id"), **verdict_row(verdict), "parser": name}
    return Answer(number, request, row, int(verdict.has_errors))


def _request(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line, parse_constant=_no_constant)
    except RecursionError as error:
        raise UsageError("not JSON: nested too deeply") from error
    except ValueError as error:
        raise UsageError(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise UsageError("not a JSON object", 'one line is {"id", "parser", "text", "tools"}')
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


def _parser(request: dict[str, Any], default: str, text: str) -> str:
    """Return the parser that the line names, else the default, else one guessed from markers."""
    name = request.get("parser")
    name = default if name is None else name
    if not isinstance(name, str):
        raise UsageError("the parser is not a string", 'such as "parser": "vllm/hermes"')
    return batch_line_parser(name, default) or guess_parser(text).name


def _reasoning(request: dict[str, Any], default: str) -> str:
    name = request.get("reasoning_parser", default)
    if name is not None and not isinstance(name, str):
        hint = 'such as "reasoning_parser": "qwen3"'
        raise UsageError("the reasoning parser is not a string", hint)
    return name or ""


def _text(request: dict[str, Any]) -> str:
    text = request.get("text")
    if not isinstance(text, str):
        raise UsageError("no text", '"text" is the string to read')
    return text


def _tools(request: dict[str, Any]) -> Any:
    tools = request.get("tools")
    if tools is not None and not isinstance(tools, list):
        raise UsageError("the tools are not a list", '"tools" is a list of schemas')
    return tools


def _deltas(request: dict[str, Any]) -> Deltas | None:
    size = request.get("stream")
    if size is not None and not isinstance(size, str):
        raise UsageError("the size of the deltas is not a string", '"stream": "1", as of --stream')
    return Deltas.of(size) if size else None


def _refused_row(request: dict[str, Any], error: str) -> dict[str, Any]:
    """Return the row of a line that no parser has read; it has every field."""
    parser = request.get("parser")
    name = parser if isinstance(parser, str) else ""
    verdict = ParserVerdict(name, "", False, Outcome.RAISED, False, error=error)
    row = {"id": request.get("id"), **verdict_row(verdict), "parser": parser}
    return row | {"outcome": REFUSED}
