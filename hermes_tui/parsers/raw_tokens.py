"""The raw completion, joined from the tokens that a server gives with their logprobs.

    completion = token*
    token      = {"token": text, "bytes": [0…255] | null, …}    the bytes count where they are given
               | {"token": "bytes:" ("\\x" HEX HEX)+, …}

A character whose bytes are spread over several tokens belongs to the one that completes it.
"""

from __future__ import annotations

import codecs
import re
from array import array
from collections.abc import Sequence
from typing import Any, NamedTuple

_BYTES_TOKEN = re.compile(r"bytes:((?:\\x[0-9a-fA-F]{2})++)")
_ID_TOKEN = re.compile(r"token_id:\d+")


class RawCompletion(NamedTuple):
    """What the model wrote. `starts` are the first characters of the tokens, one for each."""

    text: str
    starts: array[int]
    are_ids: bool = False
    """The server gives numbers for texts: what the model wrote is not known."""


def join_tokens(tokens: Any) -> RawCompletion:
    """Return the text that `tokens` (`logprobs.content`) are; never raises.

    Bytes that are no UTF-8 become U+FFFD, what is no token is one without text.
    """
    pieces: list[str] = []
    starts = array("Q")
    length = 0
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    for token in tokens if isinstance(tokens, list) else ():
        starts.append(length)
        piece = decode(token_bytes(token))
        length += len(piece)
        pieces.append(piece)
    pieces.append(decode(b"", True))
    return RawCompletion("".join(pieces), starts, _are_ids(tokens))


def token_bytes(token: Any) -> bytes:
    """Return the bytes of one token; none where it is no token."""
    if not isinstance(token, dict):
        return b""
    given, text = token.get("bytes"), token.get("token")
    if isinstance(given, list):
        try:
            return bytes(given)
        except (TypeError, ValueError):
            pass  # no bytes, whatever the server says: its text is left
    if not isinstance(text, str):
        return b""
    if text.startswith("bytes:") and (spelled := _BYTES_TOKEN.fullmatch(text)):
        return bytes.fromhex(spelled[1].replace("\\x", ""))
    return text.encode("utf-8", "surrogatepass")


def _are_ids(tokens: Sequence[Any] | Any) -> bool:
    if not isinstance(tokens, list) or not tokens:
        return False
    texts = [token.get("token") if isinstance(token, dict) else None for token in tokens[:50]]
    return all(isinstance(text, str) and _ID_TOKEN.fullmatch(text) for text in texts)
