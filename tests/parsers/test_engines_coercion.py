"""How vLLM's declared parsers and SGLang's XML readers convert values to fit a schema."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hermes_tui.model.messages import ToolSpec
from hermes_tui.parsers.engines.vllm_coercion import coerce_arguments
from tests.parsers.engine_cases import found, read


def tool(schema: Any) -> ToolSpec:
    return ToolSpec("f", parameters={"type": "object", "properties": {"a": schema}})


def coerced(value: Any, schema: Any) -> Any:
    return json.loads(coerce_arguments(json.dumps({"a": value}), tool(schema)).arguments)["a"]


@pytest.mark.parametrize(
    ("schema", "value", "after"),
    [
        ({"type": "integer"}, "5", 5),
        ({"type": "integer"}, "5.0", 5.0),
        ({"type": "integer"}, "five", "five"),
        ({"type": "integer"}, "null", None),
        ({"type": "number"}, "5.0", 5),
        ({"type": "number"}, 5.0, 5),
        ({"type": "number"}, "1e999", "1e999"),
        ({"type": "boolean"}, "True", True),
        ({"type": "boolean"}, "0", False),
        ({"type": "string"}, 42, "42"),
        ({"type": "string"}, None, "null"),
        ({"type": ["string", "null"]}, "null", None),
        ({"type": "string"}, '{"b": 1}', '{"b": 1}'),
        ({"type": "object"}, '{"b": 1}', {"b": 1}),
        ({"type": "object"}, "{'b': 1}", "{'b': 1}"),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, "7", 7),
        ({"enum": [1, 2]}, "2", 2),
        ({"type": "dict"}, "{}", {}),
        ({}, 5, "5"),
        ({"type": "array", "items": {"type": "integer"}}, ["1", "x"], [1, "x"]),
        ({"type": "object", "properties": {"b": {"type": "integer"}}}, {"b": "1"}, {"b": 1}),
    ],
)
def test_vllm_coerces_a_value_to_its_schema(schema: Any, value: Any, after: Any) -> None:
    found_value = coerced(value, schema)
    assert (found_value, type(found_value)) == (after, type(after))


def test_arguments_that_fit_are_sent_verbatim() -> None:
    arguments = '{ "a":1 }'
    assert coerce_arguments(arguments, tool({"type": "integer"})).arguments == arguments
    assert coerce_arguments('{"a": ', tool({"type": "integer"})).arguments == '{"a": '
    assert coerce_arguments(arguments, None).arguments == arguments


def test_changed_values_and_failed_conversions_are_reported() -> None:
    text = (
        "<tool_call>f<arg_key>a</arg_key><arg_value>5</arg_value>"
        "<arg_key>b</arg_key><arg_value>five</arg_value></tool_call>"
    )
    integers = {"a": {"type": "integer"}, "b": {"type": "integer"}}
    spec = ToolSpec("f", parameters={"type": "object", "properties": integers})
    result = read("vllm/glm47", text, (spec,))
    assert result.calls[0].arguments == '{"a": 5, "b": "five"}'
    assert {"COERCED", "COERCE_FAILED"} <= {code for code, _ in found(result, text)}


def sglang(parser: str, value: str, schema: Any) -> Any:
    if parser == "qwen3_coder":
        text = f"<tool_call><function=f><parameter=a>{value}</parameter></function></tool_call>"
    else:
        newline = "\n" if parser == "glm45" else ""
        text = (
            f"<tool_call>f{newline}<arg_key>a</arg_key><arg_value>{value}</arg_value></tool_call>"
        )
    (call,) = read(f"sglang/{parser}", text, (tool(schema),)).calls
    return json.loads(call.arguments).get("a")


@pytest.mark.parametrize(
    ("parser", "schema", "value", "after"),
    [
        ("qwen3_coder", {"type": "string"}, "null", None),
        ("qwen3_coder", {"type": "string"}, "5", "5"),
        ("qwen3_coder", {"type": "integer"}, "5.0", "5.0"),
        ("qwen3_coder", {"type": "number"}, "5", 5),
        ("qwen3_coder", {"type": "number"}, "5.0", 5.0),
        ("qwen3_coder", {"type": "boolean"}, "yes", False),
        ("qwen3_coder", {"type": "object"}, "{'b': 1}", {"b": 1}),
        ("qwen3_coder", {"type": ["null", "integer"]}, "5", 5),
        ("qwen3_coder", {"type": ""}, "1e3", 1000.0),
        ("qwen3_coder", {}, "1e3", "1e3"),
        ("glm45", {"type": "string"}, "5", "5"),
        ("glm45", {"type": "string"}, "null", "None"),
        ("glm45", {"type": "string"}, "'x'", "x"),
        ("glm45", {}, "5", 5),
        ("glm45", {"type": "number"}, '"1.5"', 1.5),
        ("glm45", {"type": "object"}, '{\\"b\\": 1}', {"b": 1}),
        ("glm47", {"type": "string"}, "5", "5"),
        ("glm47", {"type": "string"}, "null", "null"),
        ("glm47", {"type": "integer"}, '"5"', 5),
        ("glm47", {"type": "integer"}, '"1.5"', "1.5"),
        ("glm47", {"enum": ["7", 8]}, "7", "7"),
        ("glm47", {"enum": ["7", 8]}, "8", 8),
        ("glm47", {"$ref": "#/properties/b"}, "1_0", 10),
    ],
)
def test_sglang_converts_by_parser_and_schema(
    parser: str, schema: Any, value: str, after: Any
) -> None:
    if "$ref" in schema:
        schema = {"allOf": [{"type": "integer"}, schema]}
    found_value = sglang(parser, value, schema)
    assert (found_value, type(found_value)) == (after, type(after))


def test_a_reference_to_an_element_far_beyond_a_list_is_not_followed() -> None:
    schema = {"$ref": f"#/anyOf/{5000 * '9'}"}
    parameters = {"type": "object", "properties": {"a": schema}, "anyOf": [{"type": "object"}]}
    text = "<tool_call>f<arg_key>a</arg_key><arg_value>5</arg_value></tool_call>"
    (call,) = read("sglang/glm47", text, (ToolSpec("f", parameters=parameters),)).calls
    assert json.loads(call.arguments) == {"a": 5}


def test_glm47_resolves_a_union_by_the_arguments_already_known() -> None:
    branches = [
        {"properties": {"kind": {"const": "text"}, "a": {"type": "string"}}},
        {"properties": {"kind": {"const": 1}, "a": {"type": "integer"}}},
    ]
    spec = ToolSpec("f", parameters={"oneOf": branches})
    text = (
        "<tool_call>f<arg_key>kind</arg_key><arg_value>{kind}</arg_value>"
        "<arg_key>a</arg_key><arg_value>5</arg_value></tool_call>"
    )
    for kind, after in (("text", "5"), ("1", 5)):
        (call,) = read("sglang/glm47", text.replace("{kind}", kind), (spec,)).calls
        assert json.loads(call.arguments)["a"] == after
