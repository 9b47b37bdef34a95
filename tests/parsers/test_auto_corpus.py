"""Our own parser on a corpus of model outputs, well-formed and damaged, with the intended calls."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from hermes_tui.model.diagnostics import Code, Diagnostic, Severity
from hermes_tui.model.messages import ToolSpec
from hermes_tui.model.spans import Span
from hermes_tui.parsers.auto import Auto
from hermes_tui.parsers.recognise import formats_in
from tests.parsers.laws import check_laws, is_alike, readable

CORPUS = Path(__file__).resolve().parents[2] / "../shared/corpus/parsers"
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not (CORPUS / "corpus.jsonl").exists(), reason="no corpus beside here"),
]
Row = dict[str, Any]

SHAPE = {Code.ARGS_KEY, Code.ARGS_NOT_OBJECT}
FRAME = {Code.UNCLOSED, Code.BRACES_MISSING}
CUT = {Code.TRUNCATED}
EXPRESSION = {Code.EXPR_NOT_LITERAL}
CODES_OF_KIND: dict[str, set[Code]] = {
    "args_as_string": {Code.ARGS_STRING},
    "args_double_encoded": {Code.ARGS_DOUBLE},
    "args_key_args": {Code.ARGS_KEY},
    "args_list": {Code.ARGS_NOT_OBJECT},
    "args_null": {Code.ARGS_NOT_OBJECT},
    "array_wrap": {Code.MULTI_PAYLOAD},
    "attr_style": {Code.MARKER_VARIANT},
    "bad_escape": {Code.BAD_ESCAPE},
    "bad_nested_json": {Code.BAD_QUOTES, Code.PY_LITERAL},
    "bare_number": {Code.BAD_QUOTES},
    "dashed_name": {Code.NAME_DECORATED},
    "dict_args": EXPRESSION,
    "dotted_name": {Code.NAME_DECORATED},
    "double_channel": {Code.NESTED_OPEN},
    "dup_key": {Code.DUP_KEY},
    "dup_param": {Code.DUP_KEY},
    "empty_block": {Code.EMPTY_BLOCK, Code.NAME_TYPE},
    "empty_list": {Code.EMPTY_BLOCK},
    "empty_name": {Code.NAME_MISSING, Code.NAME_TYPE},
    "empty_value": {Code.SCHEMA_VIOLATION},
    "entities": {Code.BAD_ESCAPE},
    "eos_token": {Code.STRAY_SPECIAL},
    "expression": EXPRESSION,
    "extra_brace": {Code.BRACES_EXTRA},
    "extra_param": {Code.SCHEMA_VIOLATION},
    "fence": {Code.MARKER_IN_FENCE},
    "fence_inside": {Code.EXTRA_TEXT, Code.MARKER_IN_FENCE},
    "fence_outside": {Code.MARKER_IN_FENCE},
    "flat_args": {Code.ARGS_KEY},
    "float_for_int": {Code.COERCED},
    "fstring": EXPRESSION,
    "fullwidth_quotes": {Code.BAD_QUOTES},
    "id_call_style": {Code.NAME_DECORATED},
    "id_without_index": {Code.NAME_DECORATED},
    "in_think": {Code.MARKER_IN_REASONING},
    "inner_quote": {Code.INNER_QUOTE},
    "js_comment": {Code.COMMENT},
    "json_body": {Code.WRONG_FORMAT, Code.NO_MARKER},
    "json_literals": EXPRESSION,
    "key_without_value": {Code.PARAM_PAIRING},
    "keyword_arg": EXPRESSION,
    "leading_zero": {Code.LEADING_ZERO},
    "lone_surrogate": {Code.SURROGATE},
    "missing_brace": {Code.BRACES_MISSING},
    "name_not_string": {Code.NAME_TYPE},
    "name_prefixed": {Code.NAME_DECORATED},
    "name_with_space": {Code.NAME_DECORATED},
    "nan_value": {Code.NONFINITE},
    "nested_call": EXPRESSION,
    "nested_open": {Code.NESTED_OPEN},
    "no_args": SHAPE | {Code.JSON_INVALID},
    "no_args_key": {Code.ARGS_KEY},
    "no_close_marker": FRAME,
    "no_function_close": {Code.UNCLOSED},
    "no_invoke_close": {Code.UNCLOSED},
    "no_last_param_close": {Code.PARAM_UNCLOSED},
    "no_list": {Code.NO_MARKER},
    "no_name": {Code.NAME_MISSING},
    "no_open_marker": {Code.NO_MARKER, Code.ORPHAN_CLOSE},
    "no_param_close": {Code.PARAM_UNCLOSED},
    "no_paren": {Code.BRACES_MISSING},
    "no_section": {Code.NO_MARKER},
    "no_tool_call_wrapper": {Code.NO_MARKER},
    "null_string": {Code.TYPE_GUESSED},
    "one_bad_of_two": {Code.TRAILING_COMMA, Code.TRUNCATED},
    "open_tag_as_close": {Code.NESTED_OPEN},
    "openai_shape": {Code.ARGS_KEY},
    "other_args_key": {Code.ARGS_KEY, Code.NO_MARKER},
    "plain_quotes": {Code.BAD_QUOTES},
    "positional": EXPRESSION,
    "py_literals": {Code.PY_LITERAL},
    "quoted_name": {Code.MARKER_VARIANT},
    "raw_newline": {Code.RAW_CONTROL},
    "raw_tab": {Code.RAW_CONTROL},
    "single_quotes": {Code.BAD_QUOTES},
    "stray_special": {Code.STRAY_SPECIAL},
    "string_flag_lies": {Code.TYPE_GUESSED},
    "text_after_json": {Code.EXTRA_TEXT},
    "text_before_json": {Code.EXTRA_TEXT},
    "trailing_comma": {Code.TRAILING_COMMA},
    "trunc_after_value": CUT,
    "trunc_before_brace": CUT,
    "trunc_in_string": CUT,
    "trunc_in_value": CUT,
    "trunc_json": CUT,
    "trunc_no_bracket": FRAME,
    "two_functions": {Code.MULTI_PAYLOAD},
    "two_lists": {Code.MULTI_PAYLOAD},
    "two_markers": {Code.MULTI_PAYLOAD},
    "two_objects": {Code.MULTI_PAYLOAD, Code.JSON_INVALID},
    "two_opens": {Code.NESTED_OPEN},
    "unknown_tool": {Code.NAME_UNKNOWN},
    "unquoted_string": {Code.BAD_QUOTES},
    "variable": EXPRESSION,
    "wrong_type": {Code.COERCE_FAILED},
}
"""The kinds of damage that have a code of their own; the others are peculiar to one format."""

SOUND_ELSEWHERE = {
    "compact", "hermes_json", "no_channel", "v3_shape", "v4_wrapper", "variant_crlf",
    "variant_no_newline", "xml_in_json_tag",
}  # fmt: skip
"""Texts that are sound in another format, or plain prose: damaged only if the format is known."""


@cache
def rows() -> tuple[Row, ...]:
    text = (CORPUS / "corpus.jsonl").read_text()
    return tuple(json.loads(line) for line in text.splitlines())


@cache
def tools_of(key: str) -> tuple[ToolSpec, ...]:
    specs = json.loads((CORPUS / "tools.json").read_text())[key]
    functions = [spec["function"] for spec in specs]
    return tuple(ToolSpec(f["name"], f.get("description", ""), f["parameters"]) for f in functions)


def found(row: Row) -> list[dict[str, Any]]:
    result = Auto().parse(row["text"], tools_of(row["tools"]))
    check_laws(row["text"], result)
    return [{"name": call.name, "arguments": call.value} for call in readable(result.calls)]


def findings(row: Row) -> list[Diagnostic]:
    result = Auto().parse(row["text"], tools_of(row["tools"]))
    return [one for one in result.diagnostics if one.severity is not Severity.NOTE]


def damaged() -> Iterator[Row]:
    return (row for row in rows() if row["group"] == "bad")


def share(hits: list[bool]) -> float:
    assert hits
    return sum(hits) / len(hits)


def test_sound_rows_are_read_as_intended() -> None:
    assert share([found(row) == row["intent"] for row in rows() if row["group"] == "ok"]) >= 0.98


def test_damaged_rows_give_the_calls_that_a_person_reads() -> None:
    assert share([found(row) == row["intent"] for row in damaged() if row["intent"]]) >= 0.97


def test_every_format_is_read_well() -> None:
    for name in {row["format"] for row in rows()}:
        own = [row for row in rows() if row["format"] == name]
        assert share([found(row) == row["intent"] for row in own]) >= 0.9, name


def test_rows_without_an_intended_call_give_none() -> None:
    nothing = [row for row in rows() if not row["intent"]]
    assert share([found(row) != [] for row in nothing]) <= 0.02


def test_every_damage_is_reported() -> None:
    silent = [row["id"] for row in damaged() if not findings(row) and row["text"]]
    assert [one for one in silent if one.split("-", 2)[2] not in SOUND_ELSEWHERE] == []


def test_the_code_names_the_kind_of_damage() -> None:
    agreed = {
        row["id"]: bool({one.code for one in findings(row)} & CODES_OF_KIND[row["kind"]])
        for row in damaged()
        if row["kind"] in CODES_OF_KIND and row["text"]
    }
    assert share(list(agreed.values())) >= 0.97, [name for name, hit in agreed.items() if not hit]


def test_the_finding_is_placed_at_the_damage() -> None:
    sound: dict[tuple[str, str], list[str]] = {}
    for row in rows():
        if row["group"] == "ok" and row["intent"]:
            sound.setdefault((row["format"], json.dumps(row["intent"])), []).append(row["text"])
    hits = []
    for row in damaged():
        twins = sound.get((row["format"], json.dumps(row["intent"])), [])
        if not twins or row["kind"] in SOUND_ELSEWHERE:
            continue
        place = min((damage(twin, row["text"]) for twin in twins), key=len)
        hits.append(any(one.span and one.span.overlaps(place) for one in findings(row)))
    assert share(hits) >= 0.98


def damage(sound: str, text: str) -> Span:
    """Return what of `text` is not in `sound`, including one adjacent character."""
    shorter = min(len(sound), len(text))
    start = next((i for i in range(shorter) if sound[i] != text[i]), shorter)
    back = next((i for i in range(shorter - start) if sound[-1 - i] != text[-1 - i]), None)
    end = len(text) - (shorter - start if back is None else back)
    return Span(max(0, start - 1), min(len(text), max(end, start) + 1))


def test_sound_rows_only_get_warnings_if_engines_cut_their_values() -> None:
    allowed = {Code.MARKER_IN_VALUE, Code.MARKER_IN_FENCE}
    for row in rows():
        if row["group"] != "ok" or row["kind"] == "newline_after_name":
            continue
        bare = {Code.NO_MARKER} if row["format"] in ("llama3_json", "xlam") else set()
        assert {one.code for one in findings(row)} <= allowed | bare, row["id"]


def test_the_format_is_recognised() -> None:
    calls = [row for row in rows() if row["group"] == "ok" and row["intent"]]
    hits = [
        any(is_alike(guess.format, row["format"]) for guess in formats_in(row["text"])[:1])
        for row in calls
    ]
    assert share(hits) >= 0.98
