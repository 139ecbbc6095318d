"""The changes that cosmic-ray does not make: what each of our operators makes of a piece of code."""

from __future__ import annotations

import pytest
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

from tests.mutants.operators import all_of_them


def changed(operator: str, code: str) -> list[str]:
    """The code after each change that the operator can make."""
    made = all_of_them()[operator]
    positions = [
        span for node in ast_nodes(get_ast(code)) for span in made.mutation_positions(node)
    ]
    return [str(mutate_code(code, made, number)) for number in range(len(positions))]


@pytest.mark.parametrize(
    ("operator", "code", "after"),
    [
        ("RemoveStatement", "row.drop()\n", ["pass\n"]),
        ("RemoveStatement", "if a:\n    row.version += 1\n", ["if a:\n    pass\n"]),
        ("RemoveStatement", "x['a'] = 1\ny = f()\n", ["pass\ny = f()\n"]),
        ("RemoveStatement", "'text'\nreturn f()\n", []),
        ("RemoveOperand", "x = a and b\n", ["x = b\n", "x = a\n"]),
        ("RemoveOperand", "a or b or c\n", ["b or c\n", "a or c\n", "a or b\n"]),
        (
            "RemoveCondition",
            "q.filter(a=1, b=2).all()\n",
            ["q.filter(b=2).all()\n", "q.filter(a=1).all()\n"],
        ),
        ("RemoveCondition", "q.get(a=1, b=2,)\n", ["q.get(b=2,)\n", "q.get(a=1)\n"]),
        ("RemoveCondition", "q.exclude(a=1)\n", ["q.exclude()\n"]),
        ("RemoveCondition", "q.filter(DUE, a=1)\n", ["q.filter(DUE)\n"]),
        ("RemoveCondition", "q.update(a=1)\nfilter(a=1)\n", []),
        ("ReplaceMembership", "a in b\n", ["a not in b\n"]),
        ("ReplaceMembership", "a not in b\n", ["a in b\n"]),
        ("ReplaceMembership", "for a in b:\n    pass\n", []),
        (
            "ExceptionReplacer",
            "try:\n a\nexcept (b.C, D):\n e\n",
            [
                "try:\n a\nexcept (FloatingPointError, D):\n e\n",
                "try:\n a\nexcept (b.C, FloatingPointError):\n e\n",
            ],
        ),
        (
            "ExceptionReplacer",
            "try:\n a\nexcept b.C as d:\n e\n",
            ["try:\n a\nexcept FloatingPointError as d:\n e\n"],
        ),
        ("ExceptionReplacer", "try:\n a\nexcept:\n e\n", []),
    ],
)
def test_an_operator_makes_these_changes(operator: str, code: str, after: list[str]) -> None:
    assert [" ".join(text.split(" ")) for text in changed(operator, code)] == after
