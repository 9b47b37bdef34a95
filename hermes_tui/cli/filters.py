"""Which fields `open --filter` may name: those of a run's rows, or those of a list's runs."""

from __future__ import annotations

from hermes_tui.log.expressions import ExpressionError, UnknownName, compile_expression
from hermes_tui.log.plain_fields import check_members
from hermes_tui.log.query import FIELDS
from hermes_tui.log.run_fields import FILE_FIELDS
from hermes_tui.model.errors import UsageError
from hermes_tui.ui.runs.fields import FILTER_NAMES, FOUND


def check_filter(text: str, *, may_search: bool) -> None:
    """Refuse an expression that fits neither the rows of a run nor a list of runs.

    Without `may_search`, also refuse one that asks for the matches of a search, since nobody can
    start a search.
    """
    of_row, of_list = _row_only_fields(text), _list_only_fields(text)
    if of_row and of_list:
        message = f"{of_row[0]} is a field of a run's rows, {of_list[0]} one of a list of runs"
        raise UsageError(f"--filter {text!r}: {message}", "use only one of them")
    if FOUND in of_list and not may_search:
        message = f"{FOUND} is set by a search (/), which needs the screen"
        hint = "open the list on a terminal, or give --search"
        raise UsageError(f"--filter {text!r}: {message}", hint)


def check_for_run(text: str) -> None:
    """Refuse an expression that cannot be evaluated for the rows of a run."""
    if others := _list_only_fields(text):
        message = f"{others[0]} is a field of a list of runs, not of one run"
        raise UsageError(f"--filter {text!r}: {message}", "open several runs")


def check_for_list(text: str) -> None:
    """Refuse an expression that cannot be evaluated for a list of runs."""
    if others := _row_only_fields(text):
        message = f"{others[0]} is a field of a run's rows, not of a list of runs"
        hint = "open one file, with --at RUN if it holds several runs"
        raise UsageError(f"--filter {text!r}: {message}", hint)


def check_for_each(text: str, *, option: str = "--filter") -> None:
    """Refuse an expression that reads more than a single run's own fields."""
    known = f"known: {', '.join(FILE_FIELDS)}"
    if others := sorted(_field_names(text, option, known).difference(FILE_FIELDS)):
        message = f"{others[0]} is not a field of a single run"
        raise UsageError(f"{option} {text!r}: {message}", known)


def _row_only_fields(text: str) -> list[str]:
    """Return the fields in the expression that only rows have."""
    return sorted(_field_names(text).difference(FILTER_NAMES))


def _list_only_fields(text: str) -> list[str]:
    """Return the fields in the expression that only the runs of a list have."""
    return sorted(_field_names(text).difference(FIELDS))


def _field_names(text: str, option: str = "--filter", known: str = "") -> frozenset[str]:
    """Return the fields that `text` reads; `known` lists the accepted ones, if not all are."""
    try:
        fields = {*FIELDS, *FILTER_NAMES}
        names = compile_expression(text, fields).names
        check_members(text, fields)
        return names
    except UnknownName as error:
        lists = f"of a run: {', '.join(FIELDS)}; of a list: {', '.join(FILTER_NAMES)}"
        hint = (_near_own_fields(text) or known) if known else (error.near or lists)
        raise UsageError(f"{option} {text!r}: {error.short_message}", hint) from error
    except ExpressionError as error:
        raise UsageError(f"{option} {text!r}: {error.message}", error.hint) from error


def _near_own_fields(text: str) -> str:
    """Return the fields of a single run that an unknown name may mean, "" if there are none."""
    try:
        compile_expression(text, FILE_FIELDS)
    except UnknownName as error:
        return error.near
    return ""
