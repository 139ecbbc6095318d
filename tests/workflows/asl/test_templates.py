"""The definitions in a template of CloudFormation or SAM, with what the template computes as texts."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.workflows.asl.templates import (
    is_description,
    is_template,
    template_workflows,
    with_texts,
)

BODY = {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"Ref": "Queue"}, "${Queue}"),
        ({"Fn::GetAtt": "Charge.Arn"}, "${Charge.Arn}"),
        ({"Fn::GetAtt": ["Charge", "Arn"]}, "${Charge.Arn}"),
        ({"Fn::Sub": "arn:${AWS::Partition}:x"}, "arn:${AWS::Partition}:x"),
        ({"Fn::Sub": ["x${Y}", {"Y": {"Ref": "Z"}}]}, "x${Y}"),
        ({"Fn::Sub": "x${!Literal}"}, "x${Literal}"),
        ({"Fn::Join": [":", ["arn", {"Ref": "AWS::Partition"}, "x"]]}, "arn:${AWS::Partition}:x"),
        ({"Fn::Join": ["", ["a", {"Fn::If": ["A", 1, 2]}]]}, "a${Computed}"),
        ({"a": [{"Ref": "B"}]}, {"a": ["${B}"]}),
        ({"Fn::If": ["A", {"Ref": "B"}, 1]}, {"Fn::If": ["A", "${B}", 1]}),
        ({"Ref": 5}, {"Ref": 5}),
        ({"Fn::Sub": []}, {"Fn::Sub": []}),
        ({"Fn::GetAtt": [1]}, {"Fn::GetAtt": [1]}),
        ({"Fn::Join": "x"}, {"Fn::Join": "x"}),
        ({"Ref": "B", "c": 1}, {"Ref": "B", "c": 1}),
        (7, 7),
    ],
)
def test_what_a_function_makes_is_a_text_with_names(value: Any, text: Any) -> None:
    assert with_texts(value) == text


def test_workflows_are_found_by_the_type_of_resource() -> None:
    template = {
        "Resources": {
            "Sam": {
                "Type": "AWS::Serverless::StateMachine",
                "Properties": {"Type": "EXPRESS", "Definition": BODY},
            },
            "Cfn": {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {"DefinitionString": {"Fn::Sub": '{"StartAt": "${A}"}'}},
            },
            "File": {
                "Type": "AWS::Serverless::StateMachine",
                "Properties": {"DefinitionUri": "workflow.asl.json"},
            },
            "S3": {
                "Type": "AWS::Serverless::StateMachine",
                "Properties": {"DefinitionUri": {"Bucket": "b", "Key": "k"}},
            },
            "Bare": {"Type": "AWS::StepFunctions::StateMachine"},
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"Definition": BODY}},
            "Broken": "a text",
        }
    }

    found = [
        (one.name, one.express, one.definition, one.file) for one in template_workflows(template)
    ]

    assert found == [
        ("Sam", True, BODY, ""),
        ("Cfn", False, '{"StartAt": "${A}"}', ""),
        ("File", False, None, "workflow.asl.json"),
        ("S3", False, None, ""),
        ("Bare", False, None, ""),
    ]


def test_an_answer_of_aws_has_its_definition_as_a_text() -> None:
    assert is_description({"definition": "{}", "type": "STANDARD"})
    others: list[Any] = [{"definition": {}}, {"definition": "{}"} | BODY, [], "definition"]
    for other in others:
        assert not is_description(other)


@pytest.mark.parametrize(
    ("document", "template"),
    [({"Resources": {}}, True), ({"Resources": {}} | BODY, False), (BODY, False), ([], False)],
)
def test_a_definition_is_no_template(document: Any, template: bool) -> None:
    assert is_template(document) is template
