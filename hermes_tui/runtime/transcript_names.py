"""The usual names of transcripts; files with other names are not tried unless they are named."""

from __future__ import annotations

import re

SUFFIXES = (".json", ".jsonl", ".ndjson", ".traj", ".har", ".eval", ".log")
PACKED_SUFFIXES = (".gz", ".zst", ".bz2", ".xz")
ARCHIVE_SUFFIXES = (".zip", ".tar", ".tgz", ".tzst", ".tbz2", ".tbz", ".txz")
_WIDEST_NUMBER = 18
_NUMBER = re.compile(r"[0-9]+")
_AMBIGUOUS_SUFFIXES = (".log",)
"""Suffixes of transcripts that other files have just as often."""


def natural_key(name: str) -> tuple[str, str]:
    """Return a sort key by which the numbers in names count: 9.jsonl comes before 10.jsonl."""
    return _NUMBER.sub(lambda digits: digits[0].zfill(_WIDEST_NUMBER), name), name


def may_be_transcript(name: str, also: tuple[str, ...] = ()) -> bool:
    """Return whether a file of this name may be a transcript, compressed or not.

    `also` are more suffixes to accept.
    """
    return _bare_name(name).endswith((*SUFFIXES, *also)) and not name.startswith(".")


def must_be_transcript(name: str) -> bool:
    """Return whether a file of this name must be damaged if it holds neither JSON nor rows."""
    bare = _bare_name(name)
    promising = (*SUFFIXES, ".parquet", ".arrow", *ARCHIVE_SUFFIXES)
    return bare.endswith(promising) and not bare.endswith(_AMBIGUOUS_SUFFIXES)


def is_archive_name(name: str) -> bool:
    """Return whether a file of this name may be an archive, compressed or not."""
    return _bare_name(name).endswith(ARCHIVE_SUFFIXES)


def _bare_name(name: str) -> str:
    """Return a name in lower case without the suffixes of compressed files."""
    bare = name.lower()
    for suffix in PACKED_SUFFIXES:
        bare = bare.removesuffix(suffix)
    return bare
