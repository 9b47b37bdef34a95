"""Texts read as the output of Python's `repr`."""

from __future__ import annotations

import ast

from hermes_tui.formats.texts.python_repr import NotRepr, read_members, read_repr

SEEDS = (
    b"[{'role': 'user', 'content': \"it's\"}, (1, 2.5, -3e4), {1, None}, True]",
    b"ActionStep(step_number=1, calls=[Call(name='f', arguments={'a': 'b\\n'})], x=<obj at 0x1>)",
    b"role='user' content='hi' 'there' tool_calls=None",
    b"{'a': b'bytes', u'b': '\\x41\\u00e9\\U0001f600', 'c': ()}",
    b"((((((((((((((((((((((((((((",
)
DICTIONARY = (b"', '", b"': ", b"=[", b"=(", b"<x>", b"\\x", b"\\N", b"None", b"1e9", b"__")


def try_one(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    for read in (read_repr, read_members):
        try:
            found = read(text)
        except NotRepr as error:
            assert str(error)
            continue
        if read is read_repr:
            _check_against_python(text, found)


def _check_against_python(text: str, found: object) -> None:
    """Check that a list of plain strings is read as Python reads it."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        assert found == value
