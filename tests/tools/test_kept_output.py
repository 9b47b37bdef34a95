"""Only the head and tail of a long output are kept."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.runtime.tools.kept_output import KeptOutput


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=40)), st.integers(min_value=2, max_value=60))
def test_output_within_the_limit_is_kept_and_the_rest_counted(
    pieces: list[bytes], limit: int
) -> None:
    kept = KeptOutput(limit)
    for piece in pieces:
        kept.add(piece)
    whole = b"".join(pieces)
    text = kept.text()
    assert kept.total == len(whole)
    if len(whole) <= limit:
        assert text == whole.decode("utf-8", "backslashreplace")
    else:
        assert "bytes left out]" in text


def test_no_character_is_split() -> None:
    kept = KeptOutput(10)
    kept.add("€€€€€€€€".encode())
    assert kept.text() == "€\n[18 bytes left out]\n€"
