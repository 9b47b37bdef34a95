"""What happened to a call under the debugger: stops, edits, decisions, what its tool receives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from hermes_tui.formats.declined import DECLINED
from hermes_tui.log.argument_schema import schema_problems
from hermes_tui.log.event_log import EventLog
from hermes_tui.log.findings import Finding
from hermes_tui.log.timeline import Timeline
from hermes_tui.model import events as ev
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.messages import Origin, ToolCall
from hermes_tui.model.wording import counted
from hermes_tui.parsers.call_arguments import Arguments, read_arguments
from hermes_tui.ui.live_model import stopped
from hermes_tui.ui.render.diff import unfolded_diff
from hermes_tui.ui.render.event_lines import changes
from hermes_tui.ui.render.page import Page
from hermes_tui.ui.reversed_log import LONGEST_TURN, back_from

IN_TEXT = "a call in the text, which this run does not read"
_CUT_OFF_CODES = frozenset({Code.TRUNCATED, Code.UNCLOSED})
"""Codes on calls that were cut off; most calls have none of them and need no further check."""
_REPLY_ENDS = (ev.RequestSent, ev.TextEdited, ev.ReplyDiscarded, ev.RunEnded)


@dataclass(slots=True)
class Story:
    """The events about one call, in order, and the state of the call after them."""

    call: ToolCall
    name: str
    arguments: Arguments
    events: list[ev.Event] = field(default_factory=list)
    dispatched: ev.ToolDispatched | None = None
    waits: bool = True
    cut: bool = False
    """Whether the call was cut off, so that it is not run."""
    end: ev.Event | None = None
    """The event that ended the reply that the call is in, or None if nothing has yet."""


def is_edited(log: EventLog, seq: int, index: int) -> bool:
    """Return whether a person edited call `index`, which event `seq` proposed."""
    later = takewhile(
        lambda event: not isinstance(event, _REPLY_ENDS), _events(log, seq + 1, seq + LONGEST_TURN)
    )
    return any(
        isinstance(event, ev.ArgumentsEdited) and event.call_index == index for event in later
    )


def _story_of(log: EventLog, seq: int, call: ToolCall) -> Story:
    """Return the story of the call that event `seq` proposed."""
    arguments = Arguments(call.arguments_text, call.arguments_state, call.arguments)
    story = Story(call, call.name or "", arguments)
    story.cut = _is_cut(log, seq, call)
    for event in _events(log, seq + 1, seq + LONGEST_TURN):
        if isinstance(event, _REPLY_ENDS):
            story.end = event
            break
        if getattr(event, "call_index", None) != call.index:
            continue
        story.events.append(event)
        match event:
            case ev.ArgumentsEdited():
                story.arguments = read_arguments(event.after)
                story.name = event.name_after or story.name
            case ev.ToolDispatched():
                story.dispatched, story.waits = event, False
            case ev.CallSkipped() | ev.CallDropped() | ev.ToolReturned() | ev.ToolFailed():
                story.waits = False
            case _:
                pass
    return story


def _is_cut(log: EventLog, seq: int, call: ToolCall) -> bool:
    """Return whether the reply ends within `call`, which event `seq` proposed."""
    from hermes_tui.debugger.call_rules import NO_ARGUMENTS

    is_text = call.origin is Origin.TEXT
    about_the_end = any(found.code in _CUT_OFF_CODES for found in log[seq].diagnostics)
    if not about_the_end and (is_text or call.arguments_state not in NO_ARGUMENTS):
        return False
    from hermes_tui.debugger.turn import Reply

    earlier = back_from(log, seq)
    received = next((event for event in earlier if isinstance(event, ev.ResponseReceived)), None)
    if received is None:
        return False
    reply = Reply.of(received)
    for event in _events(log, received.seq + 1, seq + LONGEST_TURN):
        if event.seq > seq and isinstance(event, _REPLY_ENDS):
            break
        if isinstance(event, ev.TextEdited):
            reply = reply.without_content()
        reply.apply(event)
    return call.index < len(reply.calls) and reply.calls[call.index].cut


def _events(log: EventLog, first: int, end: int) -> Iterator[ev.Event]:
    return (log[at] for at in range(first, min(len(log), end)))


def add_story(
    page: Page,
    timeline: Timeline,
    seq: int,
    call: ToolCall,
    findings: Sequence[Finding],
    *,
    missed: bool,
) -> None:
    """Add how the call arrived, what its tool receives, and what a person decided about it.

    `findings` are the call's findings, already shown. `missed`: the call is in a text that no
    parser read.
    """
    story = _story_of(timeline.log, seq, call)
    if call.origin is not Origin.TEXT and call.arguments_text:
        page.fact("raw", call.arguments_text)
    for event in story.events:
        _add_event(page, timeline.log, event)
    if story.dispatched is None and (why := _why_not_run(timeline, story, missed=missed)):
        page.fact("not run", why, "error")
    else:
        _add_arguments(page, timeline, story, findings)
    for event in story.events:
        if isinstance(event, (ev.ToolReturned, ev.ToolFailed)) and event.printed:
            page.fact("printed", event.printed.removesuffix("\n"), "dim")


def _why_not_run(timeline: Timeline, story: Story, *, missed: bool) -> str:
    """Return why no tool gets the call, regardless of its content; empty if one may."""
    if missed:
        return IN_TEXT if timeline.state.parser else f"{IN_TEXT} (--parser none)"
    match story.end if story.waits else None:
        case ev.RunEnded():
            return "the run ended before it"
        case ev.TextEdited():
            return "the reply's text was edited"
        case ev.ReplyDiscarded(reason=reason):
            return f"the reply was discarded: {reason}"
        case _:
            return ""


def _add_event(page: Page, log: EventLog, event: ev.Event) -> None:
    match event:
        case ev.Stopped():
            page.fact("stopped", stopped(log, event).why, "hint")
        case ev.BreakpointsHit():
            page.fact("hit", " · ".join([*event.notes, *event.breakpoints]), "hint")
        case ev.ArgumentsEdited() | ev.ResultSubstituted():
            for what, before, after in changes(event):
                page.fact("edited", what, "hint")
                page.extend(line._replace(indent=6) for line in unfolded_diff(before, after))
        case ev.CallSkipped():
            page.fact(*_answer_fact(event), "hint")
        case ev.CallDropped():
            page.fact("dropped", "by hand: the model will not see that it made this call", "hint")
        case ev.ToolFailed() if event.exception:
            page.fact("cancelled" if event.by else "raised", event.exception, "error")
            for frame in event.frames:
                page.line(frame, "dim", indent=6)
        case _:
            pass


def _answer_fact(event: ev.CallSkipped) -> tuple[str, str]:
    """Return the name and the text of the fact about who answered instead of the tool."""
    if event.reason.startswith(DECLINED):
        return "declined", event.reason.removeprefix("declined ")
    how = "with an error" if event.failed else "with a result"
    reason = f" ({event.reason})" if event.reason else ""
    return "answered", f"by hand, {how}{reason}"


def _add_arguments(
    page: Page, timeline: Timeline, story: Story, findings: Sequence[Finding]
) -> None:
    """Add what the tool received or will receive, or why nothing; and the schema's findings."""
    from hermes_tui.debugger.call_rules import dispatched_arguments, refusal

    state = timeline.state
    if story.dispatched is not None:
        page.fact("tool got", story.dispatched.arguments)
    elif story.waits:
        names = frozenset(state.tools) if state.tools_declared else None
        refused = refusal(story.name, story.arguments, names, cut=story.cut)
        if refused is not None:
            page.fact("tool gets", f"nothing; the model gets an error: {refused.error}", "error")
            return
        page.fact("tool gets", dispatched_arguments(story.arguments))
    spec = state.tools.get(story.name)
    if spec is None or not isinstance(story.arguments.value, dict):
        return
    from hermes_tui.parsers.coercion import coerced_arguments
    from hermes_tui.parsers.plain_values import json_text

    coerced = coerced_arguments(story.arguments.value, spec.parameters)
    if coerced != story.arguments.value:
        page.fact("by schema", json_text(coerced), "hint")
    problems = schema_problems(story.arguments.value, spec.parameters)
    summary = "; ".join(map(str, problems))
    if problems and all(one.message != summary for one in findings):
        page.fact("schema", counted(len(problems), "problem"), "warning")
        for problem in problems:
            page.line(str(problem), "warning", indent=6)
