"""`hermes-tui live --raw logprobs` requests and shows logprobs, and reports a refusal."""

from __future__ import annotations

import json
from typing import Any

from tests.cli.test_live import events, live
from tests.servers.local_server import Answer, LocalServer
from tests.servers.test_logprobs import TEXT, tokens, whole


def run(local: LocalServer, *more: str) -> tuple[int, list[dict[str, Any]]]:
    ended = live(
        "--server", local.url, "--model", "m", "--task", "go", "--no-record", "--raw", "logprobs",
        *more,
    )  # fmt: skip
    return ended.returncode, events(ended.stdout)


def test_logprobs_are_requested_and_hidden_calls_are_recorded() -> None:
    with LocalServer(whole({"content": tokens(TEXT)}, content="I look.")) as local:
        _, found = run(local)
    body = json.loads(local.requests[0].body)
    assert (body["logprobs"], body["top_logprobs"]) == (True, 5)
    (received,) = (event for event in found if event["kind"] == "ResponseReceived")
    (finding,) = received["diagnostics"]
    assert (finding["code"], finding["severity"]) == ("HIDDEN_BY_SERVER", "error")


def test_a_refusal_ends_the_run_with_the_hint() -> None:
    body = b'{"error": {"message": "logprobs is not supported"}}'
    with LocalServer(Answer([body], status=400)) as local:
        code, found = run(local)
    (failed,) = (event for event in found if event["kind"] == "RequestFailed")
    assert code == 1
    assert [d["hint"] for d in failed["diagnostics"]] == ["leave out --raw logprobs"]


def test_extra_body_may_request_another_number_of_alternatives() -> None:
    with LocalServer(whole({"content": tokens("hi")}, content="hi")) as local:
        run(local, "--extra-body", '{"top_logprobs": 2}')
    assert json.loads(local.requests[0].body)["top_logprobs"] == 2


def test_raw_logprobs_are_refused_for_a_managed_server() -> None:
    ended = live(
        "--api", "managed", "--server", "http://127.0.0.1:9", "--model", "m", "--raw", "logprobs"
    )
    assert ended.returncode == 2
    assert "leave out --raw" in ended.stderr
