"""The name of the parser to use, as the command or a line of a batch gives it."""

from __future__ import annotations

from hermes_tui.model.errors import UsageError
from hermes_tui.runtime.parser_names import REAL, real_name, runs_file, with_reasoning
from hermes_tui.runtime.parser_panel import ParserPanel
from hermes_tui.runtime.real_parser import Deltas


def resolve_parser_name(
    name: str, panel: ParserPanel, deltas: Deltas | None, reasoning: str
) -> str:
    """Return the name to read by; raise UsageError or SourceError if there is no such parser.

    A file is used like a real parser. A reasoning parser needs a real one; if a stream is
    requested, that is the one that streams, for an emulated name too.
    """
    name = real_name(name)
    if deltas is None:
        panel.check(name)
    else:
        streams = panel.streaming(name)
        name = streams if reasoning else name
    return with_reasoning(name, reasoning)


def batch_line_parser(name: str, command_parser: str) -> str:
    """Return the parser that a line of a batch names.

    Raises UsageError for a file other than the command's: reading it runs it, and a line may come
    from anyone.
    """
    if runs_file(name) and real_name(name) != real_name(command_parser):
        file = name.removeprefix(REAL)
        raise UsageError(f"{file!r}: a line cannot name a file to run", "--parser can")
    return name
