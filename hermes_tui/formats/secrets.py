"""Secrets in captured requests, masked wherever headers or settings are shown.

A value is a secret by its name (`authorization`, `x-api-key`, `cookie`, …) or, in headers, by its
looks (`Bearer …`, `sk-…`). The scheme is kept, so that a person sees which one was sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

MASK = "***"
MAX_DEPTH = 200
TOO_DEEP = "(nested too deeply to check for secrets)"

SECRET_NAMES = frozenset(
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
_OTHER_HEADER = (
    r"(?:[a-z0-9]{1,30}-){1,6}(?:auth|secret|credentials?|(?:api|access|virtual|subscription)-?key"
    r"|(?:auth|access|session|security|private|api)-?token)|x-(?:[a-z0-9]{1,30}-){0,6}token"
    r"|private-token"
)
"""Names of further headers with credentials, as gateways and proxies use them (`Helicone-Auth`,
`CF-Access-Client-Secret`). Written with hyphens, unlike the fields of a conversation."""
_IS_OTHER_HEADER = re.compile(_OTHER_HEADER, re.IGNORECASE)
NAME_WORDS = ("key", "token", "auth", "secret", "cookie", "password", "credential", "header")
"""Every name of a secret, and of an object that holds headers, contains one of these."""
_HEADERS = re.compile(r"(?:^|[_-])headers?$")
_SCHEME = re.compile(r"(bearer|basic|token|digest)\s+(?=\S)", re.IGNORECASE)
KEY_LOOKS = re.compile(
    r"\b(?:sk|pk|rk|gsk|hf|ghp|xai)[-_][A-Za-z0-9_\-]{8,}|\bAIza[A-Za-z0-9_\-]{20,}"
)
_BEARER_LOOKS = re.compile(r"\b(bearer)\s+[A-Za-z0-9._~+/\-]{4,}=*", re.IGNORECASE)
PARAMETER = (
    r"(?:[^=&#?;\s]*[-_.])?(?:key|(?:api|access)key|(?:access|auth)?token|secret|sig|signature"
    r"|password|passwd|pass|credentials?|auth|authorization|code)"
)
"""A whole parameter name, or the last word of one: `X-Amz-Signature`, but not `design`."""
_URL_SECRET = re.compile(rf"(?<=[?&;])({PARAMETER}=)[^&#\s\"'<>]+", re.IGNORECASE)
URL_USER = re.compile(r"(?<=://)[^/?#\s\"'<>]+(?=@)")
_SECRET_PARAMETER = re.compile(PARAMETER, re.IGNORECASE)


def masked_headers(headers: Mapping[str, Any]) -> dict[str, Any]:
    """Return `headers` with the values of credentials masked."""
    return {
        str(name): _masked(value) if _is_secret(name) else _mask(value, True, 1)
        for name, value in headers.items()
    }


def mask_secrets(value: Any) -> Any:
    """Return a JSON value with every credential in it masked, at any depth.

    Names decide everywhere, looks only inside headers, so that conversation text is unchanged.
    """
    return _mask(value, False, 0)


def may_hold_secrets(json: bytes) -> bool:
    """Return whether a value may hold a secret, by a cheap test of its JSON."""
    text = json.decode("utf-8", "replace").lower()
    return any(word in text for word in NAME_WORDS)


def mask_top(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return `value` with the credentials among its own members masked, and deeper ones
    unchanged."""
    return {key: _masked(item) if _is_secret(key) else item for key, item in value.items()}


Path = tuple[str | int, ...]
"""The keys and indexes that lead to a value."""


def mask_parameters(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request's parameters with credentials masked; tools and schemas are unchanged."""
    return change_credentials(parameters, lambda path, text: str(_masked(text)))


def change_credentials(
    parameters: Mapping[str, Any], change: Callable[[Path, str], str]
) -> dict[str, Any]:
    """Return a request's parameters with `change` made to every credential in them."""

    def changed(item: Any, path: Path, name: Any) -> Any:
        if len(path) > MAX_DEPTH:
            return TOO_DEEP
        if isinstance(item, Mapping):
            return {key: changed(member, (*path, key), key) for key, member in item.items()}
        if isinstance(item, list):
            return [changed(member, (*path, at), name) for at, member in enumerate(item)]
        # An object is not a credential: a schema may have a field of such a name.
        return change(path, item) if item and isinstance(item, str) and _is_secret(name) else item

    return {
        name: item if name == "tools" else changed(item, (name,), name)
        for name, item in parameters.items()
    }


def is_masked(text: str) -> bool:
    """Return whether a text is a masked credential."""
    return text == MASK or text.endswith(f" {MASK}")


def masked_url(text: str) -> str:
    """Return a URL, or a text with URLs in it, without users, passwords, keys and signatures."""
    return URL_USER.sub(MASK, _URL_SECRET.sub(rf"\1{MASK}", text))


def is_secret_parameter(name: str) -> bool:
    """Return whether a URL's query parameter called `name` is a credential."""
    return _SECRET_PARAMETER.fullmatch(name) is not None


def _mask(value: Any, in_headers: bool, depth: int) -> Any:
    if depth > MAX_DEPTH:
        return TOO_DEEP
    if isinstance(value, str):
        return KEY_LOOKS.sub(MASK, _BEARER_LOOKS.sub(rf"\1 {MASK}", value)) if in_headers else value
    if isinstance(value, Mapping):
        if _is_named_pair(value):
            return {**value, "value": _masked(value["value"])}
        return {key: _mask_member(key, item, in_headers, depth) for key, item in value.items()}
    if isinstance(value, list):
        if len(value) == 2 and isinstance(value[0], str) and in_headers and _is_secret(value[0]):
            return [value[0], _masked(value[1])]
        return [_mask(item, in_headers, depth + 1) for item in value]
    return value


def _mask_member(key: Any, item: Any, in_headers: bool, depth: int) -> Any:
    if _is_secret(key):
        return _masked(item)
    return _mask(item, in_headers or _is_header_key(key), depth + 1)


def _is_named_pair(value: Mapping[Any, Any]) -> bool:
    """Return whether `value` is a header written as `{"name": …, "value": …}`."""
    return "value" in value and _is_secret(value.get("name"))


def _is_secret(name: Any) -> bool:
    if not isinstance(name, str):
        return False
    plain = name.strip()
    if plain.lower().replace("_", "-") in SECRET_NAMES:
        return True
    return "-" in plain and _IS_OTHER_HEADER.fullmatch(plain) is not None


def _is_header_key(name: Any) -> bool:
    return isinstance(name, str) and _HEADERS.search(name.lower()) is not None


def _masked(value: Any) -> Any:
    """Mask a credential; an empty one stays empty."""
    if value is None or value == "" or isinstance(value, bool):
        return value
    if isinstance(value, list):
        return [_masked(item) for item in value]
    if isinstance(value, str):
        scheme = _SCHEME.match(value)
        return f"{scheme.group(1)} {MASK}" if scheme else MASK
    return MASK


_NAMES = "|".join(
    (*(re.escape(name).replace(r"\-", "[-_]") for name in sorted(SECRET_NAMES)), _OTHER_HEADER)
)
_TEXT = r'(?:[^"\\]++|\\.)'
"""Repeated possessively, since each repetition that could be given back takes a hundred bytes."""
_END = r'(?:"|\\?\Z)'
"""The end of a string: a quote, or the end of the text if it was cut off inside the string."""
_JSON_MEMBER = re.compile(rf'("(?:{_NAMES})"\s*:\s*")({_TEXT}++)(?={_END})', re.IGNORECASE)
_NAMED_PAIR = re.compile(
    rf'("name"\s*:\s*"(?:{_NAMES}|key|token)"\s*,\s*"value"\s*:\s*")({_TEXT}++)(?={_END})',
    re.IGNORECASE,
)
_PAIR_BACKWARDS = re.compile(
    rf'("value"\s*:\s*")({_TEXT}++)(?="\s*,\s*"name"\s*:\s*"(?:{_NAMES}|key|token)")', re.IGNORECASE
)
_KEYED_PAIR = re.compile(
    rf'("key"\s*:\s*"[^"]*(?:{_NAMES})"\s*,\s*"value"\s*:\s*\{{\s*"stringValue"\s*:\s*")'
    rf"({_TEXT}++)(?={_END})",
    re.IGNORECASE,
)
_URL_MEMBER = re.compile(rf'("url"\s*:\s*")(?!data:[\w/+.-]{{1,80}};base64,)({_TEXT}++)(?={_END})')
"""An address other than a data URL, which may be long and holds no secret."""
_COOKIES = re.compile(
    rf'(?P<open>"cookies"\s*:\s*\[)|(?P<head>"value"\s*:\s*")(?P<value>{_TEXT}++)(?P<end>{_END})'
    rf'|"{_TEXT}*+{_END}|(?P<close>\])'
)


def mask_json_text(text: str) -> str:
    """Return JSON text, whole or torn, with the string values of credentials masked.

    Everything else is kept verbatim, which decoding and encoding would not do.
    """
    text = _JSON_MEMBER.sub(_hidden, text)
    if '"value"' in text:
        text = _PAIR_BACKWARDS.sub(_hidden, _NAMED_PAIR.sub(_hidden, text))
    if '"stringValue"' in text:
        text = _KEYED_PAIR.sub(_hidden, text)
    if '"cookies"' in text:
        text = _without_cookies(text)
    return _URL_MEMBER.sub(lambda found: found[1] + masked_url(found[2]), text)


def _without_cookies(text: str) -> str:
    """Mask every cookie in the lists of cookies in HTTP archives."""
    inside = False

    def masked(found: re.Match[str]) -> str:
        nonlocal inside
        inside = (inside or found["open"] is not None) and found["close"] is None
        hides = inside and found["head"] is not None
        return f"{found['head']}{MASK}{found['end']}" if hides else found[0]

    return _COOKIES.sub(masked, text)


def _hidden(found: re.Match[str]) -> str:
    return found[1] + str(_masked(found[2]))
