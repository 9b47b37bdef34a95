"""A finding as a self-contained test file: what is read today, and what should be read."""

from __future__ import annotations

import re

from hermes_tui.model.visible import visible_row
from hermes_tui.parsers.reduce import names_and_arguments
from hermes_tui.parsers.report import EngineRun, Reproduction, slug, text_literal, tools_json

_READ_EMULATED = '''\
def read():
    """Return the outcome and the calls of the emulated parser for TEXT."""
    declared = [tool["function"] for tool in json.loads(TOOLS)]
    tools = [
        ToolSpec(one["name"], one.get("description", ""), one.get("parameters"))
        for one in declared
    ]
    result = parser_named(PARSER).parse(TEXT, tools)
    return result.outcome.value, [(call.name, plain(call.arguments)) for call in result.calls]
'''

_READ_REAL = '''\
def read():
    """Return the outcome and the calls of the engine's own parser for TEXT.

    {needs}
    """
    row = {{"text": TEXT, "tools": json.loads(TOOLS), "stream": STREAM}}
    command = [sys.executable, "-m", "hermes_tui", "parse", "--batch", "-", "--parser", PARSER]
    done = subprocess.run(
        command, input=json.dumps(row) + "\\n", capture_output=True, text=True, encoding="utf-8"
    )
    if done.returncode > 1:
        pytest.{gone}(done.stderr.strip() or "the parser is not there")
    answer = json.loads(done.stdout)
    calls = answer["tool_calls"]
    return answer["outcome"], [(call["name"], plain(call["arguments"])) for call in calls]
'''

_PLAIN_FUNCTION = '''\
def plain(arguments):
    """Return arguments in one spelling of their JSON; unchanged if they are not JSON."""
    try:
        return json.dumps(json.loads(arguments), sort_keys=True)
    except (ValueError, RecursionError):
        return arguments
'''

_CURRENT_TEST = """\
def test_what_is_read_today():
    assert read() == (OUTCOME, GOT)
"""

_EXPECTED_TEST = """\
@pytest.mark.xfail(strict=True, reason="the calls that were meant are not delivered")
def test_what_was_meant_is_read():
    assert read() == ("calls", EXPECTED)
"""


def pytest_case(reproduction: Reproduction) -> str:
    """Return a pytest file that pins what is read today and, if known, what should be."""
    got = names_and_arguments(reproduction.verdict.calls)
    expected = None if reproduction.expected is None else names_and_arguments(reproduction.expected)
    differs = expected is not None and bool(expected) and expected != got
    parts = [
        f'"""{_title(reproduction)}"""\n\n' + _imports(reproduction, differs),
        _read_function(reproduction.real) if reproduction.real else _READ_EMULATED,
        _PLAIN_FUNCTION,
        _constants(reproduction, got, expected if differs else None),
        _CURRENT_TEST,
    ]
    if differs:
        parts.append(_EXPECTED_TEST)
    return "\n\n".join(parts)


def _read_function(run: EngineRun) -> str:
    """Return the `read` function that runs the real parser.

    The test fails without the file of a parser, but is skipped without an engine.
    """
    if not run.add:
        return _READ_REAL.format(needs="Needs the file of the parser.", gone="fail")
    return _READ_REAL.format(needs=f"Needs the engine: `{_plain_words(run.add)}`.", gone="skip")


def _imports(reproduction: Reproduction, differs: bool) -> str:
    ours = (
        "from hermes_tui.model.messages import ToolSpec\n"
        "from hermes_tui.parsers.engines.registry import parser_named\n"
    )
    lines = "import json\nimport subprocess\nimport sys\n" if reproduction.real else "import json\n"
    blocks = [lines]
    if differs or reproduction.real:
        blocks.append("import pytest\n")
    if not reproduction.real:
        blocks.append(ours)
    return "\n".join(blocks)


def _title(reproduction: Reproduction) -> str:
    title = f"{reproduction.parser.name} {reproduction.parser.version}: {slug(reproduction)}"
    return _plain_words(title) + "."


def _plain_words(text: str) -> str:
    """Return `text` made safe for a docstring: one line of plain ASCII."""
    return re.sub(r"[^ -~]|[\"\\]", "?", visible_row(text))


def _constants(
    reproduction: Reproduction,
    got: list[tuple[str | None, str]],
    expected: list[tuple[str | None, str]] | None,
) -> str:
    real = reproduction.real
    lines = [
        f"PARSER = {real.name if real else reproduction.parser.name!a}",
        *([f"STREAM = {real.stream!a}"] if real else []),
        f"TEXT = {text_literal(reproduction.text)}",
        f"TOOLS = {text_literal(tools_json(reproduction.tools))}",
        f"OUTCOME = {reproduction.verdict.outcome.value!a}",
        f"GOT = {_pairs_literal(got)}",
    ]
    if expected is not None:
        lines.append(f"EXPECTED = {_pairs_literal(expected)}")
    return "\n".join(lines) + "\n"


def _pairs_literal(pairs: list[tuple[str | None, str]]) -> str:
    inner = "".join(f"    ({name!a}, {arguments!a}),\n" for name, arguments in pairs)
    return f"[\n{inner}]" if pairs else "[]"
