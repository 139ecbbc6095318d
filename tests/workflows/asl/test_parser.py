"""A file that is no definition is refused with one sentence that names the place."""

from __future__ import annotations

from pathlib import Path

import pytest

from approvals.workflows.asl.parser import (
    MAX_BYTES,
    UnreadableDefinition,
    parse_definition,
    read_definition,
    read_definitions,
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


BODY = "StartAt: A\nStates:\n  A:\n    Type: Wait\n    Seconds: {}\n    End: true\n"
TEMPLATE = """
Resources:
  Stated:
    Type: AWS::Serverless::StateMachine
    Properties:
      Type: EXPRESS
      Definition:
        StartAt: A
        States:
          A: {Type: Task, Resource: !GetAtt Charge.Arn, End: true}
  Written:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      DefinitionString: !Sub |
        {"StartAt": "B", "States": {"B": {"Type": "Wait", "Seconds": ${Wait}, "End": true}}}
  Elsewhere:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: inner/other.asl.yaml
"""


@pytest.mark.parametrize("ending", ["asl.yaml", "asl.yml", "YAML"])
def test_a_definition_in_yaml_is_read_by_its_name(tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"mine.{ending}"
    file.write_text(BODY.format("!Ref Seconds"))

    state = read_definition(file).body["States"]["A"]

    assert state == {"Type": "Wait", "Seconds": "${Seconds}", "End": True}


def test_each_definition_of_a_template_is_read_under_its_name(tmp_path: Path) -> None:
    file, inner = tmp_path / "template.yaml", tmp_path / "inner"
    inner.mkdir()
    file.write_text(TEMPLATE)
    (inner / "other.asl.yaml").write_text(BODY.format(5))

    found = read_definitions(file)

    assert [(one.name.removeprefix(str(file)), one.express) for one in found] == [
        ("#Stated", True),
        ("#Written", False),
        ("#Elsewhere", False),
    ]
    assert [next(iter(one.body["States"].values())) for one in found] == [
        {"Type": "Task", "Resource": "${Charge.Arn}", "End": True},
        {"Type": "Wait", "Seconds": "${Wait}", "End": True},
        {"Type": "Wait", "Seconds": 5, "End": True},
    ]
    assert read_definition(f"{file}#Written").name == f"{file}#Written"
    with pytest.raises(UnreadableDefinition, match=r"3 state machines: say which .*#Written"):
        read_definition(file)
    with pytest.raises(UnreadableDefinition, match="no state machine called Nobody"):
        read_definition(f"{file}#Nobody")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "is not YAML: expected ',' or ']'"),
        ("[" * 5_000, "nested too deep"),
        ("just: a text", "no object called States"),
        ("Resources: {Q: {Type: 'AWS::SQS::Queue'}}", "a template without a state machine"),
        (TEMPLATE, "inner/other.asl.yaml cannot be read: No such file"),
        (TEMPLATE.replace("inner/other.asl.yaml", "/dev/zero"), "/dev/zero is no file"),
        (TEMPLATE.replace('"StartAt": "B",', '"StartAt": "B"'), "#Written is not JSON"),
        ("StartAt: A\nStates: {A: {a: " + "[" * 210 + "]" * 210 + "}}", "nested too deep"),
    ],
)
def test_yaml_that_holds_no_definition_is_refused_in_one_line(
    tmp_path: Path, text: str, message: str
) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text(text)

    with pytest.raises(UnreadableDefinition) as refused:
        read_definitions(file)

    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
