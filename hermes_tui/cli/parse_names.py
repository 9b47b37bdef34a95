"""Which parser is asked: as the command, or a line of a batch, names it."""

from __future__ import annotations

from hermes_tui.model.errors import UsageError
from hermes_tui.runtime.parser_names import REAL, names_file, real_name, with_reasoning
from hermes_tui.runtime.parser_panel import ParserPanel
from hermes_tui.runtime.real_parser import Deltas


def asked_name(name: str, panel: ParserPanel, deltas: Deltas | None, reasoning: str) -> str:
    """Return the name to read by; raises UsageError or SourceError where none can.

    A file is asked as a real parser is. A reasoning parser needs a real one: where a stream is
    wanted that is the one that streams, of an emulated name too.
    """
    name = real_name(name)
    if deltas is None:
        panel.check(name)
    else:
        streams = panel.streaming(name)
        name = streams if reasoning else name
    return with_reasoning(name, reasoning)


def of_a_line(name: str, of_the_command: str) -> str:
    """Return the parser that a line of a batch names.

    Raises UsageError for a file other than the command's: to read it is to run it, and a line may
    be anyone's.
    """
    if names_file(name) and real_name(name) != real_name(of_the_command):
        file = name.removeprefix(REAL)
        raise UsageError(f"{file!r}: a line cannot name a file to run", "--parser can")
    return name
