"""Rules that flag a field of a message for reviewers."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.untrusted import flag_rules


@pytest.mark.parametrize(
    ("rule", "flagged", "passed"),
    [
        ({"above": 500}, [500.01, "501", 1e300, "1E400", 10**400], [500, "500.00", "a", None, True, [], "NaN"]),
        ({"above": "99.99"}, [100, "100"], [99.99, "99.99"]),
        ({"below": 0}, [-1, "-0.01", "-1E1000000"], [0, "0", "", {}, "-Infinity"]),
        ({"equals": "DE"}, ["DE"], ["de", "", None, 1]),
        ({"equals": 5}, [5, 5.0, "5.0"], [True, "five"]),
        ({"equals": True}, [True], [1, "true", None]),
        ({"not_equals": "EUR"}, ["USD", 7, False], ["EUR", None]),
        ({"one_of": ["RU", "KP", 7]}, ["RU", "KP", 7, "7"], ["DE", None, ["RU"]]),
        ({"missing": True}, [None], ["", 0, False, {}]),
    ],
)  # fmt: skip
def test_a_rule_flags_values_and_lets_others_pass(
    rule: dict[str, Any], flagged: list[Any], passed: list[Any]
) -> None:
    assert flag_rules.is_rule(rule)
    assert [value for value in flagged if not flag_rules.applies(rule, value)] == []
    assert [value for value in passed if flag_rules.applies(rule, value)] == []


@pytest.mark.parametrize(
    "rule",
    [
        *(None, {}, [], "above 5", {"above": "many"}, {"above": None}, {"above": 1, "below": 9}),
        *({"missing": False}, {"one_of": []}, {"one_of": [[]]}, {"equals": {}}, {"like": "x"}),
        {"above": "NaN"},
    ],
)
def test_what_is_no_rule_is_not_taken_for_one(rule: Any) -> None:
    assert not flag_rules.is_rule(rule)


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ({"above": 500}, "above 500"),
        ({"not_equals": "EUR"}, "not equals EUR"),
        ({"one_of": ["RU", 7]}, "one of RU, 7"),
        ({"missing": True}, "missing"),
        ({"equals": "a\u202eb"}, "equals a⟨U+202E⟩b"),
    ],
)
def test_a_rule_is_described_in_words(rule: dict[str, Any], sentence: str) -> None:
    assert flag_rules.description(rule) == sentence
