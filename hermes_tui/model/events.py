"""The vocabulary of a run's log: frozen facts in the past tense, one tagged union `Event`.

Every event has `seq` (dense, 0-based within its run), `ts` (unix seconds, None where a source has
no clock) and, on disk, `kind` (its class name). `at` says where the fact stands in the source file.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from hermes_tui.model.diagnostics import Diagnostic
from hermes_tui.model.messages import (
    Message,
    Reasoning,
    ToolCall,
    ToolError,
    ToolResult,
    ToolSpec,
    Usage,
)
from hermes_tui.model.spans import SourceRef

Turn = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
"""The number of a turn, 0 where it is not known; an event that says anything else is malformed."""


PERSON = "person"
"""`by` of what a person at the screen did."""


class Fact(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag=True
):
    """The head that all events share."""

    seq: int
    ts: float | None = None
    at: SourceRef | None = None
    diagnostics: tuple[Diagnostic, ...] = ()


class RunStarted(Fact, frozen=True):
    """`details` holds whatever else the source knows of the run, as plain JSON values."""

    run_id: str = ""
    task: str = ""
    model: str = ""
    source_format: str = ""
    tools: tuple[ToolSpec, ...] = ()
    tools_declared: bool = False
    """Whether the source says which tools there were; without it no name can be called unknown."""
    parser: str = ""
    group_id: str = ""
    parent_run_id: str = ""
    details: dict[str, Any] = {}
    lone_reply: bool = False
    """Whether the source holds a reply and no loop: nobody was to answer its calls."""


class RequestSent(Fact, frozen=True):
    """A request left for the model. `body` is the exact text sent, where it is kept."""

    turn: Turn = 0
    attempt: int = 1
    body: str = ""
    url: str = ""
    parameters: str = ""
    """All of the body but the messages, as JSON text; empty: as in the request before."""
    messages: int = 0
    """How many messages the request holds."""


class ResponseChunked(Fact, frozen=True):
    """A piece of a streamed response, kept only on request."""

    turn: Turn = 0
    raw: str = ""


class ResponseReceived(Fact, frozen=True):
    """The exact text of a model's reply."""

    turn: Turn = 0
    raw: str = ""
    finish_reason: str = ""
    usage: Usage | None = None
    duration_s: float | None = None
    sequences: tuple[Any, ...] = ()
    """What a managed server keeps for training that this reply added: objects with full_text,
    tokens, masked_tokens, logprobs and metadata, and their index."""


class ReasoningExtracted(Fact, frozen=True):
    turn: Turn = 0
    reasoning: tuple[Reasoning, ...] = ()


class ResponseParsed(Fact, frozen=True):
    """What was read out of a reply. `parser` is empty where the server's own calls were taken."""

    turn: Turn = 0
    parser: str = ""
    calls: int = 0
    content: str | None = None


class MessageAppended(Fact, frozen=True):
    """A message joined the conversation."""

    message: Message
    raw: str = ""
    """The message's exact JSON text where the log itself carries it; else see `at`."""


class ToolCallProposed(Fact, frozen=True):
    call: ToolCall
    parser: str = ""
    """For a call that a person added: the parser by which it stands in the text, if any."""


class BreakpointsSet(Fact, frozen=True):
    """What stops the run from here on: breakpoints as text by their ids, and stop points."""

    breakpoints: dict[str, str] = {}
    stop_points: tuple[str, ...] = ()


class BreakpointsHit(Fact, frozen=True):
    """Breakpoints matched, the run did not wait. Fields as in `Stopped`; `fatal` ends the run."""

    stop_point: str
    call_index: int | None = None
    breakpoints: tuple[str, ...] = ()
    hits: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    fatal: bool = False


class Stopped(Fact, frozen=True):
    """The run waits for a person. `stop_point` is one of the stop points of the stepping table.

    `hits` are the breakpoints whose condition held, `breakpoints` those of them that took effect,
    `notes` what they print: log lines, and why a condition could not be evaluated.
    """

    stop_point: str
    call_index: int | None = None
    breakpoints: tuple[str, ...] = ()
    hits: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Resumed(Fact, frozen=True):
    """`by` is who let the run go: person, program (that runs the loop itself) or replay."""

    command: str
    waited_s: float | None = None
    by: str = ""


class PauseRequested(Fact, frozen=True):
    pass


class ArgumentsEdited(Fact, frozen=True):
    call_index: int
    before: str
    after: str
    name_before: str = ""
    name_after: str = ""


class TextEdited(Fact, frozen=True):
    """A person changed the text of a reply. What is read out of the new text follows."""

    before: str
    after: str


class MessageEdited(Fact, frozen=True):
    """A person changed a message (JSON text) of the next request: empty `before` adds it, empty
    `after` takes it out. `index` counts the messages of the request."""

    index: int
    before: str = ""
    after: str = ""


class ParametersChanged(Fact, frozen=True):
    """A person changed the request's parameters (JSON text) from here on."""

    before: str = ""
    after: str = ""


class CallSkipped(Fact, frozen=True):
    """A person answered a call instead of its tool: with `result`, or with a failure."""

    call_index: int
    reason: str = ""
    result: str = ""
    failed: bool = False


class CallDropped(Fact, frozen=True):
    """A person took a call out of the reply: the model will not see that it made it."""

    call_index: int


class ResultSubstituted(Fact, frozen=True):
    call_index: int
    before: str = ""
    after: str = ""


class ToolDispatched(Fact, frozen=True):
    call_index: int
    name: str = ""
    arguments: str = ""


class ToolReturned(Fact, frozen=True):
    """A tool answered. A result that is itself an error message still returned.

    `is_text`: the tool answered with a text; else `result.raw` is its value. `printed` is what it
    wrote to standard output and error while it ran, which the model does not see.
    """

    result: ToolResult
    call_index: int | None = None
    is_text: bool = True
    printed: str = ""


class ToolFailed(Fact, frozen=True):
    """A tool did not answer: it raised, timed out, was killed or cancelled.

    `frames` say where in the tool's own code it raised, the innermost last; `by` who cancelled it;
    `printed` as in ToolReturned.
    """

    result: ToolResult
    call_index: int | None = None
    exception: str = ""
    frames: tuple[str, ...] = ()
    by: str = ""
    printed: str = ""


class ToolErrorRecorded(Fact, frozen=True):
    error: ToolError


class RequestFailed(Fact, frozen=True):
    """A request got no usable reply. `chain` is the exceptions, outermost first."""

    turn: Turn = 0
    attempt: int = 1
    message: str = ""
    status: int | None = None
    body: str = ""
    chain: tuple[str, ...] = ()
    empty: bool = False
    """The server answered, but with no message."""
    retryable: bool = False
    retry_in_s: float | None = None
    """When the server wants to be asked again, where it says so."""
    by: str = ""
    """Who gave it up before its reply was whole; `body` is what had come in by then."""


class ReplyDiscarded(Fact, frozen=True):
    reason: str = ""


class RunEnded(Fact, frozen=True):
    """`status` is ok, failed, error, truncated or unknown; `stop_reason` the source's own word."""

    status: str = "unknown"
    stop_reason: str = ""
    reward: float | None = None
    scores: dict[str, float] = {}
    usage: Usage | None = None
    details: dict[str, Any] = {}
    duration_s: float | None = None
    """What the source says that the whole run took."""
    by_call: bool = False
    """The last call ended the run, as in its format nothing answers it."""


class RunForked(Fact, frozen=True):
    """The events so far are those of another run; from here on it is a run of its own."""

    parent_run_id: str
    parent_seq: int
    run_id: str = ""
    at_call: bool = False
    """Whether it stops before a call that waits, not at the reply that it stands in."""


class ReplayDiverged(Fact, frozen=True):
    """What is asked now is not what the recording answers. `what` names the first difference."""

    what: str
    expected: str = ""
    got: str = ""
    call_index: int | None = None


class LoopEscaped(Fact, frozen=True):
    """An exception left the loop: the observed program would have lost the run here."""

    exception: str
    turn: Turn = 0
    call_index: int | None = None


class SourceDefect(Fact, frozen=True):
    """A malformed place of a source. `partial`: the last record of a file that may still grow."""

    message: str
    excerpt: str = ""
    partial: bool = False


class UnknownEvent(Fact, frozen=True):
    """An event kind this version does not know, kept whole in `raw`."""

    unknown_kind: str
    raw: dict[str, Any] = {}


Event = (
    RunStarted
    | RequestSent
    | ResponseChunked
    | ResponseReceived
    | ReasoningExtracted
    | ResponseParsed
    | MessageAppended
    | ToolCallProposed
    | BreakpointsSet
    | BreakpointsHit
    | Stopped
    | Resumed
    | PauseRequested
    | ArgumentsEdited
    | TextEdited
    | MessageEdited
    | ParametersChanged
    | CallSkipped
    | CallDropped
    | ResultSubstituted
    | ToolDispatched
    | ToolReturned
    | ToolFailed
    | ToolErrorRecorded
    | RequestFailed
    | ReplyDiscarded
    | RunEnded
    | RunForked
    | ReplayDiverged
    | LoopEscaped
    | SourceDefect
    | UnknownEvent
)


def copy_event(event: Event, **changes: Any) -> Event:
    """Return `event` with some fields replaced."""
    return msgspec.structs.replace(event, **changes)
