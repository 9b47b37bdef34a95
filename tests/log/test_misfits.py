"""Arguments that break the declared schema are reported, and invalid schemas are not applied."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.log.argument_schema import misfits, schema_problems
from hermes_tui.log.findings import Finding
from hermes_tui.log.quick_schema import surely_fits
from hermes_tui.log.summary import fold_run
from hermes_tui.model import events as ev
from hermes_tui.model.diagnostics import Code, Severity
from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.normalise import TextCalls, normalise_message
from hermes_tui.runtime.opener import FoundRun, open_file, survey

SUBMIT = {
    "type": "object",
    "properties": {"answer": {"type": "integer"}, "note": {"type": "string"}},
    "required": ["answer"],
}
FUNCTION = "<function=submit>\n<parameter=answer>{}</parameter>\n</function>"


def found(message: dict[str, Any], schema: Any = SUBMIT, source: str = "") -> list[Finding]:
    """Return the findings about the arguments of the calls in a reply."""
    parts = normalise_message({"role": "assistant", **message}, text_calls=TextCalls.TRANSPORT)
    tool = ToolSpec("submit", parameters=schema)
    start = ev.RunStarted(seq=0, tools=(tool,), tools_declared=True, source_format=source)
    calls = [
        ev.ToolCallProposed(seq=2 + index, call=call) for index, (call, _) in enumerate(parts.calls)
    ]
    events = [start, ev.MessageAppended(seq=1, message=parts.message), *calls]
    return [one for one in fold_run(events)[1] if one.code is Code.SCHEMA_VIOLATION]


def native(arguments: Any) -> dict[str, Any]:
    function = {"name": "submit", "arguments": arguments}
    return {"content": None, "tool_calls": [{"id": "c1", "function": function}]}


def test_arguments_that_do_not_fit_the_declared_schema_get_a_warning() -> None:
    (finding,) = found(native('{"answer": "forty-two"}'))
    assert finding.message == "answer: 'forty-two' is not of type 'integer'"
    assert (finding.severity, finding.tool, finding.call_index) == (Severity.WARNING, "submit", 0)


def test_all_problems_of_a_call_are_one_finding_that_lists_a_few() -> None:
    schema = {"properties": {key: {"type": "integer"} for key in "abcde"}}
    (finding,) = found(native('{"a": "", "b": "", "c": "", "d": "", "e": ""}'), schema)
    assert finding.message.startswith("a: '' is not of type 'integer'; b: ")
    assert finding.message.endswith("; and 2 more")


@pytest.mark.parametrize("nothing", ["", None])
def test_a_call_without_arguments_lacks_the_required_ones(nothing: Any) -> None:
    (finding,) = found(native(nothing))
    assert finding.message == "'answer' is a required property"


def test_arguments_other_than_an_object_get_no_schema_finding() -> None:
    assert found(native("forty-two")) == []


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "dict", "properties": {"answer": {"type": "int"}}},
        {"type": "object", "properties": {"answer": {"type": "INTEGER"}}},
        {"$ref": "#/$defs/missing"},
        {"$ref": "http://127.0.0.1:9/never-fetched"},
        {"properties": {"answer": {"pattern": "("}}},
        {"allOf": [{"$ref": "#"}]},
        "object",
        [],
        7,
    ],
)
def test_an_unreadable_schema_gives_no_finding(schema: Any) -> None:
    assert found(native('{"answer": "forty-two"}'), schema) == []


def test_schema_members_that_are_null_are_ignored() -> None:
    inner = {"type": "integer", "enum": None, "items": None}
    schema = {"properties": {"answer": inner, "path": None}, "required": None}
    assert found(native('{"answer": 5}'), schema) == []
    assert len(found(native('{"answer": "5"}'), schema)) == 1


def test_texts_in_tags_are_read_as_the_values_that_they_spell() -> None:
    assert found({"content": FUNCTION.format("42")}) == []
    (finding,) = found({"content": FUNCTION.format("forty-two")})
    assert finding.message == "answer: 'forty-two' is not of type 'integer'"


def test_a_native_run_takes_the_text_in_a_tag_verbatim() -> None:
    assert len(found({"content": FUNCTION.format("42")}, source="native")) == 1


def test_a_quoted_number_in_a_json_call_is_not_a_number() -> None:
    call = '<tool_call>{"name": "submit", "arguments": {"answer": "42"}}</tool_call>'
    assert len(found({"content": call})) == 1


def test_a_pattern_that_backtracks_does_not_hang() -> None:
    schema = {
        "properties": {"answer": {"pattern": "^(a+)+$"}},
        "patternProperties": {"^(b+)+$": {"type": "string"}},
        "additionalProperties": False,
    }
    arguments = {"answer": "a" * 5_000 + "!", "b" * 5_000 + "!": 1, "bb": 1}
    messages = [problem.message for problem in misfits(arguments, schema)]
    assert len(messages) == 3
    assert any(message.endswith("does not match '^(a+)+$'") for message in messages)
    assert "1 is not of type 'string'" in messages


def test_schemas_that_double_with_every_reference_do_not_hang() -> None:
    levels = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(60)}
    schema = {"$ref": "#/$defs/d0", "$defs": {**levels, "d60": True}}
    assert misfits({"a": 1}, schema) == ()


LEAVES = st.none() | st.booleans() | st.integers(-2, 2) | st.floats() | st.sampled_from(["a", "b"])
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=6,
)
TYPES = st.sampled_from(
    ["array", "boolean", "integer", "null", "number", "object", "string", "dict", "ANY", 7]
)
SCHEMAS: st.SearchStrategy[Any] = st.deferred(
    lambda: (
        st.sampled_from([True, False, None, {}, []])
        | st.fixed_dictionaries(
            {},
            optional={
                "type": TYPES | st.lists(TYPES, max_size=2),
                "properties": st.none() | st.dictionaries(st.sampled_from("ab"), SCHEMAS),
                "required": st.sampled_from([None, [], ["a"], ["a", "b"], True, [1]]),
                "additionalProperties": SCHEMAS,
                "items": SCHEMAS,
                "anyOf": st.lists(SCHEMAS, max_size=2),
                "enum": st.none() | st.lists(LEAVES, max_size=2),
                "minimum": st.integers(0, 1) | st.floats() | st.booleans(),
                "maxLength": st.integers(0, 1),
                "minItems": st.integers(0, 1),
                "uniqueItems": st.booleans(),
                "description": st.just("x"),
            },
        )
    )
)


@settings(max_examples=300, deadline=None)
@given(VALUES, SCHEMAS)
def test_arguments_that_certainly_fit_have_no_problem(value: Any, schema: Any) -> None:
    if surely_fits(value, schema):
        problems = schema_problems(value, schema)
        assert not problems or "the schema of the tool is broken" in problems[0].message


def test_a_misfit_that_the_parser_of_the_run_reports_too_is_reported_once(tmp_path: Path) -> None:
    call = '<tool_call>{"name": "submit", "arguments": {"answer": "forty-two"}}</tool_call>'
    tools = [{"function": {"name": "submit", "parameters": SUBMIT}}]
    messages = [{"role": "user", "content": "q"}, {"role": "assistant", "content": call}]
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"tools": tools, "messages": messages}))
    (run,) = [
        step
        for step in survey(open_file(path, whole=True, parser="vllm/hermes"))
        if isinstance(step, FoundRun) and step.final
    ]
    assert run.state.codes[Code.SCHEMA_VIOLATION] == 1


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "required": [["answer"]]},
        {"type": "object", "required": [{"answer": 1}]},
        {"type": [["object"]]},
        {"type": "object", "properties": {"answer": {"type": ["integer", ["null"]]}}},
        {"type": "object", "properties": {"answer": {"enum": "x"}}},
    ],
)
def test_a_schema_of_wrong_types_gives_no_finding(schema: Any) -> None:
    assert found(native('{"answer": 1}'), schema) == []


def test_null_is_accepted_if_declared_nullable_and_reported_as_json_if_not() -> None:
    nullable = {"type": "integer", "enum": [1, 2], "nullable": True}
    schema = {"type": "object", "properties": {"answer": nullable}}
    assert found(native('{"answer": null}'), schema) == []
    (finding,) = found(native('{"answer": null}'))
    assert finding.message == "answer: null is not of type 'integer'"
