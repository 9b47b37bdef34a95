"""Calls in places where nobody expects them: in reasoning, in a code fence.

What keeps a call in its reasoning differs by engine and by the marker that opens the call. Measured
with vLLM 0.33.0 and SGLang 0.5.23: some reasoning parsers of vLLM end the reasoning at the marker
of their model's own calls, so that such a call runs all the same; those of SGLang do so only if
the reasoning is never closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.spans import Span

if TYPE_CHECKING:
    from hermes_tui.parsers.engines.base import Trace

ENDED_BY = {
    "<tool_call>": ("qwen3", "glm45"),
    "<|tool_calls_section_begin|>": ("kimi_k2",),
    "[TOOL_CALLS]": ("mistral",),
}
"""The reasoning parsers of vLLM 0.33.0 that end the reasoning at a call marker, by marker."""
_OPENER, _CLOSER = "<think>", "</think>"
_FENCE_HINT = "engines ignore fences: the call runs, even if it was meant as an example"


def audit_places(trace: Trace) -> None:
    """Flag calls in the model's reasoning, and calls in a code fence."""
    if not trace.calls:
        return
    remaining = iter(trace.thoughts)
    thought = next(remaining, None)
    fences = position = 0
    for index, call in enumerate(trace.calls):
        start = call.span.start
        while thought and thought.end <= start:
            thought = next(remaining, None)
        fences += trace.text.count("```", position, start)
        position = max(position, start)
        if thought and thought.overlaps(call.span):
            message = "a call inside the model's reasoning; this parser delivers it anyway"
            hint = _reasoning_hint(trace, thought)
            trace.flag(Code.MARKER_IN_REASONING, Severity.WARNING, call.span, message, hint, index)
        if fences % 2:
            message = "a call inside a code fence"
            trace.flag(
                Code.MARKER_IN_FENCE,
                Severity.WARNING,
                call.span,
                message,
                _FENCE_HINT,
                index,
            )


def _reasoning_hint(trace: Trace, thought: Span) -> str:
    """Return a hint on how to keep a call in the reasoning `thought` with the trace's engine."""
    engine, flag = trace.info.engine, "--reasoning-parser"
    if engine == "hermes-agent":
        return "hermes-agent reads the raw completion: remove the reasoning before parsing"
    if engine == "sglang":
        whole = trace.text[thought.start : thought.end]
        closed = whole.startswith(_OPENER) and whole.endswith(_CLOSER)
        return f"with {flag} {'qwen3 or ' if closed else ''}deepseek-r1 it remains reasoning"
    if engine != "vllm":
        return "remove the reasoning before parsing"
    runs = next((ENDED_BY[marker] for marker in trace.info.markers if marker in ENDED_BY), ())
    stays = f"{flag} deepseek_r1 keeps it there"
    if not runs:
        return stays
    ends = "ends" if len(runs) == 1 else "end"
    return f"{stays}; {' and '.join(runs)} {ends} the reasoning at this marker, and the call runs"
