"""Credentials never reach a screen or an export."""

from __future__ import annotations

import re
import tracemalloc
from typing import Any

import orjson
import pytest
from hypothesis import given, settings

from hermes_tui.formats.secrets import (
    SECRET_NAMES,
    TOO_DEEP,
    mask_json_text,
    mask_parameters,
    mask_secrets,
    masked_headers,
    masked_url,
    may_hold_secrets,
)
from tests.formats.foreign import any_json
from tests.timing import assert_linear, assert_takes_at_most

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
def test_a_credential_is_masked_by_its_name_in_any_case(name: str) -> None:
    assert SECRET not in str(masked_headers({name: SECRET}))
    assert SECRET not in str(mask_secrets({"request": {"headers": {name: [SECRET]}}}))
    assert SECRET not in str(mask_secrets({"headers": [{"name": name, "value": SECRET}]}))
    assert SECRET not in str(mask_secrets({"headers": [[name, SECRET]]}))


@pytest.mark.parametrize(
    "name",
    [
        "Helicone-Auth",
        "CF-Access-Client-Secret",
        "X-Session-Token",
        "x-portkey-api-key",
        "x-portkey-virtual-key",
        "PRIVATE-TOKEN",
        "X-Vault-Token",
        "x-goog-credentials",
    ],
)
def test_a_gateway_credential_is_masked_by_the_ending_of_its_name(name: str) -> None:
    pairs = {"headers": [{"name": name, "value": SECRET}, [name, SECRET]], name: SECRET}
    assert may_hold_secrets(orjson.dumps(pairs))
    assert SECRET not in str(masked_headers({name: SECRET}))
    assert SECRET not in str(mask_secrets(pairs))
    texts = {"headers": {name: SECRET}, "list": [{"name": name, "value": SECRET}]}
    assert SECRET not in mask_json_text(orjson.dumps(texts).decode())


@pytest.mark.parametrize(
    "name",
    ["x-ratelimit-remaining-tokens", "idempotency-key", "next_page_token", "eos-token", "x-key-id"],
)
def test_a_name_that_only_resembles_a_credential_is_not_masked(name: str) -> None:
    assert mask_secrets({name: SECRET}) == {name: SECRET}
    assert SECRET in mask_json_text(orjson.dumps({name: SECRET}).decode())


def test_the_scheme_and_all_other_headers_are_kept() -> None:
    headers = {"authorization": f"Bearer {SECRET}", "content-type": "application/json", "x-n": 3}
    masked = masked_headers(headers)
    assert masked == {"authorization": "Bearer ***", "content-type": "application/json", "x-n": 3}


def test_credential_like_values_under_headers_are_masked() -> None:
    masked = mask_secrets(
        {"extra_headers": {"x-custom": f"Bearer {SECRET}", "y": "sk-abcdef123456"}}
    )
    assert masked == {"extra_headers": {"x-custom": "Bearer ***", "y": "***"}}


def test_conversation_text_is_left_unchanged() -> None:
    value = {"messages": [{"role": "user", "content": f"Bearer {SECRET} sk-abcdef123456"}]}
    assert mask_secrets(value) == value


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://u:p@h/v1?key=abc&x=1", "https://***@h/v1?key=***&x=1"),
        ("http://h/v1?api-version=1&code=x&sig=y", "http://h/v1?api-version=1&code=***&sig=***"),
        ("http://h/?X-Amz-Signature=a&X-Amz-Date=b", "http://h/?X-Amz-Signature=***&X-Amz-Date=b"),
        ("http://h/?X-Amz-Credential=a", "http://h/?X-Amz-Credential=***"),
        ("http://h/?api_key=a&apiKey=b", "http://h/?api_key=***&apiKey=***"),
        ("http://h/?password=a&auth=b&secret=c", "http://h/?password=***&auth=***&secret=***"),
        ("http://u:p@ss@h/v1", "http://***@h/v1"),
        ("http://[::1/v1?token=a", "http://[::1/v1?token=***"),
        ("no way to s3://me:pw@b/x?token=a (403)", "no way to s3://***@b/x?token=*** (403)"),
    ],
)
def test_credentials_in_urls_are_masked(url: str, shown: str) -> None:
    assert masked_url(url) == shown


@pytest.mark.parametrize("name", ["design", "monkey", "signal", "tokens", "encode", "author"])
def test_a_parameter_name_that_merely_contains_a_secret_word_is_kept(name: str) -> None:
    assert masked_url(f"http://h/v1?{name}=a") == f"http://h/v1?{name}=a"


def test_parameters_are_masked_by_name_but_their_schemas_are_not() -> None:
    schema = {"type": "object", "properties": {"password": {"type": "string"}}}
    given = {"api_key": "EB33", "provider": {"access_token": ["a"]}, "response_format": schema}
    tools = [{"function": {"name": "login", "parameters": schema}}]
    assert mask_parameters({**given, "tools": tools, "max_tokens": 9, "prompt_cache_key": "k"}) == {
        "api_key": "***",
        "provider": {"access_token": ["***"]},
        "response_format": schema,
        "tools": tools,
        "max_tokens": 9,
        "prompt_cache_key": "k",
    }


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


@pytest.mark.parametrize("name", sorted(SECRET_NAMES))
def test_the_quick_check_overlooks_no_secret_name(name: str) -> None:
    for spelled in (name, name.upper(), f" {name.replace('-', '_')}"):
        assert may_hold_secrets(orjson.dumps({"a": [{spelled: SECRET}]}))


@given(any_json("extra_headers", "Cookie", "name", "value", "Bearer abcdef"))
@settings(max_examples=100, deadline=None)
def test_values_that_pass_the_quick_check_have_nothing_to_mask(value: Any) -> None:
    try:
        json = orjson.dumps(value)
    except TypeError:
        return
    if not may_hold_secrets(json):
        assert str(mask_secrets(value)) == str(value)


@pytest.mark.parametrize(
    "text",
    [
        '{"authorization": "Bearer s3cr3t',
        '{"api_key": "s3cr3t\\',
        '[{"name": "x-api-key", "value": "s3cr3t',
        '[{"key": "http.api_key", "value": {"stringValue": "s3cr3t',
        '{"cookies": [{"name": "a", "value": "s3cr3t"}, {"name": "b", "value": "s3cr3t',
        '{"url": "https://host/?api_key=s3cr3t',
    ],
)
def test_a_text_torn_inside_a_credential_shows_nothing_of_it(text: str) -> None:
    masked = mask_json_text(text)
    assert "s3cr3t" not in masked and "***" in masked
    assert masked.partition("***")[0] == text.partition("s3cr3t")[0]


def test_masking_a_torn_cookie_list_takes_linear_time_in_escaped_quotes() -> None:
    assert_linear(lambda count: lambda: mask_json_text('"cookies": [ "' + '\\"' * count), 12_000)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"url": "data:image/png;base64,', '"}'),
        ('{"api_key": "', '"}'),
        ('{"name": "x-api-key", "value": "', '"}'),
        ('{"value": "', '", "name": "key"}'),
        ('{"key": "api_key", "value": {"stringValue": "', '"}}'),
        ('{"cookies": [{"value": "', ""),
    ],
)
def test_masking_a_long_text_takes_a_small_multiple_of_its_size(before: str, after: str) -> None:
    text = before + "ab\\n" * 250_000 + after
    tracemalloc.start()
    mask_json_text(text)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * len(text)


def test_an_image_in_place_of_a_url_is_not_searched_for_passwords() -> None:
    text = '{"url": "data:image/png;base64,' + "aGVybWVz" * 500_000 + '"}'
    assert mask_json_text(text) == text
    assert_takes_at_most(
        2,
        lambda: mask_json_text(text),
        lambda: re.search("nothing", text, re.IGNORECASE),
        plus_s=0.002,
    )
    assert mask_json_text('{"url": "data:x,https://a:b@c"}') == '{"url": "data:x,https://***@c"}'
