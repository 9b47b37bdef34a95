"""Call names that match no declared tool."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span
from hermes_tui.model.wording import shortened
from hermes_tui.parsers.engines.markers import HUNYUAN_SEPARATOR, parser_setting
from hermes_tui.parsers.near_names import close_names

if TYPE_CHECKING:
    from hermes_tui.parsers.engines.base import Trace

_LONGEST_NAME = 80
_WORD_SEPARATOR = re.compile(r"[\s-]++")


class NameFlaw(NamedTuple):
    """What is wrong with a name."""

    code: Code
    message: str
    hint: str

    def flag(self, trace: Trace, span: Span, index: int | None = None) -> None:
        trace.flag(self.code, Severity.ERROR, span, self.message, self.hint, index)


def flag_name(trace: Trace, name: str, span: Span) -> None:
    """Flag a name that matches no declared tool."""
    if flaw := name_flaw(trace, name):
        flaw.flag(trace, span)


def name_flaw(trace: Trace, name: str) -> NameFlaw | None:
    """Return what is wrong with a name, or None if a declared tool has it."""
    if name.rstrip().endswith(HUNYUAN_SEPARATOR):
        message = "a call as Hunyuan V3 writes it: its separator becomes part of the name"
        return NameFlaw(Code.WRONG_FORMAT, message, parser_setting(trace.info.engine, "hy_v3"))
    if not trace.tools or name in trace.tools:
        return None
    if not name.strip():
        return NameFlaw(Code.NAME_MISSING, "the call has no name", "name the tool to call")
    if plain := _plain_name(name, trace):
        message = f"the name arrives as {shown(name)}, the tool is {plain}"
        hint = "strip what the format adds to names, or use the parser for this format"
        if plain not in name:
            hint = "the model spelled it differently: no parser corrects that"
        return NameFlaw(Code.NAME_DECORATED, message, hint)
    return NameFlaw(Code.NAME_UNKNOWN, f"no tool is named {shown(name)}", nearest(name, trace))


def _plain_name(name: str, trace: Trace) -> str:
    """Return the declared tool that `name` names with a prefix, index, quotes or blanks added.

    Empty if there is none.
    """
    bare = name.partition("[")[0].partition(":")[0].strip(" \t\n\"'")
    tried = (bare, bare.rpartition(".")[2], _WORD_SEPARATOR.sub("_", bare))
    return next((one for one in tried if one in trace.tools), "")


def flag_id(trace: Trace, identifier: str, span: Span) -> None:
    """Flag a Kimi call id that contains no tool name."""
    message = f"the id {identifier[:60]!r} is not of the form functions.NAME:N"
    hint = "the chat template writes these ids; the history may contain others"
    trace.flag(Code.NAME_DECORATED, Severity.ERROR, span, message, hint)


def nearest(name: str, trace: Trace) -> str:
    """Return a hint that names the declared tools closest to `name`."""
    names = tuple(trace.tools)[:200]
    close = close_names(name, names, 0.6) if len(name) <= _LONGEST_NAME else ()
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"the request declares {', '.join(names[:8])}" if names else "the request has no tools"


def shown(text: str) -> str:
    """Return a text quoted and shortened for messages."""
    return repr(shortened(text, 60))
