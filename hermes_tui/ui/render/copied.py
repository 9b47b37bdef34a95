"""What is taken of one row: a call by itself, the body of a request, a command that sends it."""

from __future__ import annotations

import json
import shlex

from hermes_tui.formats.secrets import mask_json_text, masked_url
from hermes_tui.model.messages import ArgumentsState, ToolCall
from hermes_tui.runtime.live_settings import KEY_NAME
from hermes_tui.runtime.servers.urls import chat_url

LONGEST_ARGUMENT = 120_000
"""Bytes: Linux lets no argument of a program be longer than 128 KiB."""


def call_json(call: ToolCall) -> str:
    """Return id, name and arguments of a call as JSON, secrets masked.

    Arguments that no JSON value stands for are the text that arrived.
    """
    is_text = call.arguments is None or call.arguments_state is ArgumentsState.NOT_JSON
    arguments = call.arguments_text if is_text else call.arguments
    told = {"id": call.id, "name": call.name, "arguments": arguments}
    text = json.dumps(told, ensure_ascii=False, indent=2, default=str)
    return mask_json_text(text)


def curl_command(url: str, body: str) -> str:
    """Return the command that sends a body to a server again; empty where none does.

    `url` is that of the server, or of its endpoint. The key is read from the environment.
    """
    size = len(body.encode("utf-8", "surrogatepass"))
    if not url.startswith(("http://", "https://")) or size > LONGEST_ARGUMENT:
        return ""
    return " \\\n  ".join(
        [
            f"curl {shlex.quote(masked_url(chat_url(url)))}",
            "-H 'Content-Type: application/json'",
            f'-H "Authorization: Bearer ${KEY_NAME}"',
            f"--data-raw {shlex.quote(body)}",
        ]
    )
