"""What can be put into a session: facts that came in from outside, and a person's commands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from hermes_tui.debugger.breakpoints import Breakpoint
from hermes_tui.debugger.stepping import STEP_MODE, Command, Kind, StopPoint
from hermes_tui.model.messages import ErrorMark, ToolSpec, Usage
from hermes_tui.parsers.normalise import Normalised


@dataclass(frozen=True, slots=True)
class Start:
    """Begin a run with `messages` (as an OpenAI client takes them). `tools` None: any name goes."""

    kind: ClassVar = Kind.START
    messages: tuple[dict[str, Any], ...]
    tools: tuple[ToolSpec, ...] | None = None
    max_turns: int = 30
    task: str = ""
    model: str = ""
    stop_points: frozenset[StopPoint] = STEP_MODE
    breakpoints: tuple[Breakpoint, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelReplied:
    """The model's reply, exact and as read; `parser` is named if it took calls from the text."""

    kind: ClassVar = Kind.RESPONSE
    raw: str
    reply: Normalised
    parser: str = ""
    finish_reason: str = ""
    usage: Usage | None = None
    duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class RequestFailed:
    """A request got no usable reply; fields as in the event of that name."""

    kind: ClassVar = Kind.REQUEST_FAILURE
    message: str
    status: int | None = None
    body: str = ""
    chain: tuple[str, ...] = ()
    empty: bool = False


@dataclass(frozen=True, slots=True)
class ToolReplied:
    """A tool answered; `content` is what the model will see, `raw` what came if that differs."""

    kind: ClassVar = Kind.TOOL_REPLY
    content: str
    error: ErrorMark | None = None
    exit_code: int | None = None
    duration_s: float | None = None
    raw: Any = None


@dataclass(frozen=True, slots=True)
class ToolRaised:
    """A tool did not answer. `exception` reads `Type: message`."""

    kind: ClassVar = Kind.TOOL_REPLY
    exception: str
    duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class Resume:
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
    kind: ClassVar = Kind.EDIT
    call_index: int
    name: str


@dataclass(frozen=True, slots=True)
class SkipCall:
    """Answer the call that the run stands at with `result` instead of running its tool."""

    kind: ClassVar = Kind.SKIP
    result: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class FailCall:
    """Answer the call that the run stands at with an error instead of running its tool."""

    kind: ClassVar = Kind.SKIP
    error: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SubstituteResult:
    """Let the model see `result` instead of what the tool answered."""

    kind: ClassVar = Kind.SUBSTITUTE
    result: str


@dataclass(frozen=True, slots=True)
class DropCall:
    """Take a call that still waits out of the reply."""

    kind: ClassVar = Kind.DROP
    call_index: int


@dataclass(frozen=True, slots=True)
class AddCall:
    """Put a call behind those of the reply."""

    kind: ClassVar = Kind.ADD
    name: str
    arguments: str = "{}"


@dataclass(frozen=True, slots=True)
class Retry:
    """Ask the model once more, or run the tool whose reply was lost once more."""

    kind: ClassVar = Kind.RETRY


@dataclass(frozen=True, slots=True)
class Terminate:
    kind: ClassVar = Kind.TERMINATE


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
    | SkipCall
    | FailCall
    | SubstituteResult
    | DropCall
    | AddCall
    | Retry
    | Terminate
    | SetBreakpoints
    | Reopen
)
