"""Calls that the AI SDK did not run: why, in the words of its errors, or since a person said so.

opencode is built on the AI SDK, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final

from hermes_tui.formats import fields
from hermes_tui.formats.chat_messages import ChatMessage, SourceValue, append_normalised
from hermes_tui.formats.declined import settle_declined
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.messages import ToolResult
from hermes_tui.model.wording import title
from hermes_tui.parsers.normalise import Normalised, normalise_message

UNAVAILABLE: Final = "tried to call unavailable tool"
"""The words in the error of a call of a tool that is not known."""
UNPARSED: Final = "JSON parsing failed"
"""The words in the error of a call whose arguments are no JSON."""
DENIED_STATE: Final = "output-denied"
DENIED_OUTPUT: Final = "execution-denied"
_INVALID: Final = "Invalid input for tool "
_BEFORE_ARGUMENTS: Final = f"{UNPARSED}: Text: "
_AFTER_ARGUMENTS: Final = ".\nError message: "
"""What is around the arguments that such an error quotes."""


def refusal_finding(why: str, call_index: int, *, hint: str = "") -> Diagnostic:
    """Return the finding for a call that was not run, with the reason `why`."""
    code = Code.NAME_UNKNOWN if UNAVAILABLE in why else Code.ARGS_INVALID
    return Diagnostic(code, Severity.ERROR, title(why), hint=hint, call_index=call_index)


def is_refusal(why: str) -> bool:
    """Return whether an error says that its call was not run."""
    return UNAVAILABLE in why or _INVALID in why


def written_arguments(why: str) -> str | None:
    """Return the arguments that an error quotes because they are no JSON, or None."""
    _, _, rest = why.partition(_BEFORE_ARGUMENTS)
    written, end, _ = rest.rpartition(_AFTER_ARGUMENTS)
    return written if end else None


def normaliser_of(
    calls: Sequence[SourceValue], error_of: Callable[[Any], str], *, knows_tools: bool = False
) -> Callable[[dict[str, Any]], Normalised]:
    """Return what normalises a reply with these calls and adds why some of them were not run.

    `error_of` returns the error that answered a call, or "". If the run declares its tools, unknown
    names are found without it.
    """
    whys = [error_of(call.value) for call in calls]
    whys = ["" if knows_tools and UNAVAILABLE in why else why for why in whys]
    return partial(_normalised, whys) if any(map(is_refusal, whys)) else normalise_message


def _normalised(whys: Sequence[str], raw: dict[str, Any]) -> Normalised:
    found = normalise_message(raw)
    calls = list(found.calls)
    for number, why in enumerate(whys[: len(calls)]):
        call, findings = calls[number]
        is_known = any(one.code is Code.ARGS_INVALID for one in findings)
        if is_refusal(why) and not is_known:
            calls[number] = (call, (*findings, refusal_finding(why, call.index)))
    return found._replace(calls=tuple(calls))


def append_settled(messages: Iterable[ChatMessage], build: RunBuilder) -> None:
    """Append messages; calls that a person did not allow are no errors of their tools."""
    for message in messages:
        parts = message.normalise(message.raw)
        build.locate(message.line)
        ts = parts.message.time_s
        if parts.results:
            parts = settle_declined(
                build, parts, partial(_why_denied, message), message.pointer, ts
            )
        append_normalised(build, message, parts, ts=ts)


def _why_denied(message: ChatMessage, result: ToolResult) -> str:
    """Return why a person did not allow the call that `message` answers, "" if its tool ran."""
    raw = fields.as_dict(message.carried[0].value if message.carried else result.raw)
    output = fields.as_dict(raw.get("output"))
    is_denied = raw.get("state") == DENIED_STATE or output.get("type") == DENIED_OUTPUT
    return result.content if is_denied else ""
