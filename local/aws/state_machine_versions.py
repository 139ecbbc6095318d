"""Versions and aliases of a state machine, and which revision an execution runs.

Developer guide, "Managing continuous deployments with versions and aliases": a version is a snapshot
that never changes, an alias points to one or two versions, and an execution keeps the revision that
it was started with.
"""

# ruff: noqa: SLF001 - this module replaces parts of moto
from __future__ import annotations

import copy
import secrets
import uuid
from dataclasses import dataclass
from typing import Any

from moto.core.exceptions import AWSError
from moto.core.responses import ActionResult, EmptyResult
from moto.stepfunctions.models import StateMachine, StateMachineInstance, StepFunctionBackend
from moto.stepfunctions.responses import StepFunctionResponse

from local.aws.pagination import page

_publish = StateMachine.publish
_change = StateMachine.update
_create_alias = StepFunctionBackend.create_state_machine_alias
_show_machine = StepFunctionResponse._describe_state_machine
_update_machine = StepFunctionResponse.update_state_machine
_INITIAL = "INITIAL"  # the API's name for the revision that a machine was created with


def install() -> None:
    """Add the calls and the revision identifiers that moto does not have."""
    StateMachineInstance.revision_id = None
    StateMachine.publish = _publish_once
    StateMachine.update = _new_revision
    StepFunctionBackend.create_state_machine_alias = _create_alias_once
    StepFunctionResponse._describe_state_machine = _describe_with_revision
    StepFunctionResponse.update_state_machine = _update_with_revision
    for call in (
        publish_state_machine_version,
        list_state_machine_versions,
        delete_state_machine_version,
        list_state_machine_aliases,
        describe_state_machine_for_execution,
    ):
        setattr(StepFunctionResponse, call.__name__, call)


@dataclass(frozen=True)
class Target:
    """What StartExecution's ARN refers to: the machine, and the revision of it to run."""

    machine: Any
    revision: Any
    version_arn: str | None = None
    alias_arn: str | None = None


def target(backend: Any, arn: str) -> Target:
    """Return what `arn` refers to: a machine, a version of it or an alias.

    Raises ValidationException for the ARN of a Map Run's children, StateMachineDoesNotExist.
    """
    if "/" in arn:
        message = "The state machine ARN refers to a Distributed Map state"
        raise AWSError(message, "ValidationException")
    *parts, qualifier = arn.split(":")
    if len(parts) < 7:
        machine = backend.describe_state_machine(arn)
        return Target(machine, _pinned(machine, machine))
    machine = backend.describe_state_machine(":".join(parts))
    alias = machine.aliases.get(qualifier)
    version_arn = arn if alias is None else _routed(alias)
    version = backend.describe_state_machine(version_arn)
    return Target(
        machine, _pinned(version, machine), version_arn, None if alias is None else alias.arn
    )


def _pinned(revision: Any, machine: Any) -> Any:
    """Return a copy that later updates do not change, with the ARN of the machine."""
    pinned = copy.copy(revision)
    pinned.arn, pinned.executions = machine.arn, []
    return pinned


def _routed(alias: Any) -> str:
    """Return the ARN of one of the alias's versions, chosen by their weights."""
    routes = alias.routing_configuration
    weights = [route["weight"] for route in routes]
    (route,) = secrets.SystemRandom().choices(routes, weights)
    return str(route["stateMachineVersionArn"])


def _new_revision(self: Any, **changes: Any) -> None:
    _change(self, **changes)
    self.revision_id = str(uuid.uuid4())


def _publish_once(self: Any, description: str | None) -> None:
    for version in self.versions.values():
        if version.revision_id == self.revision_id:
            self.latest_version = version
            return
    _publish(self, description)
    self.latest_version.revision_id = self.revision_id


def revision_of(machine: Any) -> str:
    """Return the identifier of the machine's current revision."""
    return str(machine.revision_id or _INITIAL)


def publish(machine: Any, revision_id: str | None, description: str | None) -> Any:
    """Return the version of the machine's current revision, made if there is none.

    Raises ConflictException when the current revision is not `revision_id`.
    """
    current = revision_of(machine)
    if revision_id is not None and revision_id != current:
        message = f"The current revision is {current}, not {revision_id}"
        raise AWSError(message, "ConflictException")
    machine.publish(description)
    return machine.latest_version


def publish_state_machine_version(self: Any) -> Any:
    """Answer PublishStateMachineVersion; a revision has one version, also when published again."""
    machine = _unqualified(self, self._get_param("stateMachineArn"))
    version = publish(machine, self._get_param("revisionId"), self._get_param("description"))
    return ActionResult(
        {"creationDate": version.creation_date, "stateMachineVersionArn": version.arn}
    )


def list_state_machine_versions(self: Any) -> Any:
    """Answer ListStateMachineVersions: newest first, in pages."""
    machine = _unqualified(self, self._get_param("stateMachineArn"))
    versions = sorted(machine.versions.values(), key=lambda each: each.version, reverse=True)
    shown, more = page(self, versions, lambda version: str(version.arn))
    listed = [
        {"stateMachineVersionArn": version.arn, "creationDate": version.creation_date}
        for version in shown
    ]
    return ActionResult({"stateMachineVersions": listed, **more})


def delete_state_machine_version(self: Any) -> Any:
    """Answer DeleteStateMachineVersion; raises ConflictException while an alias points to it."""
    arn = self._get_param("stateMachineVersionArn")
    delete_version(self.stepfunction_backend, arn)
    return EmptyResult()


def delete_version(backend: Any, arn: str) -> None:
    """Delete the version `arn`, if it is there. Raises ConflictException while an alias points to it."""
    machine_arn, _, number = arn.rpartition(":")
    machine = backend.describe_state_machine(machine_arn)
    if any(_points_to(alias, arn) for alias in machine.aliases.values()):
        message = f"Version {arn} is referenced by an alias"
        raise AWSError(message, "ConflictException")
    machine.versions.pop(int(number), None)


def _points_to(alias: Any, version_arn: str) -> bool:
    routes = alias.routing_configuration
    return any(route["stateMachineVersionArn"] == version_arn for route in routes)


def _create_alias_once(
    self: Any, name: str, routing_configuration: list[dict[str, Any]], description: str | None
) -> Any:
    for route in routing_configuration:
        version_arn = route["stateMachineVersionArn"]
        machine = self.describe_state_machine(version_arn.rpartition(":")[0])
        if int(version_arn.rpartition(":")[2]) not in machine.versions:
            raise AWSError(f"Version does not exist: '{version_arn}'", "ResourceNotFound")
    known = machine.aliases.get(name)
    if known is None:
        return _create_alias(self, name, routing_configuration, description)
    if (known.routing_configuration, known.description) != (routing_configuration, description):
        raise AWSError(f"Alias already exists: '{known.arn}'", "ConflictException")
    return known


def list_state_machine_aliases(self: Any) -> Any:
    """Answer ListStateMachineAliases: all of a machine, or those that point to a version of it."""
    arn = self._get_param("stateMachineArn")
    found = target(self.stepfunction_backend, arn)
    aliases = [
        alias
        for alias in found.machine.aliases.values()
        if found.version_arn is None or _points_to(alias, arn)
    ]
    shown, more = page(self, aliases, lambda alias: str(alias.arn))
    listed = [
        {"stateMachineAliasArn": alias.arn, "creationDate": alias.creation_date} for alias in shown
    ]
    return ActionResult({"stateMachineAliases": listed, **more})


def _describe_with_revision(self: Any, arn: str) -> Any:
    response = _show_machine(self, arn)
    revision = self.stepfunction_backend.describe_state_machine(arn).revision_id
    if revision is not None:  # a machine that was never changed has none
        response.result["revisionId"] = revision
    return response


def _update_with_revision(self: Any) -> Any:
    response = _update_machine(self)
    machine = _unqualified(self, self._get_param("stateMachineArn"))
    response.result["revisionId"] = machine.revision_id
    return response


def describe_state_machine_for_execution(self: Any) -> Any:
    """Answer DescribeStateMachineForExecution: the revision that it runs, not the current one."""
    execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
    revision = execution.state_machine
    fields = {
        "stateMachineArn": revision.arn,
        "name": revision.name,
        "definition": revision.definition,
        "roleArn": revision.roleArn,
        "updateDate": revision.update_date,
    }
    more = {"revisionId": revision.revision_id, "mapRunArn": execution.map_run_arn}
    return ActionResult(fields | {key: value for key, value in more.items() if value})


def _unqualified(response: Any, arn: str) -> Any:
    machine = response.stepfunction_backend.describe_state_machine(arn)
    if not isinstance(machine, StateMachine):
        message = f"Invalid Arn: 'Resource type not valid in this context: {arn}'"
        raise AWSError(message, "InvalidArn")
    return machine
