"""Deploys a CloudFormation template into the local account."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from approvals.orchestration import packaging
from local.processes import LocalError

_BUCKET = "countersign-artifacts"


def deploy(
    endpoint: str,
    region: str,
    template: Path,
    parameters: Mapping[str, str],
    *,
    stack: str = "countersign",
) -> dict[str, str]:
    """Create `stack` from `template` at `endpoint` and return its outputs.

    If the template has the parameter ArtifactBucket, as the shipped one does, the packaged workflow
    is put into a bucket first. Only for the local account: the credentials are dummies. Raises
    `LocalError` with one line when CloudFormation refuses the template or the stack fails.
    """
    try:
        body = template.read_text()
        given = dict(parameters)
        if "ArtifactBucket:" in body:
            given = _publish(endpoint, region) | given
        made = _create(_client("cloudformation", endpoint, region), stack, body, given)
    except (BotoCoreError, ClientError, OSError) as refused:
        raise LocalError(f"{template.name} was not deployed: {refused}") from refused
    if made["StackStatus"] != "CREATE_COMPLETE":
        reason = made.get("StackStatusReason", "no reason given")
        raise LocalError(f"{template.name} ended as {made['StackStatus']}: {reason}")
    return {output["OutputKey"]: output["OutputValue"] for output in made.get("Outputs", [])}


def _publish(endpoint: str, region: str) -> dict[str, str]:
    s3 = _client("s3", endpoint, region)
    s3.create_bucket(Bucket=_BUCKET)
    for key, content in packaging.artifacts().items():
        s3.put_object(Bucket=_BUCKET, Key=key, Body=content)
    return packaging.parameters(_BUCKET)


def _create(client: Any, stack: str, body: str, parameters: Mapping[str, str]) -> Any:
    client.create_stack(
        StackName=stack,
        TemplateBody=body,
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
        ],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
    )
    (made,) = client.describe_stacks(StackName=stack)["Stacks"]
    return made


def _client(service: Literal["cloudformation", "s3"], endpoint: str, region: str) -> Any:
    # Without this, boto3 would look for the profile that the shell names.
    no_profile = botocore.session.Session({"profile": (None, None, None, None)})
    return boto3.session.Session(botocore_session=no_profile).client(
        service,
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106 - a dummy by design
        # No retry: if the first create_stack was only slow, a second one would be refused.
        config=Config(
            proxies={},
            read_timeout=120,
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
        ),
    )
