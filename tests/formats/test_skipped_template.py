"""Rendered templates whose special tokens were skipped are split at the names of roles."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes_tui.formats.texts.skipped_template import split_skipped_prompt, split_skipped_reply
from tests.timing import assert_linear

CHATML = "system\nBe brief.\nuser\nIs it\nraining?\nassistant\n"
LLAMA = "system\n\nYou are an assistantuser\n\nWhat is 2+2?assistant\n\n"
CALL = '<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>'
RESULT = '<tool_response>\n{"rain": true}\n</tool_response>'
PIECES = st.sampled_from(
    [
        "system",
        "user",
        "assistant",
        "model",
        "ipython",
        "tool",
        "\n",
        "\n\n",
        " ",
        "x",
        "<",
        RESULT,
        CALL,
    ]
)


def prompt_messages(prompt: str) -> list[tuple[str, str]]:
    return [(turn.role, turn.text) for turn in split_skipped_prompt(prompt)[0]]


def reply_messages(reply: str, prompt: str = CHATML) -> list[tuple[str, str]]:
    return [(turn.role, turn.text) for turn in split_skipped_reply(reply, prompt)]


def test_a_chatml_prompt_is_split_at_the_lines_that_name_roles() -> None:
    assert prompt_messages(CHATML) == [("system", "Be brief."), ("user", "Is it\nraining?")]


def test_a_llama_prompt_is_split_at_role_names_glued_to_the_text() -> None:
    assert prompt_messages(LLAMA) == [("system", "You are an assistant"), ("user", "What is 2+2?")]


def test_a_prompt_keeps_its_earlier_turns() -> None:
    prompt = f"user\nIs it?\nassistant\n{CALL}\nuser\n{RESULT}\nassistant\n<think>\n"
    assert [role for role, _ in prompt_messages(prompt)] == ["user", "assistant", "user"]
    assert split_skipped_prompt(prompt)[1] == "<think>\n"


def test_a_line_that_names_a_role_within_a_question_stays_there() -> None:
    prompt = "system\nS\nuser\nWho is who?\nuser\nassistant\nTell me.\nassistant\n"
    assert prompt_messages(prompt) == [
        ("system", "S"),
        ("user", "Who is who?\nuser\nassistant\nTell me."),
    ]


@pytest.mark.parametrize("prompt", ["", "Q: 2+2?\nA:", "user\nHi", "Hi\nassistant\n", "user"])
def test_other_prompts_are_not_templates(prompt: str) -> None:
    assert split_skipped_prompt(prompt) == ((), "")


@pytest.mark.parametrize("before", ["\n", ""])
@pytest.mark.parametrize("after", ["\n", ""])
def test_tool_results_come_between_the_turns_of_the_model(before: str, after: str) -> None:
    """Older versions of verl add the tool's turn without a line break before it."""
    reply = f"{CALL}{before}user\n{RESULT}{after}assistant\nYes."
    assert reply_messages(reply) == [("assistant", CALL), ("tool", RESULT), ("assistant", "Yes.")]


def test_a_reply_may_end_with_a_tool_result() -> None:
    assert reply_messages(f"{CALL}\nuser\n{RESULT}") == [("assistant", CALL), ("tool", RESULT)]
    assert reply_messages(f"{CALL}\nuser\n{RESULT}\nassistant\n") == [
        ("assistant", CALL),
        ("tool", RESULT),
    ]


def test_a_further_user_turn_is_distinguished_from_model_text() -> None:
    assert reply_messages("No.\nuser\nWhy?\nassistant\nSo.") == [
        ("assistant", "No."),
        ("user", "Why?"),
        ("assistant", "So."),
    ]
    assert reply_messages("roles:\nuser\nadmin") == [("assistant", "roles:\nuser\nadmin")]


def test_llama_tool_results_have_the_role_ipython() -> None:
    reply = '{"name": "f", "parameters": {}}ipython\n\n"rain"assistant\n\nYes.'
    assert [role for role, _ in reply_messages(reply, LLAMA)] == ["assistant", "tool", "assistant"]


def test_gemma_replies_have_the_role_model() -> None:
    prompt = "user\nIs it?\nmodel\n"
    assert prompt_messages(prompt) == [("user", "Is it?")]
    reply = "call\ntool\nrain\nmodel\nYes."
    assert reply_messages(reply, prompt) == [
        ("assistant", "call"),
        ("tool", "rain"),
        ("assistant", "Yes."),
    ]


def test_a_default_system_prompt_of_llama_ends_with_a_blank_line() -> None:
    prompt = "system\n\nToday Date: 26 Jul 2024\n\nuser\n\nIs it?assistant\n\n"
    assert [role for role, _ in prompt_messages(prompt)] == ["system", "user"]


def test_tool_results_may_be_followed_by_a_line_break() -> None:
    """The templates of Nemotron 3, for example, add one."""
    reply = f"{CALL}\nuser\n{RESULT}\n\nassistant\nYes."
    assert reply_messages(reply) == [("assistant", CALL), ("tool", RESULT), ("assistant", "Yes.")]


@given(st.lists(PIECES, max_size=12).map("".join), st.lists(PIECES, max_size=12).map("".join))
def test_no_text_is_lost_or_duplicated(prompt: str, reply: str) -> None:
    turns, reply_start = split_skipped_prompt(prompt)
    assert all(prompt[turn.span.start : turn.span.end] == turn.text for turn in turns)
    assert [turn.span for turn in turns] == sorted(turn.span for turn in turns)
    assert prompt.endswith(reply_start)
    replied = split_skipped_reply(reply, prompt)
    assert all(reply[turn.span.start : turn.span.end] == turn.text for turn in replied)
    gaps = reply
    for turn in reversed(replied):
        gaps = gaps[: turn.span.start] + "|" + gaps[turn.span.end :]
    assert not set(gaps) - set("|\nusertoliapyhndm")


@pytest.mark.parametrize(
    "split",
    [
        lambda count: split_skipped_reply("\nuser\n" * 20 * count, CHATML),
        lambda count: split_skipped_reply(f"\nuser\n{RESULT}\nassistant\n" * 2 * count, CHATML),
        lambda count: split_skipped_prompt("user\nassistant\n" * 10 * count + "assistant\n"),
    ],
    ids=["names", "results", "prompt"],
)
def test_time_grows_linearly_with_the_text(split: Callable[[int], object]) -> None:
    assert_linear(lambda count: lambda: split(count), 10_000)
