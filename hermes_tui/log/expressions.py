"""One expression language on plain JSON values, for filters and breakpoints.

    test       := either ["if" either "else" test]
    either     := both ("or" both)*            both := inverse ("and" inverse)*
    inverse    := "not" inverse | comparison
    comparison := sum (operator sum)*
    operator   := "==" | "!=" | "<" | "<=" | ">" | ">=" | ["not"] "in" | "is" ["not"] None
    sum        := value (("+" | "-") value)*   (numbers only)
    value      := "-" value | literal | "[" [test ("," test)*] "]" | "(" test ")" | name
                | value "." field | value "[" test "]"
                | function "(" test ("," test)* ")" | value "." function "(" [test ("," test)*] ")"

The text is parsed with Python's own grammar, and everything not named here is refused. The rest is
compiled to one code object in which each name, field and function is a call to the helpers of
`expression_values`; the text of an expression never names anything in the program.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from hermes_tui.log import expression_values as values
from hermes_tui.log.expression_hints import bare_text, near_fields
from hermes_tui.log.expression_values import FUNCTIONS, MISSING, ExpressionError
from hermes_tui.log.linear_regex import RegexError
from hermes_tui.model.wording import counted

__all__ = [
    "HELP",
    "MAX_LENGTH",
    "MAX_NODES",
    "Expression",
    "ExpressionError",
    "UnknownName",
    "compile_expression",
]

MAX_LENGTH: Final = 2_000
MAX_NODES: Final = 500
MAX_DEPTH: Final = 100

HELP: Final = """\
A small part of Python's syntax, on the fields listed here:

  kind == "call" and name == "terminal"   and, or, not, (…), a if x else b
  1 < turn <= 5                           == != < <= > >=, also chained
  name in ["read_file", "write_file"]     in, not in: text in text,
                                          value in list, field in object
  args.command, args["odd key"], list[0]  a field, an entry of a list
  turn + 1 > 3                            + and - on numbers
  args.path is None                       true for null; also: is not None

Functions, also written as methods: name.endswith("_file")

  len(x)    lower(x)    upper(x)    str(x)     any value as text (JSON)
  startswith(x, "a")    endswith(x, "z")
  contains(x, y)        the same as: y in x
  has(args, "path")     the field exists, even if it is null
  glob(x, "*.py")       the whole text; * any text, ? one character, [abc]
  match(x, r"\\bERR-\\d+")  found anywhere; write patterns as r"…";
                        (?i) first ignores case; no lookaround and no
                        backreferences; the time is linear in the text

A missing field counts as false, and so does every comparison with it, at
any depth: args.path == "x", args.nope.x > 3 and len(args.nope) > 1 are
false for calls without these fields; but not (args.n > 3) is true if n is
missing. has(args, "path") says whether a field exists.
Null has no order: null > 3 is false. true, false and null may be written
as in JSON.
"""


class UnknownName(ExpressionError):
    """A name is not a field, or not a function. `near`: what may have been meant, if anything."""

    def __init__(
        self, name: str, known: Collection[str], column: int, what: str = "name", near: str = ""
    ) -> None:
        near = near or near_fields(name, known)
        listed = f"known: {', '.join(sorted(known))}" if known and not near else ""
        super().__init__(f"unknown {what} {name!r}{near}", column, listed)
        self.short_message = f"unknown {what} {name!r} at column {column}"
        self.near = near.removeprefix("; ")

    @property
    def on_screen(self) -> str:
        """The error without the list of names, which is too long for one line."""
        return f"{self.message} (the help screen lists all names)"


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression. `names` are the fields that it reads."""

    source: str
    names: frozenset[str]
    _run: Callable[[Mapping[str, Any]], Any] = field(repr=False, compare=False)

    def evaluate(self, env: Mapping[str, Any]) -> bool:
        """Return whether the expression is true; names that are not in `env` are missing fields.

        Raises ExpressionError if an operator cannot be applied to its operands (a text compared
        with a number), so that a breakpoint can stop instead of being passed in silence.
        """
        try:
            return bool(self._run(env))
        except RecursionError:
            raise ExpressionError("a value is nested too deeply to look into") from None
        except RegexError as error:
            raise ExpressionError(str(error)) from None

    def matches(self, env: Mapping[str, Any]) -> bool:
        """Return whether the expression is true; False if it cannot be evaluated. Never raises."""
        try:
            return self.evaluate(env)
        except ExpressionError:
            return False


def compile_expression(
    source: str, names: Collection[str], *, cheap_names: Collection[str] = ()
) -> Expression:
    """Compile `source`, which may read the fields `names`. Raises ExpressionError.

    Of conditions joined by `and`, those that read only `cheap_names` are tested first.
    """
    if not source.strip():
        raise ExpressionError("the expression is empty")
    if len(source) > MAX_LENGTH:
        raise ExpressionError(f"the expression is longer than {MAX_LENGTH} characters")
    compiler = _Compiler(source, names)
    with warnings.catch_warnings():
        # Python warns about "\d" in plain strings; warnings would be printed over the screen.
        warnings.simplefilter("ignore")
        body = compiler.translate(_cheap_first(_parse(source), frozenset(cheap_names)))
        run = _assemble(body, compiler.constants)
    return Expression(source, frozenset(compiler.used), run)


def _parse(source: str) -> ast.expr:
    leading = len(source) - len(source.lstrip())
    try:
        tree = ast.parse(source.strip(), mode="eval").body
    except SyntaxError as error:
        if not error.offset:  # where Python's parser ran out of text
            raise ExpressionError("it ends too early", len(source.rstrip()) + 1) from None
        column = _column_of(source.strip(), error.lineno or 1, error.offset - 1)
        raise _syntax_error(source, error.msg, leading + column) from None
    except (ValueError, RecursionError, MemoryError) as error:
        message = str(error) if isinstance(error, ValueError) else "it is nested too deeply"
        raise ExpressionError(f"the expression cannot be read: {message}") from None
    level = [tree]
    total = depth = 0
    while level:
        total += len(level)
        depth += 1
        if total > MAX_NODES or depth > MAX_DEPTH:
            raise ExpressionError("the expression is nested too deeply or has too many parts")
        level = [
            child
            for node in level
            for child in ast.iter_child_nodes(node)
            if isinstance(child, ast.expr)
        ]
    return tree


def _cheap_first(tree: ast.expr, cheap_names: frozenset[str]) -> ast.expr:
    """Return `tree` with those conditions of an `and` first that read only names `cheap_names`.

    Only the outermost `and` is reordered: whether it is true does not depend on the order.
    """
    if not cheap_names or not isinstance(tree, ast.BoolOp) or not isinstance(tree.op, ast.And):
        return tree
    # Functions are names, too.
    free = cheap_names.union(FUNCTIONS)
    return ast.BoolOp(
        tree.op,
        sorted(
            tree.values,
            key=lambda test: any(
                isinstance(node, ast.Name) and node.id not in free for node in ast.walk(test)
            ),
        ),
    )


def _column_of(source: str, line: int, offset: int) -> int:
    """Return the 1-based position in `source` of a line number and an offset in that line."""
    return sum(len(text) + 1 for text in source.split("\n")[: line - 1]) + offset + 1


def _syntax_error(source: str, message: str, column: int) -> ExpressionError:
    near = source[max(0, column - 2) : column + 1]
    if re.search(r"(?<![=!<>])=(?!=)", near) or "==" in message:
        return ExpressionError("= is not a comparison", column, "write ==")
    for mark, word in (("&", "and"), ("|", "or"), ("!", "not")):
        if mark in near:
            return ExpressionError(f"{mark} is not an operator here", column, f"write {word}")
    return ExpressionError(f"cannot be read ({message})", column)


_COMPARISONS: Final[Mapping[type[ast.cmpop], Callable[[Any, Any], bool]]] = {
    ast.Eq: values.equal,
    ast.NotEq: values.unequal,
    ast.Lt: values.less,
    ast.LtE: values.less_or_equal,
    ast.Gt: values.greater,
    ast.GtE: values.greater_or_equal,
    ast.In: values.within,
    ast.NotIn: values.not_within,
    ast.Is: values.is_null,
    ast.IsNot: values.is_not_null,
}
_JSON_WORDS: Final = {"true": True, "false": False, "null": None}
_REFUSED: Final[Mapping[type[ast.AST], str]] = {
    ast.JoinedStr: "an f-string",
    ast.Lambda: "lambda",
    ast.ListComp: "a comprehension",
    ast.SetComp: "a comprehension",
    ast.DictComp: "a comprehension",
    ast.GeneratorExp: "a comprehension",
    ast.NamedExpr: ":=",
    ast.Starred: "*",
    ast.Dict: "an object in braces",
    ast.Set: "a set in braces",
    ast.Slice: "a slice",
    ast.BinOp: "an operator other than + and -",
    ast.UnaryOp: "this operator",
    ast.Await: "await",
    ast.Yield: "yield",
    ast.YieldFrom: "yield",
}


class _Compiler:
    """Translates a Python syntax tree into one that names only our own helpers."""

    def __init__(self, source: str, names: Collection[str]) -> None:
        self.names = names
        self.used: set[str] = set()
        self.constants: list[Any] = []
        self._lines = source.strip().split("\n")
        self._leading = len(source) - len(source.lstrip())

    def translate(self, node: ast.expr) -> ast.expr:
        match node:
            case ast.Name():
                return self._name(node)
            case ast.Constant(value=value):
                if value is None or isinstance(value, str | bool | int | float):
                    return ast.Constant(value)
                raise self._refuse(node, "this kind of literal")
            case ast.BoolOp(op, operands):
                return ast.BoolOp(op, [self.translate(operand) for operand in operands])
            case ast.IfExp(test, body, orelse):
                return ast.IfExp(*map(self.translate, (test, body, orelse)))
            case ast.UnaryOp(ast.Not(), operand):
                return ast.UnaryOp(ast.Not(), self.translate(operand))
            case ast.UnaryOp(ast.USub(), operand):
                return self._negative(operand)
            case ast.BinOp(left, ast.Add() | ast.Sub() as op, right):
                helper = values.plus if isinstance(op, ast.Add) else values.minus
                return self._call(helper, self.translate(left), self.translate(right))
            case ast.List(elements) | ast.Tuple(elements):
                return ast.List([self.translate(element) for element in elements], ast.Load())
            case ast.Attribute(value, attr):
                if attr.startswith("__"):
                    raise self._refuse(node, f"the field {attr!r}", "write value['__field']")
                return self._call(values.member, self.translate(value), ast.Constant(attr))
            case ast.Subscript(value, key):
                return self._call(values.member, self.translate(value), self.translate(key))
            case ast.Compare():
                return self._compare(node)
            case ast.Call():
                return self._function(node)
        raise self._refuse(node, _REFUSED.get(type(node), "this construct"))

    def _name(self, node: ast.Name) -> ast.expr:
        name = node.id
        if name in self.names:
            self.used.add(name)
            get = ast.Attribute(ast.Name("_env", ast.Load()), "get", ast.Load())
            return ast.Call(get, [ast.Constant(name), self._constant(MISSING)], [])
        if name in _JSON_WORDS:
            return ast.Constant(_JSON_WORDS[name])
        if name in FUNCTIONS:
            raise self._error(node, f"{name} is a function: write {name}(…)")
        raise UnknownName(name, self.names, self._column(node))

    def _negative(self, operand: ast.expr) -> ast.expr:
        inner = self.translate(operand)
        if isinstance(inner, ast.Constant) and type(inner.value) in (int, float):
            return ast.Constant(-inner.value)  # type: ignore[operator]
        return self._call(values.negative, inner)

    def _compare(self, node: ast.Compare) -> ast.expr:
        if (bare := bare_text(node, self.names.__contains__)) is not None:
            near = f'; write "{bare.id}" if you mean a text'
            raise UnknownName(bare.id, self.names, self._column(bare), near=near)
        for op, right in zip(node.ops, node.comparators, strict=True):
            if isinstance(op, ast.Is | ast.IsNot) and not self._is_null(right):
                raise self._error(right, "'is' is for None only", "write ==")
        operands = [self.translate(operand) for operand in (node.left, *node.comparators)]
        if len(node.ops) > 1:
            comparisons = tuple(_COMPARISONS[type(op)] for op in node.ops)
            return self._call(values.chain, self._constant(comparisons), *operands)
        if isinstance(node.ops[0], ast.Eq | ast.NotEq):
            return ast.Compare(operands[0], node.ops, operands[1:])
        if isinstance(node.ops[0], ast.In | ast.NotIn):
            operands[1] = _folded(operands[1])
        return self._call(_COMPARISONS[type(node.ops[0])], *operands)

    def _is_null(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Name):
            return node.id == "null" and node.id not in self.names
        return isinstance(node, ast.Constant) and node.value is None

    def _function(self, node: ast.Call) -> ast.expr:
        match node.func:
            case ast.Name(name):
                arguments = node.args
            case ast.Attribute(value, name):
                arguments = [value, *node.args]
            case _:
                raise self._error(node, "only the functions of the language can be called")
        function = FUNCTIONS.get(name)
        if function is None:
            raise UnknownName(name, FUNCTIONS, self._column(node.func), "function")
        if node.keywords or len(arguments) != function.parameters:
            raise self._error(node, f"{name} takes {counted(function.parameters, 'argument')}")
        if function.pattern is None:
            return self._call(function.call, *map(self.translate, arguments))
        test = self._pattern(name, function.pattern, arguments[1])
        return self._call(function.call, test, self.translate(arguments[0]))

    def _pattern(
        self, name: str, compile_pattern: Callable[[str], Callable[[str], Any]], node: ast.expr
    ) -> ast.expr:
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            raise self._error(node, f"the pattern of {name} must be a text between quotes")
        if name == "match" and "\b" in node.value:
            raise self._error(node, "the pattern contains a backspace", 'write r"\\b", with an r')
        try:
            return self._constant(compile_pattern(node.value))
        except (RegexError, re.error) as error:
            raise self._error(node, f"the pattern cannot be used: {error}") from None

    def _call(self, helper: Callable[..., Any], *arguments: ast.expr) -> ast.expr:
        return ast.Call(self._constant(helper), list(arguments), [])

    def _constant(self, value: Any) -> ast.expr:
        """Return a name that refers to `value` in the compiled code."""
        self.constants.append(value)
        return ast.Name(f"_{len(self.constants) - 1}", ast.Load())

    def _refuse(self, node: ast.expr, what: str, hint: str = "") -> ExpressionError:
        return self._error(node, f"{what} is not part of the expression language", hint)

    def _error(self, node: ast.expr, message: str, hint: str = "") -> ExpressionError:
        return ExpressionError(message, self._column(node), hint)

    def _column(self, node: ast.expr) -> int:
        before = self._lines[node.lineno - 1].encode("utf-8", "surrogatepass")[: node.col_offset]
        offset = len(before.decode("utf-8", "replace"))
        return self._leading + _column_of("\n".join(self._lines), node.lineno, offset)


def _folded(container: ast.expr) -> ast.expr:
    """Return a list of literals as one constant, so that it is not rebuilt each time."""
    if not isinstance(container, ast.List):
        return container
    entries = [entry.value for entry in container.elts if isinstance(entry, ast.Constant)]
    if len(entries) < len(container.elts):
        return container
    folded = ast.Constant(None)
    folded.value = tuple(entries)  # type: ignore[assignment]
    return folded


def _assemble(body: ast.expr, constants: list[Any]) -> Callable[[Mapping[str, Any]], Any]:
    parameters = ast.arguments(
        posonlyargs=[], args=[ast.arg("_env")], kwonlyargs=[], kw_defaults=[], defaults=[]
    )
    tree = ast.fix_missing_locations(ast.Expression(ast.Lambda(parameters, body)))
    scope = {f"_{index}": value for index, value in enumerate(constants)}
    run: Callable[[Mapping[str, Any]], Any] = eval(  # only names of `scope` occur in it
        compile(tree, "<expression>", "eval"), {"__builtins__": {}, **scope}
    )
    return run
