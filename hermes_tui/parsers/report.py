"""A finding to hand on: a bug report in Markdown, and the parts of a test that shows it.

Both are self-contained and valid for any text, including quotes, fences, NULs, control characters
and half surrogates.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from hermes_tui.model.chat_api import tool_value
from hermes_tui.model.diagnostics import Diagnostic, Severity
from hermes_tui.model.errors import SourceError
from hermes_tui.model.messages import ToolSpec, changed
from hermes_tui.model.visible import visible, visible_row
from hermes_tui.model.wording import counted
from hermes_tui.parsers.base import ParsedCall, Parser, ParseResult
from hermes_tui.parsers.engines.base import EngineInfo, EngineParser
from hermes_tui.parsers.literals import FAILED
from hermes_tui.parsers.reduce import fails_alike, names_and_arguments, reduce_text
from hermes_tui.version import __version__

TEXT_FILE = "text.txt"
TOOLS_FILE = "tools.json"

_MAX_SHOWN = 20_000
_MAX_DIAGNOSTICS = 20
_SEVERITY_RANK = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}
_BACKTICKS = re.compile(r"`+")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_MAX_PIECE = 80
_SLUG = re.compile(r"[^a-z0-9]+")


class EngineRun(NamedTuple):
    """How the real engine is run: the parser's name, the command that adds it, `--stream`.

    `add` is empty for a parser in the user's own file.
    """

    name: str
    add: str
    stream: str = ""


class Reproduction(NamedTuple):
    """A parser's reading of a text, and the calls that were intended.

    `text` is what was parsed: `verdict` and `expected` (None if unknown) refer to it.
    `whole` is the text from which it was reduced, empty if it is not reduced.
    `real` is how the real engine was run, None if our emulation of it was.
    """

    text: str
    parser: EngineInfo
    tools: Sequence[ToolSpec]
    verdict: ParseResult
    expected: Sequence[ParsedCall] | None = None
    whole: str = ""
    real: EngineRun | None = None

    @property
    def is_failure(self) -> bool:
        """Whether anything is wrong: a finding, or calls other than the intended ones."""
        meant = self.expected if self.expected is not None else self.verdict.calls
        found = any(one.severity is not Severity.NOTE for one in self.verdict.diagnostics)
        return found or names_and_arguments(self.verdict.calls) != names_and_arguments(meant)


def reproduction_of(
    text: str,
    parser: EngineParser,
    tools: Sequence[ToolSpec],
    reader: Parser,
    *,
    real: EngineRun | None = None,
    enough: Callable[[], bool] = lambda: False,
) -> Reproduction:
    """Return the reading of `text` by `parser`, with `text` reduced while the failure is the same.

    `reader` reads the intended calls. Both parse every text that `reduce_text` tries, until
    `enough` returns true.
    """
    still_fails = fails_alike(text, parser, tools, reader=reader)

    def fails(part: str) -> bool:
        try:
            return not enough() and still_fails(part)
        except SourceError:
            # The engine returns no verdict on this part.
            return False

    reduced = reduce_text(text, fails)
    meant = [call for call in reader.parse(reduced, tools).calls if call.verdict != FAILED]
    verdict = parser.parse(reduced, tools)
    whole = text if reduced != text else ""
    return Reproduction(reduced, parser.info, tools, verdict, meant, whole, real)


def slug(reproduction: Reproduction) -> str:
    """Return a short name for the finding's files: the parser, and its worst finding or outcome."""
    worst = _by_severity(reproduction.verdict.diagnostics)
    words = f"{reproduction.parser.name} {worst[0].code if worst else reproduction.verdict.outcome}"
    return _SLUG.sub("-", words.lower()).strip("-")[:80] or "finding"


def bug_report(reproduction: Reproduction, script: str = "") -> str:
    """Return the report for the engine's issue tracker, in Markdown.

    `script` is the name of the accompanying file that needs only the engine, empty if there is no
    such file.
    """
    sections = [
        f"# {_headline(reproduction)}",
        _versions(reproduction),
        _output(reproduction),
        _expected(reproduction),
        f"## Got\n\n{_got(reproduction.verdict)}",
        _diagnostics(reproduction.verdict.diagnostics),
        _steps_to_see_it(reproduction, script),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def fenced(text: str, language: str = "") -> str:
    """Return `text` in a Markdown fence that nothing inside it can close."""
    fence = "`" * max(3, 1 + max((len(run) for run in _BACKTICKS.findall(text)), default=0))
    return f"{fence}{language}\n{text}\n{fence}"


def calls_json(calls: Sequence[ParsedCall]) -> str:
    """Return calls as JSON, one on each line; arguments that are JSON are decoded."""
    lines = (json.dumps({"name": call.name, "arguments": _value(call.arguments)}) for call in calls)
    return "[\n  " + ",\n  ".join(lines) + "\n]" if calls else "[]"


def tools_json(tools: Sequence[ToolSpec]) -> str:
    """Return the tools as a request declares them, as ASCII JSON."""
    declared = [tool_value(changed(tool, parameters=_encodable(tool.parameters))) for tool in tools]
    return json.dumps(declared, indent=1, default=str)


def text_literal(text: str) -> str:
    """Return an ASCII Python expression for `text`, with each line of it on a separate line."""
    pieces = [
        line[at : at + _MAX_PIECE]
        for line in _LINE.findall(text)
        for at in range(0, len(line), _MAX_PIECE)
    ]
    if len(pieces) <= 1:
        return ascii(text)
    return "(\n" + "".join(f"    {piece!a}\n" for piece in pieces) + ")"


def is_plain(text: str) -> bool:
    """Return whether `text` is shown faithfully: no control, half surrogate or hidden character."""
    spaced = text.replace("\t", " ")
    return visible(spaced) == spaced


def _encodable(schema: Any) -> Any:
    """Return the schema, or an empty one if it cannot be encoded, such as if nested too deeply."""
    try:
        json.dumps(schema, default=str)
    except (RecursionError, ValueError, TypeError):
        return {}
    return schema


def _value(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments


def _by_severity(found: Sequence[Diagnostic]) -> list[Diagnostic]:
    return sorted(found, key=lambda one: _SEVERITY_RANK[one.severity])


def _headline(reproduction: Reproduction) -> str:
    info = reproduction.parser
    worst = _by_severity(reproduction.verdict.diagnostics)
    what = visible_row(worst[0].message) if worst else f"reads {_count(reproduction.verdict.calls)}"
    return f"{info.name} {info.version}: {_inline(what)}"


def _count(calls: Sequence[ParsedCall]) -> str:
    return counted(len(calls), "call")


def _inline(text: str) -> str:
    """Return `text` on one line, with Markdown and HTML escaped."""
    line = visible_row(text)
    return re.sub(r"([\\`*_<>\[\]|#&~])", r"\\\1", line)


def _code(text: str) -> str:
    """Return a code span that nothing inside it can close."""
    line = visible_row(text)
    ticks = "`" * (1 + max((len(run) for run in _BACKTICKS.findall(line)), default=0))
    return f"{ticks} {line} {ticks}" if len(ticks) > 1 else f"`{line}`"


def _versions(reproduction: Reproduction) -> str:
    info = reproduction.parser
    source = "the engine itself" if reproduction.real else f"emulated by hermes-tui {__version__}"
    rows = [
        ("Engine", f"{info.engine} {info.version}, {source}"),
        ("Parser", info.parser + (f" ({info.kind})" if info.kind else "")),
        ("Flag", info.flag),
        ("Streamed", _deltas(reproduction)),
        ("Wire format", info.format),
        ("Found with", f"hermes-tui {__version__}"),
    ]
    return "\n".join(f"- {name}: {_inline(value)}" for name, value in rows if value)


def _output(reproduction: Reproduction) -> str:
    text = reproduction.text
    about = f"{len(text):,} characters"
    if reproduction.whole:
        about += f", reduced from {len(reproduction.whole):,}"
    shown, language = text[:_MAX_SHOWN], ""
    if len(shown) < len(text):
        about += f"; the first {_MAX_SHOWN:,} of them, all in `{TEXT_FILE}`"
    if not is_plain(shown):
        shown, language = text_literal(shown), "python"
        about += "; with characters that cannot be shown, so as a Python literal"
    return f"## Model output\n\n{about}.\n\n{fenced(shown, language)}"


def _expected(reproduction: Reproduction) -> str:
    if reproduction.expected is None:
        return ""
    return f"## Expected\n\n{fenced(calls_json(reproduction.expected), 'json')}"


def _got(verdict: ParseResult) -> str:
    parts = [f"Outcome: {verdict.outcome.value}, {_count(verdict.calls)}."]
    if verdict.error:
        parts.append(f"It raised: {_code(verdict.error)}")
    if verdict.calls:
        parts.append(fenced(calls_json(verdict.calls), "json"))
    if verdict.content:
        content = json.dumps(verdict.content[:_MAX_SHOWN])
        parts.append(f"Content:\n\n{fenced(content, 'json')}")
    if verdict.dropped:
        parts.append(f"Lost: {_listed(verdict.dropped)}.")
    return "\n\n".join(parts)


def _listed(spans: Sequence[Any]) -> str:
    places = ", ".join(f"{span.start}-{span.end}" for span in spans[:10])
    return f"characters {places}{' …' if len(spans) > 10 else ''}"


def _diagnostics(found: Sequence[Diagnostic]) -> str:
    if not found:
        return ""
    lines = []
    for one in _by_severity(found)[:_MAX_DIAGNOSTICS]:
        place = f", {_listed([one.span])}" if one.span else ""
        hint = f" - {_inline(one.hint)}" if one.hint else ""
        lines.append(
            f"- **{_inline(one.code)}** ({one.severity}{place}): {_inline(one.message)}{hint}"
        )
    if len(found) > _MAX_DIAGNOSTICS:
        lines.append(f"- and {len(found) - _MAX_DIAGNOSTICS} more")
    return "## Why\n\n" + "\n".join(lines)


def _steps_to_see_it(reproduction: Reproduction, script: str) -> str:
    tools = f" --tools {TOOLS_FILE}" if reproduction.tools else ""
    real = reproduction.real
    name = real.name if real else reproduction.parser.name
    stream = f" --stream {real.stream}" if real and real.stream else ""
    line = f"hermes-tui parse {TEXT_FILE} --parser {shlex.quote(name)}{tools}{stream}"
    lines = f"{real.add}\n{line}" if real and real.add else line
    steps = [f"## How to reproduce\n\n{fenced(lines, 'sh')}"]
    if script:
        info = reproduction.parser
        steps.append(f"Or with the engine alone, if {info.engine} {info.version} is installed:")
        steps.append(fenced(f"python {script}", "sh"))
    return "\n\n".join(steps)


def _deltas(reproduction: Reproduction) -> str:
    """Return in what deltas the engine was given the text, empty if as a whole."""
    size = reproduction.real.stream if reproduction.real else ""
    if not size:
        return ""
    unit = "character" if size.endswith("c") else "pseudo-token"
    return f"in deltas of {counted(int(size.removesuffix('c')), unit)}"
