"""Which IAM actions code needs: the operations its boto3 clients call, in botocore's own names."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache

import botocore.session
from botocore import xform_name

from tests.deploy.reach import Code, Place

GATEWAYS = "approvals.gateways"
# A batch call needs the permission of the single call; GetCallerIdentity needs none.
PERMITTED_BY = {
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectsV2": "s3:ListBucket",
}
NEEDS_NOTHING = {"sts:GetCallerIdentity"}
PREFIXES = {"stepfunctions": "states"}


def needed(code: Code, places: Iterable[Place]) -> set[str]:
    """The IAM actions that the gateways' functions among these places call for."""
    found = {
        action
        for module, name in places
        if module.startswith(GATEWAYS)
        for action in _called(code, module, name)
    }
    return {PERMITTED_BY.get(action, action) for action in found} - NEEDS_NOTHING


def _called(code: Code, module: str, name: str) -> Iterator[str]:
    definition = code.modules[module].definitions.get(name)
    if definition is None:
        return
    # A function of `gateways` names the client that it uses: aws.sqs(place), or _sts(...) in aws itself.
    services = {
        node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id.lstrip("_")
        for node in ast.walk(definition)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name)
    } & {"stepfunctions", "sqs", "sts", "s3", "dynamodb"}
    mentioned = {node.attr for node in ast.walk(definition) if isinstance(node, ast.Attribute)}
    for service in services:
        for method, action in operations(service).items():
            if method in mentioned:
                yield action
    # GetObject with a VersionId is a right of its own (S3 user guide, required permissions).
    if "get_object" in mentioned and "VersionId" in ast.dump(definition):
        yield "s3:GetObjectVersion"


def of_dynamodb(code: Code, places: Iterable[Place]) -> set[tuple[str, str]]:
    """By module, the actions that Lambda functions call for: their one client is DynamoDB's."""
    known = operations("dynamodb")
    return {
        (module, known[node.attr])
        for module, name in places
        if (definition := code.modules[module].definitions.get(name)) is not None
        for node in ast.walk(definition)
        if isinstance(node, ast.Attribute) and node.attr in known
    }


@cache
def operations(service: str) -> dict[str, str]:
    """The methods of a service's client, and the IAM action each is named after."""
    model = botocore.session.get_session().get_service_model(service)
    prefix = PREFIXES.get(service, service)
    return {xform_name(name): f"{prefix}:{name}" for name in model.operation_names}
