import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.formats.writers import html, markdown, openai, sharegpt
from hermes_tui.formats.writers.registry import WRITERS
from hermes_tui.formats.writers.text import json_text, visible_controls
from hermes_tui.log.findings import Finding
from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.events import (
    ArgumentsEdited,
    Event,
    MessageAppended,
    RequestFailed,
    ResponseReceived,
    RunEnded,
    RunStarted,
    SourceDefect,
    ToolCallProposed,
    ToolErrorRecorded,
    ToolFailed,
    ToolReturned,
    UnknownEvent,
)
from hermes_tui.model.messages import (
    ArgumentsState,
    ContentPart,
    ErrorMark,
    IdState,
    Message,
    Origin,
    Reasoning,
    ToolCall,
    ToolError,
    ToolResult,
    ToolSpec,
    Usage,
)
from hermes_tui.model.spans import Span

HOSTILE = (
    "</pre></script><script>alert(1)</script>\x1b]52;c;eA==\x07\x9b31m\u202e``` ~~~ \ud800 [x](y)"
)
TEXT_CALL = '<tool_call>\n{"name": "terminal", "arguments": {"command": "ls"}}\n</tool_call>'


def call(index: int, arguments: str, state: ArgumentsState, **fields: Any) -> ToolCall:
    value = None
    if state in (ArgumentsState.JSON_STRING, ArgumentsState.OBJECT):
        value = json.loads(arguments)
    elif state is ArgumentsState.DOUBLE_ENCODED:
        value = json.loads(json.loads(arguments))
    fields = {"name": "terminal", "id": f"c{index}", "origin": Origin.DICT} | fields
    return ToolCall(
        index, arguments_text=arguments, arguments_state=state, arguments=value, **fields
    )


CALLS = (
    call(0, '{"command": "ls </tool_call>"}', ArgumentsState.JSON_STRING),
    call(1, '{"command": "l', ArgumentsState.NOT_JSON),
    call(2, r'"{\"command\": \"ls\"}"', ArgumentsState.DOUBLE_ENCODED),
    call(3, "", ArgumentsState.EMPTY, id=None, id_state=IdState.MISSING),
    call(4, "null", ArgumentsState.NULL, id=None, id_state=IdState.NULL, name=None),
    call(5, "[1, 2]", ArgumentsState.NOT_OBJECT, id="", id_state=IdState.EMPTY),
    call(6, "", ArgumentsState.MISSING),
    call(7, '{"a":1}', ArgumentsState.OBJECT, origin=Origin.FLAT_DICT, name=HOSTILE),
)


def numbered(*events: Event) -> tuple[Event, ...]:
    return tuple(
        type(event)(**{n: getattr(event, n) for n in event.__struct_fields__} | {"seq": seq})
        for seq, event in enumerate(events)
    )


def said(role: str, text: str, **fields: Any) -> MessageAppended:
    diagnostics = fields.pop("diagnostics", ())
    raw = fields.pop("raw", "")
    message = Message(role, text, **fields)
    return MessageAppended(seq=0, message=message, raw=raw, diagnostics=diagnostics)


def answered(
    content: str, call_id: str | None, **fields: Any
) -> tuple[ToolReturned, MessageAppended]:
    result = ToolResult(content, call_id=call_id, **fields)
    return ToolReturned(seq=0, result=result), said("tool", content, results=1)


RUN = numbered(
    RunStarted(
        seq=0, run_id="run-1", task="List the files", model="hermes-4", source_format="native",
        tools=(ToolSpec("terminal", "Runs a command.", {"type": "object"}),), tools_declared=True,
        details={"headers": {"Authorization": "Bearer sk-abcdefghijkl", "x": HOSTILE}},
    ),
    said("system", "You are an agent."),
    said("user", HOSTILE),
    ResponseReceived(seq=0, turn=1, raw="{}"),
    said(
        "assistant", "", calls=len(CALLS), finish_reason="tool_calls",
        reasoning=(
            Reasoning("reasoning_content", "Let me look.\n```\n" + HOSTILE),
            Reasoning("reasoning_details[0]", "gist", kind="summary"),
            Reasoning("reasoning_details[1]", "b64==", kind="encrypted"),
        ),
    ),
    *(ToolCallProposed(seq=0, call=each, diagnostics=(
        (Diagnostic(Code.ARGS_INVALID, Severity.ERROR, f"not JSON {HOSTILE}", Span(0, 9), "quote"),)
        if each.arguments_state is ArgumentsState.NOT_JSON else ()
    )) for each in CALLS),
    *answered('{"output": "a </tool_response> b"}', "c0", exit_code=0),
    *answered(HOSTILE, "c1", error=ErrorMark("heuristic", "text starts with error")),
    *answered("plain", None),
    ToolErrorRecorded(seq=0, error=ToolError(1, "terminal", "{}", "boom")),
    said("assistant", f"<think>hm</think>{TEXT_CALL}", calls=1,
         reasoning=(Reasoning("<think>", "hm", span=Span(0, 17)),)),
    ToolCallProposed(seq=0, call=call(0, '{"command": "ls"}', ArgumentsState.OBJECT,
                                      origin=Origin.TEXT, id=None, id_state=IdState.MISSING)),
    *answered("[]", None),
    RequestFailed(seq=0, turn=3, status=500, message="server error", body=HOSTILE),
    said("user", "look", parts=(ContentPart("text", "look"),
                                ContentPart("image", "[image, 12 bytes]", "image/png", 12))),
    said("martian", "greetings"),
    said("assistant", "Done. " * 2_000),
    SourceDefect(seq=0, message="line 7 is torn", excerpt='{"role": "as'),
    UnknownEvent(seq=0, unknown_kind="Novel", raw={"x": HOSTILE}),
    RunEnded(seq=0, status="failed", reward=0.25, usage=Usage(prompt_tokens=5)),
)  # fmt: skip


def opened(text: str) -> dict[str, Any]:
    value = json.loads(text)
    assert isinstance(value, dict)
    return value


def in_text(text: str, marked: str, **fields: Any) -> ToolCallProposed:
    """Return a call whose span in `text` is that of `marked`."""
    start = text.index(marked)
    missing = {"origin": Origin.TEXT, "id": None, "id_state": IdState.MISSING}
    fields = missing | {"span": Span(start, start + len(marked))} | fields
    called = call(0, '{"command": "ls"}', ArgumentsState.OBJECT, **fields)
    return ToolCallProposed(seq=0, call=called)


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        (f"<think>hm</think>\n{TEXT_CALL}", TEXT_CALL),
        ("<think>hm</think>\n```bash\nls -l\n```\n", "ls -l"),
    ],
)
@pytest.mark.parametrize("name", ["openai", "atif"])
def test_a_text_call_written_as_a_call_is_cut_out_of_the_text(
    name: str, text: str, marked: str
) -> None:
    run = numbered(
        said("assistant", text, calls=1),
        in_text(text, marked),
        ToolReturned(seq=0, result=ToolResult("a.txt")),
        said("user", "a.txt", results=1),
    )
    document = opened(WRITERS[name](run))
    first = (document.get("messages") or document["steps"])[0]
    assert first.get("content", first.get("message")) == "<think>hm</think>"
    assert len(first["tool_calls"]) == 1


def test_calls_and_results_without_a_message_are_written_too() -> None:
    proposed = ToolCallProposed(seq=0, call=CALLS[0])
    failed = ToolFailed(seq=0, result=ToolResult("killed", call_id="c0"), exception="TimeoutError")
    messages = opened(openai.write(numbered(proposed, failed)))["messages"]
    assert [message["role"] for message in messages] == ["assistant", "tool"]
    for name in WRITERS:
        assert "killed" in WRITERS[name](numbered(proposed, failed))


def test_calls_may_come_before_their_message_as_in_a_live_log() -> None:
    events = numbered(
        ToolCallProposed(seq=0, call=CALLS[0]),
        said("assistant", "go", calls=1),
        *answered("x", "c0"),
    )
    messages = opened(openai.write(events))["messages"]
    assert [message["role"] for message in messages] == ["assistant", "tool"]
    assert messages[0]["content"] == "go"
    assert len(messages[0]["tool_calls"]) == 1


def blocks(value: str, tag: str) -> list[Any]:
    return [json.loads(body) for body in re.findall(rf"<{tag}>\n(.*?)\n</{tag}>", value, re.DOTALL)]


def test_sharegpt_uses_the_usual_roles() -> None:
    text = sharegpt.write(RUN)
    document = opened(text)
    assert text.count("\n") == 1
    assert [turn["from"] for turn in document["conversations"]] == [
        "system", "human", "gpt", "tool", "gpt", "tool", "human", "martian", "gpt",
    ]  # fmt: skip
    assert json.loads(document["tools"])[0]["function"]["name"] == "terminal"
    assert document["id"] == "run-1"
    assert document["completed"] is False


def test_sharegpt_loses_no_arguments() -> None:
    value = opened(sharegpt.write(RUN))["conversations"][2]["value"]
    assert value.startswith("<think>\nLet me look.")
    written = [each.get("arguments", "(none)") for each in blocks(value, "tool_call")]
    assert written == [
        {"command": "ls </tool_call>"}, '{"command": "l', '{"command": "ls"}', "", None, [1, 2],
        "(none)", {"a": 1},
    ]  # fmt: skip


def test_sharegpt_joins_results_and_names_their_tool() -> None:
    value = opened(sharegpt.write(RUN))["conversations"][3]["value"]
    assert blocks(value, "tool_response") == [
        {"tool_call_id": "c0", "name": "terminal", "content": {"output": "a </tool_response> b"}},
        {"tool_call_id": "c1", "name": "terminal", "content": HOSTILE},
        {"name": "terminal", "content": "plain"},
    ]


def test_sharegpt_writes_text_calls_once() -> None:
    value = opened(sharegpt.write(RUN))["conversations"][4]["value"]
    assert value == f"<think>hm</think>{TEXT_CALL}"


def test_sharegpt_wraps_an_answered_command_in_tags() -> None:
    text = "I look.\n```\nls\n```"
    run = numbered(
        said("assistant", text, calls=1),
        in_text(text, "ls", verdict="action"),
        ToolReturned(seq=0, result=ToolResult("a.txt")),
        said("user", "a.txt", results=1),
    )
    asked, answer = opened(sharegpt.write(run))["conversations"]
    assert asked["value"].startswith("I look.\n<tool_call>\n")
    (written,) = blocks(asked["value"], "tool_call")
    assert written == {"name": "terminal", "arguments": {"command": "ls"}}
    assert answer["from"] == "tool"


def outside_fences(text: str) -> str:
    """Return the lines that are Markdown to a reader (fences as CommonMark has them)."""
    outside, closing = [], ""
    for line in text.split("\n"):
        bare = re.sub(r"^> ", "", line)
        if closing:
            found = re.fullmatch(r" {0,3}(`{3,})[ \t]*", bare)
            closing = "" if found and len(found[1]) >= len(closing) else closing
        elif opening := re.match(r"(`{3,})[^`]*$", bare):
            closing = opening[1]
        else:
            outside.append(bare)
    assert not closing
    return "\n".join(outside)


def test_markdown_shows_the_whole_run() -> None:
    text = markdown.write(RUN)
    assert text.startswith("# List the files\n")
    assert "## Turn 1 · assistant · event 4" in text
    assert "### Call 1: terminal\n\n`dict` · id c0 · arguments json-string" in text
    assert "`text` · id missing" in text
    assert '{"command": "l' in text
    assert "As it arrived:" in text
    assert "(finish\\_reason tool\\_calls)" in text
    assert "> **ERROR ARGS_INVALID** not JSON" in text
    assert "> Hint: quote" in text
    assert "**WARNING** reads like an error (heuristic: text starts with error)" in text
    assert "RequestFailed" in text
    assert "sk-abcdefghijkl" not in text


def test_markdown_fences_contain_hostile_text() -> None:
    text = outside_fences(markdown.write(RUN))
    assert "<script>" not in text.replace("\\<script\\>", "")
    assert not re.search(r"(?<!\\)\[x\](?!\\)", text)


@pytest.mark.parametrize(
    ("kind", "shown", "marked"),
    [
        ("flag", "**ERROR** tool error (flag: gone)", '<p class="finding error"><strong>✖ tool'),
        (
            "heuristic",
            "**WARNING** reads like an error (heuristic: gone)",
            '<p class="finding warning"><strong>▲ reads like',
        ),
    ],
)
def test_a_guessed_error_is_a_warning(kind: str, shown: str, marked: str) -> None:
    run = numbered(*answered("x", "c1", error=ErrorMark(kind, "gone")))
    assert shown in markdown.write(run)
    assert marked in html.write(run)


def test_markdown_uses_only_the_findings_it_is_given() -> None:
    finding = Finding(Code.CALL_UNANSWERED, Severity.WARNING, "no result", seq=5, turn=1)
    text = markdown.write(RUN, [finding])
    assert "**WARNING CALL_UNANSWERED** no result" in text
    assert "ARGS_INVALID" not in text


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


ALLOWED_TAGS = {
    "html", "head", "meta", "title", "style", "body", "main", "header", "h1", "h2", "h3", "table",
    "thead", "tbody", "tr", "th", "td", "section", "article", "p", "pre", "code", "span", "small",
    "strong", "a", "details", "summary", "div",
}  # fmt: skip


def checked_page(text: str) -> Page:
    page = Page(text)
    assert page.tags <= ALLOWED_TAGS
    assert page.attributes <= {
        "lang", "charset", "http-equiv", "content", "name", "class", "id", "scope", "href",
    }  # fmt: skip
    assert not page.open
    assert len(page.ids) == len(set(page.ids))
    assert all(link.startswith("#") and link[1:] in page.ids for link in page.links)
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text
    )
    return page


def test_html_is_one_page_without_scripts_or_outside_links() -> None:
    text = html.write(RUN)
    page = checked_page(text)
    assert "script-src 'none'" in text
    assert "http:" not in text
    assert "https:" not in text
    assert "alert(1)" in page.text


def test_html_links_each_finding_to_its_event() -> None:
    text = html.write(RUN)
    assert "<h2>Findings: 1 error</h2>" in text
    row = re.search(r'<tr class="error">.*?</tr>', text, re.DOTALL)
    assert row is not None
    assert "✖ error" in row[0]
    assert '<a href="#e6">event 6</a>' in row[0]
    assert 'id="m4"' in text


def test_html_folds_long_texts_and_shows_their_length() -> None:
    text = html.write(RUN)
    assert "(12,000 characters, 1 line)" in text
    assert "Done. " * 2_000 in text


def test_html_shows_control_characters_and_masks_secrets() -> None:
    page = checked_page(html.write(RUN))
    assert "␛]52;c;eA==␇⟨U+009B⟩31m⟨U+202E⟩" in page.text
    assert "⟨U+D800⟩" in page.text
    assert "sk-abcdefghijkl" not in page.text


def test_edits_by_the_user_are_shown() -> None:
    edited = ArgumentsEdited(seq=0, call_index=0, before='{"a":1}', after='{"a":2}')
    for write in (markdown.write, html.write):
        assert "ArgumentsEdited" in write(numbered(edited))


@pytest.mark.parametrize("name", WRITERS)
def test_an_empty_log_is_written(name: str) -> None:
    assert WRITERS[name](())


def test_deeply_nested_and_odd_values_are_written() -> None:
    deep: Any = 1
    for _ in range(900):
        deep = [deep]
    run = [RunStarted(seq=0, details={"deep": deep, "big": 10**30, "nan": float("nan")})]
    for write in WRITERS.values():
        assert "1" + "0" * 30 in write(run)
    assert json.loads(json_text({"a\ud800": deep}))["a\ud800"]


def test_visible_controls_leaves_ordinary_text_alone() -> None:
    ordinary = "naïve 日本語 👩\u200d💻 tab\tnewline\n"
    assert visible_controls(ordinary) == ordinary


_LETTERS = "ab`~<>/&\"'|\\\n\r\t*_#[](){}\x00\x1b\x9b\u202e\u2028\ud800\U000e0041é"
_TEXTS = st.text(alphabet=st.sampled_from(_LETTERS), max_size=20) | st.sampled_from(
    [HOSTILE, TEXT_CALL, "```\n# x", "<!--", "]]>", "{", '{"a": NaN}', "</details>"]
)
_OPTIONAL = st.none() | _TEXTS
_CALLS = st.builds(
    ToolCall, index=st.integers(0, 3), name=_OPTIONAL, arguments_text=_TEXTS, id=_OPTIONAL,
    arguments_state=st.sampled_from(ArgumentsState), id_state=st.sampled_from(IdState),
    origin=st.sampled_from(Origin),
    arguments=st.none() | st.dictionaries(_TEXTS, _TEXTS, max_size=2),
)  # fmt: skip
_REASONING = st.builds(
    Reasoning, field=_TEXTS, text=_TEXTS, kind=st.sampled_from(["text", "summary", "encrypted"])
)
_PARTS = st.builds(
    ContentPart, kind=st.sampled_from(["text", "image", "json", "refusal", "\x1b"]), text=_TEXTS,
    media_type=_TEXTS,
)  # fmt: skip
_MESSAGES = st.builds(
    Message, role=st.sampled_from(["user", "assistant", "tool", "system"]) | _TEXTS, text=_TEXTS,
    author=_TEXTS, calls=st.integers(0, 2), results=st.integers(0, 2), finish_reason=_TEXTS,
    parts=st.lists(_PARTS, max_size=2).map(tuple), flags=st.lists(_TEXTS, max_size=1).map(tuple),
    reasoning=st.lists(_REASONING, max_size=2).map(tuple),
)  # fmt: skip
_DIAGNOSTICS = st.lists(
    st.builds(Diagnostic, code=st.sampled_from(Code), severity=st.sampled_from(Severity),
              message=_TEXTS, hint=_TEXTS),
    max_size=1,
).map(tuple)  # fmt: skip
_RESULTS = st.builds(
    ToolResult, content=_TEXTS, call_id=_OPTIONAL, name=_OPTIONAL,
    error=st.none() | st.builds(ErrorMark, kind=st.just("flag"), reason=_TEXTS),
)  # fmt: skip
_SEQ = st.just(0)
_EVENTS = st.one_of(
    st.builds(RunStarted, seq=_SEQ, run_id=_TEXTS, task=_TEXTS, model=_TEXTS,
              details=st.dictionaries(_TEXTS, _TEXTS, max_size=2), diagnostics=_DIAGNOSTICS),
    st.builds(MessageAppended, seq=_SEQ, message=_MESSAGES, raw=_TEXTS, diagnostics=_DIAGNOSTICS),
    st.builds(ToolCallProposed, seq=_SEQ, call=_CALLS, diagnostics=_DIAGNOSTICS),
    st.builds(ToolReturned, seq=_SEQ, result=_RESULTS, diagnostics=_DIAGNOSTICS),
    st.builds(RequestFailed, seq=_SEQ, message=_TEXTS, body=_TEXTS),
    st.builds(SourceDefect, seq=_SEQ, message=_TEXTS, excerpt=_TEXTS),
    st.builds(RunEnded, seq=_SEQ, status=_TEXTS, stop_reason=_TEXTS),
)  # fmt: skip
RUNS = st.lists(_EVENTS, max_size=7).map(lambda events: numbered(*events))


@settings(max_examples=120, deadline=None)
@given(RUNS)
def test_nothing_in_any_run_breaks_out_of_the_written_text(run: tuple[Event, ...]) -> None:
    checked_page(html.write(run))
    outside = outside_fences(markdown.write(run))
    assert not re.search(r"(?<!\\)<[a-z/!]", outside)
    for name in ("openai", "sharegpt", "atif"):
        opened(WRITERS[name](run))
    for write in WRITERS.values():
        write(run).encode("utf-8")
