"""Requests that clients make in addition to a conversation: to count tokens, list models or embed
texts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hermes_tui.formats import fields
from hermes_tui.formats.json_text.json_values import decode_if_json

_PATH = re.compile(
    r"/(?P<path>count_tokens|input_tokens|(?:de)?tokenize|embed(?:dings?)?|moderations|rerank"
    r"|models|health|ping|metrics|(?<=/api/)(?:tags|ps|show|version))/?$"
    r"|/(?P<listed>models)/[^/:]+/?$"
    r"|:(?P<method>countTokens|embedContent|batchEmbedContents)$"
)
_CALL_TYPE = re.compile(r"^a?(embedding|moderation|rerank|count_tokens|token_counter)$")
"""LiteLLM's names for such requests."""
_BODY_KEYS = ("body", "json", "content", "text")
_COUNTS = {
    "input_tokens": frozenset({"object", "context_management", "cache_creation_input_tokens"}),
    "totalTokens": frozenset({"promptTokensDetails", "cachedContentTokenCount", "totalBillable"}),
    "count": frozenset({"max_model_len", "tokens", "token_strs"}),
}
"""The only number in the reply to a count of tokens, and the other members that it may have."""
_LISTED_TYPES = {"embedding": "embeddings", "model": "models"}


def side_request_by_url(url: str) -> str:
    """Return the purpose of a side request to `url`, or "" if it belongs to a conversation."""
    found = _PATH.search(url.partition("?")[0].partition("#")[0])
    return found[found.lastgroup or 0] if found else ""


def side_request_by_reply(value: Mapping[str, Any], response: Any) -> str:
    """Return the same for a logged request without an address, whose reply holds no message."""
    if named := _CALL_TYPE.match(fields.label(value, "call_type")):
        return named[1]
    body = fields.as_dict(decode_if_json(response))
    inner = (fields.as_dict(decode_if_json(body.get(key))) for key in _BODY_KEYS)
    return next(filter(None, map(_kind_of, (body, *inner))), "")


def _kind_of(body: dict[str, Any]) -> str:
    for key, others in _COUNTS.items():
        if fields.number(body.get(key)) is not None and body.keys() <= {key, *others}:
            return "count_tokens"
    return _LISTED_TYPES.get(fields.label(fields.first_object(body.get("data")), "object"), "")
