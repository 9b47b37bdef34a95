"""`export --mask` writes a run without its credentials."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hermes_tui.cli.main import main
from hermes_tui.formats.text_secrets import secret_positions
from hermes_tui.formats.writers.registry import WRITERS
from tests.timing import Work, assert_linear

KEY = "sk-proj-Ab3dEf6hIj9lMn2pQr5t"
PASSWORD = 'corr"ect 7 horses'
ARGUMENTS = json.dumps({"command": "curl", "api_key": "AKIA12tinyplace9", "note": f"is {KEY}"})
CALL = {"id": "c1", "type": "function", "function": {"name": "terminal", "arguments": ARGUMENTS}}
CALL_IN_TEXT = (
    'Bearer ghs_0123456789abc then <tool_call>{"name": "ls", "arguments": {}}</tool_call>'
)
CHAT = [
    {"role": "user", "content": f"use {KEY} and https://u:hunter2@example.org/x?token=12345678"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": f"DB_PASSWORD=s3cr3t-0 KEY={KEY}\\n{KEY}"},
    {"role": "assistant", "content": CALL_IN_TEXT},
    {"role": "tool", "content": "the token of a parser is no secret"},
    {"role": "assistant", "content": "Done."},
]
SECRETS = (KEY, "hunter2", "12345678", "AKIA12tinyplace9", "s3cr3t-0", "ghs_0123456789abc")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "run.json"
    path.write_text(json.dumps(CHAT))
    return path


@pytest.mark.parametrize("to", [*WRITERS, "native"])
def test_no_format_exports_masked_credentials(
    to: str, saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["export", str(saved), "--to", to, "--mask", "-o", str(out)]) == 0
    text = out.read_text()
    assert not [secret for secret in SECRETS if secret in text]
    assert "the token of a parser is no secret" in text
    assert "6 credentials masked" in capsys.readouterr().err
    assert main(["export", str(saved), "--to", to, "--force", "-o", str(out)]) == 0
    assert all(secret in out.read_text() for secret in SECRETS)


def test_masking_leaves_every_call_in_its_place(saved: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    assert main(["export", str(saved), "--to", "openai", "--mask", "-o", str(out)]) == 0
    messages = json.loads(out.read_text())["messages"]
    assert json.loads(messages[1]["tool_calls"][0]["function"]["arguments"]) == {
        "command": "curl", "api_key": "*" * 16, "note": f"is {'*' * len(KEY)}",
    }  # fmt: skip
    assert messages[3]["content"] == f"Bearer {'*' * 17} then"
    assert [call["function"]["name"] for call in messages[3]["tool_calls"]] == ["ls"]


def test_every_one_of_many_runs_is_masked(saved: Path, tmp_path: Path) -> None:
    lines = tmp_path / "runs.jsonl"
    lines.write_text(f"{json.dumps(CHAT)}\n" * 3)
    out = tmp_path / "out.jsonl"
    assert main(["export", str(lines), "--all", "--to", "openai", "--mask", "-o", str(out)]) == 0
    assert len(out.read_text().splitlines()) == 3
    assert not [secret for secret in SECRETS if secret in out.read_text()]


def test_values_nested_too_deeply_to_be_walked_are_masked(tmp_path: Path) -> None:
    deep = "[" * 900 + f'"{KEY}"' + "]" * 900
    run = tmp_path / "run.json"
    call = {"name": "f", "arguments": json.loads(deep)}
    run.write_text(json.dumps([{"role": "assistant", "content": "", "tool_calls": [call]}]))
    out = tmp_path / "out.json"
    assert main(["export", str(run), "--to", "openai", "--mask", "-o", str(out)]) == 0
    assert KEY not in out.read_text()


@pytest.mark.parametrize(
    "text",
    [
        f"is {KEY}, is it?",
        "github_pat_11ABCDEFG0abcdefghij",
        "AKIAIOSFODNN7EXAMPLE",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-_1",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
        '{"client_secret": "abcd"}',
        r'"{\"headers\": {\"Authorization\": \"Basic dTpw\"}}"',
        "export AWS_SECRET_ACCESS_KEY='wJalrXUtnFEMI/K7MDENG'",
        "https://u:p@example.org",
        "GET /x?access_token=abcd&n=1",
    ],
)
def test_credentials_are_found_by_their_form_and_by_their_name(text: str) -> None:
    assert [*secret_positions(text)]


@pytest.mark.parametrize(
    "text",
    [
        "the bearer of this message",
        "max_tokens=4096 and TOKENS=12",
        "API_KEY = os.environ['OPENAI_API_KEY']",
        "KEY=$OPENAI_API_KEY",
        '{"token": "def", "total_tokens": "1234"}',
        "skip-the-line-please sk-learn",
        "def f(password: str | None = None, api_key: Optional[str]) -> None:",
        "https://example.org/?q=code#top",
    ],
)
def test_words_about_credentials_are_kept(text: str) -> None:
    assert [text[first:last] for first, last in secret_positions(text)] == []


@pytest.mark.parametrize(
    "piece",
    [
        "\\", '"secret"', "A_", "eyJ-", "eyJabcdefgh.eyJ", "://a@", "?a.b.", "-----BEGIN ",
        "bearer a", "KEY=", '"a-', "sk-", "x" * 7, "\\\\\"", "a.b-", "Bearer  ",
    ],
)  # fmt: skip
def test_masking_takes_linear_time(piece: str) -> None:
    def masking(count: int) -> Work:
        text = piece * count
        return lambda: [*secret_positions(text)]

    assert_linear(masking, 480_000 // len(piece))
