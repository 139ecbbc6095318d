"""Plain functions as the class methods that moto's CloudFormation calls."""

from __future__ import annotations

from typing import Any

from local.aws.cloudformation_handlers import Resource, creates, deletes, updates

TEMPLATE = {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": 5}}
PLACE = ("123456789012", "us-east-1")
RESOURCE = Resource("orders", {"DelaySeconds": 5}, *PLACE)


def test_a_creation_gets_the_name_properties_and_place_and_returns_what_is_made() -> None:
    class Model:
        create = creates(lambda resource: ("made", resource))

    made = Model.create("orders", TEMPLATE, *PLACE, resource_type="AWS::SQS::Queue")

    assert made == ("made", RESOURCE)


def test_an_update_gets_the_existing_resource_beside_the_new_properties() -> None:
    class Model:
        update = updates(lambda resource, existing: (resource, existing))

    changed = Model.update(
        original_resource="existing",
        new_resource_name="orders",
        cloudformation_json=TEMPLATE,
        account_id=PLACE[0],
        region_name=PLACE[1],
    )

    assert changed == (RESOURCE, "existing")


def test_a_deletion_gets_the_resource_by_its_name() -> None:
    deleted: list[Resource] = []

    class Model:
        delete: Any = deletes(deleted.append)

    Model.delete("orders", TEMPLATE, *PLACE)

    assert deleted == [RESOURCE]
