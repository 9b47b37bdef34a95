"""`langchain-messages`: dumps of LangChain messages, LangGraph states and streams of updates.

file   = message*               one run: an array of messages, or a message a line
       | update*                one run: what each node of a graph added, a line each
       | state*                 a run each; one run if each begins with the one before
state  = {"messages": [message, …], …} | {"values": state, "next", "config", "metadata", …}
update = {node: {"messages": [message, …] | message}} | [namespace, update]
       | ["updates", update] | [namespace, "updates", update]
       | ["values" | "messages" | "custom" | …, any] | [namespace, mode, any]      besides updates
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple

from hermes_tui.formats import fields
from hermes_tui.formats.base import Match, Sample
from hermes_tui.formats.chat_messages import append_message, on_line, raw_messages
from hermes_tui.formats.dialects.langchain_messages import (
    is_distinctive,
    is_message,
    message_of,
    model_of,
)
from hermes_tui.formats.framing import Unit
from hermes_tui.formats.json_text.json_slice import pointer_of
from hermes_tui.formats.readers.langchain.snapshots import Snapshot, are_one_run, runs_in
from hermes_tui.formats.run_builder import RunBuilder
from hermes_tui.model.wording import title
from hermes_tui.parsers.measures import timestamp

_OWN_KEYS = ("messages", "values", "config", "created_at", "_table")
_ERROR = "__error__"
_CUSTOM, _VALUES = "custom", "values"
_OTHER_MODES = frozenset({_VALUES, "messages", "debug", "tasks", "checkpoints", _CUSTOM})
"""The modes of `stream_mode` that a stream may contain besides `updates`."""


class LangChain:
    """Reads messages in any of LangChain's spellings, and the states around them."""

    name = "langchain-messages"
    summary = (
        "LangChain messages (model_dump, messages_to_dict, dumpd), LangGraph states and updates"
    )

    def sniff(self, sample: Sample) -> Match | None:
        values, layout = sample.elements()
        if _are_messages(values):
            return Match(0.85, Unit.PARTS, layout)
        outer = [value for value in values if not _graph_of(value)]
        if are_one_run([found[0] for value in outer if (found := _streamed_messages(value))]):
            return Match(0.85, Unit.RUNS, sample.layout.together())
        if fields.mostly(values, _is_state):
            return Match(0.85, Unit.RUNS, layout)
        updates = [value for value in values if not _mode_of(value)]
        are_updates = fields.mostly(updates, lambda value: _update_of(value) is not None)
        if are_updates and any(map(_holds_messages, values)):
            if len(updates) < len(values):
                return Match(0.85, Unit.RUNS, sample.layout.together())
            return Match(0.85, Unit.PARTS, layout)
        return None

    def read(self, value: Any, build: RunBuilder) -> None:
        if build.unit is Unit.PARTS:
            _read_part(value, build)
        elif (
            isinstance(value, list) and any(map(_mode_of, value)) and not all(map(_mode_of, value))
        ):
            _read_modes(value, build)
        elif isinstance(value, list) and any(map(is_message, value)):
            _start(value, "", {}, build)
        elif isinstance(value, list) and any(map(_streamed_messages, value)):
            _read_snapshots(value, build)
        elif (state := _state_of(value)) is not None:
            _start(*state, fields.as_dict(value), build)
        else:
            build.defect("no message in this record", value)


class _Update(NamedTuple):
    """What nodes of a graph added; `namespace` names the subgraph, if any."""

    pointer: str
    nodes: dict[str, Any]
    namespace: str = ""


def _are_messages(values: Any) -> bool:
    return fields.are_own(values, is_message, is_distinctive)


def _state_of(value: Any) -> tuple[list[Any], str] | None:
    """Return the messages of a state and the pointer to them."""
    for below in ("", "/values"):
        state = fields.as_dict(value)
        state = fields.as_dict(state.get("values")) if below else state
        if isinstance(state.get("messages"), list):
            return state["messages"], f"{below}/messages"
    return None


def _is_state(value: Any) -> bool:
    state = _state_of(value)
    if state is None:
        return False
    messages, pointer = state
    is_snapshot = pointer.startswith("/values") and "next" in value
    return _are_messages(messages) or (is_snapshot and not messages)


def _graph_of(row: Any) -> str:
    """Return the subgraph that a row of a stream belongs to, or "" for the outermost graph."""
    return "/".join(map(str, fields.as_list(row[0]))) if isinstance(row, list) and row else ""


def _streamed_messages(value: Any) -> tuple[list[Any], str] | None:
    """Return the messages of a state in a stream of values, and the pointer to them."""
    below = ""
    if _mode_of(value) == _VALUES:
        below, value = f"/{len(value) - 1}", value[-1]
    messages = fields.as_dict(value).get("messages")
    if not isinstance(messages, list) or not (_are_messages(messages) or not messages):
        return None
    return messages, f"{below}/messages"


def _mode_of(value: Any) -> str:
    """Return the mode of a row in a stream of several modes, or "" for updates."""
    if not isinstance(value, list) or not 2 <= len(value) <= 3:
        return ""
    mode = value[-2]
    return mode if isinstance(mode, str) and mode in _OTHER_MODES else ""


def _update_of(value: Any) -> _Update | None:
    """Return the update in one row of a stream, or None if there is none."""
    namespace, mode, pointer = "", "updates", ""
    if isinstance(value, list) and 2 <= len(value) <= 3:
        *before, value = value
        pointer = f"/{len(before)}"
        if isinstance(before[0], list):
            namespace = "/".join(map(str, before.pop(0)))
        mode = before[0] if before else mode
    is_update = isinstance(value, dict) and bool(value) and mode == "updates"
    if not is_update or not all(item is None or isinstance(item, dict) for item in value.values()):
        return None
    return _Update(pointer, value, namespace)


def _holds_messages(value: Any) -> bool:
    update = _update_of(value)
    return update is not None and any(
        is_message(message) for node in update.nodes.values() for _, message in _added(node)
    )


def _added(node: Any) -> Iterator[tuple[str, Any]]:
    """Yield the messages that a node added, each with its pointer."""
    messages = fields.as_dict(node).get("messages")
    if isinstance(messages, list):
        yield from ((f"/messages/{index}", one) for index, one in enumerate(messages))
    elif messages is not None:
        yield "/messages", messages


def _read_part(value: Any, build: RunBuilder) -> None:
    """Read a record of a file that is one run: a message, an update, or a list of either."""
    if is_message(value):
        _open_run([value], build)
        append_message(build, message_of(value))
    elif (update := _update_of(value)) is not None:
        _open_run([one for node in update.nodes.values() for _, one in _added(node)], build)
        _append_update(update, build, "")
    elif isinstance(value, list):
        _open_run(value, build)
        for index, item in enumerate(value):
            if (update := _update_of(item)) is not None and not is_message(item):
                _append_update(update, build, f"/{index}")
            else:
                append_message(build, message_of(item, f"/{index}"))
    else:
        _open_run([], build)
        build.defect("not a message", value)


def _read_modes(value: list[Any], build: RunBuilder) -> None:
    """Read a stream of several modes: the state that it begins with, which holds the request, its
    updates, and what nodes wrote themselves. Everything else repeats these."""
    lines = list(build.placed(value))
    place, _, row = lines[0]
    state = fields.as_dict(row[-1]) if _mode_of(row) == _VALUES else {}
    below = f"{place}/{len(row) - 1}/messages" if state else ""
    _start(fields.as_list(state.get("messages")), below, {}, build)
    for pointer, line, row in lines:
        build.locate(line)
        mode = _mode_of(row)
        if mode == _CUSTOM:
            raw = {"role": "environment", "name": mode, "content": fields.json_text(row[-1])}
            build.message(raw, pointer=f"{pointer}/{len(row) - 1}")
        elif not mode and (update := _update_of(row)) is not None:
            _append_update(update, build, pointer)
        elif not mode:
            build.defect("not an update", row, pointer=pointer)


def _read_snapshots(value: list[Any], build: RunBuilder) -> None:
    """Read the states of streams: a run for each graph, with each of its messages where it first
    appears."""
    graphs: dict[str, list[Snapshot]] = {}
    for pointer, line, row in build.placed(value):
        if (state := _streamed_messages(row)) is not None:
            around = fields.as_dict(row[-1] if isinstance(row, list) else row)
            found = Snapshot(state[0], pointer + state[1], line, around)
            graphs.setdefault(_graph_of(row), []).append(found)
        elif not _mode_of(row):
            build.defect("not a state", row, pointer=pointer, line=line)
    for news, last in chain.from_iterable(map(runs_in, graphs.values())):
        messages = [on_line([message_of(new.message, new.pointer)], new.line)[0] for new in news]
        build.locate(news[0].line)
        build.start(
            task=fields.title_of(raw_messages(messages)),
            model=model_of([new.message for new in news]),
            details=fields.without_empty(fields.details_of(last, without=_OWN_KEYS)),
        )
        for new, message in zip(news, messages, strict=True):
            append_message(build, message, flags=("changed",) if new.is_changed else ())


def _open_run(messages: list[Any], build: RunBuilder) -> None:
    if build.is_opening:
        chat = raw_messages(message_of(message) for message in messages)
        build.start(task=fields.title_of(chat), model=model_of(messages))


def _append_update(update: _Update, build: RunBuilder, before: str) -> None:
    flags = (f"subgraph {update.namespace}",) if update.namespace else ()
    for name, node in update.nodes.items():
        place = f"{before}{update.pointer}{pointer_of((name,))}"
        messages = list(_added(node))
        for below, raw in messages:
            append_message(build, message_of(raw, place + below), flags=(f"node {name}", *flags))
        if not messages and node:
            raw = {"role": "environment", "name": name, "content": fields.json_text(node)}
            build.message(raw, pointer=place)


def _start(messages: list[Any], pointer: str, around: dict[str, Any], build: RunBuilder) -> None:
    chat = [message_of(message, f"{pointer}/{at}") for at, message in enumerate(messages)]
    config = fields.as_dict(fields.as_dict(around.get("config")).get("configurable"))
    state = fields.as_dict(around.get("values")) or around
    details = fields.details_of({**state, **around}, without=_OWN_KEYS)
    build.start(
        run_id=fields.label(config, "checkpoint_id") or fields.run_id_of(around),
        task=fields.title_of(raw_messages(chat)),
        model=model_of(messages),
        group_id=fields.label(config, "thread_id"),
        details=fields.without_empty(details),
        ts=timestamp(around.get("created_at")),
    )
    for message in chat:
        append_message(build, message)
    pending = fields.as_dict(around.get("pending_writes"))
    if pending:
        stop = title(fields.json_text(pending.get(_ERROR, "interrupted")))
        build.end(status="error" if _ERROR in pending else "unknown", stop_reason=stop)


FORMAT = LangChain()
