"""Versions and aliases of state machines in a template, which moto's CloudFormation leaves out.

AWS makes a new version when `StateMachineRevisionId` changes, as it does with every new definition
where the template says `!GetAtt Machine.StateMachineRevisionId`. moto only updates what changed in
the template's own text, so after an update versions and aliases are looked at once more. A
DeploymentPreference is ALL_AT_ONCE here, whatever it says: nothing would watch its alarms.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from moto.cloudformation import parsing
from moto.stepfunctions.exceptions import StateMachineDoesNotExist
from moto.stepfunctions.models import StateMachineAlias, StateMachineVersion
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from local.aws import state_machine_versions

_update = parsing.ResourceMap.update


def install() -> None:
    """Give moto's own classes what makes them types of a template."""
    for model, kind, create, renew, delete in (
        (StateMachineVersion, "StateMachineVersion", _make_version, _renew_version, _drop_version),
        (StateMachineAlias, "StateMachineAlias", _make_alias, _renew_alias, _drop_alias),
    ):
        model.cloudformation_type = staticmethod(lambda kind=kind: f"AWS::StepFunctions::{kind}")
        model.create_from_cloudformation_json = classmethod(create)
        model.update_from_cloudformation_json = classmethod(renew)
        model.delete_from_cloudformation_json = classmethod(delete)
        model.physical_resource_id = property(lambda self: self.arn)
        model.has_cfn_attr = classmethod(lambda cls, name: name == "Arn")
        model.get_cfn_attribute = lambda self, name: self.arn
    StateMachineAlias.cloudformation_name_type = staticmethod(lambda: "Name")
    parsing.ResourceMap.update = _update_with_versions


def _backend(account_id: str, region_name: str) -> Any:
    return stepfunctions_parser_backends[account_id][region_name]


def _make_version(
    cls: Any,
    /,
    resource_name: str,
    cloudformation_json: Any,
    account_id: str,
    region_name: str,
    **_unused: Any,
) -> Any:
    properties = cloudformation_json["Properties"]
    machine = _backend(account_id, region_name).describe_state_machine(
        properties["StateMachineArn"]
    )
    return state_machine_versions.publish(
        machine, properties.get("StateMachineRevisionId"), properties.get("Description")
    )


def _renew_version(
    cls: Any,
    /,
    original_resource: Any,
    new_resource_name: str,
    cloudformation_json: Any,
    account_id: str,
    region_name: str,
) -> Any:
    # The old version goes with the stack's clean-up on AWS, unless it is retained; here it stays.
    return _make_version(cls, new_resource_name, cloudformation_json, account_id, region_name)


def _drop_version(
    cls: Any, /, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str
) -> None:
    with suppress(StateMachineDoesNotExist):  # it went first, and took its versions along
        state_machine_versions.delete_version(_backend(account_id, region_name), resource_name)


def _make_alias(
    cls: Any,
    /,
    resource_name: str,
    cloudformation_json: Any,
    account_id: str,
    region_name: str,
    **_unused: Any,
) -> Any:
    properties = cloudformation_json["Properties"]
    return _backend(account_id, region_name).create_state_machine_alias(
        resource_name, _routes(properties), properties.get("Description")
    )


def _renew_alias(
    cls: Any,
    /,
    original_resource: Any,
    new_resource_name: str,
    cloudformation_json: Any,
    account_id: str,
    region_name: str,
) -> Any:
    properties = cloudformation_json["Properties"]
    return _backend(account_id, region_name).update_state_machine_alias(
        original_resource.arn, properties.get("Description"), _routes(properties)
    )


def _drop_alias(
    cls: Any, /, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str
) -> None:
    with suppress(StateMachineDoesNotExist):
        _backend(account_id, region_name).delete_state_machine_alias(resource_name)


def _routes(properties: Any) -> list[dict[str, Any]]:
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
