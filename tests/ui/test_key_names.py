"""Keys in what the screens say: those that the person has, not those that we gave."""

from __future__ import annotations

import pytest

from hermes_tui.ui.key_names import KeyNames


def test_a_sentence_names_the_key_that_a_command_has_now() -> None:
    words = "no search: {search} begins one, {back} goes back"
    assert KeyNames().told(words) == "no search: / begins one, q goes back"
    assert KeyNames({"search": "ctrl+g"}).told(words) == "no search: ctrl+g begins one, q goes back"


def test_what_is_no_command_in_braces_of_our_own_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        KeyNames().told("{serach} begins one")
