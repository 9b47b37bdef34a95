"""Modules that stand in for what a parser's module imports but does not parse with.

A server's parsers import its whole package: PyTorch, the protocol, the sampling parameters. Here
the folders that hold parsers are the real files; anything else under the engine's package, and
heavy packages of others, is a stand-in whose every attribute is a class that does nothing.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any


class _AnyMember(type):
    """Gives a class members: those of an enumeration are looked up when a module is imported."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return Anything()


class Anything(metaclass=_AnyMember):
    """Stands for a class that is named but never used to parse."""

    def __init__(self, *_: Any, **fields: Any) -> None:
        self.__dict__.update(fields)

    def __call__(self, *given: Any, **_: Any) -> Any:
        # As a decorator it gives back what it decorates.
        return given[0] if len(given) == 1 and callable(given[0]) else self

    def __class_getitem__(cls, _: Any) -> type:
        return cls

    @classmethod
    def __get_pydantic_core_schema__(cls, *_: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.any_schema()


class StandIn(ModuleType):
    """An empty module: it gives a class for every name that is asked for."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value: Any = frozenset() if name.isupper() else type(name, (Anything,), {})
        setattr(self, name, value)
        return value


class StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Decides for every import whether it is real.

    `real` are the modules of the engine that are its own files, with all below them. `facts` are
    the attributes of those stand-ins that parsers do use; `others` the packages of others that
    are stood in for.
    """

    def __init__(
        self,
        source: str,
        *,
        package: str,
        real: Sequence[str],
        facts: Mapping[str, Mapping[str, Any]],
        others: Sequence[str],
    ) -> None:
        self._source = Path(source)
        self._package = package
        self._real = tuple(real)
        self._facts = facts
        self._others = frozenset(others)

    def install(self) -> None:
        """Ask this object first, for every import from now on."""
        sys.meta_path.insert(0, self)

    def find_spec(
        self, fullname: str, path: Any = None, target: Any = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return a stand-in's spec, or None for a real module."""
        top = fullname.partition(".")[0]
        if fullname not in self._facts:
            if top == self._package:
                if self._is_real(fullname):
                    return None
            elif top not in self._others:
                return None
        spec = importlib.machinery.ModuleSpec(fullname, self, is_package=True)
        # Real modules may lie below a package that is none.
        folder = self._source.joinpath(*fullname.split("."))
        spec.submodule_search_locations = [str(folder)]
        return spec

    def _is_real(self, name: str) -> bool:
        return any(name == real or name.startswith(f"{real}.") for real in self._real)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """Return an empty stand-in."""
        return StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Give the stand-in the attributes that are used."""
        module.__dict__.update(self._facts.get(module.__name__, {}))


def install(source: str, facts: Any, others: Sequence[str]) -> None:
    """Stand in for all of an engine but its parsers, as its module of facts has it."""
    StandIns(
        source, package=facts.PACKAGE, real=facts.REAL, facts=facts.FACTS, others=others
    ).install()


def is_lacking(error: BaseException | None) -> bool:
    """Tell whether an error, or what it was raised from, is an attribute that a stand-in lacks.

    That says nothing of the engine: what is stood in for may have it.
    """
    while error is not None:
        if isinstance(error, AttributeError) and error.obj is not None:
            kind = error.obj if isinstance(error.obj, type) else type(error.obj)
            if kind.__module__.startswith(f"{__package__}."):
                return True
        error = error.__cause__
    return False
