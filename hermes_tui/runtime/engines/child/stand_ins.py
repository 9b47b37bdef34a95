"""Stand-ins for modules that a parser's module imports but that parsing does not need.

A server's parsers import its whole package: PyTorch, the protocol, the sampling parameters. Here
only the folders of the parsers are real. Any other module of the engine's package, and heavy
third-party packages, are replaced by stand-ins whose every attribute is a class that does nothing.
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
    """Gives a class any member, because modules look up members of enumerations on import."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return Anything()


class Anything(metaclass=_AnyMember):
    """A stand-in for a class that is mentioned but never used for parsing."""

    def __init__(self, *_: Any, **fields: Any) -> None:
        self.__dict__.update(fields)

    def __call__(self, *arguments: Any, **_: Any) -> Any:
        # Used as a decorator, return the decorated object.
        return arguments[0] if len(arguments) == 1 and callable(arguments[0]) else self

    def __class_getitem__(cls, _: Any) -> type:
        return cls

    @classmethod
    def __get_pydantic_core_schema__(cls, *_: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.any_schema()


class StandIn(ModuleType):
    """An empty module that has a class for every name that is looked up."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value: Any = frozenset() if name.isupper() else type(name, (Anything,), {})
        setattr(self, name, value)
        return value


class StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """An import hook that decides for every module whether it is real or a stand-in.

    `real` are the engine's modules that are loaded from its files, including their submodules.
    `facts` are the attributes of stand-ins that parsers do use, by module. `others` are the
    third-party packages that are replaced.
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
        """Put this hook first, for every import from now on."""
        sys.meta_path.insert(0, self)

    def find_spec(
        self, fullname: str, path: Any = None, target: Any = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of a stand-in, or None for a real module."""
        top = fullname.partition(".")[0]
        if fullname not in self._facts:
            if top == self._package:
                if self._is_real(fullname):
                    return None
            elif top not in self._others:
                return None
        spec = importlib.machinery.ModuleSpec(fullname, self, is_package=True)
        # A stand-in package may contain real modules.
        folder = self._source.joinpath(*fullname.split("."))
        spec.submodule_search_locations = [str(folder)]
        return spec

    def _is_real(self, name: str) -> bool:
        return any(name == real or name.startswith(f"{real}.") for real in self._real)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        """Return an empty stand-in."""
        return StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Give the stand-in the attributes that parsers use."""
        module.__dict__.update(self._facts.get(module.__name__, {}))


def install(source: str, facts: Any, others: Sequence[str]) -> None:
    """Replace all of an engine except its parsers by stand-ins, as its `facts` module defines."""
    StandIns(
        source, package=facts.PACKAGE, real=facts.REAL, facts=facts.FACTS, others=others
    ).install()


def is_missing_attribute(error: BaseException | None) -> bool:
    """Return whether an error, or one of its causes, is an attribute that a stand-in lacks.

    Such an error is not the engine's: the module that is replaced may have the attribute.
    """
    while error is not None:
        if isinstance(error, AttributeError) and error.obj is not None:
            kind = error.obj if isinstance(error.obj, type) else type(error.obj)
            if kind.__module__.startswith(f"{__package__}."):
                return True
        error = error.__cause__
    return False
