"""The counts of real files agree with those of independent readers."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.program import within

pytestmark = pytest.mark.shared

FOLDERS = {
    # A folder whose files are all of one format, or one file of a folder of several formats.
    "01-openai-chat": "openai-messages",
    "01b-request-response-log": "llm-call-log",
    "02-hermes-sharegpt": "hermes-sharegpt",
    "03-atropos-groups": "atropos-group",
    "07-inspect": "inspect",
    "13-gemini/gemini-cli-pomodoro-timer.json": "gemini-cli",
    "13-gemini/tool-error-recovery.json": "gemini",
    "13-gemini/tool-success.json": "gemini",
    "15-tau-bench/gpt-4o-airline.json": "tau-bench",
    "15-tau-bench/tau2-gpt-4.1-airline.json": "tau2",
    "15-tau-bench/tau2-voice-49b22f0c.json": "tau2",
    **{
        f"14-traces/langfuse-{name}.trace.json": "langfuse"
        for name in (
            "agno-2025-06-11",
            "claude-agent-2025-12-22",
            "google-adk-2025-08-28",
            "google-gemini-2025-08-01",
            "microsoft-agent-2025-12-17",
            "openai-agents-2025-09-30",
            "pydantic-ai-tools-2025-12-04",
        )
    },
    "14-traces/langsmith_py_wrap_openai_reasoning.json": "langsmith",
    "14-traces/otlp-openai_agents_oi.jsonl": "otlp",
    "14-traces/otlp-pydantic_ai_genai_semconv.json": "otlp",
    "17-langchain": "langfuse",
    "18-pydantic-ai": "langfuse",
    "19-har": "har",
    "21-datasets/glaive_toolcall_en_demo.json": "sharegpt",
    "21-datasets/toolbench-G1-10.json": "toolbench",
    "21-datasets/toolbench-G3-21.json": "toolbench",
    "22-openai-agents": "agents-runstate",
    "24-autogen/langfuse-autogen.trace.json": "langfuse",
}
COUNTED_DIFFERENTLY = {
    # The manifest takes each of the 29 calls for a separate run; 8 of them continue an earlier
    # conversation, whose 32 messages they repeat.
    "autogen-self_teaching-session.json": (21, 79, 0, 0),
    # The manifest ignores an `input` that is a text.
    "openai-responses.har": (1, 2, 0, 0),
    # The manifest leaves out tool calls and their results, or instructions next to the messages,
    # or the last reply.
    "langfuse-agno-2025-06-11.trace.json": (1, 5, 1, 0),
    "langfuse-claude-agent-2025-12-22.trace.json": (1, 8, 2, 0),
    "langfuse-google-gemini-2025-08-01.trace.json": (1, 2, 0, 0),
    "langfuse-microsoft-agent-2025-12-17.trace.json": (1, 5, 1, 0),
    "langfuse-pydantic-ai-with-gemini.trace.json": (1, 2, 0, 0),
    "langfuse-vertex-tools-langchain.json": (1, 6, 0, 0),
    # The manifest takes the runs of two agents for one: three runs, one of which continues the
    # conversation of another.
    "langfuse-pydantic-ai-tools-2025-12-04.trace.json": (3, 19, 7, 0),
    # The manifest counts the tools that the tracer lists as messages.
    "langfuse-langgraph-python.trace.json": (1, 5, 1, 0),
    # The manifest ignores an input that is a text.
    "v1_9_custom_tool_call_and_tool_origin.json": (1, 3, 1, 0),
    # The manifest takes the agent that hands over and the one that continues for one run.
    "otlp-openai_agents_oi.jsonl": (2, 14, 4, 0),
    # The manifest takes two traces for one run, and leaves out their system instructions.
    "otlp-pydantic_ai_genai_semconv.json": (2, 9, 2, 0),
    # The manifest counts the pieces of streamed replies.
    "tool-error-recovery.json": (1, 8, 4, 0),
    "tool-success.json": (1, 8, 4, 0),
    # The manifest ignores ticks; 26 stretches of them have speech.
    "tau2-voice-49b22f0c.json": (1, 26, 0, 0),
}
_ROW = re.compile(r"\| (\S+) \| [\d,]+ \| (\d+)/(\d+)/(\d+)/(\d+)/\d+ \|")


def counts_in(manifest: Path) -> dict[str, tuple[int, ...]]:
    counts = {}
    folder = ""
    for line in manifest.read_text("utf-8").splitlines():
        if line.startswith("## "):
            folder = line[3:].strip()
        elif found := _ROW.match(line):
            counts[f"{folder}/{found[1]}"] = tuple(map(int, found.groups()[1:]))
    return counts


@pytest.mark.parametrize("place", sorted(FOLDERS))
def test_runs_messages_calls_and_errors_match_the_manifest(place: str, trajectories: Path) -> None:
    expected = {
        name: COUNTED_DIFFERENTLY.get(Path(name).name, counts)
        for name, counts in counts_in(trajectories / "MANIFEST.md").items()
        if name == place or name.startswith(f"{place}/")
    }
    done = within("scan", "--json", trajectories / place)
    rows = [json.loads(line) for line in done.text.splitlines()]
    assert done.err == ""
    assert {row["format"] for row in rows} == {FOLDERS[place]}
    assert {row["defects"] for row in rows} == {0}
    folder = place.partition("/")[0]
    assert {
        f"{folder}/{Path(row['path']).name}": (
            row["runs"],
            row["messages"],
            row["tool_calls"],
            row["tool_errors"],
        )
        for row in rows
    } == expected


def test_every_other_file_is_opened_by_the_finder_or_refused_in_one_line(
    trajectories: Path,
) -> None:
    done = within("scan", "--json", trajectories)
    assert done.code == 3
    rows = [json.loads(line) for line in done.text.splitlines()]
    opened = {row["path"] for row in rows if "error" not in row}
    refused = done.err.splitlines()
    damaged = [line for line in refused if not line.startswith("hermes-tui: skipped ")]
    assert all("a Git LFS pointer" in line for line in damaged)
    transcripts = [
        path
        for path in trajectories.rglob("*")
        if path.suffix in (".json", ".jsonl", ".traj", ".har", ".eval", ".parquet")
        and path.name != "metadata.json"  # is read with the results next to it
    ]
    assert len(opened) + len(refused) == len(transcripts)
