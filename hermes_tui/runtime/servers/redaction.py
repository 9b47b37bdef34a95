"""Masking of a request's credentials in all texts about it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from urllib.parse import parse_qsl, unquote, urlsplit

from hermes_tui.formats.secrets import (
    MASK,
    is_secret_parameter,
    mask_json_text,
    masked_headers,
)
from hermes_tui.model.diagnostics import Diagnostic
from hermes_tui.runtime.servers.base import RequestFailure

MIN_SECRET = 4
"""Shorter keys (`x`, `no`) mean that there is no key; masking them would spoil every text."""
WORD_SECRET = 12
"""Shorter secrets are masked only as whole words."""


def credentials(url: str, api_key: str, headers: Mapping[str, str]) -> frozenset[str]:
    """Return the texts that authenticate a user at a server; one of them may be empty."""
    found = {api_key, *_secrets_of_url(url)}
    for name, masked in masked_headers(headers).items():
        if (value := headers[name]) != masked:
            found.update((value, value.partition(" ")[2]))
    return frozenset(found)


class Redactor:
    """Masks the secrets of one server in texts."""

    def __init__(self, url: str, api_key: str, headers: Mapping[str, str]) -> None:
        found = credentials(url, api_key, headers)
        forms = {form for secret in found for form in _written_forms(secret)}
        patterns = [_pattern(form) for form in sorted(forms, key=len, reverse=True)]
        self._secrets = re.compile("|".join(patterns)) if patterns else None

    def text(self, text: str) -> str:
        """Return `text` with every secret masked."""
        return self._secrets.sub(MASK, text) if self._secrets is not None and text else text

    def failure(self, failure: RequestFailure) -> RequestFailure:
        """Return `failure` with every secret in its texts masked."""
        return replace(
            failure,
            message=self.text(failure.message),
            body=mask_json_text(self.text(failure.body)),
            chain=tuple(self.text(line) for line in failure.chain),
            diagnostics=tuple(self._diagnostic(found) for found in failure.diagnostics),
        )

    def _diagnostic(self, found: Diagnostic) -> Diagnostic:
        return Diagnostic(
            found.code, found.severity, self.text(found.message), found.span, self.text(found.hint)
        )


def _secrets_of_url(url: str) -> Iterable[str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    user, at, _ = parts.netloc.rpartition("@")
    if at:
        pair = unquote(user)
        yield from (user, pair, base64.b64encode(pair.encode()).decode())
        # The user name alone is masked only if there is no password: then it may be a key.
        name, colon, password = user.partition(":")
        yield from (password, unquote(password)) if colon and password else (name, unquote(name))
    for item in parts.query.split("&"):
        name, _, value = item.partition("=")
        if is_secret_parameter(name):
            yield value
            yield from (decoded for _, decoded in parse_qsl(item))


def _written_forms(secret: str) -> Iterable[str]:
    """Yield the forms of `secret` in messages: verbatim, stripped, and with escapes."""
    for form in (secret, secret.strip()):
        for written in (form, repr(form)[1:-1], json.dumps(form)[1:-1]):
            if len(written) >= MIN_SECRET:
                yield written


def _pattern(form: str) -> str:
    escaped = re.escape(form)
    return escaped if len(form) >= WORD_SECRET else rf"(?<!\w){escaped}(?!\w)"
