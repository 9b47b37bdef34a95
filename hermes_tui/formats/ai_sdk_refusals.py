"""Why the AI SDK did not run a call, in the words of its errors; opencode is built on it, too."""

from __future__ import annotations

from typing import Final

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.wording import title

UNAVAILABLE: Final = "tried to call unavailable tool"
"""The words in the error of a call of a tool that is not known."""
UNPARSED: Final = "JSON parsing failed"
"""The words in the error of a call whose arguments are no JSON."""


def refusal_finding(why: str, call_index: int, *, hint: str = "") -> Diagnostic:
    """Return the finding for a call that was not run, with the reason `why`."""
    code = Code.NAME_UNKNOWN if UNAVAILABLE in why else Code.ARGS_INVALID
    return Diagnostic(code, Severity.ERROR, title(why), hint=hint, call_index=call_index)
