"""Only the head and tail of a long output are kept."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_tui.runtime.tools.kept_output import KeptOutput


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=40)), st.integers(min_value=2, max_value=60))
def test_what_fits_is_kept_and_the_rest_is_counted(pieces: list[bytes], limit: int) -> None:
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


def test_no_character_is_cut_in_two() -> None:
    kept = KeptOutput(10)
    kept.add("€€€€€€€€".encode())
    assert kept.text() == "€\n[18 bytes left out]\n€"
