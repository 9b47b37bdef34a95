"""A tool's schema is used to check arguments, and is never trusted itself."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.debugger.inputs import EditArguments, Resume, SetBreakpoints, ToolReplied
from hermes_tui.debugger.stepping import RUN_MODE, StopPoint
from hermes_tui.log.argument_schema import MAX_PROBLEMS, schema_problems
from hermes_tui.model.messages import ToolSpec
from tests.debugger.scenario import Scenario, broken, calls, run_to, task

COUNT = {
    "type": "object",
    "properties": {"n": {"type": "integer", "minimum": 1}, "how": {"enum": ["fast", "slow"]}},
    "required": ["n"],
    "additionalProperties": False,
}
TOOLS = (ToolSpec("count", parameters=COUNT),)
SCHEMAS = st.recursive(
    st.booleans() | st.none() | st.integers() | st.sampled_from(["object", "#/x", "(", "integer"]),
    lambda inner: (
        st.dictionaries(
            st.sampled_from(["type", "properties", "$ref", "pattern", "items", "n", "allOf"]), inner
        )
        | st.lists(inner, max_size=2)
    ),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("arguments", "path", "message"),
    [
        ({}, "", "'n' is a required property"),
        ({"n": "1"}, "n", "'1' is not of type 'integer'"),
        ({"n": 0}, "n", "0 is less than the minimum of 1"),
        ({"n": 1, "how": "so"}, "how", "'so' is not one of ['fast', 'slow']"),
        (5, "", "5 is not of type 'object'"),
    ],
)
def test_each_problem_is_reported_with_its_path_and_message(
    arguments: Any, path: str, message: str
) -> None:
    assert schema_problems(arguments, COUNT) == ((path, message),)


def test_the_path_leads_into_lists_and_objects() -> None:
    schema = {"properties": {"f": {"items": {"properties": {"a": {"type": "string"}}}}}}
    ((path, _),) = schema_problems({"f": [{}, {"a": 1}]}, schema)
    assert path == "f[1].a"


def test_fitting_arguments_and_tools_without_a_schema_give_no_problem() -> None:
    assert schema_problems({"n": 2, "how": "fast"}, COUNT) == ()
    assert schema_problems({"anything": 1}, None) == ()


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "strnig"},
        {"$ref": "http://127.0.0.1:9/never-fetched"},
        {"$ref": "#/$defs/missing"},
        {"$ref": "#"},
        {"type": 5},
        [],
        "object",
    ],
)
def test_a_broken_schema_is_one_problem_and_nothing_is_fetched(schema: Any) -> None:
    (problem,) = schema_problems({"n": 1}, schema)
    assert "the schema of the tool is broken" in problem.message


def test_the_number_of_problems_is_bounded() -> None:
    schema = {"items": {"type": "string"}}
    assert len(schema_problems([1] * 1000, schema)) == MAX_PROBLEMS


@settings(max_examples=60, deadline=None)
@given(SCHEMAS, SCHEMAS)
def test_no_schema_and_no_arguments_raise(arguments: Any, schema: Any) -> None:
    for problem in schema_problems(arguments, schema):
        assert problem.message


def test_a_call_that_the_schema_refuses_stops_but_may_be_dispatched() -> None:
    run = Scenario() >> run_to(tools=TOOLS) >> calls(("count", {"n": "three"}))
    assert run.session.state.stop.stop_point == "invalid_args"
    run >> Resume()
    assert run.effects


def test_an_edited_call_is_checked_again() -> None:
    good = ("count", {"n": 1})
    run = Scenario() >> run_to("before_dispatch once", tools=TOOLS) >> calls(good, good)
    run >> EditArguments(1, '{"n": 0}') >> Resume() >> ToolReplied("ok")
    assert (run.session.state.stop.stop_point, run.session.state.stop.call_index) == (
        "invalid_args",
        1,
    )


def test_the_schema_is_checked_only_if_something_stops_for_it() -> None:
    bare = RUN_MODE - {StopPoint.INVALID_ARGS}
    run = Scenario() >> task(tools=TOOLS, stop_points=bare) >> calls(("count", {"n": "x"}))
    assert run.session.state.reply is not None
    assert run.session.state.reply.calls[0].problems is None
    run = Scenario() >> task(tools=TOOLS, stop_points=bare)
    run >> SetBreakpoints(broken("invalid_args"), bare) >> calls(("count", {"n": "x"}))
    assert run.session.state.stop.stop_point == "invalid_args"
