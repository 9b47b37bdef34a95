"""The inputs of a session: external facts, and commands of a person or of `Debugger.decide`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from hermes_tui.debugger.breakpoints import Breakpoint
from hermes_tui.debugger.stepping import STEP_MODE, Command, Kind, StopPoint
from hermes_tui.model.diagnostics import Diagnostic
from hermes_tui.model.messages import ErrorMark, ToolSpec

TERMINATED = "terminated"
"""The stop reason of a run that was ended on command."""


@dataclass(frozen=True, slots=True)
class Start:
    """Begin a run with `messages` (as an OpenAI client takes them).

    `valid_names` are the tools that may be called; None: those of `tools`, or any if that is None
    too. `parameters` is the body of requests without their messages. `parser` reads calls from the
    text (empty: none does), `mode` is strict or faithful, `retries` is how often a failed request
    is retried without asking, and `manual` are the tools that a person answers.
    `goes_on`: unanswered calls at the end of the messages are those of a reply that has just
    arrived; never in faithful mode. `read_as` are the same messages including what is not sent to
    the model, such as error marks; empty: the same as `messages`.
    """

    kind: ClassVar = Kind.START
    messages: tuple[dict[str, Any], ...]
    tools: tuple[ToolSpec, ...] | None = None
    valid_names: frozenset[str] | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    url: str = ""
    parser: str = ""
    mode: str = "strict"
    retries: int = 0
    manual: frozenset[str] = frozenset()
    max_turns: int = 30
    goes_on: bool = True
    read_as: tuple[dict[str, Any], ...] = ()
    task: str = ""
    model: str = ""
    group_id: str = ""
    stop_points: frozenset[StopPoint] = STEP_MODE
    breakpoints: tuple[Breakpoint, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelReplied:
    """The model's reply: its exact text, and the message in it as the loop receives it.

    `message` and `usage` are SDK objects, mappings, or whatever else the server sent.
    """

    kind: ClassVar = Kind.RESPONSE
    raw: str
    message: Any
    finish_reason: str = ""
    usage: Any = None
    duration_s: float | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
    sequences: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class RequestFailed:
    """A request got no usable reply; fields as in the event of that name.

    `escapes` is the exception that HermesAgentLoop raises there and does not catch, if any.
    """

    kind: ClassVar = Kind.REQUEST_FAILURE
    message: str
    status: int | None = None
    body: str = ""
    chain: tuple[str, ...] = ()
    empty: bool = False
    retryable: bool = False
    retry_in_s: float | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
    by: str = ""
    escapes: str = ""


@dataclass(frozen=True, slots=True)
class ToolReplied:
    """A tool answered. `content` is what the model will see, `raw` the tool's value if it differs.

    `is_text`: the tool answered with a text; None: it did unless there is a `raw`.
    """

    kind: ClassVar = Kind.TOOL_REPLY
    content: str
    error: ErrorMark | None = None
    exit_code: int | None = None
    duration_s: float | None = None
    raw: Any = None
    is_text: bool | None = None
    printed: str = ""


@dataclass(frozen=True, slots=True)
class ToolRaised:
    """A tool did not answer. `exception` has the form `Type: message`; the rest as in the event."""

    kind: ClassVar = Kind.TOOL_REPLY
    exception: str
    duration_s: float | None = None
    frames: tuple[str, ...] = ()
    by: str = ""
    printed: str = ""


@dataclass(frozen=True, slots=True)
class Resume:
    """Continue to the next breakpoint or stop point, or as far as another `command` goes."""

    kind: ClassVar = Kind.RESUME
    command: Command = Command.CONTINUE


@dataclass(frozen=True, slots=True)
class Pause:
    """Stop at the next moment of any kind."""

    kind: ClassVar = Kind.PAUSE


@dataclass(frozen=True, slots=True)
class EditArguments:
    """Change the arguments (JSON text) of a call that still waits."""

    kind: ClassVar = Kind.EDIT
    call_index: int
    arguments: str


@dataclass(frozen=True, slots=True)
class EditName:
    """Change the name of a call that still waits."""

    kind: ClassVar = Kind.EDIT
    call_index: int
    name: str


@dataclass(frozen=True, slots=True)
class EditText:
    """Change the text of the reply that the run is stopped at; calls are parsed from it again."""

    kind: ClassVar = Kind.EDIT_TEXT
    text: str


@dataclass(frozen=True, slots=True)
class EditMessage:
    """Replace message `index` of the request about to be sent by `after` (JSON text).

    An empty `after` removes the message; an index one past the last appends.
    """

    kind: ClassVar = Kind.EDIT_MESSAGE
    index: int
    after: str


@dataclass(frozen=True, slots=True)
class SetParameters:
    """Replace the request parameters (the body without messages) from the next request on."""

    kind: ClassVar = Kind.SET_PARAMETERS
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SkipCall:
    """Answer the call that the run is stopped at with `result` instead of running its tool."""

    kind: ClassVar = Kind.SKIP
    result: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class FailCall:
    """Answer the call that the run is stopped at with an error instead of running its tool."""

    kind: ClassVar = Kind.SKIP
    error: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SubstituteResult:
    """Show the model `result` instead of what the tool returned."""

    kind: ClassVar = Kind.SUBSTITUTE
    result: str


@dataclass(frozen=True, slots=True)
class DropCall:
    """Remove a waiting call from the reply: the model will not know that it made the call."""

    kind: ClassVar = Kind.DROP
    call_index: int


@dataclass(frozen=True, slots=True)
class AddCall:
    """Add a call after those of the reply.

    `parser`: the one that read it from the text, if any; `content`: what that leaves as the
    content of the reply, None for the content as it is.
    """

    kind: ClassVar = Kind.ADD
    name: str
    arguments: str = "{}"
    parser: str = ""
    content: str | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """Ask the model again; after a result, or if one was lost, run the tool again.

    `parameters` replaces the request parameters from now on; None keeps them.
    """

    kind: ClassVar = Kind.RETRY
    parameters: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Terminate:
    """End the run. `reason` is its stop reason: terminated, budget, or that of a replay."""

    kind: ClassVar = Kind.TERMINATE
    reason: str = TERMINATED
    details: dict[str, Any] = field(default_factory=dict)
    """Further details to store with the end of the run."""
    partial: str = ""
    """What had arrived of the reply that is owed: kept, but not parsed."""


@dataclass(frozen=True, slots=True)
class SetBreakpoints:
    """Replace breakpoints and enabled stop points; hit counts continue by id."""

    kind: ClassVar = Kind.SET_BREAKPOINTS
    breakpoints: tuple[Breakpoint, ...] = ()
    stop_points: frozenset[StopPoint] = STEP_MODE


@dataclass(frozen=True, slots=True)
class Reopen:
    """Continue a log whose process is gone: a request or tool that was running is lost."""

    kind: ClassVar = Kind.REOPEN


@dataclass(frozen=True, slots=True)
class Fork:
    """Make the events shared with another run a separate run, and stop at once.

    `at_call`: if a call waits, stop before it rather than at the reply that contains it.
    """

    kind: ClassVar = Kind.FORK
    parent_run_id: str
    parent_seq: int
    at_call: bool = False


@dataclass(frozen=True, slots=True)
class Diverged:
    """A replay asks for something that its recording does not answer."""

    kind: ClassVar = Kind.DIVERGENCE
    what: str
    expected: str = ""
    got: str = ""


Input = (
    Start
    | ModelReplied
    | RequestFailed
    | ToolReplied
    | ToolRaised
    | Resume
    | Pause
    | EditArguments
    | EditName
    | EditText
    | EditMessage
    | SetParameters
    | SkipCall
    | FailCall
    | SubstituteResult
    | DropCall
    | AddCall
    | Retry
    | Terminate
    | SetBreakpoints
    | Reopen
    | Fork
    | Diverged
)
