"""`hermes-tui export`: one run as a file that other programs can read."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hermes_tui.cli.begun_runs import begun_runs
from hermes_tui.cli.json_text import escaped_json
from hermes_tui.cli.run_choice import chosen_run
from hermes_tui.cli.stderr import print_notice
from hermes_tui.formats.fields import MAX_DETAIL, count_shortened
from hermes_tui.formats.writers.changes import Changes
from hermes_tui.formats.writers.media import is_media
from hermes_tui.formats.writers.registry import WRITERS
from hermes_tui.log.codec import encode_packed
from hermes_tui.log.summary import fold_run
from hermes_tui.model.errors import StoreError, UsageError
from hermes_tui.model.events import (
    Event,
    MessageAppended,
    RunEnded,
    RunStarted,
    ToolCallProposed,
    ToolFailed,
    ToolReturned,
    copy_event,
)
from hermes_tui.model.wording import counted
from hermes_tui.runtime.folder_walk import false_on_oserror
from hermes_tui.runtime.numbered_files import holds_one_run
from hermes_tui.runtime.opener import OpenFile, check_format, read_events
from hermes_tui.runtime.raw import RawReader
from hermes_tui.runtime.remote import local_path, place_of

if TYPE_CHECKING:
    from hermes_tui.runtime.masked_runs import Masks

_REPORTING_FORMATS = ("openai", "sharegpt", "atif")
"""Formats whose writers report what they change."""
JSON_FORMATS = (*_REPORTING_FORMATS, "native")
ELSEWHERE = "choose another place with -o"
_CONVERSATION_EVENTS = (MessageAppended, ToolCallProposed, ToolReturned, ToolFailed)


def run_export(arguments: argparse.Namespace) -> int:
    """Write the run and return the exit code."""
    formats = [*WRITERS, "native"]
    if arguments.to not in formats:
        raise UsageError(f"cannot export to {arguments.to!r}", "known: " + ", ".join(formats))
    check_format(arguments.format)
    if _exports_several(arguments):
        from hermes_tui.cli.export_all import run_export_all

        return run_export_all(arguments)
    [source] = arguments.paths
    path = None if source == "-" else place_of(source)
    with chosen_run(
        path,
        arguments.run,
        spelling="--run {}",
        all_runs=", or every one with --all",
        wanted_format=arguments.format,
    ) as ref:
        events = read_events(ref)
        subagent_runs = begun_runs(ref, events)
        changes = Changes()
        masks = masks_for(arguments)
        content = render(
            arguments.to, events, ref.file, subagent_runs, changes=changes, masks=masks
        )
    write_out(arguments.output, [content], overwrite=arguments.force)
    _report_missing(events)
    report_masked(masks)
    if changes:
        print_notice(f"changed for {arguments.to}: {changes.summary()}")
    if subagent_runs and arguments.to != "atif":
        left_out = f"{counted(len(subagent_runs), 'run')} of subagents left out"
        print_notice(f"{left_out}: --to atif includes them; otherwise export each separately")
    return 0


def _exports_several(arguments: argparse.Namespace) -> bool:
    """Return whether more than one run may have to be written."""
    paths = arguments.paths
    first = local_path(paths[0])
    is_folder = "-" not in paths and false_on_oserror(first.is_dir) and not holds_one_run(first)
    return bool(arguments.all or arguments.filter or len(paths) > 1 or is_folder)


def masks_for(arguments: argparse.Namespace) -> Masks | None:
    """Return what masks credentials, or None if that is not requested."""
    if not arguments.mask:
        return None
    # Loaded only if needed: it compiles many regular expressions.
    from hermes_tui.runtime.masked_runs import Masks

    return Masks()


def _report_missing(events: Sequence[Event]) -> None:
    if not any(isinstance(event, _CONVERSATION_EVENTS) for event in events):
        print_notice("the run has no messages: only its metadata was written")
    report_named_details(named_details(events))


def named_details(events: Sequence[Event]) -> int:
    """Return how many details of a run are only named, without their value."""
    details = (event.details for event in events if isinstance(event, RunStarted | RunEnded))
    return sum(map(count_shortened, details))


def report_named_details(details: int) -> None:
    """Report how many details are missing from what was written."""
    if details:
        why = f"longer than {MAX_DETAIL:,} characters, so only their size is written"
        print_notice(f"{counted(details, 'detail')} of the run left out: {why}")


def report_masked(masks: Masks | None) -> None:
    """Report how many credentials were masked; None: masking was not requested."""
    if masks is not None:
        print_notice(f"{counted(len(masks.hidden), 'credential')} masked; others may be left")


def render(
    to: str,
    events: list[Event],
    file: OpenFile | None,
    subagents: Sequence[Sequence[Event]] = (),
    *,
    changes: Changes | None = None,
    in_line: bool = False,
    masks: Masks | None = None,
) -> bytes:
    """Return a run in the format `to`, with those of its subagents if the format can hold them.

    `changes` receives what a foreign format cannot hold unchanged. `in_line` writes JSON without
    line breaks. `masks` hide credentials.
    """
    raw = RawReader(file.source if file is not None else None)
    if masks is not None:
        events = masks.applied(_with_raw(event, file, raw) for event in events)
        subagents = [masks.applied(run) for run in subagents]
        file, raw = None, RawReader(None)
    if to == "native":
        # Line by line: as one text, a run of long texts takes several times its size.
        lines = (encode_packed(_with_raw(event, file, raw)) for event in events)
        return b"".join(escaped_json(line.decode()).encode() for line in lines)
    findings = fold_run(events)[1] if to not in _REPORTING_FORMATS else ()
    writer: Callable[..., str] = WRITERS[to]
    options: dict[str, Any] = {"changes": changes} if to in _REPORTING_FORMATS else {}
    if to == "atif":
        options["subagents"] = subagents
    if to == "openai":
        options["pretty"] = not in_line
        events = [_with_raw(event, file, raw) if _has_media(event) else event for event in events]
    text = writer(events, findings=findings, **options)
    return (escaped_json(text) if to in JSON_FORMATS else text).encode("utf-8", "backslashreplace")


def _has_media(event: Event) -> bool:
    return isinstance(event, MessageAppended) and any(map(is_media, event.message.parts))


def _with_raw(event: Event, file: OpenFile | None, raw: RawReader) -> Event:
    """Return a message with its own exact text, since the export lacks the source."""
    if isinstance(event, RunStarted) and file is not None:
        return copy_event(event, details={**event.details, "exported_from": file.label})
    if file is None or not isinstance(event, MessageAppended) or event.raw:
        return event
    text, is_exact = raw.text(event)
    return copy_event(event, raw=text) if is_exact else event


def write_out(output: str, content: Iterable[bytes], *, overwrite: bool) -> None:
    """Write to a file, completely or not at all, or to standard output."""
    if output == "-":
        sys.stdout.buffer.writelines(content)
        sys.stdout.buffer.flush()
        return
    target = local_path(output)
    if false_on_oserror(target.is_dir):
        raise UsageError(f"{target} is a folder", "name a file in it with -o")
    try:
        if target.exists() and not target.is_file():
            # A device or a pipe is written to, never replaced.
            with target.open("wb") as stream:
                stream.writelines(content)
            return
        if target.exists() and not overwrite:
            raise UsageError(f"{target} exists", "add --force to overwrite it")
        _replace(target, content)
    except OSError as error:
        raise StoreError.of(target, error, ELSEWHERE) from error


def _replace(target: Path, content: Iterable[bytes]) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    written = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.writelines(content)
        mask = os.umask(0)
        os.umask(mask)
        written.chmod(0o666 & ~mask)
        written.replace(target)
    except BaseException:
        written.unlink(missing_ok=True)
        raise
