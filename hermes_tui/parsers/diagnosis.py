"""What the parser of a run does with one message, and what it should have done.

Two readings are compared: ours, which takes for a call what a person would take for one, and the
engine's. A call that only we see was kept as text or lost; a call that both see but read
differently was altered. Reasoning is read too, as no engine looks for calls there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.messages import ArgumentsState, Reasoning, ToolCall, ToolSpec
from hermes_tui.model.same_json import json_key
from hermes_tui.model.wording import first_line
from hermes_tui.parsers.base import Outcome, ParsedCall, Parser, ParseResult
from hermes_tui.parsers.findings_by_place import Causes, KnownFindings
from hermes_tui.parsers.finish_reasons import CALLED, STOPPED, no_call_finding
from hermes_tui.parsers.literals import read_literal
from hermes_tui.parsers.misread_calls import MisreadCall, called_tools, misread_calls
from hermes_tui.parsers.plain_values import decode
from hermes_tui.parsers.text_calls import listed, may_hold_call

_LOSS_CODES: Final = frozenset({Code.SILENT_DROP, Code.CONTENT_LOST, Code.CALLED_EMPTY})
_MAX_SHOWN: Final = 60


def diagnose(
    text: str,
    *,
    parser: Parser,
    tools: Sequence[ToolSpec] = (),
    native_calls: Sequence[ToolCall] = (),
    finish_reason: str = "",
    reasoning: Sequence[Reasoning] = (),
    known: Sequence[Diagnostic] = (),
    label: str = "",
) -> tuple[Diagnostic, ...]:
    """Return the findings about a model's message that `parser` reads; never raises.

    If there are `native_calls`, the server has parsed the reply and `text` is what it left over.
    Without `tools` the names of the calls count as declared. `known` are the findings already
    reported; `label` is the name of the parser in messages.
    """
    case = _Case(text, parser, tools, native_calls, finish_reason, label or parser.name)
    before = KnownFindings(known)
    calls_reported = before.code(Code.CALL_IN_CONTENT)
    outcomes, causes = _text_findings(case)
    found = [item for item in outcomes if not (calls_reported and item in before)]
    found += [item for item in causes if item not in before]
    found = _with_cut_finding(case, [*found, *_native_findings(case)])
    found += [item for item in _reasoning_findings(case, reasoning) if item not in before]
    if not before.code(Code.CALLED_EMPTY):
        found.extend(_finish_findings(case))
    return tuple(found)


class _Case:
    """One message, and both readings of it."""

    def __init__(
        self,
        text: str,
        parser: Parser,
        tools: Sequence[ToolSpec],
        native: Sequence[ToolCall],
        finish_reason: str,
        label: str,
    ) -> None:
        from hermes_tui.parsers.auto import Auto

        self.text, self.native, self.label = text, native, label
        self.finish_reason = finish_reason
        self.auto = Auto()
        self.tools = tools
        self.ours = self.theirs = ParseResult(Outcome.TEXT)
        if not may_hold_call(text):
            return
        self.ours = self.auto.parse(text, tools)
        self.tools = tools or called_tools(self.ours)
        if not native:
            self.theirs = parser.parse(text, self.tools)

    @property
    def meant(self) -> list[ParsedCall]:
        return [call for call in self.ours.calls if call.name]


def _text_findings(case: _Case) -> tuple[list[Diagnostic], list[Diagnostic]]:
    """Return what became of the calls in the text, and the parser's other findings."""
    if case.native:
        return [], [*_leftover_findings(case)]
    if case.theirs.outcome is Outcome.RAISED:
        return [], [d for d in case.theirs.diagnostics if d.code is Code.PARSER_RAISED]
    causes = Causes(case.theirs.diagnostics)
    outcomes = [*_misread_findings(case, causes)]
    rest = [_labelled(case, cause) for cause in causes.unreported() if _matters(case, cause)]
    if not any(item.code is Code.MARKER_IN_REASONING for item in causes.all):
        rest.extend(d for d in case.ours.diagnostics if d.code is Code.MARKER_IN_REASONING)
    return outcomes, rest


def _matters(case: _Case, cause: Diagnostic) -> bool:
    """Return whether a finding is about more than that a plain answer is no call."""
    if case.meant or case.theirs.calls or cause.code in _LOSS_CODES:
        return True
    return any(item.severity is not Severity.NOTE for item in case.ours.diagnostics)


def _misread_findings(case: _Case, causes: Causes) -> Iterator[Diagnostic]:
    """Yield what became of the misread calls; one finding for all that have the same cause."""
    together: dict[tuple[str, Diagnostic], list[MisreadCall]] = {}
    for misread in misread_calls(case.ours, case.theirs):
        cause = causes.about(misread.call.span)
        if misread.theirs is not None:
            yield _altered_finding(case, misread.call, misread.theirs, cause)
        elif cause is None:
            yield _misread_finding(case, [misread], None)
        else:
            together.setdefault((misread.what, cause), []).append(misread)
    for (_, cause), several in together.items():
        yield _misread_finding(case, several, cause)


def _misread_finding(
    case: _Case, several: Sequence[MisreadCall], cause: Diagnostic | None
) -> Diagnostic:
    """Return the finding for calls that were kept or lost, with the engine's reason if known."""
    misread, count = several[0], len(several)
    calls = "the call" if count == 1 else f"{count} calls"
    outcome = {"kept": f"keeps {calls} as text", "lost": f"loses {calls}"}[misread.what]
    message = f"{case.label} {outcome} ({listed(one.call.name for one in several)})"
    if cause is None:
        code = Code.SILENT_DROP if misread.what == "lost" else Code.WRONG_FORMAT
        hint = "nothing in the text says why: compare the parsers on this message"
        return Diagnostic(code, Severity.ERROR, message, misread.call.span, hint)
    message = f"{message}: {cause.message}"
    return Diagnostic(cause.code, Severity.ERROR, message, cause.span, cause.hint)


def _altered_finding(
    case: _Case, call: ParsedCall, theirs: ParsedCall, cause: Diagnostic | None
) -> Diagnostic:
    name = first_line(call.name or "", _MAX_SHOWN)
    if theirs.name != call.name:
        what = f"the name {name} arrives as {first_line(theirs.name or '', _MAX_SHOWN)!r}"
    else:
        ours, got = (first_line(c.arguments, _MAX_SHOWN) for c in (call, theirs))
        what = f"the arguments of {name}, {ours}, arrive as {got}"
    message = f"{case.label} alters the call: {what}"
    if cause is None:
        hint = "what runs is not what the text says"
        return Diagnostic(Code.ENGINES_DISAGREE, Severity.WARNING, message, call.span, hint)
    message = f"{message} ({cause.message})"
    return Diagnostic(cause.code, cause.severity, message, cause.span, cause.hint)


def _labelled(case: _Case, found: Diagnostic) -> Diagnostic:
    named = case.label in found.message
    message = found.message if named else f"{case.label}: {found.message}"
    return Diagnostic(found.code, found.severity, message, found.span, found.hint)


def _leftover_findings(case: _Case) -> Iterator[Diagnostic]:
    """Yield findings for calls left in the text although the server took calls out of it."""
    made = {(call.name, json_key(call.arguments)) for call in case.native}
    for call in case.meant:
        name = first_line(call.name or "", _MAX_SHOWN)
        if (call.name, json_key(call.value)) in made:
            yield Diagnostic(
                Code.CALL_IN_CONTENT,
                Severity.NOTE,
                f"the text repeats a call of tool_calls ({name})",
                call.span,
            )
            continue
        yield Diagnostic(
            Code.CALL_IN_CONTENT,
            Severity.WARNING,
            f"the server put {len(case.native)} into tool_calls and left a call in the text "
            f"({name})",
            call.span,
            "its parser stopped at a bad call, or its version or streaming reads this differently",
        )


def _native_findings(case: _Case) -> Iterator[Diagnostic]:
    """Yield findings for calls that are cut although the finish reason says they are whole."""
    if case.finish_reason not in STOPPED:
        return
    for call in case.native:
        if call.arguments_state is not ArgumentsState.NOT_JSON:
            continue
        if read_literal(call.arguments_text, 0, len(call.arguments_text)).cut_at >= 0:
            yield Diagnostic(
                Code.TRUNCATED,
                Severity.ERROR,
                f"the arguments of {first_line(call.name or '', _MAX_SHOWN)} are cut, although "
                f"finish_reason says {case.finish_reason}",
                hint="the server hides that it ran out of tokens, or the model stopped too early",
                call_index=call.index,
            )


def _finish_findings(case: _Case) -> Iterator[Diagnostic]:
    """Yield a finding if the finish reason promises calls and there are none."""
    if case.finish_reason in CALLED and not (case.native or case.theirs.calls):
        yield no_call_finding(case.finish_reason)


def _with_cut_finding(case: _Case, found: list[Diagnostic]) -> list[Diagnostic]:
    """Return the findings; if the finish reason hides that the text is cut, one of them says so.

    That is the finding about the cut text, or that of our own reading if the parser has none.
    """
    if case.finish_reason not in STOPPED or case.native:
        return found
    cut = next((d for d in found if d.code is Code.TRUNCATED), None)
    rest = [d for d in found if d is not cut]
    cut = cut or next((d for d in case.ours.diagnostics if d.code is Code.TRUNCATED), None)
    if cut is None:
        return found
    message = f"{cut.message}, although finish_reason says {case.finish_reason}"
    hint = "the model stopped in the middle, or the server hides that it ran out of tokens"
    return [*rest, Diagnostic(Code.TRUNCATED, Severity.ERROR, message, cut.span, hint)]


def _reasoning_findings(case: _Case, pieces: Sequence[Reasoning]) -> Iterator[Diagnostic]:
    """Yield findings for calls in reasoning fields."""
    made = {(call.name, json_key(call.arguments)) for call in case.native}
    made |= {(call.name, json_key(decode(call.arguments))) for call in case.theirs.calls}
    for piece in pieces:
        if piece.span is not None or piece.kind == "encrypted" or not may_hold_call(piece.text):
            continue
        calls = [call for call in case.auto.parse(piece.text, case.tools).calls if call.name]
        if calls:
            yield _reasoning_finding(piece.field, calls, made)


def _reasoning_finding(
    field: str, calls: Sequence[ParsedCall], made: Collection[tuple[str | None, str]]
) -> Diagnostic:
    names = ", ".join(dict.fromkeys(first_line(call.name or "", _MAX_SHOWN) for call in calls))
    code = Code.MARKER_IN_REASONING
    if not made:
        return Diagnostic(
            code,
            Severity.WARNING,
            f"a call is left in {field} ({names}), and the message has no call",
            hint="the model called before it closed its reasoning: servers read calls only "
            "from the content after it",
        )
    rehearsed = all((call.name, json_key(call.value)) in made for call in calls)
    what = "is made after it" if rehearsed else "is not among the message's calls"
    return Diagnostic(code, Severity.NOTE, f"a call is written in {field} ({names}) and {what}")
