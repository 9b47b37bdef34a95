"""The benchmarks say how they are called, and begin nothing where they are called wrongly."""

from __future__ import annotations

import sys
from importlib import import_module

import pytest

MODULES = (
    "live_budgets",
    "open_budgets",
    "parser_budgets",
    "peers",
    "scan_budgets",
    "scan_speed",
    "size_budgets",
)


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize(("argument", "code"), [("--help", 0), ("--colour", 2)])
def test_help_and_wrong_arguments_end_a_benchmark_before_it_begins(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    argument: str,
    code: int,
) -> None:
    monkeypatch.setattr(sys, "argv", [name, argument])
    with pytest.raises(SystemExit) as exit_:
        import_module(f"tests.benchmarks.{name}").main()
    assert exit_.value.code == code
    captured = capsys.readouterr()
    assert f"tests.benchmarks.{name}" in captured.out + captured.err


@pytest.mark.parametrize("name", ["parser_budgets", "size_budgets"])
def test_a_shape_that_is_not_known_is_refused_with_those_that_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.setattr(sys, "argv", [name, "nope"])
    with pytest.raises(SystemExit) as exit_:
        import_module(f"tests.benchmarks.{name}").main()
    assert exit_.value.code == 2
    assert "'nope' (one of: " in capsys.readouterr().err
