"""CloudFormation in the local account: the shipped template deploys unchanged.

moto's CloudFormation makes state machines in a backend that does not run them, reads their
definition only from the template, leaves substitutions in it, and gives queues a URL on
amazonaws.com and buckets no versioning. Each is replaced here; `cloudformation_types` and
`cloudformation_versions` add types that moto does not know. A function runs the handler of this
repository (`lambda_functions`), not the code that the template names.
"""

from __future__ import annotations

import copy
import json
import os
from typing import Any

from moto.awslambda.models import LambdaFunction
from moto.cloudformation.exceptions import ValidationError
from moto.s3.models import FakeBucket, s3_backends
from moto.sqs.models import Queue
from moto.stepfunctions import models as stepfunctions_models
from moto.stepfunctions.models import StateMachine
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from local.aws import state_machine_versions
from local.aws.cloudformation_handlers import Resource, creates

_function_from_template = LambdaFunction.create_from_cloudformation_json.__func__
_bucket_from_template = FakeBucket.create_from_cloudformation_json.__func__
_update_from_template = StateMachine.update_from_cloudformation_json.__func__
_attribute = StateMachine.get_cfn_attribute


def install() -> None:
    """Replace what moto's CloudFormation does differently."""
    # The name by which moto's update and delete find the backend: the one that runs executions.
    stepfunctions_models.stepfunctions_backends = stepfunctions_parser_backends
    StateMachine.create_from_cloudformation_json = creates(_create_state_machine)
    StateMachine.update_from_cloudformation_json = classmethod(_update_state_machine)
    StateMachine.has_cfn_attr = classmethod(lambda cls, name: name in _ATTRIBUTES)
    StateMachine.get_cfn_attribute = _state_machine_attribute
    LambdaFunction.create_from_cloudformation_json = classmethod(_create_function)
    FakeBucket.create_from_cloudformation_json = classmethod(_create_bucket)
    Queue.physical_resource_id = property(_queue_url)


_ATTRIBUTES = {
    *("Arn", "Name", "DefinitionString", "RoleArn", "StateMachineName", "Tags"),
    "StateMachineRevisionId",
}


def _state_machine_attribute(self: Any, name: str) -> Any:
    if name == "StateMachineRevisionId":
        return state_machine_versions.revision_of(self)
    return self.arn if name == "Arn" else _attribute(self, name)


def _queue_url(queue: Any) -> str:
    return f"{os.environ['AWS_ENDPOINT_URL']}/{queue.account_id}/{queue.name}"


def _create_state_machine(resource: Resource) -> Any:
    properties = resource.properties
    tags = properties.get("Tags", [])
    return stepfunctions_parser_backends[resource.account][resource.region].create_state_machine(
        name=properties.get("StateMachineName", resource.name),
        definition=_definition(properties, resource.account),
        roleArn=properties.get("RoleArn", ""),
        tags=[{"key": tag["Key"], "value": tag["Value"]} for tag in tags],
        sm_type=properties.get("StateMachineType", "STANDARD"),
    )


def _update_state_machine(
    cls: Any, /, *, cloudformation_json: Any, account_id: str, **named: Any
) -> Any:
    prepared = copy.deepcopy(cloudformation_json)
    prepared["Properties"]["DefinitionString"] = _definition(prepared["Properties"], account_id)
    return _update_from_template(cls, cloudformation_json=prepared, account_id=account_id, **named)


def _definition(properties: Any, account_id: str) -> str:
    definition = _text(properties, account_id)
    for name, value in (properties.get("DefinitionSubstitutions") or {}).items():
        definition = definition.replace(f"${{{name}}}", str(value))
    return definition


def _text(properties: Any, account_id: str) -> str:
    if "DefinitionString" in properties:
        return str(properties["DefinitionString"])
    if "Definition" in properties:
        return json.dumps(properties["Definition"])
    if "DefinitionS3Location" in properties:
        place = properties["DefinitionS3Location"]
        found = s3_backends[account_id]["aws"].get_object(place["Bucket"], place["Key"])
        if found is not None:
            return str(found.value.decode())
    message = "a state machine needs a Definition, DefinitionString or DefinitionS3Location"
    raise ValidationError(message=message)


def _create_function(
    cls: Any, /, resource_name: str, cloudformation_json: Any, *place: Any, **named: Any
) -> Any:
    prepared = copy.deepcopy(cloudformation_json)
    prepared["Properties"]["Code"] = {"ZipFile": "# see local.aws.lambda_functions"}
    return _function_from_template(cls, resource_name, prepared, *place, **named)


def _create_bucket(
    cls: Any, /, resource_name: str, cloudformation_json: Any, *place: Any, **named: Any
) -> Any:
    bucket = _bucket_from_template(cls, resource_name, cloudformation_json, *place, **named)
    versioning = cloudformation_json["Properties"].get("VersioningConfiguration")
    if versioning:
        bucket.versioning_status = versioning["Status"]
    return bucket
