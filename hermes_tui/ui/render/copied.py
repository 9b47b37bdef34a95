"""The texts to copy from a row or a pane; each further press of the key copies the next one.

They are a call, then the values of its arguments one by one; the body of a request, then a command
that sends it; a record, then the text in it. Secrets are masked, and each masked text says so.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from hermes_tui.formats.secrets import mask_json_text, masked_url
from hermes_tui.log.fold import RunState
from hermes_tui.log.timeline import Timeline
from hermes_tui.model.events import Event, RequestSent, ToolCallProposed
from hermes_tui.model.messages import ArgumentsState, ToolCall
from hermes_tui.model.visible import visible_line
from hermes_tui.runtime.live_settings import HEADER_NAMES, KEY_NAME
from hermes_tui.runtime.servers.urls import chat_url
from hermes_tui.ui.render.json_lines import indented
from hermes_tui.ui.render.message import json_value, message_text
from hermes_tui.ui.render.raw import RawText, on_the_wire
from hermes_tui.ui.view_model import ViewState

LONGEST_ARGUMENT = 120_000
"""Bytes; Linux limits one argument of a program to 128 KiB."""
MAX_VALUES: Final = 100
"""Most values inside one object that are offered one by one."""
LONGEST_NAME: Final = 30
UNKNOWN: Final = "…"
"""Placeholder for a value that no recording holds."""
_HEADER_NAME: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
"""A token of RFC 9110."""


class Copyable(NamedTuple):
    """A text to copy, and what it is, in words; empty if that needs no saying."""

    text: str
    what: str = ""
    is_masked: bool = False
    """Whether a secret in the text was masked."""


def row_copies(view: ViewState, raw_text: RawText) -> list[Copyable]:
    """Return the texts to copy from the cursor's row: its finding in words, else its event."""
    finding = view.timeline.finding(view.row) if view.row >= 0 else None
    if finding is not None:
        text = f"{finding.severity} {finding.code} turn {finding.turn}: {finding.message}"
        return [Copyable(text)]
    match view.event:
        case None:
            return []
        case ToolCallProposed(call=call):
            return call_copies(call)
        case event:
            record = event_copies(view.timeline, event, raw_text)
            texts = text_copies(view) if message_text(view) else []
            return [record[0]._replace(what="the record"), *texts] if texts else record


def text_copies(view: ViewState) -> list[Copyable]:
    """Return the text of a message or result, and the values in it if that is a JSON object."""
    text = message_text(view)
    if text is None:
        return []
    value = json_value(text)
    values = _values("text", value) if isinstance(value, dict) else ()
    return [Copyable(text, "the text"), *values]


def call_copies(call: ToolCall) -> list[Copyable]:
    """Return a call as JSON, then the values of its arguments: texts verbatim, others as JSON.

    Arguments that are not JSON are copied as the text that arrived.
    """
    is_text = call.arguments is None or call.arguments_state is ArgumentsState.NOT_JSON
    arguments = call.arguments_text if is_text else call.arguments
    record = {"id": call.id, "name": call.name, "arguments": arguments}
    whole = _masked(indented(record), "the call")
    if isinstance(arguments, dict):
        return [whole, *_values("args", arguments)]
    bare = _masked(call.arguments_text, "its arguments")
    return [whole, bare] if bare.text else [whole]


def event_copies(timeline: Timeline, event: Event, raw_text: RawText) -> list[Copyable]:
    """Return what was sent or received with an event, else the text of its record.

    The body of a request is followed by the command that sends it.
    """
    _, text = on_the_wire(timeline.log, event)
    if not text:
        return [_masked(raw_text(event)[0])]
    if not isinstance(event, RequestSent):
        return [_masked(text)]
    body = _masked(text, "the body of the request")
    key_name, names = _key_and_headers(timeline.state)
    command = curl_command(event.url, body.text, key_name=key_name, header_names=names)
    return [body, Copyable(command, "the curl command that sends it")] if command else [body]


def _masked(text: str, what: str = "") -> Copyable:
    masked = mask_json_text(text)
    return Copyable(masked, what, masked != text)


def _values(owner: str, value: Mapping[str, Any]) -> Iterator[Copyable]:
    """Yield the values in a JSON object, named as in expressions, masked as inside the object."""
    for name, member in islice(value.items(), MAX_VALUES):
        key = name if name.isidentifier() else None
        what = f"{owner}.{key}" if key else f"{owner}[{json.dumps(name, ensure_ascii=False)}]"
        inside = _masked(indented({name: member}), visible_line(what, LONGEST_NAME))
        shown = json.loads(inside.text)[name] if inside.is_masked else member
        yield inside._replace(text=shown if isinstance(shown, str) else indented(shown))


def curl_command(
    url: str, body: str, *, key_name: str = KEY_NAME, header_names: Sequence[str] = ()
) -> str:
    """Return the command that sends a body to a server again; empty if that is not possible.

    That is so for a `url` other than HTTP or a body over `LONGEST_ARGUMENT`. `url` is that of the
    server or of its endpoint. The command reads the key from the environment variable `key_name`;
    the values of the headers in `header_names` are left to be filled in.
    """
    size = len(body.encode("utf-8", "surrogatepass"))
    if not url.startswith(("http://", "https://")) or size > LONGEST_ARGUMENT:
        return ""
    key = f"${key_name}" if re.fullmatch(r"[A-Za-z_]\w*", key_name, re.ASCII) else UNKNOWN
    headers = {"content-type": "'Content-Type: application/json'"}
    headers["authorization"] = f'"Authorization: Bearer {key}"'
    # A header that was given replaces the default of the same name.
    headers |= {name.lower(): shlex.quote(f"{name}: {UNKNOWN}") for name in header_names}
    return " \\\n  ".join(
        [
            f"curl {shlex.quote(masked_url(chat_url(url)))}",
            *(f"-H {header}" for header in headers.values()),
            f"--data-raw {shlex.quote(body)}",
        ]
    )


def _key_and_headers(state: RunState) -> tuple[str, list[str]]:
    """Return the variable that held the key of a live run, and the names of its extra headers."""
    live = state.details.get("live")
    settings = live if isinstance(live, dict) else {}
    key_name, names = settings.get("api_key_env"), settings.get(HEADER_NAMES)
    listed = names if isinstance(names, list) else []
    valid = [one for one in listed if isinstance(one, str) and re.fullmatch(_HEADER_NAME, one)]
    return key_name if isinstance(key_name, str) and key_name else KEY_NAME, valid
