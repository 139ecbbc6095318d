"""Adapts plain functions to the class methods that moto's CloudFormation calls on a resource's model.

moto creates, updates and deletes a resource of a template through three class methods, with the
parameters of `moto.core.common_models.CloudFormationModel`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Resource:
    """A resource of a template. `name` is its physical name: the one to create or the one to delete."""

    name: str
    properties: dict[str, Any]
    account: str
    region: str


def creates(create: Callable[[Resource], Any]) -> Any:
    """Return `create_from_cloudformation_json` for a model; `create` returns the new resource."""

    def from_template(
        cls: Any, /, resource_name: str, cloudformation_json: Any, *place: str, **_: str
    ) -> Any:
        return create(Resource(resource_name, cloudformation_json["Properties"], *place))

    return classmethod(from_template)


def updates(update: Callable[[Resource, Any], Any]) -> Any:
    """Return `update_from_cloudformation_json` for a model; `update` also gets the existing resource.

    The name of its `Resource` is the one that a new resource would have.
    """

    def from_template(
        cls: Any,
        /,
        original_resource: Any,
        new_resource_name: str,
        cloudformation_json: Any,
        account_id: str,
        region_name: str,
    ) -> Any:
        properties = cloudformation_json["Properties"]
        resource = Resource(new_resource_name, properties, account_id, region_name)
        return update(resource, original_resource)

    return classmethod(from_template)


def deletes(delete: Callable[[Resource], None]) -> Any:
    """Return `delete_from_cloudformation_json` for a model."""
    return creates(delete)
