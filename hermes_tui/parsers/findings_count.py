"""The number of findings of a reading, in words; parsers stop recording findings at a limit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from hermes_tui.model.diagnostics import Diagnostic
from hermes_tui.parsers.engines.base import MAX_FINDINGS
from hermes_tui.parsers.wire.cursor import MAX_PER_CODE

_OURS: Final = "hermes-tui/"


def may_be_more(reader: str, found: Sequence[Diagnostic]) -> bool:
    """Return whether the parser named `reader` may have left out findings."""
    if len(found) >= MAX_FINDINGS:
        return True
    counts = Counter(finding.code for finding in found)
    return reader.startswith(_OURS) and max(counts.values(), default=0) >= MAX_PER_CODE


def findings_count(reader: str, found: Sequence[Diagnostic]) -> str:
    """Return the number of findings, such as "12" or "1,000 and more"."""
    return f"{len(found):,}" + (" and more" if may_be_more(reader, found) else "")
