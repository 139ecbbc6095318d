"""Bucket policies in the local account: a statement about plain HTTP does not apply to it.

moto looks at a policy's actions and resources and at no Condition, so `aws:SecureTransport` is
`false` would deny every call. Here all calls are plain, and stand for what on AWS goes over TLS.
"""

from __future__ import annotations

import json
from typing import Any

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket

_PLAIN = {"Bool": {"aws:SecureTransport": "false"}}


def install() -> None:
    """Let bucket policies be read without the statements that are about plain HTTP alone."""
    FakeBucket.get_permission = _permission


def _permission(self: Any, action: str, resource: str) -> Any:
    if self.policy is None:
        return PermissionResult.NEUTRAL
    policy = json.loads(self.policy)
    kept = [one for one in policy["Statement"] if one.get("Condition") != _PLAIN]
    if not kept:
        return PermissionResult.NEUTRAL
    return IAMPolicy(json.dumps(policy | {"Statement": kept})).is_action_permitted(action, resource)
