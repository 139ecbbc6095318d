"""Types of a template that moto's CloudFormation does not have: alarms, queue and bucket policies.

moto skips a type that it does not know, and fails if an output refers to an attribute of one. These
types are created with the calls that CloudFormation itself makes.
"""

from __future__ import annotations

import json
import os
import threading
from dataclasses import replace
from functools import cache
from typing import Any

import boto3
from moto.cloudformation import parsing
from moto.cloudformation.exceptions import (
    UnformattedGetAttTemplateException,
    ValidationError,
)
from moto.core.common_models import CloudFormationModel

from local.aws.cloudformation_handlers import Resource, creates, deletes, updates

_creating = threading.Lock()  # a session may not create two clients at once
_validate_outputs = parsing.ResourceMap.validate_outputs


def install() -> None:
    """Make moto list its types again, with those of this module."""
    for cached in (parsing.get_model_list, parsing.get_model_map, parsing.get_name_type_map):
        cached.cache_clear()
    parsing.ResourceMap.validate_outputs = _validate_known_outputs


def _validate_known_outputs(self: Any) -> None:
    try:
        _validate_outputs(self)
    except AttributeError as wrong:  # moto has no resource for a type that it does not know
        message = "an output asks for an attribute of a type that is not there locally"
        raise ValidationError(message=message) from wrong


@cache
def _client(service: str, region: str) -> Any:
    """Return the client of this process: a new one takes longer than the call it is made for."""
    with _creating:
        session: Any = _session()
        endpoint = os.environ["AWS_ENDPOINT_URL"]
        return session.client(service, region_name=region, endpoint_url=endpoint)


@cache
def _session() -> boto3.session.Session:
    return boto3.session.Session()


class _CreatedByCall(CloudFormationModel):  # type: ignore[misc]
    """A resource that one API call creates; the same call updates it.

    moto lists only direct subclasses of CloudFormationModel, so each type names it as a base again.
    """

    def __init__(self, name: str, attributes: dict[str, str] | None = None) -> None:
        self.physical_resource_id = name
        self._attributes = attributes or {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.create_from_cloudformation_json = creates(cls.create)
        cls.update_from_cloudformation_json = updates(
            lambda resource, existing: cls.create(
                replace(resource, name=existing.physical_resource_id)
            )
        )
        cls.delete_from_cloudformation_json = deletes(cls.delete)

    @staticmethod
    def cloudformation_name_type() -> str:
        return ""

    @staticmethod
    def cloudformation_type() -> str:
        return "Countersign::Local::Base"

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return False

    def get_cfn_attribute(self, name: str) -> str:
        if name not in self._attributes:
            raise UnformattedGetAttTemplateException
        return self._attributes[name]

    def is_created(self) -> bool:
        return True

    @classmethod
    def create(cls, resource: Resource) -> Any:
        """Create the resource, or overwrite it with other properties, and return it."""
        raise NotImplementedError

    @classmethod
    def delete(cls, resource: Resource) -> None:
        """Delete the resource, unless that of another type goes with it."""


class Alarm(_CreatedByCall, CloudFormationModel):  # type: ignore[misc]
    """AWS::CloudWatch::Alarm: its properties are PutMetricAlarm's parameters."""

    @staticmethod
    def cloudformation_name_type() -> str:
        return "AlarmName"

    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::CloudWatch::Alarm"

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return attr == "Arn"

    @classmethod
    def create(cls, resource: Resource) -> Any:
        cloudwatch = _client("cloudwatch", resource.region)
        parameters = _alarm_parameters(resource.properties)
        cloudwatch.put_metric_alarm(**{**parameters, "AlarmName": resource.name})
        (alarm,) = cloudwatch.describe_alarms(AlarmNames=[resource.name])["MetricAlarms"]
        return cls(resource.name, {"Arn": alarm["AlarmArn"]})

    @classmethod
    def delete(cls, resource: Resource) -> None:
        _client("cloudwatch", resource.region).delete_alarms(AlarmNames=[resource.name])


def _alarm_parameters(properties: dict[str, Any]) -> dict[str, Any]:
    """Return an alarm's properties as the API takes them: numbers for texts, and no NoValue."""
    numbers = {"Threshold": float, "Period": int, "EvaluationPeriods": int}
    parameters: dict[str, Any] = {}
    for key, value in properties.items():
        if isinstance(value, list):
            parameters[key] = [each for each in value if each is not None]
        else:
            parameters[key] = numbers[key](value) if key in numbers else value
    return parameters


class QueuePolicy(_CreatedByCall, CloudFormationModel):  # type: ignore[misc]
    """AWS::SQS::QueuePolicy: one policy for each of its queues."""

    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::SQS::QueuePolicy"

    @classmethod
    def create(cls, resource: Resource) -> Any:
        attributes = {"Policy": json.dumps(resource.properties["PolicyDocument"])}
        for url in resource.properties["Queues"]:
            _client("sqs", resource.region).set_queue_attributes(
                QueueUrl=url, Attributes=attributes
            )
        return cls(resource.name)


class BucketPolicy(_CreatedByCall, CloudFormationModel):  # type: ignore[misc]
    """AWS::S3::BucketPolicy."""

    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::S3::BucketPolicy"

    @classmethod
    def create(cls, resource: Resource) -> Any:
        bucket, policy = resource.properties["Bucket"], resource.properties["PolicyDocument"]
        _client("s3", resource.region).put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
        return cls(resource.name)
