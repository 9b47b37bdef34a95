"""Credentials are left out of a recording and restored when the run is resumed."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest

from hermes_tui.log.codec import PACKED, PACKED_FROM, decode
from hermes_tui.model.errors import UsageError
from hermes_tui.model.events import (
    Event,
    MessageAppended,
    ParametersChanged,
    RequestFailed,
    RequestSent,
    ResponseReceived,
    RunStarted,
    ToolReturned,
    copy_event,
)
from hermes_tui.model.messages import Message, ToolResult
from hermes_tui.parsers.plain_values import decode as value_of
from hermes_tui.parsers.plain_values import json_text
from hermes_tui.runtime.masking import Masking, restore_credentials

PARAMETERS = {"model": "m", "api_key": "EB33", "provider": {"token": 1, "client_secret": "s"}}
TEXT = json_text(PARAMETERS)
EVENTS: tuple[Event, ...] = (
    RunStarted(seq=0, details={"parameters": PARAMETERS, "url": "u"}),
    RequestSent(seq=1, parameters=TEXT),
    ParametersChanged(seq=2, before=TEXT, after=TEXT),
)


def written(event: Event) -> Event:
    return decode(Masking().line(event))


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_credentials_in_parameters_are_not_written(event: Event) -> None:
    line = Masking().line(event)
    assert b"EB33" not in line
    assert b'"model' in line or b'model\\"' in line


def test_an_event_without_credentials_is_written_verbatim() -> None:
    event = RequestSent(seq=0, parameters='{ "model" :"m"}')
    assert written(event) == event


@pytest.mark.parametrize("secret", ["sk-0123456789", 'pass"word\\1', "geheimnüs"])
def test_a_secret_is_masked_in_json_and_in_nested_json_texts(secret: str) -> None:
    raw = json_text({"content": secret})
    message = MessageAppended(seq=0, message=Message("user", secret), raw=raw)
    found = decode(Masking([secret]).line(message))
    assert isinstance(found, MessageAppended)
    assert found.message.text == "[masked]"
    assert value_of(found.raw) == {"content": "[masked]"}


@pytest.mark.parametrize("secret", ["17953057", "parameters", "messages"])
def test_a_secret_equal_to_a_number_or_a_field_name_breaks_no_line(secret: str) -> None:
    event = RequestSent(seq=0, ts=1795305779.5, url=f"http://h/{secret}", messages=17953057)
    assert decode(Masking([secret]).line(event)) == copy_event(event, url="http://h/[masked]")


def test_a_secret_in_ascii_escapes_or_in_a_key_is_masked() -> None:
    result = ToolResult(json.dumps({"geheimnüs": 1}), raw={"sk-0123456789": 1})
    line = Masking(["geheimnüs", "sk-0123456789"]).line(ToolReturned(seq=0, result=result))
    found = decode(line)
    assert isinstance(found, ToolReturned)
    assert (found.result.content, found.result.raw) == ('{"[masked]": 1}', {"[masked]": 1})


def test_a_secret_in_a_deeply_nested_value_is_masked() -> None:
    deep: Any = "sk-0123456789"
    for _ in range(900):
        deep = [deep]
    line = Masking(["sk-0123456789"]).line(ToolReturned(seq=0, result=ToolResult("", raw=deep)))
    assert b"sk-0123456789" not in line and b"[masked]" in line


@pytest.mark.parametrize("kind", [ResponseReceived, RequestFailed])
def test_a_secret_in_a_long_stream_is_masked_before_it_is_packed(kind: type[Any]) -> None:
    name = PACKED[kind]
    pieces = [
        json_text({"choices": [{"delta": {"content": text}}]}) for text in ("sk-01", "23456789")
    ]
    stream = "".join(f"data: {text}\n\n" for text in pieces) + ": sk-0123456789\n\n"
    text = stream + "data: {}\n\n" * (PACKED_FROM // 10)
    line = Masking(["sk-0123456789"]).line(kind(seq=0, **{name: text}))
    assert line.startswith(b'{"schema":2,')
    kept = getattr(decode(line), name)
    assert kept.endswith(text[len(stream) :])
    assert "sk-01" not in kept and "23456789" not in kept and kept.count("[masked]") == 2


def test_masking_a_stream_takes_memory_of_a_few_times_its_size() -> None:
    text = "".join(f'data: {{"n": "{n}", "delta": "x"}}\n\n' for n in range(200_000))
    masking = Masking(["sk-0123456789"])
    tracemalloc.start()
    masking.line(ResponseReceived(seq=0, raw=text))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 6 * len(text)


def test_masked_credentials_are_restored_from_those_given_again() -> None:
    masked = [written(event) for event in EVENTS]
    again = {"api_key": "EB33", "provider": {"client_secret": "s"}}
    assert restore_credentials(masked, again) == EVENTS


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, "api_key of the request is not recorded"),
        ({"api_key": "EB33"}, "provider.client_secret of the request is not recorded"),
        (
            {"api_key": "EB33", "provider": {"client_secret": "s"}, "seed": 1},
            "with --resume the recording sets --extra-body: seed",
        ),
    ],
)
def test_missing_credentials_and_recorded_parameters_are_named(
    given: dict[str, Any], reason: str
) -> None:
    with pytest.raises(UsageError, match=reason):
        restore_credentials([written(event) for event in EVENTS], given)
