"""The vocabulary of a run's log: frozen facts in the past tense, one tagged union `Event`.

Every event has `seq` (dense, 0-based within its run), `ts` (unix seconds, None if the source has
no clock) and, on disk, `kind` (its class name). `at` is the place in the source file that the
fact was read from.
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
"""The number of a turn, 0 if it is not known. An event with any other value is malformed."""


PERSON = "person"
"""The value of `by` for what a person at the screen did."""


class Fact(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag=True
):
    """The fields that all events share."""

    seq: int
    ts: float | None = None
    at: SourceRef | None = None
    diagnostics: tuple[Diagnostic, ...] = ()


class RunStarted(Fact, frozen=True):
    """A run began. `details` holds everything else the source knows about it, as JSON values."""

    run_id: str = ""
    task: str = ""
    model: str = ""
    source_format: str = ""
    tools: tuple[ToolSpec, ...] = ()
    tools_declared: bool = False
    """Whether the source lists its tools; if not, no name can be reported as unknown."""
    parser: str = ""
    group_id: str = ""
    parent_run_id: str = ""
    details: dict[str, Any] = {}
    lone_reply: bool = False
    """Whether the source holds a single reply and no loop: nothing was expected to answer its
    calls."""


class RequestSent(Fact, frozen=True):
    """A request was sent to the model. `body` is the exact text sent, empty if it was not kept."""

    turn: Turn = 0
    attempt: int = 1
    body: str = ""
    url: str = ""
    parameters: str = ""
    """The body without its messages, as JSON text; empty: the same as in the previous request."""
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
    """The training data that a managed server recorded for this reply: objects with full_text,
    tokens, masked_tokens, logprobs and metadata, and their index."""


class ReasoningExtracted(Fact, frozen=True):
    turn: Turn = 0
    reasoning: tuple[Reasoning, ...] = ()


class ResponseParsed(Fact, frozen=True):
    """A reply was parsed. `parser` is empty if the calls are those that the server parsed."""

    turn: Turn = 0
    parser: str = ""
    calls: int = 0
    content: str | None = None


class MessageAppended(Fact, frozen=True):
    """A message was added to the conversation."""

    message: Message
    raw: str = ""
    """The exact JSON text of the message if the log itself holds it; otherwise see `at`."""


class ToolCallProposed(Fact, frozen=True):
    call: ToolCall
    parser: str = ""
    """For a call that a person added: the parser that read it from the text, if any."""
    content: str | None = None
    """What that parser leaves as the content of the reply; None: the content stays as it is."""


class BreakpointsSet(Fact, frozen=True):
    """What stops the run from now on: breakpoints, as text by id, and enabled stop points."""

    breakpoints: dict[str, str] = {}
    stop_points: tuple[str, ...] = ()


class BreakpointsHit(Fact, frozen=True):
    """Breakpoints matched, but the run did not wait. Fields as in `Stopped`; `fatal`: the run
    ends."""

    stop_point: str
    call_index: int | None = None
    breakpoints: tuple[str, ...] = ()
    hits: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    fatal: bool = False


class Stopped(Fact, frozen=True):
    """The run waits for a person. `stop_point` is one of the stop points of the stepping table.

    `hits` are the breakpoints whose condition was true, `breakpoints` those of them that took
    effect. `notes` is what they print: log lines, and why a condition could not be evaluated.
    """

    stop_point: str
    call_index: int | None = None
    breakpoints: tuple[str, ...] = ()
    hits: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Resumed(Fact, frozen=True):
    """The run continues. `by` is who resumed it: person, program (which runs the loop itself) or
    replay."""

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
    """A person changed the text of a reply. The events parsed from the new text follow."""

    before: str
    after: str


class MessageEdited(Fact, frozen=True):
    """A person changed a message (JSON text) of the next request.

    An empty `before` means that the message was added, an empty `after` that it was removed.
    `index` is its position among the messages of the request.
    """

    index: int
    before: str = ""
    after: str = ""


class ParametersChanged(Fact, frozen=True):
    """A person changed the request parameters (JSON text) from the next request on."""

    before: str = ""
    after: str = ""


class CallSkipped(Fact, frozen=True):
    """A person answered a call in place of its tool: with `result`, or with a failure."""

    call_index: int
    reason: str = ""
    result: str = ""
    failed: bool = False


class CallDropped(Fact, frozen=True):
    """A person removed a call from the reply: the model will not see that it made the call."""

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
    """A tool returned a result, even if that result is itself an error message.

    `is_text`: the result is a text; otherwise `result.raw` is its value. `printed` is what the
    tool wrote to standard output and error while it ran, which the model does not see.
    """

    result: ToolResult
    call_index: int | None = None
    is_text: bool = True
    printed: str = ""


class ToolFailed(Fact, frozen=True):
    """A tool did not return: it raised, timed out, or was killed or cancelled.

    `frames` are the lines of the tool's own code where it raised, the innermost last. `by` is who
    cancelled it. `printed` is as in `ToolReturned`.
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
    """How long the server asks to wait before a retry, if it does."""
    by: str = ""
    """Who cancelled it before its reply was complete; `body` is what had arrived by then."""


class ReplyDiscarded(Fact, frozen=True):
    reason: str = ""


class RunEnded(Fact, frozen=True):
    """`status` is ok, failed, error, truncated or unknown; `stop_reason` is the source's word."""

    status: str = "unknown"
    stop_reason: str = ""
    reward: float | None = None
    scores: dict[str, float] = {}
    usage: Usage | None = None
    details: dict[str, Any] = {}
    duration_s: float | None = None
    """How long the whole run took, according to the source."""
    by_call: bool = False
    """Whether the last call ended the run, in a format in which nothing answers such a call."""


class RunForked(Fact, frozen=True):
    """The events so far are those of another run; from here on this is a separate run."""

    parent_run_id: str
    parent_seq: int
    run_id: str = ""
    at_call: bool = False
    """Whether the fork stops before a waiting call rather than at the reply that contains it."""


class ReplayDiverged(Fact, frozen=True):
    """A replay asks for something that was not recorded. `what` names the first difference."""

    what: str
    expected: str = ""
    got: str = ""
    call_index: int | None = None


class LoopEscaped(Fact, frozen=True):
    """An exception escaped the loop: the observed program would have lost the run here."""

    exception: str
    turn: Turn = 0
    call_index: int | None = None


class SourceDefect(Fact, frozen=True):
    """A malformed place in a source. `partial`: it is the last record of a file that may still
    grow."""

    message: str
    excerpt: str = ""
    partial: bool = False


class UnknownEvent(Fact, frozen=True):
    """An event of a kind that this version does not know, kept whole in `raw`."""

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
