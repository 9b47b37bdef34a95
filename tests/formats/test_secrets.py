"""Credentials never reach a screen or an export."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from hermes_tui.formats.secrets import TOO_DEEP, mask_secrets, masked_headers, masked_url
from tests.formats.hermes_support import any_json

SECRET = "s3cr3t-value-1234"


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "X-API-Key",
        "api-key",
        "api_key",
        "Cookie",
        "SET-COOKIE",
        "Proxy-Authorization",
    ],
)
def test_a_credential_is_masked_by_its_name_whatever_its_case(name: str) -> None:
    assert SECRET not in str(masked_headers({name: SECRET}))
    assert SECRET not in str(mask_secrets({"request": {"headers": {name: [SECRET]}}}))
    assert SECRET not in str(mask_secrets({"headers": [{"name": name, "value": SECRET}]}))
    assert SECRET not in str(mask_secrets({"headers": [[name, SECRET]]}))


def test_the_scheme_and_all_other_headers_stay() -> None:
    headers = {"authorization": f"Bearer {SECRET}", "content-type": "application/json", "x-n": 3}
    masked = masked_headers(headers)
    assert masked == {"authorization": "Bearer ***", "content-type": "application/json", "x-n": 3}


def test_below_headers_a_credential_is_masked_by_its_looks() -> None:
    masked = mask_secrets(
        {"extra_headers": {"x-custom": f"Bearer {SECRET}", "y": "sk-abcdef123456"}}
    )
    assert masked == {"extra_headers": {"x-custom": "Bearer ***", "y": "***"}}


def test_conversation_text_stays_as_it_is() -> None:
    value = {"messages": [{"role": "user", "content": f"Bearer {SECRET} sk-abcdef123456"}]}
    assert mask_secrets(value) == value


def test_keys_in_addresses_are_masked() -> None:
    assert masked_url("https://u:p@h/v1?key=abc&x=1") == "https://***@h/v1?key=***&x=1"


def test_a_value_too_deep_to_check_is_not_shown() -> None:
    value: Any = SECRET
    for _ in range(5000):
        value = [value]
    masked = str(mask_secrets(value))
    assert TOO_DEEP in masked and SECRET not in masked


@given(any_json("headers", "authorization", "name", "value"))
@settings(max_examples=100, deadline=None)
def test_masking_again_changes_nothing(value: Any) -> None:
    once = mask_secrets(value)
    assert str(mask_secrets(once)) == str(once)
