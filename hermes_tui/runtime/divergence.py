"""What a replay says where the run is no longer the recorded one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(eq=False, slots=True)
class Divergence(Exception):
    """What is asked now is not what was asked when the recording was made."""

    what: str
    expected: str
    got: str
