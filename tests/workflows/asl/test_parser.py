"""A file that is no definition is refused with one sentence that names the place."""

from __future__ import annotations

from pathlib import Path

import pytest

from approvals.workflows.asl.parser import (
    MAX_BYTES,
    UnreadableDefinition,
    parse_definition,
    read_definition,
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"States": {\n  "A": }}', "line 2, column 8"),
        ('{"States": {"A": ${Bare}, "B": }}', "line 1, column 32"),
        ("[]", "not a state machine"),
        ('{"StartAt": "A"}', "not a state machine"),
        ('{"States": {}}', "no state"),
        ('{"States": {"A": {}, "A": {}}}', "'A' twice"),
        ("[" * 100_000, "nested too deep"),
        ('{"a":' * 300 + "1" + "}" * 300, "not a state machine"),
        ('{"States": {"A": ' + "[" * 300 + "]" * 300 + "}}", "nested too deep"),
        ("\xff", "UTF-8"),
        ("9" * 5_000, "not JSON"),
    ],
)
def test_a_file_that_is_no_definition_is_refused_in_one_line(
    tmp_path: Path, text: str, message: str
) -> None:
    file = tmp_path / "broken.asl.json"
    file.write_text(text, encoding="latin-1")

    with pytest.raises(UnreadableDefinition) as refused:
        read_definition(file)

    assert message in str(refused.value)
    assert str(refused.value).startswith(str(file))
    assert "\n" not in str(refused.value)


def test_a_file_that_is_larger_than_any_definition_is_not_parsed(tmp_path: Path) -> None:
    file = tmp_path / "large.asl.json"
    file.write_bytes(b" " * (MAX_BYTES + 1))

    with pytest.raises(UnreadableDefinition, match="4,194,305 bytes"):
        read_definition(file)


def test_what_cloudformation_fills_in_is_read_as_text() -> None:
    text = r"""{"States": {"A": {"Resource": "${Function}", "Seconds": ${Wait}, "B": "\"${x}"}}}"""

    body = parse_definition(text, "mine").body

    assert body["States"]["A"] == {
        "Resource": "${Function}",
        "Seconds": "${Wait}",
        "B": '"${x}',
    }


def test_a_definition_knows_its_name_and_its_size_in_bytes() -> None:
    text = '{"States": {"é": {}}}'

    found = parse_definition(text, "mine")

    assert (found.name, found.size) == ("mine", len(text) + 1)


def test_a_byte_order_mark_is_no_part_of_the_definition(tmp_path: Path) -> None:
    file = tmp_path / "marked.asl.json"
    file.write_bytes(b"\xef\xbb\xbf" + b'{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}')

    assert [state.name for state in read_definition(file).states] == ["A"]
