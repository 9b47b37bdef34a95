"""Secrets that captured requests carry, masked wherever headers or settings are shown.

A value is a secret by the name it stands under (`authorization`, `x-api-key`, `cookie`, …) or, in
headers, by its looks (`Bearer …`, `sk-…`). The scheme stays, so that a person sees what was sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MASK = "***"
MAX_DEPTH = 200
TOO_DEEP = "(nested too deeply to check for secrets)"

_SECRET_NAMES = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "api-key",
        "apikey",
        "x-api-key",
        "x-auth-token",
        "x-goog-api-key",
        "x-litellm-api-key",
        "ocp-apim-subscription-key",
        "openai-api-key",
        "anthropic-api-key",
        "aws-secret-access-key",
        "aws-session-token",
        "x-amz-security-token",
        "access-token",
        "auth-token",
        "refresh-token",
        "client-secret",
        "cookie",
        "set-cookie",
        "cookies",
        "password",
    }
)
_HEADERS = re.compile(r"(?:^|[_-])headers?$")
_SCHEME = re.compile(r"(bearer|basic|token|digest)\s+(?=\S)", re.IGNORECASE)
_KEY_LOOKS = re.compile(
    r"\b(?:sk|pk|rk|gsk|hf|ghp|xai)[-_][A-Za-z0-9_\-]{8,}|\bAIza[A-Za-z0-9_\-]{20,}"
)
_BEARER_LOOKS = re.compile(r"\b(bearer)\s+[A-Za-z0-9._~+/\-]{4,}=*", re.IGNORECASE)
_URL_SECRET = re.compile(
    r"([?&](?:key|api[-_]?key|token|access[-_]token|sig|signature)=)[^&#\s]+", re.IGNORECASE
)
_URL_USER = re.compile(r"(?<=://)[^/@\s]+(?=@)")


def masked_headers(headers: Mapping[str, Any]) -> dict[str, Any]:
    """Return `headers` with the values of credentials masked."""
    return {
        str(name): _masked(value) if _is_secret(name) else _mask(value, True, 1)
        for name, value in headers.items()
    }


def mask_secrets(value: Any) -> Any:
    """Return a JSON value with every credential in it masked, at any depth.

    Names decide everywhere, looks only below headers, so that conversation text stays as it is.
    """
    return _mask(value, False, 0)


def mask_top(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return `value` with the credentials among its own members masked, deeper ones as they are."""
    return {key: _masked(item) if _is_secret(key) else item for key, item in value.items()}


def masked_url(url: str) -> str:
    """Return `url` without the keys in its query and without its user part."""
    return _URL_USER.sub(MASK, _URL_SECRET.sub(rf"\1{MASK}", url))


def _mask(value: Any, in_headers: bool, depth: int) -> Any:
    if depth > MAX_DEPTH:
        return TOO_DEEP
    if isinstance(value, Mapping):
        if _is_named_pair(value):
            return {**value, "value": _masked(value["value"])}
        return {key: _mask_member(key, item, in_headers, depth) for key, item in value.items()}
    if isinstance(value, list):
        if len(value) == 2 and isinstance(value[0], str) and in_headers and _is_secret(value[0]):
            return [value[0], _masked(value[1])]
        return [_mask(item, in_headers, depth + 1) for item in value]
    if in_headers and isinstance(value, str):
        return _KEY_LOOKS.sub(MASK, _BEARER_LOOKS.sub(rf"\1 {MASK}", value))
    return value


def _mask_member(key: Any, item: Any, in_headers: bool, depth: int) -> Any:
    if _is_secret(key):
        return _masked(item)
    return _mask(item, in_headers or _is_header_key(key), depth + 1)


def _is_named_pair(value: Mapping[Any, Any]) -> bool:
    """Say whether `value` is a header written as `{"name": …, "value": …}`."""
    return "value" in value and _is_secret(value.get("name"))


def _is_secret(name: Any) -> bool:
    return isinstance(name, str) and name.strip().lower().replace("_", "-") in _SECRET_NAMES


def _is_header_key(name: Any) -> bool:
    return isinstance(name, str) and _HEADERS.search(name.lower()) is not None


def _masked(value: Any) -> Any:
    """Mask a credential; what is empty stays empty."""
    if value is None or value == "" or isinstance(value, bool):
        return value
    if isinstance(value, list):
        return [_masked(item) for item in value]
    if isinstance(value, str):
        scheme = _SCHEME.match(value)
        return f"{scheme.group(1)} {MASK}" if scheme else MASK
    return MASK


_NAMES = "|".join(re.escape(name).replace(r"\-", "[-_]") for name in sorted(_SECRET_NAMES))
_JSON_MEMBER = re.compile(rf'("(?:{_NAMES})"\s*:\s*")((?:[^"\\]|\\.)+)(?=")', re.IGNORECASE)


def mask_json_text(text: str) -> str:
    """Return JSON text, whole or torn, with the string values of credentials masked.

    Everything else stays to the letter, which decoding and encoding would not keep.
    """
    return _JSON_MEMBER.sub(lambda found: found.group(1) + str(_masked(found.group(2))), text)
