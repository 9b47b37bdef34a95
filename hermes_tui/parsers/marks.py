"""The tags around calls in the texts of most runs, and one fast pattern that finds them."""

from __future__ import annotations

import re

OPEN = "<tool_call>"
CLOSE = "</tool_call>"

SPECIAL_NAMES = "im_end|im_start|endoftext|eot_id|eom_id|end_of_text|end|eos|return"
"""Names of special tokens that no call contains, each written <|NAME|>, as a pattern."""
SPECIALS = rf"\|(?:{SPECIAL_NAMES})\|>|eos>"
MARK = re.compile(
    rf"[<`&](?:(?<=<)(?:(?P<open>{OPEN[1:]})|(?P<close>{CLOSE[1:]})|(?P<function>function[=\s])"
    rf"|(?P<special>{SPECIALS}))|(?P<fence>(?<=`)``)"
    r"|(?P<variant>(?i:(?<=<)\s?tool[ _-]?calls?\s?>|(?<=&)lt;tool_call&gt;)(?=\s*+[{\[])))"
)
"""Every mark starts with one of three characters, so that a search skips quickly between them."""


def has_mark(text: str) -> bool:
    """Return whether `text` holds anything to examine other than reasoning."""
    return MARK.search(text) is not None
