"""A rendered chat template without its special tokens, split as far as the rest shows how.

    prompt = (role "\\n" text "\\n")* "assistant\\n" begun?            ChatML: Qwen and others
           | the same with "model" for "assistant"                   Gemma
           | (role "\\n\\n" text)* "assistant\\n\\n"                    Llama 3
    reply  = text (other text)*
    other  = "user\\n" (tool response)* "\\n"? "assistant\\n"         ChatML
           | "\\n" ("user" | "tool") "\\n" text "\\nassistant\\n"       ChatML
           | "ipython\\n\\n" text "assistant\\n\\n"                    Llama 3
    begun  = "<" …                                                 such as "<think>\\n"

Decoding with `skip_special_tokens` drops `<|im_start|>`, `<|im_end|>` and the tokens of headers;
the names of the roles stay, and so do `<tool_call>`, `<tool_response>` and `<think>`, which are not
special tokens. A prompt that does not end with the start of a reply is not a template.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice, pairwise
from typing import NamedTuple

from hermes_tui.formats.texts.chat_template import TemplateTurn
from hermes_tui.model.spans import Span
from hermes_tui.parsers.tool_results import CLOSE, OPEN


class _Family(NamedTuple):
    """How the roles of a family of templates show in a text without special tokens."""

    role: re.Pattern[str]
    other: re.Pattern[str]
    """The start of another role's message in a reply: a tool's, or that of the role `said`."""
    back: re.Pattern[str]
    """The start of the model's text after a tool's message."""
    turn_end: str
    answers: str
    """The start of the model's text after another role's message."""


def _chatml(model: str) -> _Family:
    """Return the ChatML family of templates that use `model` as the name of the model's role."""
    return _Family(
        re.compile(rf"^(?P<role>system|user|{model}|tool)(?:\n|\Z)", re.MULTILINE),
        re.compile(rf"\n?user\n(?={OPEN})|\n(?P<said>user|tool)\n"),
        re.compile(rf"(?<={CLOSE})\n{{0,2}}{model}\n"),
        "\n",
        f"\n{model}\n",
    )


_CHATML = _chatml("assistant")
_GEMMA = _chatml("model")
_LLAMA = _Family(
    re.compile(r"(?:\A|(?<=\S)|(?<=\n\n))(?P<role>system|user|assistant|ipython)\n\n"),
    re.compile(r"(?<=\S)ipython\n\n"),
    re.compile(r"(?<=\S)assistant\n\n"),
    "",
    "assistant\n\n",
)
_MODEL_ROLES = ("assistant", "model")
_NEXT_ROLES = {
    "": ("system", "user"),
    "system": ("user",),
    "user": _MODEL_ROLES,
    "assistant": ("user", "tool", "ipython"),
    "model": ("user", "tool"),
    "tool": ("tool", *_MODEL_ROLES),
    "ipython": ("assistant",),
}
_MODEL_MARKER = re.compile(r"(?:assistant|model)\n(\n?)")
_MAX_MARKERS = 20
"""The most occurrences of the model's role tried as the start of its first reply."""
_ROLES = {"ipython": "tool", "model": "assistant"}


def split_skipped_prompt(text: str) -> tuple[tuple[TemplateTurn, ...], str]:
    """Return the messages of a prompt and the beginning of the reply; ((), "") if it is no
    template.

    >>> split_skipped_prompt("user\\nHi\\nassistant\\n<think>\\n")[1]
    '<think>\\n'
    """
    family = _family(text)
    markers = _markers(text, family)
    if not markers:
        return (), ""
    turns = []
    for marker, following in pairwise(markers):
        stop = following.start()
        if family.turn_end and text.startswith(family.turn_end, stop - 1):
            stop = max(marker.end(), stop - 1)
        turns.append(_turn(text, marker["role"], marker.end(), stop))
    return tuple(turns), text[markers[-1].end() :]


def skipped_reply_start(text: str) -> int:
    """Return the index of the reply in a text of prompt and reply, or -1 if it is unknown.

    >>> skipped_reply_start("user\\nHi\\nassistant\\nHo")
    18
    """
    for name in islice(_MODEL_MARKER.finditer(text), _MAX_MARKERS):
        for end in sorted({name.start(1), name.end()}):
            if split_skipped_prompt(text[:end])[0]:
                return end
    return -1


def split_skipped_reply(text: str, prompt: str) -> tuple[TemplateTurn, ...]:
    """Return the turns of a reply to `prompt`; the first and usually the last are the model's.

    >>> split_skipped_reply("no\\nuser\\nwhy?\\nassistant\\nso", "user\\nHi\\nassistant\\n")[1].text
    'why?'
    """
    family = _family(prompt)
    turns: list[TemplateTurn] = []
    start = 0
    for begin, role, stop, back in _other_messages(text, family):
        turns.append(_turn(text, "assistant", start, begin.start()))
        turns.append(_turn(text, role, begin.end(), stop))
        start = back
    if start < len(text) or not turns:
        turns.append(_turn(text, "assistant", start, len(text)))
    return tuple(turns)


def _other_messages(text: str, family: _Family) -> Iterator[tuple[re.Match[str], str, int, int]]:
    """Yield each message of another role: the match that begins it, its role, its end, and the
    index at which the model continues."""
    last_back = text.rfind(family.answers)
    at = 0
    while begin := family.other.search(text, at):
        if begin.groupdict().get("said"):
            if begin.end() > last_back + 1:
                at = begin.end()
                continue
            stop = text.find(family.answers, begin.end() - 1)
            at = stop + len(family.answers)
            yield begin, begin["said"], max(stop, begin.end()), at
            continue
        back = family.back.search(text, begin.end())
        stop, at = (back.start(), back.end()) if back else (len(text), len(text))
        yield begin, "tool", stop, at


def _family(prompt: str) -> _Family:
    is_llama = prompt.startswith(("system\n\n", "user\n\n")) and prompt.endswith("assistant\n\n")
    if is_llama and not prompt.endswith(f"{_CHATML.answers}\n"):
        return _LLAMA
    return _GEMMA if prompt.endswith(_GEMMA.answers) else _CHATML


def _markers(text: str, family: _Family) -> list[re.Match[str]]:
    """Return the role markers between messages, or [] if the text is not a prompt.

    A marker that cannot follow the previous one belongs to a message, as a line "user" may.
    """
    found = list(family.role.finditer(text))
    if not found or found[0].start() or not _awaits_reply(text, found[-1]):
        return []
    kept: list[re.Match[str]] = []
    for marker in found:
        if marker["role"] in _NEXT_ROLES[kept[-1]["role"] if kept else ""]:
            kept.append(marker)
    if kept and kept[-1] is found[-1]:
        return kept
    # Role names inside the user's message: all of it is one message.
    first = next((n for n, marker in enumerate(kept) if marker["role"] == "user"), None)
    return [] if first is None else [*kept[: first + 1], found[-1]]


def _awaits_reply(text: str, marker: re.Match[str]) -> bool:
    begun = text[marker.end() : marker.end() + 1]
    return marker["role"] in _MODEL_ROLES and begun in ("", "<")


def _turn(text: str, role: str, start: int, stop: int) -> TemplateTurn:
    return TemplateTurn(_ROLES.get(role, role), text[start:stop], Span(start, stop), closed=True)
