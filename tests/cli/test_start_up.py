"""Every command loads only what it needs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli.program import PROJECT

DRAWING = {"textual", "rich"}
NETWORK = {"openai", "httpx", "anyio", "pydantic", "ssl", "http", "asyncio"}
WRAPPER = """
import sys
from hermes_tui.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
print("\\n".join({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def loaded_by(*arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", WRAPPER, *arguments],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        timeout=240,
        check=True,
    )
    assert done.stdout
    return set(done.stderr.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["formats"],
        ["scan", "--runs", "transcripts"],
        ["export", "transcripts/clean-run.json", "--to", "html"],
        ["export", "transcripts/clean-run.json", "--to", "native"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_commands_without_a_screen_load_neither_drawing_nor_network(
    arguments: list[str],
) -> None:
    assert not loaded_by(*arguments) & (DRAWING | NETWORK)


def test_help_loads_no_reader_of_files() -> None:
    assert not loaded_by("--help") & {"orjson", "msgspec", "zstandard", "sqlite3", "platformdirs"}


def test_compression_and_database_modules_are_loaded_only_if_needed() -> None:
    assert not loaded_by("scan", "transcripts") & {"zstandard", "sqlite3", "gzip"}


@pytest.mark.parametrize("path", ["transcripts", "transcripts/clean-run.json"])
def test_open_into_a_pipe_prints_text_without_drawing_or_network(path: str) -> None:
    assert not loaded_by("open", path) & (DRAWING | NETWORK)


def test_a_live_run_without_a_screen_loads_no_drawing() -> None:
    assert not loaded_by("live", "--headless", "--no-record", "--max-turns", "1") & DRAWING


def test_a_live_run_is_painted_before_any_client_is_loaded() -> None:
    code = "import sys, hermes_tui.cli.live, hermes_tui.ui.live_app; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"openai", "httpx", "httpx2", "anyio", "pydantic"}
    assert "hermes_tui.runtime.driver" not in done.stdout.split()
