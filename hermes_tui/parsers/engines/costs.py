"""Texts that cost a real engine seconds; the emulation reads them in one pass and reports that."""

from __future__ import annotations

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span
from hermes_tui.parsers.engines.base import Trace
from hermes_tui.parsers.engines.members import stripped


def flag_repeats(trace: Trace, marker: str, most: int, growth: str) -> None:
    """Flag a marker that occurs more than `most` times: it costs the engine over a second.

    The limits are measured: the number of unclosed markers for which the real parser takes a
    second.
    """
    if trace.text.count(marker) > most:
        start = trace.text.find(marker)
        message = f"{trace.info.engine} takes over a second for this text: {growth}"
        _flag(trace, Span(start, start + len(marker)), message)


def flag_blanks(trace: Trace, body: Span, most: int) -> None:
    """Flag a block that starts with more than `most` blanks: its cost is cubic in their number."""
    blanks = stripped(trace.text, body).start - body.start
    if blanks > most:
        message = f"{trace.info.engine} takes over a second for {blanks} blanks in a row: n^3"
        _flag(trace, Span(body.start, body.start + blanks), message)


def _flag(trace: Trace, span: Span, message: str) -> None:
    hint = "run the engine's parser under a time limit"
    trace.flag(Code.PARSER_TIMEOUT, Severity.NOTE, span, message, hint)
