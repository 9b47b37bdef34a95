"""The last resort: any JSON in which something looks like a conversation, opened with a warning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.finder import Found, find_conversations, message_in
from hermes_tui.formats.framing import Layout, Unit
from hermes_tui.formats.outcomes import outcome_of
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.parsers.measures import time_of

SURE, LIKELY, HARDLY = 0.05, 0.04, 0.03
MAX_OTHERS = 10


class GenericMessages:
    """Shows the messages that it finds, without the meaning that a known format gives them."""

    name = "generic"
    summary = "any JSON with a list of messages in it (the last resort; opens with a warning)"

    def sniff(self, sample: Sample) -> Match | None:
        values = sample.values
        messages = sum(message_in(value) is not None for value in values)
        are_runs = all(_outweighs(find_conversations(value)[0]) for value in values[:5])
        if sample.layout is not Layout.DOCUMENT and 2 * messages >= len(values) and not are_runs:
            return Match(SURE, Unit.PARTS)
        holding = sum(bool(find_conversations(value)[0]) for value in values)
        if 2 * holding >= len(values) > 0:
            return Match(SURE, Unit.RUNS)
        if messages > holding:
            return Match(LIKELY, Unit.PARTS)
        return Match(HARDLY, Unit.RUNS) if holding else None

    def read(self, value: Any, build: RunBuilder) -> None:
        if build.unit is Unit.PARTS:
            _part(value, build)
            return
        found = message_in(value)
        conversations, others = find_conversations(value)
        if conversations and (found is None or _outweighs(conversations)):
            unshown = [f"{other.pointer} ({len(other.items)})" for other in others[:MAX_OTHERS]]
            for conversation in conversations:
                _run(conversation, value, build, {"not_shown": unshown} if unshown else {})
        elif found is not None:
            pointer, message = found
            build.start(task=fields.title_of([message]), diagnostics=(_warning(pointer),))
            build.message(message, pointer=pointer, ts=_time(value))
        else:
            build.defect("no message found in this record", value)


def _part(value: Any, build: RunBuilder) -> None:
    found = message_in(value)
    if build.is_opening:
        task = fields.title_of([found[1]]) if found else ""
        build.start(task=task, diagnostics=(_warning(""),))
    if found is None:
        build.defect("no message found in this record", value)
    else:
        pointer, message = found
        build.message(message, pointer=pointer, ts=_time(value))


def _outweighs(conversations: list[Found]) -> bool:
    """Return whether a record holds a conversation rather than the parts of one message."""
    return any(one.rank == 2 and len(one.items) > 1 for one in conversations)


def _run(
    conversation: Found, value: Any, build: RunBuilder, elsewhere: dict[str, list[str]]
) -> None:
    around = value if isinstance(value, dict) else {}
    nearest = _nearest_object(value, conversation)
    messages = [message_in(item) for item in conversation.items]
    scalars = {k: v for k, v in nearest.items() if not isinstance(v, (dict, list))}
    build.start(
        run_id=fields.run_id_of(nearest) or conversation.name,
        task=fields.task_of(nearest, (message[1] for message in messages if message)),
        model=fields.model_of(nearest) or fields.model_of(around),
        group_id=fields.group_of(nearest),
        details={**fields.details_of(scalars), **elsewhere},
        pointer=conversation.pointer,
        diagnostics=(_warning(conversation.pointer, elsewhere.get("not_shown", [])),),
    )
    for index, item in enumerate(conversation.items):
        place = f"{conversation.pointer}/{index}"
        if (message := messages[index]) is None:
            build.defect("not a message", item, pointer=place)
        else:
            build.message(message[1], pointer=place + message[0], ts=_time(item))
    build.end_with(outcome_of(nearest))


def _nearest_object(value: Any, conversation: Found) -> dict[str, Any]:
    """Return the innermost object around a conversation, whose other members describe the run."""
    nearest: dict[str, Any] = {}
    for step in conversation.path:
        if isinstance(value, dict):
            nearest = value
            value = value.get(str(step))
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            break
    return nearest


def _warning(pointer: str, unshown: Sequence[str] = ()) -> Diagnostic:
    place = f" at {pointer}" if pointer else ""
    elsewhere = f"; messages that are not shown: {', '.join(unshown)}" if unshown else ""
    return Diagnostic(
        Code.SOURCE_DEFECT,
        Severity.WARNING,
        f"unknown format: opened by the generic message finder{place}{elsewhere}",
        hint="`hermes-tui formats` lists what is known; --format NAME forces one",
    )


def _time(item: Any) -> float | None:
    return time_of(item) if isinstance(item, dict) else None


FORMAT = GenericMessages()
