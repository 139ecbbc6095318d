"""Bucket policies without their statements about plain HTTP, which all calls here use.

moto evaluates a policy's actions and resources but no Condition, so a statement that denies calls
with `aws:SecureTransport` `false` would deny every call.
"""

from __future__ import annotations

import json
from typing import Any

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket

_PLAIN_HTTP = {"Bool": {"aws:SecureTransport": "false"}}


def install() -> None:
    """Replace moto's evaluation of bucket policies."""
    FakeBucket.get_permission = _permission


def _permission(self: Any, action: str, resource: str) -> Any:
    if self.policy is None:
        return PermissionResult.NEUTRAL
    policy = json.loads(self.policy)
    kept = [one for one in policy["Statement"] if one.get("Condition") != _PLAIN_HTTP]
    if not kept:
        return PermissionResult.NEUTRAL
    return IAMPolicy(json.dumps(policy | {"Statement": kept})).is_action_permitted(action, resource)
