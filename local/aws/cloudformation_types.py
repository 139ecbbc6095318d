"""Types of a template that moto's CloudFormation leaves out: alarms, and policies of queues and buckets.

moto skips a type it does not know, and fails where an output asks one for an attribute. These are
made with the calls that CloudFormation itself makes.
"""

from __future__ import annotations

import json
import os
from typing import Any

import boto3
from moto.cloudformation import parsing
from moto.cloudformation.exceptions import (
    UnformattedGetAttTemplateException,
    ValidationError,
)
from moto.core.common_models import CloudFormationModel

_validate_outputs = parsing.ResourceMap.validate_outputs


def install() -> None:
    """Let moto count its types again, with those of this room."""
    for counted in (parsing.get_model_list, parsing.get_model_map, parsing.get_name_type_map):
        counted.cache_clear()
    parsing.ResourceMap.validate_outputs = _refuse_what_is_not_there


def _refuse_what_is_not_there(self: Any) -> None:
    try:
        _validate_outputs(self)
    except AttributeError as wrong:  # moto asks a type that it left out
        message = "an output asks for an attribute of a type that is not there locally"
        raise ValidationError(message=message) from wrong


def _client(service: str, region: str) -> Any:
    session: Any = boto3.session.Session()
    return session.client(service, region_name=region, endpoint_url=os.environ["AWS_ENDPOINT_URL"])


class _Made(CloudFormationModel):  # type: ignore[misc]
    """A resource that was made by one call; updating it is making it again.

    moto counts the direct subclasses of CloudFormationModel only, so each type names it as well.
    """

    def __init__(self, name: str, attributes: dict[str, str] | None = None) -> None:
        self.physical_resource_id = name
        self._attributes = attributes or {}

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
    def create_from_cloudformation_json(
        cls,
        resource_name: str,
        cloudformation_json: Any,
        account_id: str,
        region_name: str,
        **_unused: Any,
    ) -> Any:
        return cls.make(resource_name, dict(cloudformation_json["Properties"]), region_name)

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Any,
        new_resource_name: str,
        cloudformation_json: Any,
        account_id: str,
        region_name: str,
    ) -> Any:
        name = original_resource.physical_resource_id
        return cls.make(name, dict(cloudformation_json["Properties"]), region_name)

    @classmethod
    def delete_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str
    ) -> None:
        cls.unmake(resource_name, dict(cloudformation_json["Properties"]), region_name)

    @classmethod
    def make(cls, name: str, properties: dict[str, Any], region: str) -> Any:
        """Make the resource, or make it anew with other properties, and return it."""
        raise NotImplementedError

    @classmethod
    def unmake(cls, name: str, properties: dict[str, Any], region: str) -> None:
        """Take away what `make` made, where nothing else takes it away."""


class Alarm(_Made, CloudFormationModel):  # type: ignore[misc]
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
    def make(cls, name: str, properties: dict[str, Any], region: str) -> Any:
        cloudwatch = _client("cloudwatch", region)
        cloudwatch.put_metric_alarm(**{**_readable(properties), "AlarmName": name})
        (alarm,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        return cls(name, {"Arn": alarm["AlarmArn"]})

    @classmethod
    def unmake(cls, name: str, properties: dict[str, Any], region: str) -> None:
        _client("cloudwatch", region).delete_alarms(AlarmNames=[name])


def _readable(properties: dict[str, Any]) -> dict[str, Any]:
    """An alarm's properties as the API takes them: a parameter's number is a text, NoValue is nothing."""
    numbers = {"Threshold": float, "Period": int, "EvaluationPeriods": int}
    read: dict[str, Any] = {}
    for key, value in properties.items():
        if isinstance(value, list):
            read[key] = [each for each in value if each is not None]
        else:
            read[key] = numbers[key](value) if key in numbers else value
    return read


class QueuePolicy(_Made, CloudFormationModel):  # type: ignore[misc]
    """AWS::SQS::QueuePolicy: one policy for each of its queues."""

    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::SQS::QueuePolicy"

    @classmethod
    def make(cls, name: str, properties: dict[str, Any], region: str) -> Any:
        policy = json.dumps(properties["PolicyDocument"])
        for url in properties["Queues"]:
            _client("sqs", region).set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        return cls(name)


class BucketPolicy(_Made, CloudFormationModel):  # type: ignore[misc]
    """AWS::S3::BucketPolicy."""

    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::S3::BucketPolicy"

    @classmethod
    def make(cls, name: str, properties: dict[str, Any], region: str) -> Any:
        policy = json.dumps(properties["PolicyDocument"])
        _client("s3", region).put_bucket_policy(Bucket=properties["Bucket"], Policy=policy)
        return cls(name)
