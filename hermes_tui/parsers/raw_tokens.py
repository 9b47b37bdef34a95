"""The raw completion, joined from the tokens that a server returns with their logprobs.

    completion = token*
    token      = {"token": text, "bytes": [0…255] | null, …}    the bytes count if they are given
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
    """What the model wrote. `starts` are the positions in `text` at which the tokens begin."""

    text: str
    starts: array[int]
    are_ids: bool = False
    """The server returned token ids in place of texts, so what the model wrote is unknown."""


def join_tokens(tokens: Any) -> RawCompletion:
    """Return the text of `tokens` (`logprobs.content`); never raises.

    Bytes that are not UTF-8 become U+FFFD. An entry that is not a token counts as one without text.
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
    return RawCompletion("".join(pieces), starts, _are_token_ids(tokens))


def token_bytes(token: Any) -> bytes:
    """Return the bytes of one token; empty if `token` is not a token."""
    if not isinstance(token, dict):
        return b""
    given, text = token.get("bytes"), token.get("token")
    if isinstance(given, list):
        try:
            return bytes(given)
        except (TypeError, ValueError):
            pass  # not a list of bytes after all: use the text
    if not isinstance(text, str):
        return b""
    if text.startswith("bytes:") and (spelled := _BYTES_TOKEN.fullmatch(text)):
        return bytes.fromhex(spelled[1].replace("\\x", ""))
    return text.encode("utf-8", "surrogatepass")


def _are_token_ids(tokens: Sequence[Any] | Any) -> bool:
    if not isinstance(tokens, list) or not tokens:
        return False
    texts = [token.get("token") if isinstance(token, dict) else None for token in tokens[:50]]
    return all(isinstance(text, str) and _ID_TOKEN.fullmatch(text) for text in texts)
