"""Mutants of a module: one small change each, found in its syntax tree."""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType

COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
FOR_PEOPLE = {
    "log",
    "error",
    "warning",
    "info",
    "_invalid",
    "Unavailable",
    "UnusableKeySet",
    "InvalidSetting",
    "Refused",
    "ValueError",
    "TypeError",
    "aws_errors",
    "_cannot_read",
    "field",
}
"""Calls whose texts are read by people alone, or by the class of a value."""


@dataclass(frozen=True)
class Mutant:
    """One change to the function or constant of that name, with the new code of the whole module."""

    module: str
    name: str
    line: int
    change: str
    code: CodeType

    @property
    def label(self) -> str:
        return f"{self.module} {self.name}: {self.change}"


def mutants(module: str, source: str) -> Iterator[Mutant]:
    """Yield every mutant of a module's functions and constants."""
    tree = ast.parse(source)
    seen: dict[str, int] = {}
    for name, node in _places(tree):
        for path, changed in _changes(node):
            altered = copy.deepcopy(tree)
            place = next(where for own, where in _places(altered) if own == name)
            before, after = _apply(place, path, changed)
            ast.fix_missing_locations(altered)
            label = f"{before} {changed}" if changed.startswith("without") else f"{before} -> {after}"
            seen[name + label] = seen.get(name + label, 0) + 1
            if (number := seen[name + label]) > 1:
                label += f" ({number})"
            yield Mutant(module, name, _line(node, path), label, compile(altered, module, "exec"))


def _places(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Yield functions, methods and constants with their names."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    yield f"{node.name}.{inner.name}", inner
        elif isinstance(node, ast.Assign) and not _is_type(node.value):
            (target,) = node.targets
            if isinstance(target, ast.Name):
                yield target.id, node


def _is_type(node: ast.AST) -> bool:
    """Return True for a type variable or alias, which only mypy reads."""
    called = node.func if isinstance(node, ast.Call) else None
    return isinstance(node, ast.Subscript) or getattr(called, "id", "") == "TypeVar"


Path = tuple[tuple[str, int | None], ...]


def _changes(place: ast.AST) -> Iterator[tuple[Path, str]]:
    """Yield the path to each node that can be changed, and the kind of change."""
    yield from _below(place, (), quiet=False)


def _below(node: ast.AST, path: Path, *, quiet: bool) -> Iterator[tuple[Path, str]]:
    for kind in _kinds(node, quiet=quiet):
        yield path, kind
    named = node.func if isinstance(node, ast.Call) else None
    called = getattr(named, "id", getattr(named, "attr", ""))
    quiet = quiet or called in FOR_PEOPLE
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "type_comment"):
            continue
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            docstring = field == "body" and index == 0 and _is_text(child)
            if isinstance(child, ast.AST) and not docstring:
                yield from _below(child, (*path, (field, index)), quiet=quiet)


def _is_text(node: object) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _kinds(node: ast.AST, *, quiet: bool) -> Iterator[str]:
    if _can_be_swapped(node, quiet=quiet):
        yield "swap"
    elif isinstance(node, ast.If | ast.While) and not isinstance(node.test, ast.Compare | ast.BoolOp):
        yield "negate"
    elif isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield "none"
    elif isinstance(node, ast.Raise) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    ):
        if not _logs(node):
            yield "remove"
    elif isinstance(node, ast.Call) and not quiet:
        yield from (f"without {word.arg}" for word in node.keywords if word.arg not in (None, "extra"))


def _can_be_swapped(node: ast.AST, *, quiet: bool) -> bool:
    if isinstance(node, ast.Compare):
        return type(node.ops[0]) in COMPARED
    if isinstance(node, ast.BinOp):
        return type(node.op) in COMPUTED and not quiet
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.Not)
    if isinstance(node, ast.Constant):
        return isinstance(node.value, bool | int | bytes) or (isinstance(node.value, str) and not quiet)
    return isinstance(node, ast.BoolOp | ast.IfExp)


def _logs(node: ast.AST) -> bool:
    called = node.value.func if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else None
    return isinstance(called, ast.Attribute) and getattr(called.value, "id", "") == "log"


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _line(node: ast.AST, path: Path) -> int:
    line: int = getattr(node, "lineno", 1)
    for field, index in path:
        value = getattr(node, field)
        node = value if index is None else value[index]
        line = getattr(node, "lineno", line)
    return line


def _apply(place: ast.AST, path: Path, kind: str) -> tuple[str, str]:
    """Change the node at a path; the text of it before and after."""
    if not path:
        raise AssertionError("a whole function is no place")
    parent = place
    for field, index in path[:-1]:
        value = getattr(parent, field)
        parent = value if index is None else value[index]
    field, index = path[-1]
    value = getattr(parent, field)
    node = value if index is None else value[index]
    before = ast.unparse(node)
    after = _changed(node, kind)
    if index is None:
        setattr(parent, field, after)
    else:
        value[index] = after
    return _short(before), _short(ast.unparse(ast.fix_missing_locations(after)))


def _changed(node: ast.AST, kind: str) -> ast.AST:
    if kind == "negate":
        assert isinstance(node, ast.If | ast.While)
        node.test = ast.UnaryOp(ast.Not(), node.test)
    elif kind == "none":
        return ast.copy_location(ast.Return(ast.Constant(None)), node)
    elif kind == "remove":
        return ast.copy_location(ast.Pass(), node)
    elif kind.startswith("without "):
        assert isinstance(node, ast.Call)
        node.keywords = [word for word in node.keywords if word.arg != kind.removeprefix("without ")]
    else:
        return _swapped(node)
    return node


def _swapped(node: ast.AST) -> ast.AST:
    if isinstance(node, ast.Compare):
        node.ops[0] = COMPARED[type(node.ops[0])]()
    elif isinstance(node, ast.BoolOp):
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    elif isinstance(node, ast.BinOp):
        node.op = COMPUTED[type(node.op)]()
    elif isinstance(node, ast.UnaryOp):
        return node.operand
    elif isinstance(node, ast.IfExp):
        node.body, node.orelse = node.orelse, node.body
    elif isinstance(node, ast.Constant):
        node.value = _other(node.value)
    return node


def _other(value: object) -> object:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return value + b"X" if isinstance(value, bytes) else f"{value}X"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 90 else line[:87] + "..."
