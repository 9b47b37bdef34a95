"""What the message pane shows of a reply whose stream failed before its end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hermes_tui.model.events import RequestFailed, RunStarted
from hermes_tui.ui.render.message import message_page
from hermes_tui.ui.view_model import ViewState
from tests.log.runs import timeline

HEAD = RunStarted(seq=0, run_id="r", source_format="native")


def shown(body: str) -> str:
    """Return the pane's text for a request that failed with `body`."""
    failed = RequestFailed(seq=0, turn=1, message="the body broke off", status=200, body=body)
    run = timeline(HEAD, failed)
    return message_page(ViewState(run, 1)).text


def chunk(**delta: Any) -> str:
    return f"data: {json.dumps({'choices': [{'index': 0, 'delta': delta}]})}\n\n"


def call(**function: str) -> str:
    return chunk(tool_calls=[{"index": 0, "function": function}])


def test_texts_and_calls_of_a_broken_stream_are_joined() -> None:
    text = chunk(reasoning_content="Hm") + chunk(reasoning_content="m.") + chunk(content="I will")
    calls = call(name="terminal", arguments="") + call(arguments='{"comm') + call(arguments='and":')
    page = shown(f'{text}{chunk(content=" look.")}{calls}data: {{"choi')
    assert "what arrived of the reply (6 shows it exactly)" in page
    assert "4 characters of reasoning" in page and "Hmm." in page
    assert "I will look." in page and "→ terminal" in page and '{"command":' in page
    assert "data:" not in page
    assert page.index("I will look.") < page.index("HTTP status 200")


@pytest.mark.parametrize(
    "body",
    [
        "<html>no</html>",
        '{"error": "no"}',
        'data: {"error": "no"}\n\n',
        'data: {"choices": [7]}\n\n',
        'data: {"choices": [{"delta": {"content": ["a"], "tool_calls": "b"}}]}\n\n',
    ],
)
def test_an_answer_without_a_reply_is_shown_as_it_arrived(body: str) -> None:
    page = shown(body)
    assert "what arrived of the reply" not in page
    assert body.strip() in page or '"error": "no"' in page


def test_a_hostile_name_stays_on_its_line() -> None:
    page = shown(call(name="ls\x1b[2J\nnext", arguments="{}"))
    assert "\x1b" not in page and "→ ls" in page and "\nnext" not in page
