"""The tags of a format that writes parameters between tags, and the patterns built from them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

NEVER = "(?!)"


@dataclass(frozen=True)
class TagSet:
    """A format's tags, as regular expressions.

    `call` and `parameter` have a group `name`. Their groups `odd` and `slip` match if the tag is
    not written as the format requires. `parameter` may have a group `string` (`true` or `false`).
    `lines`: each tag is on its own line, and the newlines around a value are not part of it.
    """

    format: str
    wrap: str
    wrap_end: str
    call: str
    call_end: str
    parameter: str
    parameter_end: str
    lines: bool = False
    parameter_end_text: str = ""
    spaced: bool = False
    """Templates write a line break after `wrap`."""
    orphan: str = NEVER
    """Half a parameter: a key without a value."""
    begins: str = r"[<\\]"
    """The characters that a tag, or an escaped line break before it, may begin with.

    A search skips everything else quickly.
    """

    @cached_property
    def opener(self) -> re.Pattern[str]:
        return re.compile(rf"(?:{self.wrap}\s*+)++|{_bare(self.call)}")

    @cached_property
    def wraps(self) -> re.Pattern[str]:
        return re.compile(rf"{self.wrap}")

    @cached_property
    def calls(self) -> re.Pattern[str]:
        return re.compile(self.call)

    @cached_property
    def parameters(self) -> re.Pattern[str]:
        return re.compile(self.parameter)

    @cached_property
    def call_ends(self) -> re.Pattern[str]:
        return re.compile(self.call_end)

    @cached_property
    def wrap_ends(self) -> re.Pattern[str]:
        return re.compile(self.wrap_end)

    @cached_property
    def any_end(self) -> re.Pattern[str]:
        return re.compile(rf"{self.call_end}|{self.wrap_end}|{_bare(self.call)}|{self.wrap}")

    @cached_property
    def any_tag(self) -> re.Pattern[str]:
        return re.compile(
            rf"(?={self.begins})(?:(?P<parameter>{_bare(self.parameter)})|{self.parameter_end}"
            rf"|{self.call_end}|{self.wrap_end}|{_bare(self.call)}|{self.wrap})"
        )

    @cached_property
    def goes_on(self) -> re.Pattern[str]:
        more = "|".join(
            (
                _bare(self.parameter),
                self.orphan,
                self.call_end,
                self.wrap_end,
                self.wrap,
                "```|<\\|",
            )
        )
        return re.compile(rf"\s*+(?:{more}|\Z)")

    @cached_property
    def done(self) -> re.Pattern[str]:
        return re.compile(rf"\s*+(?:{self.wrap_end}|{self.wrap}|{_bare(self.call)}|```|<\||\Z)")

    @cached_property
    def in_value(self) -> re.Pattern[str]:
        return re.compile(
            rf"(?={self.begins})(?:(?P<close>{self.parameter_end})|(?P<next>{_bare(self.parameter)})"
            rf"|(?P<end>{self.call_end})|(?P<outer>{self.wrap_end})"
            rf"|(?P<new>{self.wrap}\s*+(?={_bare(self.call)})|{_bare(self.call)}))"
        )


def _bare(pattern: str) -> str:
    """Return a pattern without group names, so that another pattern can contain it repeatedly."""
    pattern = re.sub(r"\(\?P<\w+>", "(?:", pattern)
    return re.sub(r"\(\?P=quote\)", "[\"']?", pattern)
