"""What can be done about the errors with which servers refuse a request."""

from __future__ import annotations

import re

_PARSER_FLAG = "--tool-call-parser"
_NO_PARSER = (
    "start the server again with --enable-auto-tool-choice --tool-call-parser NAME:"
    " `hermes-tui parsers` lists the NAME for each family of models, for Hermes it is hermes"
)
"""The hint if vLLM reports that it was started without a parser, and so accepts no tools."""
_CONTEXT_EXCEEDED = re.compile(r"context (?:length|size|window)", re.IGNORECASE)
_TOO_LONG = (
    "shorten or take out a message, lower max_tokens, or start the server with a longer context"
    " (vLLM: --max-model-len, SGLang: --context-length, llama.cpp: -c)"
)
_BAD_HISTORY = "Failed to parse tool call arguments as JSON"
_UNREAD_HINT = (
    "llama.cpp's parser could not read what the model wrote: the server's log has the text"
    " (`hermes-tui open LOG`), and --tool-choice none lets it through unread"
)
_BAD_HISTORY_HINT = (
    "the arguments of an earlier call are not JSON, and llama.cpp refuses every request with them:"
    " edit the messages"
)
_NO_JINJA_HINT = "start llama-server again with --jinja: without it, it accepts no tools"
_LLAMA_CPP = (
    (re.compile(r"does not match the expected \S+ format|parse input at pos \d"), _UNREAD_HINT),
    (re.compile(_BAD_HISTORY), _BAD_HISTORY_HINT),
    (re.compile("requires --jinja"), _NO_JINJA_HINT),
)
"""Errors of llama.cpp's server, and the hint at each."""


def refusal_hint(message: str) -> str:
    """Return what can be done about a request that a server refused with `message`, or ""."""
    if _PARSER_FLAG in message:
        return _NO_PARSER
    if hint := llama_cpp_hint(message):
        return hint
    return _TOO_LONG if _CONTEXT_EXCEEDED.search(message) else ""


def llama_cpp_hint(message: str) -> str:
    """Return what can be done about an error that only llama.cpp's server reports, or ""."""
    return next((hint for error, hint in _LLAMA_CPP if error.search(message)), "")


def is_always_refused(message: str) -> bool:
    """Return whether the server says, by whatever status, that it refuses such a request."""
    return _BAD_HISTORY in message
