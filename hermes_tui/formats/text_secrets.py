"""Credentials in the messages of people, models and tools, for runs that are shared.

They are recognised by their looks (keys of well-known services, private keys, bearer tokens, users
and secret parameters of URLs), by the name of the JSON member that holds them, or as the value of a
variable with such a name. A mask is as long as the text it hides, so that all positions in a text
stay valid.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from hermes_tui.formats import secrets

_FILLER: Final = "*"
_UNIQUE_LENGTH: Final = 12
"""A value of this length, of letters and digits, does not occur by chance."""
_LOOKS: Final = re.compile(
    rf"{secrets.KEY_LOOKS.pattern}"
    r"|\b(?:github_pat_|glpat-|xox[abprs]-|npm_)[A-Za-z0-9_\-]{10,}"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|(?<![A-Za-z0-9_\-])eyJ[A-Za-z0-9_\-]{8,}+\.eyJ[A-Za-z0-9_\-]{8,}+\.[A-Za-z0-9_\-]*+"
    r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[A-Za-z0-9+/=\s\\]{1,20000}"
)
_NAME_ENDS: Final = (
    r"(?:api[-_]?key|access[-_]?key|secret[-_]?key|secret|password|passwd|client[-_]?secret"
    r"|(?:auth|access|refresh|session)[-_]?token)"
)
"""The last words in the names of members that hold credentials."""
_MEMBER: Final = re.compile(
    rf'(?<!\\)\\*+"(?:(?:[A-Za-z0-9]++[-_]){{0,8}}{_NAME_ENDS}|authorization|cookie)\\*+"'
    r'\s*+:\s*+\\*+"([^"\\]{4,})',
    re.IGNORECASE,
)
_VARIABLE: Final = re.compile(
    r"\b(?:[A-Z0-9]++_){0,8}(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD)="
    r"[\"']?([A-Za-z0-9_\-./+=~:@%!]{4,}+)(?![(\[])"
)
_BEARER: Final = re.compile(
    r"\bbearer\s++(?=[A-Za-z._~+/\-]*+[0-9])([A-Za-z0-9._~+/\-]{8,}+=*)", re.IGNORECASE
)
_IN_URL: Final = re.compile(rf"(?<=[?&;]){secrets.PARAMETER}=([^&#\s\"'<>]{{4,}}+)", re.IGNORECASE)
_WHOLE_PATTERNS: Final = (_LOOKS, secrets.URL_USER)
_VALUE_PATTERNS: Final = (_MEMBER, _VARIABLE, _BEARER, _IN_URL)


def secret_positions(text: str) -> Iterator[tuple[int, int]]:
    """Yield the positions of the credentials in `text`; they may overlap."""
    for pattern in _WHOLE_PATTERNS:
        for found in pattern.finditer(text):
            yield found.span()
    for pattern in _VALUE_PATTERNS:
        for found in pattern.finditer(text):
            yield found.span(1)


def is_distinctive_secret(secret: str) -> bool:
    """Return whether a credential is to be masked wherever else it occurs, too."""
    letters = any(map(str.isalpha, secret))
    return len(secret) >= _UNIQUE_LENGTH and letters and any(map(str.isdigit, secret))


def mask_text_secrets(text: str, known: Sequence[str]) -> str:
    """Return `text` with credentials, and all of `known`, replaced by as many stars."""
    places = [*secret_positions(text)]
    for secret in known:
        at = text.find(secret)
        while at >= 0:
            places.append((at, at + len(secret)))
            at = text.find(secret, at + len(secret))
    if not places:
        return text
    kept, end = [], 0
    for first, last in sorted(places):
        first = max(first, end)
        if last > first:
            kept += [text[end:first], _FILLER * (last - first)]
            end = last
    return "".join([*kept, text[end:]])
