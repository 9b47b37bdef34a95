"""The inputs of a session: facts from outside, and commands of a person or of `Debugger.decide`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from hermes_tui.debugger.breakpoints import Breakpoint
from hermes_tui.debugger.stepping import STEP_MODE, Command, Kind, StopPoint
from hermes_tui.model.diagnostics import Diagnostic
from hermes_tui.model.messages import ErrorMark, ToolSpec

TERMINATED = "terminated"
"""The stop reason of a run that somebody ended."""


@dataclass(frozen=True, slots=True)
class Start:
    """Begin a run with `messages` (as an OpenAI client takes them).

    `valid_names` are the tools that may be called; None: those of `tools`, any where that is None.
    `parameters` is the request's body but for its messages, `parser` what reads calls from the
    text (empty: nothing does), `mode` strict or faithful, `retries` how often a failed request is
    sent again without asking, `manual` the tools that a person answers. `goes_on`: calls that the
    messages end with, unanswered, are those of a reply that has just come; never in mode faithful.
    `read_as` are the same messages with what the model is not sent, such as marks of errors; empty:
    there is no more to them.
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
    """The model's reply: its exact text, and the message in it as the loop is handed it.

    `message` and `usage` are SDK objects, mappings, or whatever else came.
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
    """A request got no usable reply; fields as in the event of that name."""

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


@dataclass(frozen=True, slots=True)
class ToolReplied:
    """A tool answered; `content` is what the model will see, `raw` what came if that differs.

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
    """A tool did not answer. `exception` reads `Type: message`; the rest as in the event."""

    kind: ClassVar = Kind.TOOL_REPLY
    exception: str
    duration_s: float | None = None
    frames: tuple[str, ...] = ()
    by: str = ""
    printed: str = ""


@dataclass(frozen=True, slots=True)
class Resume:
    """Continue: to the next breakpoint or stop point, or as far as another `command` says."""

    kind: ClassVar = Kind.RESUME
    command: Command = Command.CONTINUE


@dataclass(frozen=True, slots=True)
class Pause:
    """Stop at the next moment, whatever it is."""

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
    """Replace the request parameters (the body but for its messages) from the next request on."""

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
    """Remove a call that still waits from the reply: the model will not know it made it."""

    kind: ClassVar = Kind.DROP
    call_index: int


@dataclass(frozen=True, slots=True)
class AddCall:
    """Add a call after those of the reply. `parser`: the one that read it from the text, if any."""

    kind: ClassVar = Kind.ADD
    name: str
    arguments: str = "{}"
    parser: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """Ask the model again; after a result, or where one was lost, run the tool again.

    `parameters` replaces those of the request from here on; None keeps them.
    """

    kind: ClassVar = Kind.RETRY
    parameters: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Terminate:
    """End the run. `reason` is its stop reason: terminated, budget, or that of a replay."""

    kind: ClassVar = Kind.TERMINATE
    reason: str = TERMINATED
    details: dict[str, Any] = field(default_factory=dict)
    """What else to store with the end of the run."""
    partial: str = ""
    """What had come in of the reply that is owed: kept, though nothing is read out of it."""


@dataclass(frozen=True, slots=True)
class SetBreakpoints:
    """Replace breakpoints and enabled stop points; hit counts go on by id."""

    kind: ClassVar = Kind.SET_BREAKPOINTS
    breakpoints: tuple[Breakpoint, ...] = ()
    stop_points: frozenset[StopPoint] = STEP_MODE


@dataclass(frozen=True, slots=True)
class Reopen:
    """Go on with a log whose process is gone: what was under way is lost."""

    kind: ClassVar = Kind.REOPEN


@dataclass(frozen=True, slots=True)
class Fork:
    """Make a run of its own out of what is shared with another one, and stop at once.

    `at_call`: where a call waits, before it and not at the reply that it stands in.
    """

    kind: ClassVar = Kind.FORK
    parent_run_id: str
    parent_seq: int
    at_call: bool = False


@dataclass(frozen=True, slots=True)
class Diverged:
    """What is asked for is not what the recording that is replayed answers."""

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
