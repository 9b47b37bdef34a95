"""A followed run whose file is read again as a whole, and then holds other runs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hermes_tui.model.events import MessageAppended
from hermes_tui.runtime.targets import expand_paths
from hermes_tui.runtime.watched_run import WatchedFile
from hermes_tui.ui.runs.feed import RunsFeed
from hermes_tui.ui.search import compile_search
from hermes_tui.ui.watched_feed import WatchedFeed

Dump = Callable[..., str]


def chat(run_id: str, *texts: str) -> dict[str, object]:
    return {"id": run_id, "messages": [{"role": "user", "content": text} for text in texts]}


def document(*runs: dict[str, object]) -> str:
    return json.dumps({"runs": runs})


def as_lines(*runs: dict[str, object]) -> str:
    return "\n".join(map(json.dumps, runs))


@contextmanager
def followed(path: Path) -> Iterator[RunsFeed]:
    """Yield the feed of a followed file, which is read to its end."""
    feed = RunsFeed(expand_paths([str(path)]), follow=True)
    while not feed.finished:
        feed.step(1.0)
    yield feed
    feed.close()


def watched(feed: RunsFeed) -> WatchedFile:
    found = feed.files.file_of(0).watched
    assert found is not None
    return found


def opened(feed: RunsFeed, place: int) -> WatchedFeed:
    run = WatchedFeed(feed.rows[place].ref, watched(feed))
    run.step(1.0)
    return run


def replace(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def until(poll: Callable[[], object], condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        poll()


def replace_and_reread(feed: RunsFeed, path: Path, text: str) -> None:
    replace(path, text)
    before = watched(feed).revision
    until(feed.poll, lambda: watched(feed).revision > before)


def texts_of(run: WatchedFeed) -> list[str]:
    events = map(run.model.log.__getitem__, range(len(run.model.log)))
    return [event.message.text for event in events if isinstance(event, MessageAppended)]


def text_of_row(run: WatchedFeed, row: int) -> str:
    event = run.model.timeline.event(row)
    assert isinstance(event, MessageAppended)
    return event.message.text


A, B, C = chat("a", "from a"), chat("b", "from b"), chat("c", "from c")


@pytest.mark.parametrize("dump", [document, as_lines])
def test_a_row_of_a_removed_run_opens_empty_and_reports_it(tmp_path: Path, dump: Dump) -> None:
    path = tmp_path / "runs.json"
    path.write_text(dump(A))
    with followed(path) as feed:
        replace_and_reread(feed, path, dump(A, B, C))
        until(feed.poll, lambda: len(feed.rows) == 3)
        replace_and_reread(feed, path, dump(A))
        gone = opened(feed, 2)
        assert (texts_of(gone), gone.failure) == ([], f"the run is no longer in {path}")
        assert texts_of(opened(feed, 0)) == ["from a"]


def test_a_stale_row_opens_the_run_now_at_its_position(tmp_path: Path) -> None:
    path = tmp_path / "runs.json"
    path.write_text(document(A, B, C))
    with followed(path) as feed:
        stale = feed.rows[1].ref
        replace_and_reread(feed, path, document(A, C))
        run = WatchedFeed(stale, watched(feed))
        assert texts_of(run) == ["from c"] == texts_of(opened(feed, 1))


def test_a_removed_run_is_shown_again_once_it_is_back(tmp_path: Path) -> None:
    path = tmp_path / "runs.json"
    path.write_text(document(A, B))
    with followed(path) as feed:
        replace_and_reread(feed, path, document(A))
        run = opened(feed, 1)
        replace_and_reread(feed, path, document(A, B))
        until(run.poll, lambda: texts_of(run) == ["from b"])
        assert run.failure == ""


def test_a_removed_run_stays_on_screen_and_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "runs.json"
    path.write_text(document(A, B, C))
    with followed(path) as feed:
        run = opened(feed, 1)
        replace(path, document(A, C))
        until(run.poll, lambda: bool(run.failure))
        assert run.failure == f"showing what was read before: the run is no longer in {path}"
        assert texts_of(run) == ["from b"]


def test_the_only_run_of_a_file_is_followed_even_if_its_id_changes(tmp_path: Path) -> None:
    path = tmp_path / "runs.json"
    path.write_text(document(A))
    with followed(path) as feed:
        run = opened(feed, 0)
        replace(path, document(B))
        until(run.poll, lambda: texts_of(run) == ["from b"])


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ((chat("t", "first"), chat("t", "second", "more")), ["second", "more"]),
        ((chat("t", "first"), chat("t", "second"), chat("t", "third")), ["second"]),
        ((chat("t", "second", "more"),), ["second", "more"]),
    ],
)
def test_the_attempt_on_screen_is_followed_among_those_of_its_task(
    tmp_path: Path, after: tuple[dict[str, object], ...], expected: list[str]
) -> None:
    path = tmp_path / "runs.json"
    path.write_text(document(chat("t", "first"), chat("t", "second")))
    with followed(path) as feed:
        run = opened(feed, 1)
        replace_and_reread(feed, path, document(*after))
        run.poll()
        assert texts_of(run) == expected


def test_a_run_that_moved_in_the_file_is_still_followed(tmp_path: Path) -> None:
    path = tmp_path / "runs.json"
    tries = chat("t", "first"), chat("t", "second")
    path.write_text(document(A, *tries))
    with followed(path) as feed:
        run = opened(feed, 2)
        replace_and_reread(feed, path, document(*tries))
        replace_and_reread(feed, path, document(*tries, chat("t", "third")))
        run.poll()
        assert texts_of(run) == ["second"]


def session_line(number: int) -> str:
    entry = {
        "type": "user", "uuid": f"u{number}", "parentUuid": None, "sessionId": "s",
        "message": {"role": "user", "content": f"question {number}"},
    }  # fmt: skip
    return json.dumps(entry) + "\n"


def test_a_session_too_big_to_be_read_again_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "session.jsonl"
    path.write_text(session_line(0))
    with followed(path) as feed:
        run = opened(feed, 0)
        monkeypatch.setattr("hermes_tui.runtime.watched_run.MAX_WHOLE", path.stat().st_size)
        with path.open("a") as file:
            file.write(session_line(1))
        until(run.poll, lambda: bool(run.failure))
        why = f"{path}: too big by now to be read again as it grows (open it again to follow it)"
        assert run.failure == f"showing what was read before: {why}"
        assert texts_of(run) == ["question 0"]
        feed.poll()
        assert feed.complaints == [run.failure]


def test_a_document_of_any_size_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "export.json"
    lines = [json.loads(session_line(number)) for number in range(3)]
    path.write_text(json.dumps({"loglines": lines[:1]}, indent=1))
    with followed(path) as feed:
        run = opened(feed, 0)
        monkeypatch.setattr("hermes_tui.runtime.watched_run.MAX_WHOLE", 0)
        replace_and_reread(feed, path, json.dumps({"loglines": lines}, indent=1))
        run.poll()
        assert texts_of(run) == ["question 0", "question 1", "question 2"]


def test_a_dropped_filter_can_be_restored_after_the_run_has_grown(tmp_path: Path) -> None:
    path = tmp_path / "runs.json"
    path.write_text(document(chat("a", "one", "two")))
    with followed(path) as feed:
        run = opened(feed, 0)
        model = run.model
        assert model.try_filter('text == "two"') == ""
        run.step(1.0)
        assert model.show_row(0) and model.filter is None
        replace_and_reread(feed, path, document(chat("a", "one", "two", "three")))
        assert run.poll()
        assert model.restore_filter() and model.filter_text == 'text == "two"'


def test_a_new_search_reaches_its_match_although_the_run_grows(tmp_path: Path) -> None:
    path = tmp_path / "runs.json"
    path.write_text(document(chat("a", "one", "two")))
    with followed(path) as feed:
        run = opened(feed, 0)
        model = run.model
        model.go(0)
        model.follow = False
        model.set_search(compile_search("three", is_regex=False, case_matters=False), seek=True)
        replace_and_reread(feed, path, document(chat("a", "one", "two", "three", "four")))
        assert run.poll()
        run.step(1.0)
        model.settle()
        assert model.match_number() == 1


def exchange(question: str) -> str:
    """Return a line of a call log whose reply has its call in the text."""
    call = '<tool_call>\n{"name": "look", "arguments": {}}\n</tool_call>'
    asked = {"model": "m", "messages": [{"role": "user", "content": question}]}
    choice = {"index": 0, "message": {"role": "assistant", "content": call}}
    reply = {"object": "chat.completion", "choices": [choice]}
    return json.dumps({"request": asked, "response": reply}) + "\n"


def listed_codes(feed: RunsFeed) -> list[dict[str, int]]:
    return [dict(row.summary.codes) for row in feed.rows]


def test_calls_in_the_text_of_a_growing_call_log_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(exchange("one") + exchange("two"))
    left = {"CALL_IN_CONTENT": 1}
    with followed(path) as feed:
        run = opened(feed, 0)
        assert run.model.timeline.state.codes == left
        with path.open("a") as file:
            file.write(exchange("three"))
        until(feed.poll, lambda: len(feed.rows) == 3)
        assert listed_codes(feed) == [left, left, left]
        assert run.poll() and run.model.timeline.state.codes == left


def run_with_pending_call(run_id: str) -> dict[str, object]:
    """Return a run that ends with an unanswered call."""
    function = {"name": "look", "arguments": "{}"}
    call = {"id": "c1", "type": "function", "function": function}
    asked = {"role": "user", "content": run_id}
    return {"id": run_id, "messages": [asked, {"role": "assistant", "tool_calls": [call]}]}


def test_only_the_last_run_of_a_growing_document_may_have_a_pending_call(tmp_path: Path) -> None:
    path = tmp_path / "runs.json"
    path.write_text(document(run_with_pending_call("a"), run_with_pending_call("b")))
    with followed(path) as feed:
        replace_and_reread(
            feed,
            path,
            document(
                run_with_pending_call("a"), run_with_pending_call("b"), run_with_pending_call("c")
            ),
        )
        found = ["CALL_UNANSWERED" in codes for codes in listed_codes(feed)]
        assert found == [True, True, False]
        assert "CALL_UNANSWERED" in opened(feed, 0).model.timeline.state.codes
        assert "CALL_UNANSWERED" not in opened(feed, 2).model.timeline.state.codes


def test_the_cursor_stays_on_its_message_if_rows_are_inserted_before(tmp_path: Path) -> None:
    path = tmp_path / "runs.json"
    path.write_text(document(chat("a", "one", "two", "three", "four")))
    with followed(path) as feed:
        run = opened(feed, 0)
        model = run.model
        model.go(2)
        model.marks["m"], model.follow = 3, False
        here, marked = text_of_row(run, 2), text_of_row(run, 3)
        replace_and_reread(feed, path, document(chat("a", "zero", "one", "two", "three", "four")))
        assert run.poll()
        assert (text_of_row(run, model.row), text_of_row(run, model.marks["m"])) == (
            here,
            marked,
        )


def test_the_cursor_stays_inside_a_run_that_became_shorter(tmp_path: Path) -> None:
    path = tmp_path / "runs.json"
    path.write_text(document(chat("a", "one", "two", "three", "four")))
    with followed(path) as feed:
        run = opened(feed, 0)
        run.model.go(4)
        run.model.follow = False
        replace_and_reread(feed, path, document(chat("a", "other")))
        assert run.poll()
        assert run.model.row == run.model.situation().rows - 1


def session(*texts: str) -> str:
    """Return the lines of a Claude Code session."""
    lines = []
    for number, text in enumerate(texts):
        message = {"role": "user", "content": text}
        before = f"u{number - 1}" if number else None
        about = {"type": "user", "uuid": f"u{number}", "parentUuid": before, "sessionId": "s"}
        lines.append(json.dumps({**about, "message": message}) + "\n")
    return "".join(lines)


def test_a_half_written_line_is_not_reported(tmp_path: Path) -> None:
    path = tmp_path / "session.jsonl"
    whole = session("one", "two")
    path.write_text(whole)
    grown = session("one", "two", "three")
    with followed(path) as feed:
        run = opened(feed, 0)
        for text in (grown[: len(whole) + 9], grown):
            revision = watched(feed).revision
            path.write_text(text)
            until(feed.poll, lambda seen=revision: watched(feed).revision > seen)
            run.poll()
            assert not run.model.timeline.state.codes
        assert texts_of(run) == ["one", "two", "three"]


@pytest.mark.parametrize("odd", [b"\\ud83d", b"\xff"])
def test_a_complete_last_line_is_read_even_if_it_is_malformed(tmp_path: Path, odd: bytes) -> None:
    path = tmp_path / "session.jsonl"
    path.write_text(session("one"))
    last = session("one", "two", "odd").splitlines()[2].encode().replace(b"odd", b"odd " + odd)
    with followed(path) as feed:
        run = opened(feed, 0)
        path.write_bytes(session("one", "two").encode() + last)
        until(feed.poll, lambda: watched(feed).revision > 0)
        run.poll()
        assert [text[:3] for text in texts_of(run)] == ["one", "two", "odd"]
