"""The verdict of a real engine on a text, and how to decode it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple


class EngineOutcome(StrEnum):
    """How a parse ended. UNKNOWN: there is no verdict; the parser or the engine is missing."""

    CALLS = "calls"
    TEXT = "text"
    RAISED = "raised"
    TIMED_OUT = "timed-out"
    UNKNOWN = "unknown"


class EngineCall(NamedTuple):
    """A call as the engine emits it; `arguments` is the exact string."""

    name: str
    arguments: str


class CallPiece(NamedTuple):
    """A part of the call number `slot`, as sent in a stream; both strings may be empty."""

    slot: int
    name: str
    arguments: str


class StreamDelta(NamedTuple):
    """The output that was sent for one delta, which ends at character `end` of the text.

    The output remaining at the end of a stream is sent for a delta of no characters.
    """

    end: int
    content: str
    reasoning: str
    calls: tuple[CallPiece, ...]


class EngineVerdict(NamedTuple):
    """A real engine's verdict. `log` are its own warnings, which often contain the reason.

    `printed` are the lines that a person's own parser printed. `tools_called` is the engine's own
    flag; some engines set it but emit no call. After RAISED or TIMED_OUT, `deltas` is the output
    sent until then, and the other fields are its sum. `is_last`: the process ends after this
    verdict. `is_refused`: there is no verdict since the request is wrong, such as by a name that
    the engine does not have.
    """

    outcome: EngineOutcome
    tool_calls: tuple[EngineCall, ...] = ()
    content: str | None = None
    reasoning: str | None = None
    error: str = ""
    log: tuple[str, ...] = ()
    duration_s: float = 0.0
    deltas: tuple[StreamDelta, ...] = ()
    tools_called: bool = False
    is_last: bool = False
    is_refused: bool = False
    printed: tuple[str, ...] = ()


class Received(NamedTuple):
    """What a client has received at some point of a stream."""

    content: str
    reasoning: str
    calls: tuple[EngineCall, ...]


def received_after(deltas: Sequence[StreamDelta], count: int) -> Received:
    """Return what a client has received after the first `count` deltas."""
    calls: dict[int, tuple[list[str], list[str]]] = {}
    for delta in deltas[:count]:
        for slot, name, arguments in delta.calls:
            names, pieces = calls.setdefault(slot, ([], []))
            names.append(name)
            pieces.append(arguments)
    return Received(
        "".join(delta.content for delta in deltas[:count]),
        "".join(delta.reasoning for delta in deltas[:count]),
        tuple(
            EngineCall("".join(calls[slot][0]), "".join(calls[slot][1])) for slot in sorted(calls)
        ),
    )


def verdict_of(line: bytes, *, limit_s: float, memory_mb: int) -> EngineVerdict:
    """Return the verdict in a line of the engine's process.

    Raises KeyError, TypeError or ValueError if it contains none.
    """
    answer: dict[str, Any] = json.loads(line)
    outcome, error = answer["outcome"], answer["error"]
    is_out_of_memory, is_refused = outcome == "memory", outcome == "refused"
    if is_out_of_memory:
        outcome, error = "timed-out", f"stopped: it needs more than {memory_mb:,} MB"
    elif is_refused:
        outcome = "unknown"
    elif outcome == "timed-out":
        error = timed_out(limit_s, error)
    return EngineVerdict(
        EngineOutcome(outcome),
        tuple(
            EngineCall(_text(call["name"]), _text(call["arguments"]))
            for call in answer["tool_calls"]
        ),
        answer["content"],
        answer["reasoning"],
        error,
        tuple(answer["log"]),
        answer["duration_s"],
        tuple(
            StreamDelta(end, content, reasoning, tuple(CallPiece(*piece) for piece in pieces))
            for end, content, reasoning, pieces in answer["deltas"]
        ),
        answer["tools_called"],
        is_out_of_memory,
        is_refused,
        tuple(answer["printed"]),
    )


def timed_out(limit_s: float, where: str) -> str:
    """Return a message that a parse took too long, and where the parser was at that time."""
    return f"stopped after {limit_s:g} s" + (f", in {where}" if where else "")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
