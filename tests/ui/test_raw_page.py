"""What the raw pane shows and copies: received bytes verbatim, then their record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hermes_tui.log.codec import encode
from hermes_tui.model.events import Event, RequestFailed, RequestSent, ResponseReceived, RunStarted
from hermes_tui.runtime.raw import RawReader
from hermes_tui.ui.panes.text_panes import RawPane
from hermes_tui.ui.render.copied import row_copies
from hermes_tui.ui.render.raw import raw_page
from hermes_tui.ui.view_model import ViewState
from tests.log.runs import started, timeline
from tests.ui.opened import WIDE, app_on, settled, shows

BODY = '{ "choices": [{"message": {"content": "a\\nb \\u00e9"}}],\n  "id": 1.0 }'
STREAM = 'data: {"a": "x\\ny"}\n\ndata: [DONE]\n\n'
REPLY = ResponseReceived(seq=0, turn=1, raw=BODY, finish_reason="stop")
SENT = RequestSent(seq=0, turn=1, body='{"model":"m",\n"messages":[]}', url="http://h/v1")
FAILED = RequestFailed(seq=0, turn=1, message="not JSON", status=500, body="<html>\nno</html>")
HEAD = RunStarted(seq=0, run_id="r", source_format="native")


def shown(event: Event) -> tuple[str, str]:
    """Return the pane's text for an event of a live run, and what copying its row gives."""
    run = timeline(HEAD, event)
    view = ViewState(run, 1)
    read = RawReader(None).text
    return raw_page(view, read).text, row_copies(view, read)[0].text


@pytest.mark.parametrize("raw", [BODY, STREAM, "no JSON \x1b[2J", '{"a": "\udcff"}'])
def test_a_reply_is_shown_and_copied_verbatim(raw: str) -> None:
    page, copied = shown(ResponseReceived(seq=0, turn=1, raw=raw, finish_reason="stop"))
    title = f"the reply as it arrived · {len(raw)} characters"
    assert page.startswith(f"{title}\n{raw}\n\nevent · the rest of the event\n{{")
    assert copied == raw


def test_the_rest_of_a_reply_event_follows_without_the_body() -> None:
    rest = json.loads(shown(REPLY)[0].split("the rest of the event\n")[1])
    assert rest["finish_reason"] == "stop" and rest["turn"] == 1 and "raw" not in rest


def test_the_body_of_a_failed_request_is_shown_verbatim() -> None:
    page, _ = shown(FAILED)
    assert f"\n{FAILED.body}\n" in page and '"status":500' in page


def test_the_body_of_a_request_is_shown_verbatim() -> None:
    page, copied = shown(SENT)
    assert page.startswith("the body of the request as it was sent") and f"\n{SENT.body}\n" in page
    assert copied == SENT.body


def test_secrets_in_a_reply_are_masked_with_a_notice() -> None:
    page, copied = shown(ResponseReceived(seq=0, turn=1, raw='{"api_key": "abc-123"}'))
    assert "secrets are masked\n" in page and "abc-123" not in page + copied


def test_in_other_formats_the_whole_record_follows_the_body() -> None:
    run = timeline(started(), REPLY)
    page = raw_page(ViewState(run, 1), RawReader(None).text).text
    assert "the rest of the event" not in page
    assert json.loads(page.rsplit("\n", 1)[1])["raw"] == BODY


async def test_a_reply_in_a_recording_is_shown_and_copied_verbatim(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(encode(HEAD) + encode(REPLY))
    app = app_on(path)
    async with app.run_test(size=WIDE) as pilot:
        await settled(pilot)
        await pilot.press("j", "6")
        await shows(pilot, "the reply as it arrived", "the rest of the event")
        await pilot.press("y")
        assert app.clipboard == BODY
        document = app.screen.query_one(RawPane).document
        assert f"\n{BODY}\n" in document.text and "bytes " in document.text
        await pilot.press("1", "y")
        assert app.clipboard == BODY
