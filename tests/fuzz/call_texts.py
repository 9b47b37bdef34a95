"""Model texts, searched for calls and for reasoning."""

from __future__ import annotations

from hermes_tui.parsers.auto import Auto
from hermes_tui.parsers.embedded import bare_call_json, foreign_format, read_embedded
from hermes_tui.parsers.normalise import normalise_message
from hermes_tui.parsers.text_calls import TextCalls, read_call_text
from tests.parsers.laws import check_laws

SEEDS = (
    b'<think>plan</think>ok <tool_call>\n{"name": "f", "arguments": {"k": 1,}}\n</tool_call>',
    b"<function=f>\n<parameter=k>\nls\n</parameter>\n</function></tool_call>",
    b'[TOOL_CALLS][{"name":"f","arguments":{}}]<|python_tag|>f(k="a")',
    "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{}\n```".encode(),
    b"<tool_call>f<arg_key>k</arg_key><arg_value>v</arg_value></tool_call>[f(k='v', n=1+2)]",
    b'<|start|>assistant<|channel|>commentary to=functions.f <|message|>{"k":1}<|call|>',
    b'<minimax:tool_call><invoke name="f"><parameter name="k">1</parameter></invoke>',
    b"call:f{k:<escape>v<escape>}<end_function_call>functools[{'name': 'f'}]",
    b'{"name":"f","arguments":"{\\"k\\": 1}"}',
)
DICTIONARY = (
    b"<tool_call>", b"</tool_call>", b"<think>", b"</think>", b"<function=f>", b"</function>",
    b"<parameter=k>", b"</parameter>", b"[TOOL_CALLS]", b"[ARGS]", b"<|python_tag|>", b"```",
    b"<invoke ", b'"name":', b'"arguments":', b"<arg_key>", b"<|\"|>", b"call:f{", b"&lt;",
)  # fmt: skip


def try_one(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    check_laws(text, Auto().parse(text, ()))
    read_embedded(text)
    bare_call_json(text)
    foreign_format(text)
    read_call_text(text)
    for mode in TextCalls:
        parts = normalise_message({"role": "assistant", "content": text}, text_calls=mode)
        assert parts.message.calls == len(parts.calls)
        normalise_message({"role": "tool", "content": text}, text_calls=mode)
