"""What the finish reason of a reply says about the reply, as the usual APIs spell it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity

STOPPED: Final = frozenset(
    {"stop", "tool_calls", "tool-calls", "end_turn", "tool_use", "STOP", "completed"}
)
"""The model ended the reply itself."""
CALLED: Final = frozenset({"tool_calls", "tool-calls", "tool_use", "function_call"})
"""The reply contains calls."""
_FULL: Final = frozenset({"model_length", "model_context_window_exceeded"})
"""No room is left in the context, as Mistral and Anthropic say it."""
TOO_LONG: Final = _FULL | {"length", "max_tokens", "max_output_tokens", "MAX_TOKENS"}
"""The reply ended only because it was too long."""
_ENDED: Final = frozenset(
    {"content_filter", "content-filter", "abort", "insufficient_system_resource"}
)
"""A filter, the server (vLLM, SGLang) or its lack of resources (DeepSeek) ended the reply."""
CUT: Final = TOO_LONG | _ENDED
"""The reply is incomplete."""
_MORE_TOKENS: Final = "raise max_tokens, or shorten the context"
FAILED: Final = "error"
"""The provider failed while the model wrote, as OpenRouter says it."""


def finish_reason_findings(
    finish_reason: str, known: Iterable[Diagnostic], *, has_calls: bool
) -> Iterator[Diagnostic]:
    """Yield the findings that follow from a reply's finish reason and are not `known` yet.

    `has_calls`: a call was found anywhere in the reply.
    """
    codes = {found.code for found in known}
    if finish_reason in CUT and Code.TRUNCATED not in codes:
        yield Diagnostic(
            Code.TRUNCATED,
            Severity.ERROR,
            f"the reply was cut: finish_reason {finish_reason}",
            hint=_cut_hint(finish_reason),
        )
    if finish_reason == FAILED and Code.ERROR_IN_REPLY not in codes:
        yield Diagnostic(
            Code.ERROR_IN_REPLY,
            Severity.ERROR,
            "the reply ended in an error: finish_reason error",
            hint="the provider failed while the model wrote: ask again",
        )
    if finish_reason in CALLED and not has_calls and Code.CALLED_EMPTY not in codes:
        yield no_call_finding(finish_reason)


def _cut_hint(finish_reason: str) -> str:
    if finish_reason in _ENDED:
        return ""
    return "shorten the context" if finish_reason in _FULL else _MORE_TOKENS


def no_call_finding(finish_reason: str) -> Diagnostic:
    """Return the finding that a reply contains no call although its finish reason says so."""
    return Diagnostic(
        Code.CALLED_EMPTY,
        Severity.ERROR,
        f"finish_reason says {finish_reason}, but there is no call",
        hint="the server lost it: look at the raw completion (logprobs)",
    )
