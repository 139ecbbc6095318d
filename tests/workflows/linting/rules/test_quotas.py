"""Rules on the quotas of AWS: sizes, names, and the concurrency of a Map."""

from __future__ import annotations

import pytest

from tests.workflows.linting.definitions import a_map, definition, findings, waits, workflow


@pytest.mark.parametrize(
    ("width", "mode", "place"),
    [
        (None, "DISTRIBUTED", "/States/All"),
        (0, "DISTRIBUTED", "/States/All"),
        (10_001, "DISTRIBUTED", "/States/All/MaxConcurrency"),
        (41, "INLINE", "/States/All/MaxConcurrency"),
        (1_000, "DISTRIBUTED", None),
        (None, "INLINE", None),
    ],
)
def test_a_map_is_as_wide_as_somebody_chose(
    width: int | None, mode: str, place: str | None
) -> None:
    found = findings(definition(workflow(All=a_map(width, mode))))

    assert found == ([("map-concurrency", place)] if place else [])


def test_sizes_and_names_end_where_aws_ends_them() -> None:
    long = "N" * 81
    body = workflow(
        **{
            "Big": {"Type": "Pass", "Result": "x" * 262_143, "ResultPath": "$.x", "Next": long},
            long: a_map(9) | {"Label": "L" * 41, "Next": "Quit"},
            "Quit": {"Type": "Fail", "Error": "States.Mine", "Cause": "c" * 32_769},
        }
    )
    assert findings(definition(body)) == [
        ("size-limit", "/States/Big/Result"),
        ("name-limit", f"/States/{long}"),
        ("name-limit", f"/States/{long}/Label"),
        ("name-limit", "/States/Quit/Cause"),
        ("error-name-reserved", "/States/Quit/Error"),
    ]


def test_a_definition_larger_than_aws_takes_is_found() -> None:
    body = workflow(Ask=waits()) | {"Comment": "c" * 1_048_576}

    assert findings(definition(body)) == [("size-limit", "")]
