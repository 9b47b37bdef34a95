"""The type that a tool's schema declares for an argument, as SGLang 0.5.23 infers it.

`inferred_type` returns a single type (qwen3_coder, glm45). `TypeSets` returns the set of allowed
types (glm47); it follows local references and narrows unions by the arguments already known.
"""

from __future__ import annotations

from typing import Any

from hermes_tui.model.whole_numbers import whole_number
from hermes_tui.parsers.engines.json_text import TYPE_NAMES

_UNSET = object()
_UNIONS = ("anyOf", "oneOf")


def properties_of(schema: Any) -> dict[str, Any]:
    """Return the properties of a schema, or those of its branches if it declares none itself."""
    if not isinstance(schema, dict):
        return {}
    found = schema.get("properties")
    if isinstance(found, dict):
        return found
    merged: dict[str, Any] = {}
    for branch in _branches(schema, (*_UNIONS, "allOf")):
        merged = {**properties_of(branch), **merged}
    return merged


def inferred_type(schema: Any) -> Any:
    """Return the one type that SGLang infers from a schema, or None if it declares none."""
    if not isinstance(schema, dict):
        return None
    kind = schema.get("type")
    if isinstance(kind, str):
        return kind
    if isinstance(kind, list) and kind:
        return next((item for item in kind if item != "null"), "string")
    if (found := _type_of_union(schema)) is not None:
        return found
    options = schema.get("enum")
    if isinstance(options, list):
        names = {TYPE_NAMES.get(type(option)) for option in options} - {None}
        return names.pop() if len(names) == 1 else "string"
    if isinstance(schema.get("allOf"), list):
        kinds = (inferred_type(branch) for branch in schema["allOf"])
        return next((found for found in kinds if found and found != "string"), "string")
    return "object" if "properties" in schema else "array" if "items" in schema else None


def _type_of_union(schema: dict[str, Any]) -> Any:
    branches = schema.get("anyOf") or schema.get("oneOf")
    kinds = [inferred_type(item) for item in branches] if isinstance(branches, list) else []
    kinds = [kind for kind in kinds if kind]
    distinct = list(dict.fromkeys(kinds))
    if len(distinct) == 2 and "null" in distinct:
        distinct.remove("null")
    if not distinct:
        return None
    return "string" if len(distinct) > 1 and "string" in distinct else distinct[0]


def json_type(value: Any) -> str:
    """Return the JSON type of a value; whole floats are integers. KeyError if there is none."""
    if isinstance(value, float) and value.is_integer():
        return "integer"
    return TYPE_NAMES[type(value)]


class TypeSets:
    """The types that the schema of a tool allows for its arguments."""

    def __init__(self, root: Any) -> None:
        self._root = root

    def one(self, key: str, known: dict[str, Any]) -> str | None:
        """Return the type of an argument if the schema allows only one, else None."""
        found = self.all(key, known)
        if found == {"number", "integer"}:
            return "number"
        return next(iter(found)) if found and len(found) == 1 else None

    def all(self, key: str, known: dict[str, Any] | None, value: Any = _UNSET) -> set[str] | None:
        """Return all types that an argument may have (with this value, if given); None for any."""
        return self._types(self._root, key, (), known or {}, value)

    def needs_context(self) -> bool:
        """Return whether a union at the top level leaves the type of an argument ambiguous."""
        keys: set[str] = set()
        nodes, seen, union = [self._root], set(), False
        while nodes:
            node = nodes.pop()
            if not isinstance(node, dict) or id(node) in seen:
                continue
            seen.add(id(node))
            keys.update(_members(node))
            nodes.append(self._target(node))
            union = union or any(isinstance(node.get(word), list) for word in _UNIONS)
            nodes.extend(_branches(node, (*_UNIONS, "allOf")))
        found = [self.all(key, None) for key in keys] if union else []
        return any(
            types is None or (len(types) > 1 and types != {"number", "integer"}) for types in found
        )

    def _types(
        self, schema: Any, key: str | None, seen: tuple[int, ...], known: dict[str, Any], value: Any
    ) -> set[str] | None:
        if not isinstance(schema, dict) or id(schema) in seen:
            return None
        seen = (*seen, id(schema))
        found = [self._types(self._target(schema), key, seen, known, value)]
        if key is not None:
            found.append(self._types(_members(schema).get(key), None, seen, {}, value))
        else:
            found.extend(_own_types(schema, value))
        for word in _UNIONS:
            found.append(self._union(_branches(schema, (word,)), key, seen, known, value))
        for branch in _branches(schema, ("allOf",)):
            found.append(self._types(branch, key, seen, known, value))
        type_sets = [types for types in found if types is not None]
        return set.intersection(*type_sets) if type_sets else None

    def _union(
        self,
        branches: list[Any],
        key: str | None,
        seen: tuple[int, ...],
        known: dict[str, Any],
        value: Any,
    ) -> set[str] | None:
        fitting = [one for one in branches if key is None or self._fits(one, known)]
        found = [self._types(branch, key, seen, known, value) for branch in fitting]
        type_sets = [types for types in found if types is not None]
        return set().union(*type_sets) if found and len(type_sets) == len(found) else None

    def _fits(self, branch: Any, known: dict[str, Any]) -> bool:
        """Return whether the arguments known so far fit this branch."""
        for name, value in known.items():
            types = self._types(branch, name, (), {}, value)
            if types is not None and json_type(value) not in types:
                return False
        return True

    def _target(self, schema: dict[str, Any]) -> Any:
        """Return the target of the schema's local reference, or None if there is none."""
        reference = schema.get("$ref")
        if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
            return None
        target = self._root
        for part in reference[2:].split("/") if reference != "#" else []:
            name = part.replace("~1", "/").replace("~0", "~")
            number = whole_number(name)
            if isinstance(target, list) and number is not None and number < len(target):
                target = target[number]
            elif isinstance(target, dict) and name in target:
                target = target[name]
            else:
                return None
        return target


def _own_types(schema: dict[str, Any], value: Any) -> list[set[str]]:
    """Return the types allowed by `type`, and those allowed by `const` or `enum`, if declared."""
    found = []
    kind = schema.get("type")
    if isinstance(kind, str | list):
        kinds = {one for one in ([kind] if isinstance(kind, str) else kind) if isinstance(one, str)}
        found.append(kinds | ({"integer"} if "number" in kinds else set()))
    options = [schema["const"]] if "const" in schema else schema.get("enum")
    if isinstance(options, list):
        fitting = (one for one in options if value is _UNSET or _equal(value, one))
        found.append({json_type(option) for option in fitting})
    return found


def _equal(left: Any, right: Any) -> bool:
    """Return whether two values are equal as JSON: true is not 1, but 1.0 is."""
    if json_type(left) != json_type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(_equal(left[key], right[key]) for key in left)
    if isinstance(left, list):
        pairs = zip(left, right, strict=False)
        return len(left) == len(right) and all(_equal(one, other) for one, other in pairs)
    return bool(left == right)


def _members(schema: dict[str, Any]) -> dict[str, Any]:
    found = schema.get("properties")
    return found if isinstance(found, dict) else {}


def _branches(schema: dict[str, Any], words: tuple[str, ...]) -> list[Any]:
    found: list[Any] = []
    for word in words:
        branches = schema.get(word)
        found.extend(branches if isinstance(branches, list) else ())
    return found
