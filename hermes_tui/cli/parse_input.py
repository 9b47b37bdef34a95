"""What `hermes-tui parse` reads: a model's text, alone or in a server's reply, and the tools."""

from __future__ import annotations

import codecs
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from hermes_tui.cli.stderr import print_notice
from hermes_tui.model.errors import SourceError, UsageError
from hermes_tui.model.wording import command_line, counted

if TYPE_CHECKING:
    from hermes_tui.model.messages import ToolSpec


def _read_data(path: str) -> bytes:
    from hermes_tui.runtime.named_files import read_bounded, read_file_or_pipe
    from hermes_tui.runtime.remote import local_path

    if path != "-":
        return read_file_or_pipe(local_path(path))
    with open_input(path) as stream:
        try:
            return read_bounded(stream, path)
        except OSError as error:
            raise SourceError.of(path, error) from error


@contextmanager
def open_input(path: str) -> Iterator[BinaryIO]:
    if path == "-":
        if sys.stdin.isatty():
            print_notice("reading standard input: paste a text, and end it with Ctrl-D")
        yield sys.stdin.buffer
        return
    from hermes_tui.runtime.remote import local_path

    try:
        stream = local_path(path).open("rb")
    except OSError as error:
        raise SourceError.of(path, error) from error
    with stream:
        yield stream


def read_text(path: str) -> str:
    """Return the exact text; a byte that is not UTF-8 becomes a lone surrogate.

    Data that begins with the byte order mark of UTF-16, as PowerShell's `>` writes it, is decoded
    as that.
    """
    data = _read_data(path)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and b"\0" in data:
        print_notice(f"{'the input' if path == '-' else path} is UTF-16 and is read as such")
        return data.decode("utf-16", "replace").replace("\r\n", "\n")
    text = data.decode("utf-8", "surrogateescape")
    if b"\0" in data and not _is_valid_unicode(text):
        raise UsageError(f"{path} is not text", "pass the text of a model's reply")
    return text


def _is_valid_unicode(text: str) -> bool:
    """Return whether a text has no lone surrogate that stands for a byte."""
    return not any("\udc80" <= char <= "\udcff" for char in text)


def _warn_of_transcript(text: str, path: str) -> None:
    """Warn if a file that is read as a reply looks like a saved run."""
    if path == "-" or text.lstrip()[:1] not in ("{", "["):
        return
    from hermes_tui.runtime.opener import open_file
    from hermes_tui.runtime.remote import local_path

    try:
        file = open_file(local_path(path))
    except SourceError:
        return
    file.close()
    print_notice(
        f"{path} looks like a transcript ({file.reader.name}), but is read as one reply; to read "
        f"its messages, run {command_line('open', path)} and press P on one"
    )


def reply_text(text: str, path: str) -> str:
    """Return the model's text if `text` is a server's reply that contains it, else `text`."""
    from hermes_tui.formats.replies import bare_reply

    reply = bare_reply(text)
    if reply is None:
        _warn_of_transcript(text, path)
        return text
    name, file = ("the input", "FILE") if path == "-" else (path, path)
    is_stream = not text.lstrip().startswith("{")
    hint = "" if is_stream else f"`hermes-tui open {file}` shows all of it"
    messages = [message for _, message in reply.messages]
    texts = [content for content in (message.get("content") for message in messages) if content]
    if any(message.get("tool_calls") for message in messages):
        raise UsageError(f"{name} is a server's reply whose calls were already read", hint)
    if len(texts) != 1 or not isinstance(texts[0], str):
        raise UsageError(f"{name} is a server's reply with {counted(len(texts), 'text')}", hint)
    print_notice(
        f"{name} is a server's reply: the text in it is read{f' ({hint})' if hint else ''}"
    )
    return texts[0]


def read_tools(path: str) -> tuple[ToolSpec, ...]:
    if path == "-":
        raise UsageError("--tools takes a file", "standard input is the text")
    from hermes_tui.formats.declared_tools import tool_specs

    try:
        value = json.loads(_read_data(path))
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{path}: not JSON: {error}", "expected: a list of tool schemas"
        ) from error
    tools = tool_specs(value.get("tools") if isinstance(value, dict) else value)
    if tools is None or (value and not tools):
        raise UsageError(
            f"{path}: no tools in it",
            'expected: a list of schemas, as {"type": "function", …} or bare',
        )
    return tools
