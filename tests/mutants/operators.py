"""Changes that cosmic-ray does not make, as operators of its interface: statements and conditions are lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from cosmic_ray.ast import get_ast
from cosmic_ray.operators.operator import Operator
from cosmic_ray.operators.provider import OperatorProvider
from parso.python.tree import Keyword, Name

Span = tuple[tuple[int, int], tuple[int, int]]
OF_QUERIES = {"filter", "exclude", "get"}
# Members of enumerations are the same objects, so that these two mostly change nothing.
LEFT_OUT = {"ReplaceComparisonOperator_Eq_Is", "ReplaceComparisonOperator_NotEq_IsNot"}


class _Change(Operator):  # type: ignore[misc]  # cosmic-ray has no types
    """An operator whose changes of a node are numbered."""

    def mutation_positions(self, node: Any) -> Iterator[Span]:
        for part in self.parts(node):
            yield part.start_pos, part.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        self.change(node, list(self.parts(node))[index])
        return node

    @classmethod
    def examples(cls) -> Iterable[Any]:
        return ()

    def parts(self, node: Any) -> Iterable[Any]:
        """The parts of a node that a change replaces or removes."""
        raise NotImplementedError

    def change(self, node: Any, part: Any) -> None:
        """Change the node at this part."""
        raise NotImplementedError


class RemoveStatement(_Change):
    """Replaces a call whose result is not used, or an assignment to an attribute or item, with `pass`."""

    def parts(self, node: Any) -> Iterable[Any]:
        if node.type != "simple_stmt":
            return []
        statement = node.children[0]
        target = statement.children[0] if statement.type == "expr_stmt" else statement
        return [statement] if target.type in {"atom_expr", "power"} else []

    def change(self, node: Any, part: Any) -> None:
        prefix = part.get_first_leaf().prefix
        node.children[0] = Keyword("pass", part.start_pos, prefix)


class RemoveOperand(_Change):
    """Removes one operand of `and` or `or`."""

    def parts(self, node: Any) -> Iterable[Any]:
        return node.children[::2] if node.type in {"and_test", "or_test"} else []

    def change(self, node: Any, part: Any) -> None:
        _remove(node.children, part)


class RemoveCondition(_Change):
    """Removes one keyword argument of `filter`, `exclude` or `get`."""

    def parts(self, node: Any) -> Iterable[Any]:
        if node.type != "trailer" or node.children[0].value != "(" or len(node.children) != 3:
            return []
        before = node.get_previous_sibling()
        if before.type != "trailer" or before.children[-1].value not in OF_QUERIES:
            return []
        return [each for each in _arguments(node) if each.type == "argument" and _is_keyword(each)]

    def change(self, node: Any, part: Any) -> None:
        if node.children[1].type == "arglist":
            _remove(node.children[1].children, part)
        else:
            del node.children[1]


class ReplaceMembership(_Change):
    """Replaces `in` with `not in`, and `not in` with `in`."""

    def parts(self, node: Any) -> Iterable[Any]:
        if node.type != "comparison":
            return []
        return [each for each in node.children[1::2] if each.get_code().split()[-1] == "in"]

    def change(self, node: Any, part: Any) -> None:
        text = " in" if part.type == "comp_op" else " not in"
        node.children[node.children.index(part)] = get_ast(text)


class ExceptionReplacer(_Change):
    """Replaces one exception that is caught with one that nothing raises.

    cosmic-ray's operator of this name fails at a dotted name in parentheses.
    """

    def parts(self, node: Any) -> Iterable[Any]:
        if node.type != "except_clause":
            return []
        caught = node.children[1]
        if caught.type == "atom":
            caught = caught.children[1]
        return caught.children[::2] if caught.type == "testlist_comp" else [caught]

    def change(self, node: Any, part: Any) -> None:
        around = part.parent.children
        prefix = part.get_first_leaf().prefix
        around[around.index(part)] = Name("FloatingPointError", part.start_pos, prefix)


def all_of_them() -> dict[str, Operator]:
    """The operators by name: those of cosmic-ray that take no arguments, and ours."""
    provider = OperatorProvider()
    kept = {name: provider[name] for name in provider if name not in LEFT_OUT}
    ours = (RemoveStatement, RemoveOperand, RemoveCondition, ReplaceMembership, ExceptionReplacer)
    kept |= {each.__name__: each for each in ours}
    return {name: kind() for name, kind in kept.items() if not kind.arguments()}


def _arguments(trailer: Any) -> list[Any]:
    inner = trailer.children[1]
    return inner.children[::2] if inner.type == "arglist" else [inner]


def _is_keyword(argument: Any) -> bool:
    return len(argument.children) == 3 and argument.children[1].get_code().strip() == "="


def _remove(children: list[Any], part: Any) -> None:
    """Remove a part and the operator or comma after it, or before it if it is the last."""
    at = children.index(part)
    if at + 2 < len(children):
        children[at + 2].get_first_leaf().prefix = part.get_first_leaf().prefix
        del children[at : at + 2]
    else:
        del children[max(at - 1, 0) :]
