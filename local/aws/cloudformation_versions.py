"""Versions and aliases of state machines in a template, which moto's CloudFormation does not have.

AWS makes a new version when `StateMachineRevisionId` changes, which it does with every definition
if the template has `!GetAtt Machine.StateMachineRevisionId`. moto updates only resources whose own
text in the template has changed, so here every update also updates versions and aliases. A
DeploymentPreference of any type is treated as ALL_AT_ONCE, because nothing here watches alarms.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from moto.cloudformation import parsing
from moto.stepfunctions.exceptions import StateMachineDoesNotExist
from moto.stepfunctions.models import StateMachineAlias, StateMachineVersion
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from local.aws import state_machine_versions
from local.aws.cloudformation_handlers import Resource, creates, deletes, updates

_PREFIX = "AWS::StepFunctions::StateMachine"
_update = parsing.ResourceMap.update


def install() -> None:
    """Make versions and aliases types of a template."""
    StateMachineVersion.create_from_cloudformation_json = creates(_create_version)
    # On AWS the clean-up of an update deletes the old version, unless it is retained; here it stays.
    StateMachineVersion.update_from_cloudformation_json = updates(
        lambda resource, _: _create_version(resource)
    )
    StateMachineVersion.delete_from_cloudformation_json = deletes(_delete_version)
    StateMachineVersion.cloudformation_type = staticmethod(lambda: f"{_PREFIX}Version")
    StateMachineAlias.create_from_cloudformation_json = creates(_create_alias)
    StateMachineAlias.update_from_cloudformation_json = updates(_update_alias)
    StateMachineAlias.delete_from_cloudformation_json = deletes(_delete_alias)
    StateMachineAlias.cloudformation_type = staticmethod(lambda: f"{_PREFIX}Alias")
    StateMachineAlias.cloudformation_name_type = staticmethod(lambda: "Name")
    for model in (StateMachineVersion, StateMachineAlias):
        model.physical_resource_id = property(lambda self: self.arn)
        model.has_cfn_attr = classmethod(lambda cls, name: name == "Arn")
        model.get_cfn_attribute = lambda self, name: self.arn
    parsing.ResourceMap.update = _update_with_versions


def _backend(resource: Resource) -> Any:
    return stepfunctions_parser_backends[resource.account][resource.region]


def _create_version(resource: Resource) -> Any:
    machine = _backend(resource).describe_state_machine(resource.properties["StateMachineArn"])
    return state_machine_versions.publish(
        machine,
        resource.properties.get("StateMachineRevisionId"),
        resource.properties.get("Description"),
    )


def _delete_version(resource: Resource) -> None:
    with suppress(
        StateMachineDoesNotExist
    ):  # its machine was deleted first, and the version with it
        state_machine_versions.delete_version(_backend(resource), resource.name)


def _create_alias(resource: Resource) -> Any:
    return _backend(resource).create_state_machine_alias(
        resource.name, _routes(resource.properties), resource.properties.get("Description")
    )


def _update_alias(resource: Resource, alias: Any) -> Any:
    return _backend(resource).update_state_machine_alias(
        alias.arn, resource.properties.get("Description"), _routes(resource.properties)
    )


def _delete_alias(resource: Resource) -> None:
    with suppress(StateMachineDoesNotExist):
        _backend(resource).delete_state_machine_alias(resource.name)


def _routes(properties: Any) -> list[dict[str, Any]]:
    """Return the routing configuration of an alias as the API takes it."""
    if "DeploymentPreference" in properties:
        version = properties["DeploymentPreference"]["StateMachineVersionArn"]
        return [{"stateMachineVersionArn": version, "weight": 100}]
    return [
        {
            "stateMachineVersionArn": route["StateMachineVersionArn"],
            "weight": int(route["Weight"]),
        }
        for route in properties["RoutingConfiguration"]
    ]


def _update_with_versions(self: Any, *arguments: Any, **named: Any) -> None:
    _update(self, *arguments, **named)
    for kind in (StateMachineVersion, StateMachineAlias):  # an alias needs its version first
        for name, resource in list(self._parsed_resources.items()):
            if isinstance(resource, kind) and name in self._resource_json_map:
                self._parsed_resources[name] = parsing.parse_and_update_resource(
                    name, self._resource_json_map[name], self, self._account_id, self._region_name
                )
