"""A secret that a server repeats in pieces is not in the recording."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.debugger.inputs import Start, Terminate
from hermes_tui.formats.streams.chunks import ChunkJoiner
from hermes_tui.log.codec import decode
from hermes_tui.model.events import RequestFailed, ResponseReceived
from hermes_tui.runtime.driver import Driver
from hermes_tui.runtime.secret_pieces import without_secrets
from hermes_tui.runtime.servers.chat_server import ChatServer
from hermes_tui.runtime.writer import Recording
from tests.runtime.scripted import FunctionTools
from tests.servers.asking import KEY, both, open_server
from tests.servers.local_server import HOLD, Answer, LocalServer, chunk, streamed
from tests.timing import Work, assert_linear

SPLITS = range(1, len(KEY))


def call_delta(arguments: str, **more: Any) -> dict[str, Any]:
    return {"tool_calls": [{"index": 0, **more, "function": {"name": "f", "arguments": arguments}}]}


def stream_with_split_key(at: int) -> Answer:
    """Return a stream with the key in two pieces, as reasoning, content and arguments."""
    first, last = f"<{KEY[:at]}", f"{KEY[at:]}>"
    arguments = [json.dumps({"key": first})[:-2], f'{last}"}}']
    return streamed(
        *(chunk(reasoning_content=text) for text in (first, last)),
        *(chunk(content=text) for text in (first, last)),
        chunk(**call_delta(arguments[0], id="c1", type="function")),
        chunk(**call_delta(arguments[1])),
        chunk("tool_calls"),
    )


async def recording_of(adapter: type[ChatServer], answer: Answer, path: Path) -> str:
    """Return the text of the recording of a run that receives `answer`."""
    tools = FunctionTools(f=lambda arguments: "done")
    with LocalServer(answer) as local:
        async with (
            open_server(adapter, local.url) as server,
            Driver(server, tools, recording=Recording(path, secrets=[KEY])) as driver,
        ):
            messages = ({"role": "user", "content": "say it"},)
            driver.put(Start(messages, parameters={"model": "m", "stream": True}, max_turns=1))
            if HOLD in answer.parts:
                while not local.holding.is_set() or not driver.partial.pieces:
                    await asyncio.sleep(0.01)
                driver.put(Terminate())
            await driver.at_rest()
    return path.read_text()


def raw_reply(recording: str) -> str:
    events = map(decode, recording.encode().splitlines())
    return next(event.raw for event in events if isinstance(event, ResponseReceived))


def joined_message(raw: str) -> dict[str, Any]:
    """Return the message joined from the pieces of a stream."""
    joiner = ChunkJoiner()
    for line in raw.splitlines():
        if line.startswith("data: {"):
            joiner.add(json.loads(line.removeprefix("data: ")))
    return dict(joiner.completion()["choices"][0]["message"])


@both
async def test_a_key_in_two_pieces_is_masked_wherever_it_is_split(
    adapter: type[ChatServer], tmp_path: Path
) -> None:
    for at in SPLITS:
        recording = await recording_of(adapter, stream_with_split_key(at), tmp_path / f"{at}.jsonl")
        message = joined_message(raw_reply(recording))
        assert message["reasoning_content"] == message["content"] == "<[masked]>"
        assert message["tool_calls"][0]["function"]["arguments"] == '{"key": "<[masked]>"}'
        # Neither piece is left, unless it is too short to be recognised.
        for piece in (KEY[:at], KEY[at:]):
            assert len(piece) < 4 or piece not in recording


@both
async def test_a_key_that_arrives_character_by_character_is_masked(
    adapter: type[ChatServer], tmp_path: Path
) -> None:
    answer = streamed(*(chunk(content=one) for one in f"<{KEY}>"), chunk("stop"))
    raw = raw_reply(await recording_of(adapter, answer, tmp_path / "run.jsonl"))
    assert joined_message(raw)["content"] == "<[masked]>"


@both
async def test_a_key_in_pieces_of_a_cancelled_reply_is_masked(
    adapter: type[ChatServer], tmp_path: Path
) -> None:
    pieces = [chunk(content=f"<{KEY[:7]}"), chunk(content=f"{KEY[7:]}>")]
    answer = Answer([b"".join(pieces), HOLD], headers={"Content-Type": "text/event-stream"})
    recording = await recording_of(adapter, answer, tmp_path / "run.jsonl")
    events = map(decode, recording.encode().splitlines())
    body = next(event.body for event in events if isinstance(event, RequestFailed))
    assert joined_message(body)["content"] == "<[masked]>"
    assert KEY[7:] not in recording


@both
async def test_a_key_whose_last_piece_is_in_a_torn_event_is_masked(
    adapter: type[ChatServer], tmp_path: Path
) -> None:
    torn = chunk(content=KEY[9:]).partition(b'"}')[0]
    stream = [chunk(content=f"<{KEY[:9]}"), torn]
    answer = Answer(stream, headers={"Content-Type": "text/event-stream"})
    recording = await recording_of(adapter, answer, tmp_path / "run.jsonl")
    assert "<[masked]" in raw_reply(recording)
    assert KEY[9:] not in raw_reply(recording)


def masked(text: str) -> str:
    return without_secrets(text, [KEY])


def events_of(*choices: dict[str, Any]) -> str:
    return "".join(f"data: {json.dumps({'choices': [choice]})}\n\n" for choice in choices)


@pytest.mark.parametrize("begins_with_index", [True, False])
def test_pieces_of_interleaved_choices_belong_to_their_choice(begins_with_index: bool) -> None:
    def piece(index: int, text: str) -> dict[str, Any]:
        number, delta = {"index": index}, {"delta": {"content": text}}
        return {**number, **delta} if begins_with_index else {**delta, **number}

    result = masked(events_of(piece(0, KEY[:9]), piece(1, "well"), piece(0, KEY[9:])))
    assert result == events_of(piece(0, "[masked]"), piece(1, "well"), piece(0, ""))


def token(text: str) -> dict[str, Any]:
    again = {"token": text, "logprob": -0.5, "bytes": list(text.encode())}
    return {**again, "top_logprobs": [again, {**again, "token": "other"}]}


def test_tokens_are_masked_with_their_bytes_and_alternatives() -> None:
    reply = {"logprobs": {"content": [token(text) for text in ("a", KEY[:9], KEY[9:], "b")]}}
    first, *hidden, last = json.loads(masked(json.dumps(reply)))["logprobs"]["content"]
    assert (first, last) == (token("a"), token("b"))
    assert [one["token"] for one in hidden] == ["[masked]", ""]
    assert all(one["bytes"] == one["top_logprobs"] == [] for one in hidden)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"data: {KEY[:9]}\ndata: {KEY[9:]}\n", "data: [masked]\ndata: \n"),
        (f": {KEY[:9]}\n: {KEY[9:]}\n", ": [masked]\n: \n"),
        (f'data:"{KEY[:9]}"\ndata:"{KEY[9:]}"\n', 'data:"[masked]"\ndata:""\n'),
        (f'[{{"text": "{KEY[:9]}"}},\n {{"text": "{KEY[9:]}é\\u00e9"}}]', None),
        (f'{{"a": "{KEY[:9]}", "b": "{KEY[9:]}"}}', ""),
        (f'{{"a": [{{"c": "{KEY[:9]}"}}, "x"], "b": "{KEY[9:]}"}}', ""),
    ],
)
def test_pieces_belong_together_by_their_path_of_keys(text: str, expected: str | None) -> None:
    if expected is None:
        assert json.loads(masked(text)) == [{"text": "[masked]"}, {"text": "éé"}]
    else:
        assert masked(text) == (expected or text)


def test_a_key_with_escapes_is_masked_and_the_rest_is_kept_verbatim() -> None:
    escaped = "".join(f"\\u{ord(one):04x}" for one in KEY[:5]) + KEY[5:9]
    text = f'{{ "a" :["\\/{escaped}" ,1.50,"{KEY[9:]}\\n" ] ,"b":"\\u00e9" }}'
    assert masked(text) == '{ "a" :["/[masked]" ,1.50,"\\n" ] ,"b":"\\u00e9" }'


@pytest.mark.parametrize(
    "hostile",
    ["[", '{"a":[', '["a', '"', "\\", '"\\"', "data: ", "a:\n", '{"bytes":[', "}", '{"index":1'],
)
def test_masking_takes_linear_time(hostile: str) -> None:
    ends = f'"{KEY[:9]}","{KEY[9:]}"'

    def masking(count: int) -> Work:
        text = ends + hostile * count
        return lambda: masked(text)

    assert_linear(masking, 40_000)
