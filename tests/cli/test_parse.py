"""`parse` and `parsers` show how a parser reads a text, to users and to scripts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.cli.caret import caret_lines
from hermes_tui.cli.parse_report import table_lines
from hermes_tui.model.spans import Span
from hermes_tui.model.visible import cells
from hermes_tui.runtime.engines import store
from hermes_tui.runtime.parser_panel import ParserPanel
from tests.benchmarks.terminal import Program
from tests.cli.program import PROJECT, Outcome, hermes_tui, within
from tests.cli.test_start_up import DRAWING, NETWORK, loaded_by
from tests.engines.fakes import checkout

CORPUS = PROJECT.parent / "shared" / "corpus" / "parsers"
SOUND = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Oslo"}}\n</tool_call>'
BROKEN = '<tool_call>\n{"name": "get_weather", "arguments": {\'city\': "Oslo"}}\n</tool_call>'
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": {}}}]
FIELDS = [
    "id", "parser", "outcome", "tools_called", "tool_calls", "content", "diagnostics", "dropped",
    "error", "reasoning", "version", "real", "log", "printed", "explained_by",
]  # fmt: skip


@pytest.fixture(autouse=True)
def no_engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Use an empty folder in place of the user's added engines."""
    folder = tmp_path / "cache" / "engines"
    monkeypatch.setattr(store, "engines_dir", lambda: folder)
    return folder


def write(folder: Path, text: str, name: str = "reply.txt") -> Path:
    path = folder / name
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    return path


def rows(outcome: Outcome) -> list[dict[str, Any]]:
    return [json.loads(line) for line in outcome.text.splitlines()]


def batch(folder: Path, *lines: object) -> Outcome:
    text = "".join((x if isinstance(x, str) else json.dumps(x)) + "\n" for x in lines)
    return within("parse", "--batch", write(folder, text, "rows.jsonl"))


def row(text: str, parser: str = "vllm/hermes", **more: Any) -> dict[str, Any]:
    return {"id": "a", "parser": parser, "text": text, "tools": TOOLS, **more}


def test_a_sound_call_is_printed_and_is_not_an_error() -> None:
    done = hermes_tui("parse", "--parser", "vllm/hermes", stdin=SOUND.encode())
    assert done.code == 0
    assert 'call 1: get_weather {"city": "Oslo"}' in done.text
    assert "vllm/hermes (0.33.0, emulated): 1 call" in done.text


def test_a_damaged_call_shows_the_place_the_code_and_the_hint() -> None:
    done = hermes_tui("parse", "-", stdin=BROKEN.encode())
    assert done.code == 1
    assert "parser vllm/hermes: guessed" in done.err
    lines = done.text.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("error[BAD_QUOTES] line 2"))
    excerpt, carets = lines[at + 1], lines[at + 2]
    assert excerpt[carets.index("^")] == "'"
    assert "hint:" in lines[at + 3]


def test_carets_are_aligned_with_wide_characters_and_tabs(tmp_path: Path) -> None:
    from rich.cells import cell_len

    text = BROKEN.replace("{'city'", '{"都市":\t"大阪", \'city\'')
    done = within("parse", write(tmp_path, text), "--parser", "vllm/hermes")
    lines = done.text.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("error[BAD_QUOTES]"))
    excerpt, carets = lines[at + 1], lines[at + 2]
    column = carets.index("^")
    before = excerpt[: excerpt.index("'city'")]
    assert cell_len(before) == column


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_carets_are_aligned_at_any_terminal_width(columns: int) -> None:
    text = BROKEN.replace("'city'", '"大阪": "' + "大" * 500 + "\", 'city'") + "x" * 500
    at = text.index("'city'")
    excerpt, carets = caret_lines(text, Span(at, at + 1), columns)
    assert cells(excerpt) <= columns and "…" in excerpt
    assert cells(excerpt[: excerpt.index("'city'")]) == carets.index("^")


def test_a_long_line_is_cut_around_the_place(tmp_path: Path) -> None:
    text = BROKEN.replace("'city'", '"x": "' + "y" * 5000 + "\", 'city'")
    done = within("parse", write(tmp_path, text), "--parser", "vllm/hermes")
    excerpt = next(line for line in done.text.splitlines() if "'city'" in line and "│" in line)
    assert "│ …" in excerpt
    assert len(excerpt) < 130


def test_control_characters_are_shown_and_never_sent_to_the_terminal(tmp_path: Path) -> None:
    done = within("parse", write(tmp_path, "\x1b[2J\u202e" + BROKEN), "--parser", "vllm/hermes")
    assert b"\x1b" not in done.out
    assert "\u202e" not in done.text
    assert "␛" in done.text


def test_steps_are_printed_on_request(tmp_path: Path) -> None:
    path = write(tmp_path, BROKEN)
    assert "json.loads" not in within("parse", path, "--parser", "vllm/hermes").text
    done = within("parse", path, "--parser", "vllm/hermes", "--steps")
    assert "json.loads" in done.text


def test_several_parsers_are_a_table_with_a_letter_per_verdict(tmp_path: Path) -> None:
    path = write(tmp_path, BROKEN)
    done = within("parse", path, "--parser", "hermes-tui/auto", "--parser", "vllm/hermes")
    table = {line.split()[1]: line.split() for line in done.text.splitlines() if "/" in line}
    assert table["hermes-tui/auto"][0] == "A"
    assert table["vllm/hermes"][0] == "B"
    assert "get_weather" in table["hermes-tui/auto"]
    assert "text" in table["vllm/hermes"]


def test_a_lost_text_is_distinguished_from_a_kept_one(tmp_path: Path) -> None:
    path, kept = write(tmp_path, SOUND), "text kept, no call"
    alone = within("parse", path, "--parser", "vllm/qwen3_coder").text.splitlines()
    assert alone[0].endswith(": lost: no call, no text")
    assert "  hint: --tool-call-parser hermes reads it" in alone
    table = within("parse", path, "--parser", "vllm/qwen3_coder", "--parser", "sglang/kimi_k2")
    lost, shown = (line.split("  ") for line in table.text.splitlines() if "/" in line)
    assert "lost" in [cell.strip() for cell in lost]
    assert "text kept" in [cell.strip() for cell in shown]
    plain = within("parse", write(tmp_path, "x"), "--parser", "vllm/hermes").text.splitlines()
    assert plain[0].endswith(kept)
    assert plain[-1] == "content, 1 character: x"


def test_all_runs_every_parser(tmp_path: Path) -> None:
    done = within("parse", write(tmp_path, SOUND), "--all", "--json")
    named = {item["parser"] for item in rows(done)}
    listed = {item["name"] for item in rows(within("parsers", "--json"))}
    assert named == listed
    assert {"hermes-tui/auto", "vllm/hermes", "sglang/hermes", "hermes-agent/hermes"} <= named


def test_without_tools_the_called_names_count_as_declared(tmp_path: Path) -> None:
    path = write(tmp_path, SOUND)
    done = within("parse", path, "--parser", "sglang/hermes", "--json")
    assert rows(done)[0]["tool_calls"]
    assert "the called names count as declared: get_weather" in done.err


@pytest.mark.parametrize("bare", [True, False])
def test_tools_come_from_a_file_in_either_spelling(tmp_path: Path, bare: bool) -> None:
    tools = [TOOLS[0]["function"]] if bare else {"tools": TOOLS}
    schemas = write(tmp_path, json.dumps(tools), "tools.json")
    path = write(tmp_path, SOUND.replace("get_weather", "get_wether"))
    done = within("parse", path, "--parser", "vllm/hermes", "--tools", schemas)
    assert "NAME_UNKNOWN" in done.text
    assert "get_weather" in done.text


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--parser", "vlm/hermes"], 2, ["vlm/hermes", "did you mean vllm/hermes"]),
        (["--parser", "!"], 2, ["see `hermes-tui parsers`"]),
        (["--parser", "vllm/hermes", "--stream", "x"], 2, ["--stream", "a whole number from 1"]),
        (
            ["--parser", "vllm/hermes", "--stream", "1"],
            3,
            ["`hermes-tui engines add vllm=="],
        ),
        (["--parser", "hermes-tui/auto", "--stream", "1"], 2, ["--parser real/vllm-…/NAME"]),
        (["--parser", "real/vllm-0.33.0/hermes"], 3, ["no engine 'vllm-0.33.0' was added"]),
        (["--all", "--parser", "vllm/hermes"], 2, ["--all"]),
        (["--batch", "--all"], 2, ["--batch cannot be combined with --all"]),
        (["--tools", "none.json"], 3, ["none.json: no such file (check the path)"]),
        (["--tools", "tests"], 3, ["tests: is a folder (check the path)"]),
    ],
)
def test_invalid_arguments_are_one_line_with_a_hint(
    tmp_path: Path, arguments: list[str], code: int, words: list[str]
) -> None:
    done = within("parse", write(tmp_path, SOUND), *arguments)
    assert (done.code, done.out) == (code, b"")
    for word in words:
        assert word in done.one_line


def test_a_missing_file_is_an_error_of_the_environment() -> None:
    assert within("parse", "no-such-file.txt").code == 3


def test_bytes_that_are_not_text_are_read_nevertheless(tmp_path: Path) -> None:
    path = tmp_path / "reply.txt"
    path.write_bytes(b"\xff\xfe" + SOUND.encode())
    done = within("parse", path, "--parser", "vllm/hermes", "--json")
    assert rows(done)[0]["content"] == "\udcff\udcfe"


def test_a_batch_answers_every_line_in_order_with_the_same_fields() -> None:
    requests = [row(SOUND), row(BROKEN, id=7), row("no call", "hermes-tui/auto", id=None)]
    stdin = "".join(json.dumps(item) + "\n" for item in requests).encode()
    done = hermes_tui("parse", "--batch", stdin=stdin)
    first, second, third = rows(done)
    assert done.code == 1
    assert [list(item) for item in (first, second, third)] == [FIELDS] * 3
    assert [item["id"] for item in (first, second, third)] == ["a", 7, None]
    call = {"name": "get_weather", "arguments": '{"city": "Oslo"}', "span": [0, len(SOUND)]}
    assert first["tool_calls"] == [call]
    assert (first["outcome"], first["tools_called"], first["error"]) == ("calls", True, None)
    assert (second["outcome"], second["content"]) == ("text", BROKEN)
    found = second["diagnostics"][0]
    assert list(found) == ["code", "severity", "span", "message", "hint"]
    assert BROKEN[slice(*found["span"])].startswith("'")


def test_a_batch_is_answered_line_by_line() -> None:
    command = [sys.executable, "-m", "hermes_tui", "parse", "--batch", "-"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=PROJECT
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        for text in (SOUND, BROKEN):
            process.stdin.write(json.dumps(row(text)).encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == "a"
        process.stdin.close()
        assert process.wait(30) == 1


def test_lone_surrogates_survive_a_batch_and_the_output_is_ascii(tmp_path: Path) -> None:
    done = batch(tmp_path, row("\ud83d hi \x7f \u202e", id="\udc00"))
    assert done.out.isascii()
    assert b"\x7f" not in done.out
    assert rows(done)[0]["content"] == "\ud83d hi \x7f \u202e"
    assert rows(done)[0]["id"] == "\udc00"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "not JSON"),
        ("", "not JSON"),
        ("[]", "not a JSON object"),
        ('{"parser": "vllm/hermes"}', "no text"),
        ('{"text": "", "parser": 7}', "the parser is not a string"),
        ('{"text": "", "parser": "vllm/hermes", "tools": 7}', "not a list"),
        ('{"text": "", "parser": "vllm/hermez"}', "did you mean vllm/hermes"),
        ('{"text": NaN}', "NaN"),
        pytest.param("[" * 100_000, "nested too deeply", id="deep"),
    ],
)
def test_a_malformed_line_is_answered_with_an_error_and_the_rest_continues(
    tmp_path: Path, line: str, words: str
) -> None:
    done = batch(tmp_path, line, row(SOUND))
    bad, good = rows(done)
    assert done.code == 2
    assert list(bad) == FIELDS
    assert bad["outcome"] == "refused"
    assert words in bad["error"]
    assert good["tools_called"]


@pytest.mark.parametrize(
    ("parser", "count", "words"),
    [
        ("vllm/hermes", 60, "… and 20 more (--json has them all)"),
        ("vllm/hermes", 1_001, "… and 960 more (--json has them); more than these are not"),
        ("hermes-tui/auto", 60, "… and 10 more (--json has them); more than these are not"),
    ],
)
def test_omitted_findings_are_counted_up_to_a_limit(
    tmp_path: Path, parser: str, count: int, words: str
) -> None:
    broken = SOUND.replace("}}", ",}}") + "\n"
    assert words in within("parse", write(tmp_path, broken * count), "--parser", parser).text


@pytest.mark.parametrize(
    ("stream", "code", "word"),
    [
        ("1", 3, "engines add vllm==0.33.0"),
        ("x", 2, "a whole number from 1"),
        (1, 2, "not a string"),
    ],
)
def test_a_line_of_a_batch_chooses_the_deltas_for_a_real_engine(
    tmp_path: Path, stream: object, code: int, word: str
) -> None:
    done = batch(tmp_path, row(SOUND, stream=stream))
    assert done.code == code
    assert word in rows(done)[0]["error"]


def test_the_last_line_of_a_batch_needs_no_newline(tmp_path: Path) -> None:
    path = write(tmp_path, json.dumps(row(SOUND)), "rows.jsonl")
    assert len(rows(within("parse", "--batch", path))) == 1


def test_lines_without_a_parser_use_that_of_the_command(tmp_path: Path) -> None:
    path = write(tmp_path, json.dumps({"id": 1, "text": SOUND}), "rows.jsonl")
    done = within("parse", "--batch", path, "--parser", "vllm/hermes")
    assert (done.code, rows(done)[0]["parser"]) == (0, "vllm/hermes")


def test_lines_without_tools_and_deltas_use_those_of_the_command(
    tmp_path: Path,
) -> None:
    tools = write(tmp_path, json.dumps([{"name": "get_weather", "parameters": {}}]), "tools.json")
    own = {"id": 2, "text": SOUND, "tools": [{"name": "other", "parameters": {}}]}
    lines = "".join(json.dumps(line) + "\n" for line in ({"id": 1, "text": SOUND}, own))
    command = ("parse", "--batch", write(tmp_path, lines, "rows.jsonl"))
    first, second = rows(within(*command, "--tools", tools, "--parser", "sglang/qwen"))
    assert [call["name"] for call in first["tool_calls"]] == ["get_weather"]
    assert second["tool_calls"] == []
    path = write(tmp_path, json.dumps(row(SOUND, "hermes-tui/auto")), "rows.jsonl")
    streamed = within("parse", "--batch", path, "--stream", "1")
    assert streamed.code == 2 and "can be streamed to" in rows(streamed)[0]["error"]


def test_an_error_of_a_batch_names_its_line(tmp_path: Path) -> None:
    done = batch(tmp_path, row(SOUND), {"parser": "vllm/hermes"})
    assert rows(done)[1]["error"].startswith("line 2: no text")


def test_a_line_without_a_parser_is_read_by_its_markers(
    tmp_path: Path,
) -> None:
    (only,) = rows(batch(tmp_path, {"text": SOUND}))
    assert (only["parser"], only["tools_called"]) == ("vllm/hermes", True)


CHAT = {"role": "assistant", "content": BROKEN}
EVENT = {"choices": [{"index": 0, "delta": CHAT, "finish_reason": "stop"}]}


@pytest.mark.parametrize(
    "reply",
    [
        json.dumps({"choices": [{"message": CHAT, "finish_reason": "stop"}]}, indent=1),
        json.dumps({"choices": [{"text": BROKEN, "finish_reason": "stop"}]}),
        json.dumps({"text": BROKEN, "meta_info": {"id": "r"}}),
        f"data: {json.dumps(EVENT)}\n\ndata: [DONE]\n\n",
    ],
    ids=["chat", "completion", "generate", "stream"],
)
def test_the_text_of_a_server_reply_is_read_with_a_notice(tmp_path: Path, reply: str) -> None:
    path = write(tmp_path, f"\n{reply}\n", "reply.json")
    done = within("parse", path, "--parser", "vllm/hermes", "--json")
    assert rows(done)[0]["content"] == BROKEN
    assert "is a server's reply: the text in it is read" in done.err


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([{"tool_calls": [{"id": "a", "function": {}}]}], "whose calls were already read"),
        ([CHAT, CHAT], "with 2 texts"),
        ([{"role": "assistant", "content": None}], "with 0 texts"),
    ],
)
def test_a_server_reply_that_is_not_one_text_is_refused(
    tmp_path: Path, messages: list[dict[str, Any]], words: str
) -> None:
    reply = {"choices": [{"message": message} for message in messages]}
    done = within("parse", write(tmp_path, json.dumps(reply)))
    assert (done.code, done.out) == (2, b"")
    assert words in done.one_line and "hermes-tui open" in done.one_line


def test_a_missing_engine_in_a_batch_is_an_error_of_its_line_and_3(tmp_path: Path) -> None:
    done = batch(tmp_path, row(SOUND, "real/vllm-9/hermes"), row(SOUND))
    assert done.code == 3
    assert "no engine 'vllm-9' was added" in rows(done)[0]["error"]
    assert rows(done)[1]["tools_called"]


@pytest.fixture
def engine(tmp_path: Path, no_engines: Path) -> str:
    """Add a small engine; return the prefix of its parsers' names."""
    return f"real/{store.add_path(checkout(tmp_path), 'small').name}"


def test_the_verdict_of_a_real_engine_is_shown_with_our_explanation(
    tmp_path: Path, engine: str
) -> None:
    text = '{"name": "get_weather", "arguments": {"city": "Oslo"}}'
    done = within("parse", write(tmp_path, text), "--parser", f"{engine}/plain", "--json")
    found = rows(done)[0]
    call = {"name": "get_weather", "arguments": '{"city": "Oslo"}', "span": [0, len(text)]}
    assert found["tool_calls"] == [call]
    assert found["real"] is True
    assert found["explained_by"] == "hermes-tui/auto"


def test_a_call_that_a_real_engine_loses_is_an_error(tmp_path: Path, engine: str) -> None:
    path = write(tmp_path, SOUND)
    done = within("parse", path, "--parser", f"{engine}/forgets", "--json")
    found = rows(done)[0]
    assert (done.code, found["dropped"]) == (1, [[0, len(SOUND)]])
    assert [one["code"] for one in found["diagnostics"]] == ["SILENT_DROP"]
    several = ["--parser", f"{engine}/forgets", "--parser", f"{engine}/exits"]
    table = within("parse", path, *several).text
    assert [line.split()[-1] for line in table.splitlines()[1:3]] == [
        "SILENT_DROP",
        "PARSER_RAISED",
    ]
    assert "(our reading)" not in table


def test_what_a_real_engine_logs_is_shown(tmp_path: Path, engine: str) -> None:
    done = within("parse", write(tmp_path, "hi"), "--parser", f"{engine}/warns")
    assert "no closing tag" in done.text


def test_a_real_engine_that_dies_is_a_verdict(tmp_path: Path, engine: str) -> None:
    names = [f"{engine}/exits", f"{engine}/plain"]
    done = batch(tmp_path, *(row("hi", name) for name in names))
    died, fine = rows(done)
    assert died["outcome"] == "raised"
    assert died["diagnostics"][0]["code"] == "PARSER_RAISED"
    assert (fine["outcome"], done.code) == ("text", 1)


def test_an_unknown_parser_of_a_real_engine_is_refused_with_near_names(
    tmp_path: Path, engine: str
) -> None:
    done = within("parse", write(tmp_path, "hi"), "--parser", f"{engine}/plane")
    assert done.code == 2
    assert "did you mean plain" in done.one_line


def test_parsers_also_lists_added_engines(engine: str) -> None:
    listed = {item["name"]: item for item in rows(within("parsers", "--json"))}
    assert listed[f"{engine}/plain"]["real"] is True
    emulated = listed["vllm/hermes"]
    assert (emulated["engine"], emulated["version"]) == ("vllm", "0.33.0")
    assert "--tool-call-parser hermes" in emulated["flag"]
    assert {"format", "families"} <= emulated.keys()
    assert f"{engine}/plain" in within("parsers").text


@pytest.mark.parametrize("arguments", [["parsers"], ["parse", "transcripts/README.md", "--steps"]])
def test_parsing_loads_neither_drawing_nor_network(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    unwanted = DRAWING | NETWORK if arguments[0] == "parse" else DRAWING
    assert not loaded_by(*arguments) & unwanted


@pytest.mark.shared
@pytest.mark.skipif(not CORPUS.is_dir(), reason="no corpus here")
def test_every_row_of_the_corpus_is_answered(tmp_path: Path) -> None:
    lines = (CORPUS / "corpus.jsonl").read_text("utf-8").split("\n")
    texts = [json.loads(line) for line in lines if line]
    requests = [row(item["text"], "hermes-tui/auto", id=item["id"]) for item in texts]
    done = batch(tmp_path, *requests)
    assert done.code in (0, 1)
    assert [item["id"] for item in rows(done)] == [item["id"] for item in texts]
    for item, text in zip(rows(done), texts, strict=True):
        for found in item["diagnostics"]:
            start, end = found["span"] or (0, 0)
            assert 0 <= start <= end <= len(text["text"])


def test_waiting_for_a_text_is_shown_on_a_terminal() -> None:
    program = Program.start([sys.executable, "-m", "hermes_tui", "parse"])
    try:
        program.wait_for(b"reading standard input: paste a text, and end it with Ctrl-D")
        program.press(b"hello\n\x04")
        program.wait_for(b"content, 5 characters: hello")
    finally:
        program.end()


@pytest.mark.parametrize("columns", [80, 100, 0])
def test_the_table_of_all_parsers_fits_the_terminal(columns: int) -> None:
    text = '<tool_call>\n{"name": "ls", "arguments": {"path": "."},}\n</tool_call>'
    with ParserPanel() as panel:
        verdicts = [panel.read(name, text, ()) for name in panel.names()]
    head, *table = table_lines(verdicts, text, columns=columns)
    assert not columns or max(map(len, table)) <= columns
    at = head.index("findings")
    assert {line[at - 1 : at] for line in table[:-2]} == {" "}
    assert {line[at:] for line in table if line[at:].startswith("TRAILING")} == {
        "TRAILING_COMMA", "TRAILING_COMMA +1" if columns == 80 else "TRAILING_COMMA EXTRA_TEXT",
    }  # fmt: skip


def test_the_parser_is_named_while_it_reads_a_long_text(tmp_path: Path) -> None:
    path = write(tmp_path, (SOUND + "\n") * 10_000)
    program = Program.start([sys.executable, "-m", "hermes_tui", "parse", str(path)])
    try:
        program.wait_for(b"waiting for vllm/hermes to read 800,000 characters")
        program.wait_for(b"10,000 calls")
    finally:
        program.end()
