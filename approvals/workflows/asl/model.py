"""The model of a definition: its machines (the root, a Parallel's branches, a Map's processor) and their states.

Every state has its place as a JSON Pointer (RFC 6901). Nothing here raises: what is malformed is left
out of the model, and the linter's rule `asl` reports it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

CATCH_ALL = "States.ALL"
# A function's ARN, or a call of Lambda's Invoke; other calls of its API (getFunction) run no function.
_LAMBDA = re.compile(
    r"^arn:(?:\$\{[^{}]*\}|[^:]*):lambda:|:lambda:invoke(?:Async)?(?:\.waitForTaskToken)?$"
)
# Parameters that the integrations of other services require (developer guide, Optimized integrations).
_OF_OTHER_SERVICES = frozenset(
    (
        *("TableName", "TransactItems", "QueueUrl", "TopicArn", "Entries", "StateMachineArn"),
        *("ApiEndpoint", "Bucket", "Cluster", "JobDefinition", "JobName", "ProjectName"),
        *("TaskDefinition", "TrainingJobName", "TransformJobName", "ModelId", "ClusterName"),
    )
)


def json_pointer(*keys: str | int) -> str:
    """The JSON Pointer of a value that is found by these keys and indexes, one inside the other."""
    return "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in keys)


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; empty where the value is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def texts(value: Any) -> Iterator[str]:
    """Every string in a value, at any depth, keys left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts(inner)


def error_names(rule: dict[str, Any]) -> list[str]:
    """The names in the ErrorEquals of a Catch's or a Retry's rule, in their order."""
    names = rule.get("ErrorEquals")
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


@dataclass(frozen=True)
class Transition:
    """One transition out of a state, and the rule of Choices or Catch that it comes from, else empty.

    `kind` is `next`, `choice`, `default` or `catch`; `target` a state's name, which may not exist.
    """

    kind: str
    target: str
    pointer: str
    rule: dict[str, Any]

    @property
    def errors(self) -> set[str]:
        """The error names that a Catch takes; empty for every other kind."""
        return set(error_names(self.rule))


@dataclass(eq=False)
class State:
    """One state. Two are equal only if they are the same object: names repeat across machines."""

    name: str
    body: dict[str, Any]
    pointer: str
    machine: Machine

    @property
    def type(self) -> str:
        """Its Type as it is written (`Task`, `Choice`); empty without one."""
        return str(self.body.get("Type", ""))

    @property
    def jsonata(self) -> bool:
        """Whether its query language is JSONata and not JSONPath: its own setting, else its machine's."""
        language = self.body.get("QueryLanguage")
        return self.machine.jsonata if language is None else language == "JSONata"

    @property
    def resource(self) -> str:
        """A Task's Resource; empty for other states."""
        resource = self.body.get("Resource")
        return resource if self.type == "Task" and isinstance(resource, str) else ""

    @property
    def is_terminal(self) -> bool:
        """Whether its machine ends with it."""
        return self.type in ("Succeed", "Fail") or self.body.get("End") is True

    @property
    def waits_for_token(self) -> bool:
        """Whether it waits for SendTaskSuccess or SendTaskFailure."""
        return self.resource.endswith(".waitForTaskToken")

    @property
    def is_review(self) -> bool:
        """Whether it waits for the answer to an SQS message, as the reviews of this service do."""
        return self.waits_for_token and self.resource.endswith(":sqs:sendMessage.waitForTaskToken")

    @property
    def is_lambda(self) -> bool:
        """Whether it runs a Lambda function: by ARN, by lambda:invoke, or by a substitution alone.

        A substitution may stand for any resource: it is no Lambda where its name is an activity's or
        where the payload is that of another service.
        """
        if _LAMBDA.search(self.resource):
            return True
        if not re.fullmatch(r"\$\{[^}]+\}", self.resource) or "Activity" in self.resource:
            return False
        payload = self.payload if isinstance(self.payload, dict) else {}
        return not _OF_OTHER_SERVICES & {key.removesuffix(".$") for key in payload}

    @property
    def is_distributed(self) -> bool:
        """Whether it is a distributed Map: its children are executions of their own."""
        return self.type == "Map" and self._processor_config().get("Mode") == "DISTRIBUTED"

    @property
    def child_type(self) -> str:
        """The type of a distributed Map's child executions, `EXPRESS` or `STANDARD`."""
        return str(self._processor_config().get("ExecutionType", "STANDARD"))

    def _processor_config(self) -> dict[str, Any]:
        processor = self.body.get("ItemProcessor")
        config = processor.get("ProcessorConfig") if isinstance(processor, dict) else None
        return config if isinstance(config, dict) else {}

    @property
    def starts_execution(self) -> bool:
        """Whether it starts an execution of another workflow."""
        return ":startExecution" in self.resource

    @property
    def payload(self) -> Any:
        """The input of a Task's call: Parameters, or Arguments in JSONata."""
        return self.body.get("Arguments" if self.jsonata else "Parameters")

    @property
    def retriers(self) -> list[dict[str, Any]]:
        """The rules of its Retry."""
        return objects(self.body.get("Retry"))

    @cached_property
    def transitions(self) -> list[Transition]:
        """Its transitions in the order in which they are tried; those of a Catch last."""
        choices, catches = objects(self.body.get("Choices")), objects(self.body.get("Catch"))
        candidates: list[tuple[str, Any, str, dict[str, Any]]] = [
            *self._by_rules("choice", "Choices", choices),
            ("default", self.body.get("Default"), json_pointer("Default"), {}),
            ("next", self.body.get("Next"), json_pointer("Next"), {}),
            *self._by_rules("catch", "Catch", catches),
        ]
        return [
            Transition(kind, target, self.pointer + place, rule)
            for kind, target, place, rule in candidates
            if isinstance(target, str)
        ]

    @staticmethod
    def _by_rules(
        kind: str, key: str, rules: list[dict[str, Any]]
    ) -> Iterator[tuple[str, Any, str, dict[str, Any]]]:
        for index, rule in enumerate(rules):
            yield kind, rule.get("Next"), json_pointer(key, index), rule

    @property
    def catches(self) -> list[Transition]:
        """Its transitions by an error."""
        return [transition for transition in self.transitions if transition.kind == "catch"]

    @property
    def caught_errors(self) -> set[str]:
        """Every error name that one of its Catch rules takes."""
        return {name for transition in self.catches for name in transition.errors}

    @property
    def retried_errors(self) -> set[str]:
        """Every error name that one of its Retry rules takes."""
        return {name for rule in self.retriers for name in error_names(rule)}

    @cached_property
    def inner_machines(self) -> list[Machine]:
        """The machines inside it: a Parallel's branches, or a Map's processor."""
        express = self.machine.express or (self.is_distributed and self.child_type == "EXPRESS")
        inside: list[tuple[Any, str]] = [
            (branch, json_pointer("Branches", index))
            for index, branch in enumerate(objects(self.body.get("Branches")))
        ]
        inside += [(self.body.get(key), json_pointer(key)) for key in ("ItemProcessor", "Iterator")]
        return [
            Machine(body, self.pointer + place, self.machine.jsonata, express)
            for body, place in inside
            if isinstance(body, dict)
        ]


@dataclass(eq=False)
class Machine:
    """A StartAt with its States: the whole workflow, a branch of a Parallel, or the processor of a Map."""

    body: dict[str, Any]
    pointer: str = ""
    jsonata_outside: bool = False
    express: bool = False

    @property
    def jsonata(self) -> bool:
        """Whether JSONata is the query language of its states: its own setting, else the one outside."""
        language = self.body.get("QueryLanguage")
        return self.jsonata_outside if language is None else language == "JSONata"

    @cached_property
    def states(self) -> dict[str, State]:
        """Its own states by name, without those of its inner machines."""
        states = self.body.get("States")
        return {
            name: State(name, body, self.pointer + json_pointer("States", name), self)
            for name, body in (states.items() if isinstance(states, dict) else ())
            if isinstance(body, dict)
        }

    @property
    def start(self) -> State | None:
        """The state it starts with; None where StartAt names none."""
        return self.states.get(str(self.body.get("StartAt")))


@dataclass(eq=False)
class Definition:
    """A whole definition: the name that messages give it, its size in bytes, and its parsed body."""

    name: str
    size: int
    body: dict[str, Any]
    express: bool = False  # whether the workflow is EXPRESS, which a definition does not state

    @classmethod
    def of_document(cls, document: Any) -> Definition:
        """The definition in any parsed JSON value; one without states where it is no definition."""
        return cls("", 0, document if isinstance(document, dict) else {})

    @cached_property
    def root(self) -> Machine:
        """The machine in which an execution starts."""
        return Machine(self.body, express=self.express)

    @cached_property
    def machines(self) -> list[Machine]:
        """The root and every inner machine, outer before inner."""
        found = [self.root]
        for machine in found:  # grows while it is walked
            found += [inner for state in machine.states.values() for inner in state.inner_machines]
        return found

    @cached_property
    def states(self) -> list[State]:
        """Every state of every machine."""
        return [state for machine in self.machines for state in machine.states.values()]
