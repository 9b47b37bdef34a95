"""Scan results as one document: JSON, SARIF 2.1.0 for code scanning, or JUnit XML for CI.

Documents are written as the results come in; what belongs at the end waits in a temporary file.
"""

from __future__ import annotations

import html
import os
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from hermes_tui.cli.code_texts import MEANINGS
from hermes_tui.cli.json_text import json_line
from hermes_tui.cli.line_numbers import LineNumbers
from hermes_tui.cli.scan_outputs import Output, Write
from hermes_tui.cli.scan_summary import Ending, summary_json
from hermes_tui.model.diagnostics import Code
from hermes_tui.model.visible import visible, visible_row
from hermes_tui.runtime.remote import is_url
from hermes_tui.runtime.scan.results import Row
from hermes_tui.version import __version__

SARIF_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
MAX_IN_MEMORY: Final = 4 << 20
URL_MARKS: Final = "%/:?@!$&'()*+,;="
_HELP: Final = "Look at it: hermes-tui open FILE --at PLACE, with the place that a result names."
NO_XML: Final = str.maketrans({"\ufffe": "\ufffd", "\uffff": "\ufffd"})


class _DeferredText:
    """Text that is written at the end of a document."""

    def __init__(self) -> None:
        self._file: tempfile.SpooledTemporaryFile[str] | None = None

    def add(self, text: str) -> None:
        if self._file is None:
            self._file = tempfile.SpooledTemporaryFile(MAX_IN_MEMORY, "w+", encoding="utf-8")  # noqa: SIM115
        self._file.write(text)

    def write(self, write: Write) -> None:
        if self._file is None:
            return
        self._file.seek(0)
        while text := self._file.read(1 << 16):
            write(text)
        self._file.close()


class _JsonArray:
    """The elements of a JSON array, with commas between them."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._separator = "\n"

    def add(self, value: Any) -> None:
        self._write(self._separator + json_line(value).rstrip("\n"))
        self._separator = ",\n"


class JsonDocument(Output):
    """One JSON object: `results` (a row a run), `files` (a row each), `summary`, `complete`.

    A run without findings has a row only with `by_run`. A malformed place outside any run has a row
    whose `run` is null.
    """

    reports_defects = True

    def __init__(self, write: Write, *, by_run: bool) -> None:
        self.rows = "all" if by_run else "found"
        self._write = write
        self._files = _DeferredText()
        self._file_list = _JsonArray(self._files.add)
        self._results = _JsonArray(write)

    def begin(self) -> None:
        self._write('{"version": 1, "results": [')

    def run(self, row: Row) -> None:
        self._results.add(row)

    def file(self, row: Row) -> None:
        self._file_list.add(row)

    def defect(self, path: str, format_name: str, finding: Row) -> None:
        self._results.add(
            {
                "path": path,
                "format": format_name,
                "run": None,
                "id": "",
                "findings": [finding],
                "fingerprint": "",
            }
        )

    def refused(self, path: str, reason: str) -> None:
        self._file_list.add({"path": path, "error": reason})

    def end(self, ending: Ending) -> None:
        self._write('\n], "files": [')
        self._files.write(self._write)
        rest = {"summary": summary_json(ending), "complete": not ending.interrupted}
        self._write("\n], " + json_line(rest)[1:])


class Sarif(Output):
    """SARIF 2.1.0: one result per finding, located by file and, within it, by run and message."""

    rows = "found"
    reports_defects = True

    def __init__(self, write: Write) -> None:
        self._write = write
        self._results = _JsonArray(write)
        self._unread: list[str] = []
        self._lines = LineNumbers()
        self._occurrences: Counter[tuple[str, str]] = Counter()
        """How often each fingerprint, of a run or of its content, occurred with each code."""

    def begin(self) -> None:
        driver = {
            "name": "hermes-tui",
            "version": __version__,
            "rules": [_rule(code) for code in Code],
        }
        head = json_line({"tool": {"driver": driver}}).rstrip("\n")
        self._write(f'{{"$schema": "{SARIF_SCHEMA}", "version": "2.1.0", "runs": [{head[:-1]},')
        self._write(' "columnKind": "unicodeCodePoints", "results": [')

    def run(self, row: Row) -> None:
        for finding in row["findings"]:
            self._add(row["path"], finding, row)

    def defect(self, path: str, format_name: str, finding: Row) -> None:
        self._add(path, finding)

    def _add(self, path: str, finding: Row, run: Row | None = None) -> None:
        hint = f" ({finding['hint']})" if finding["hint"] else ""
        where: dict[str, Any] = {"artifactLocation": {"uri": _uri(path)}}
        if line := self._lines.line_at(path, run.get("offset") if run else None):
            where["region"] = {"startLine": line}
        place: dict[str, Any] = {"physicalLocation": where}
        if finding["at"]:
            place["logicalLocations"] = [{"fullyQualifiedName": finding["at"], "kind": "message"}]
        result = {
            "ruleId": finding["code"],
            "level": finding["severity"],
            "message": {"text": finding["message"] + hint},
            "locations": [place],
            "properties": {
                "run": run["id"] if run else "",
                "turn": finding["turn"],
                "tool": finding["tool"],
            },
        }
        if run:
            digests = {"run/v3": run["fingerprint"], "content/v2": run["content"]}
            result["partialFingerprints"] = {
                name: self._fingerprint(value, finding["code"]) for name, value in digests.items()
            }
        if "new" in finding:
            result["baselineState"] = "new" if finding["new"] else "unchanged"
        self._results.add(result)

    def _fingerprint(self, fingerprint: str, code: str) -> str:
        """Return a fingerprint that is unique among findings of the code, even in equal runs."""
        self._occurrences[fingerprint, code] += 1
        return f"{fingerprint}/{code}/{self._occurrences[fingerprint, code]}"

    def refused(self, path: str, reason: str) -> None:
        self._unread.append(reason)

    def broke_off(self, path: str, reason: str) -> None:
        self._unread.append(reason)

    def end(self, ending: Ending) -> None:
        failures = {*self._unread, ending.interrupted}
        notes = [
            {"message": {"text": text}, "level": "error" if text in failures else "warning"}
            for text in (*ending.complaints, ending.interrupted)
            if text
        ]
        is_whole = ending.files > 0 and not self._unread and not ending.interrupted
        invocation = {"executionSuccessful": is_whole, "toolExecutionNotifications": notes}
        self._write('\n], "invocations": [' + json_line(invocation).rstrip("\n") + "]}]}\n")


class JUnit(Output):
    """JUnit XML: one test case per run, which fails if `fails` selects any of its findings."""

    rows = "all"
    reports_defects = True

    def __init__(self, write: Write, *, fails: Callable[[Row], bool], fail_if: str) -> None:
        """Take the predicate that selects findings, and the expression that fails whole runs."""
        self._write = write
        self._fails = fails
        self._fail_if = fail_if
        self._name_counts: Counter[tuple[str, str]] = Counter()
        self._cases = _DeferredText()
        self._tests = self._failures = self._errors = 0

    def run(self, row: Row) -> None:
        failing = [item for item in row["findings"] if self._fails(item)]
        if row.get("fails"):
            failing = [self._fail_if_finding(row), *failing]
        self._case(row["path"], self._name(row), failing)

    def _name(self, row: Row) -> str:
        """Return a name that does not depend on a run's position: CI keeps history by name.

        Runs with the same name, such as rollouts of an example, are numbered.
        """
        # A recording of ours gets a new id each time.
        run_id = "" if row["format"] == "native" else row["id"]
        parts = dict.fromkeys((row["group"], run_id or row["task"]))
        name = " · ".join(filter(None, parts)) or "run"
        self._name_counts[row["path"], name] += 1
        number = self._name_counts[row["path"], name]
        return f"{name} ({number})" if number > 1 else name

    def _fail_if_finding(self, row: Row) -> Row:
        reward = "" if row["reward"] is None else f", reward {row['reward']}"
        message = f"{self._fail_if} (status {row['status']}{reward})"
        return {"code": "fail-if", "message": message, "at": str(row["run"])}

    def defect(self, path: str, format_name: str, finding: Row) -> None:
        self._case(path, "outside any run", [finding] if self._fails(finding) else [])

    def refused(self, path: str, reason: str) -> None:
        self._error(path, "reading", reason)

    def broke_off(self, path: str, reason: str) -> None:
        self._error(path, "reading to its end", reason)

    def _error(self, path: str, name: str, reason: str) -> None:
        self._tests += 1
        self._errors += 1
        self._cases.add(
            f'<testcase classname="{_attribute(path)}" name="{name}">'
            f'<error message="{_attribute(reason)}"/></testcase>\n'
        )

    def _case(self, path: str, name: str, failing: list[Row]) -> None:
        self._tests += 1
        self._failures += bool(failing)
        head = f'<testcase classname="{_attribute(path)}" name="{_attribute(name)}"'
        if not failing:
            self._cases.add(head + "/>\n")
            return
        codes = " ".join(dict.fromkeys(item["code"] for item in failing))
        lines = "\n".join(map(_failure_line, failing))
        self._cases.add(
            f'{head}><failure type="{_xml(failing[0]["code"])}" message="{_xml(codes)}">'
            f"{_xml(lines)}</failure></testcase>\n"
        )

    def end(self, ending: Ending) -> None:
        if ending.interrupted:
            self._error("hermes-tui scan", "scanning to the end", ending.interrupted)
        counts = f'tests="{self._tests}" failures="{self._failures}" errors="{self._errors}"'
        self._write('<?xml version="1.0" encoding="UTF-8"?>\n')
        self._write(f'<testsuites {counts}>\n<testsuite name="hermes-tui scan" {counts}>\n')
        self._cases.write(self._write)
        self._write("</testsuite>\n</testsuites>\n")


def _rule(code: Code) -> dict[str, Any]:
    meaning = {"text": MEANINGS[code]}
    return {"id": str(code), "shortDescription": meaning, "help": {"text": _HELP}}


def _uri(path: str) -> str:
    """Return a path as SARIF names it: relative as given, a file URI, or a URL unchanged."""
    if is_url(path):
        return quote(path, safe=URL_MARKS)
    quoted = quote(os.fsencode(path))
    return f"file://{quoted}" if Path(path).is_absolute() else quoted


def _failure_line(finding: Row) -> str:
    where = f" at {finding['at']}" if finding["at"] else ""
    return f"{finding['code']}{where}: {finding['message']}"


def _attribute(text: str) -> str:
    """Return the text as an attribute value, in which XML would turn a newline into a space."""
    return _xml(visible_row(text))


def _xml(text: str) -> str:
    return html.escape(visible(text).translate(NO_XML))
