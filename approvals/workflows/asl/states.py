"""The model: a definition's machines (itself, a Parallel's branches, a Map's processor) and their states.

Every state knows its place as a JSON Pointer (RFC 6901). What is malformed is left out, not raised:
the general check tells of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

CATCH_ALL = "States.ALL"


def pointer(*steps: str | int) -> str:
    """The JSON Pointer of these steps from the root."""
    return "".join("/" + str(one).replace("~", "~0").replace("/", "~1") for one in steps)


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a list, and nothing else."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def texts(value: Any) -> Iterator[str]:
    """Every text in a value, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts(inner)


@dataclass(frozen=True)
class Edge:
    """A way out of a state: `next`, `choice`, `default` or `catch`; a catch with its rule."""

    kind: str
    target: str
    pointer: str
    rule: dict[str, Any]

    @property
    def errors(self) -> set[str]:
        """The error names of a catch."""
        names = self.rule.get("ErrorEquals")
        return {one for one in names if isinstance(one, str)} if isinstance(names, list) else set()


@dataclass(eq=False)
class State:
    """One state; two are the same only if they are the same place."""

    name: str
    body: dict[str, Any]
    pointer: str
    machine: Machine

    @property
    def type(self) -> str:
        """`Task`, `Choice`, ... as it is written."""
        return str(self.body.get("Type", ""))

    @property
    def jsonata(self) -> bool:
        """Whether JSONata rules here, not JSONPath: the state's own word, else its machine's."""
        language = self.body.get("QueryLanguage")
        return self.machine.jsonata if language is None else language == "JSONata"

    @property
    def resource(self) -> str:
        """A Task's resource, or nothing."""
        found = self.body.get("Resource")
        return found if self.type == "Task" and isinstance(found, str) else ""

    @property
    def ends(self) -> bool:
        """Whether the machine ends here."""
        return self.type in ("Succeed", "Fail") or self.body.get("End") is True

    @property
    def waits_for_token(self) -> bool:
        """Whether it goes on only by SendTaskSuccess or SendTaskFailure."""
        return self.resource.endswith(".waitForTaskToken")

    @property
    def is_review(self) -> bool:
        """Whether it waits for an answer to an SQS message: what this service reads."""
        return self.waits_for_token and self.resource.endswith(":sqs:sendMessage.waitForTaskToken")

    @property
    def is_lambda(self) -> bool:
        """Whether it runs a Lambda function: by its ARN, by lambda:invoke, or by a substitution alone."""
        alone = re.fullmatch(r"\$\{[^}]+\}", self.resource)
        return ":lambda:" in self.resource or (bool(alone) and "Activity" not in self.resource)

    @property
    def is_distributed(self) -> bool:
        """Whether it is a Map whose children are executions of their own."""
        return self.type == "Map" and self._processor_config().get("Mode") == "DISTRIBUTED"

    @property
    def child_type(self) -> str:
        """`EXPRESS` or `STANDARD` of a distributed Map's children."""
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
        """What a Task is given: Parameters, or Arguments in JSONata."""
        return self.body.get("Arguments" if self.jsonata else "Parameters")

    @property
    def retriers(self) -> list[dict[str, Any]]:
        """The rules of Retry."""
        return objects(self.body.get("Retry"))

    @cached_property
    def edges(self) -> list[Edge]:
        """The ways out, in the order in which they are tried; errors last."""
        found: list[tuple[str, Any, tuple[str | int, ...], dict[str, Any]]] = [
            ("choice", rule.get("Next"), ("Choices", index), rule)
            for index, rule in enumerate(objects(self.body.get("Choices")))
        ]
        found += [("default", self.body.get("Default"), ("Default",), {})]
        found += [("next", self.body.get("Next"), ("Next",), {})]
        found += [
            ("catch", rule.get("Next"), ("Catch", index), rule)
            for index, rule in enumerate(objects(self.body.get("Catch")))
        ]
        return [
            Edge(kind, target, self.pointer + pointer(*steps), rule)
            for kind, target, steps, rule in found
            if isinstance(target, str)
        ]

    @property
    def catches(self) -> list[Edge]:
        """The ways out by an error."""
        return [edge for edge in self.edges if edge.kind == "catch"]

    @property
    def caught(self) -> set[str]:
        """Every error name that some Catch has."""
        return {name for edge in self.catches for name in edge.errors}

    @property
    def retried(self) -> set[str]:
        """Every error name that some Retry has."""
        return {name for rule in self.retriers for name in Edge("retry", "", "", rule).errors}

    @cached_property
    def machines(self) -> list[Machine]:
        """The machines inside: branches, or the processor of a Map."""
        express = self.machine.express or (self.is_distributed and self.child_type == "EXPRESS")
        inside: list[tuple[Any, tuple[str | int, ...]]] = [
            (one, ("Branches", index))
            for index, one in enumerate(objects(self.body.get("Branches")))
        ]
        inside += [(self.body.get(key), (key,)) for key in ("ItemProcessor", "Iterator")]
        return [
            Machine(body, self.pointer + pointer(*steps), self.machine.jsonata, express)
            for body, steps in inside
            if isinstance(body, dict)
        ]


@dataclass(eq=False)
class Machine:
    """What has a StartAt and States of its own."""

    body: dict[str, Any]
    pointer: str = ""
    jsonata_above: bool = False
    express: bool = False

    @property
    def jsonata(self) -> bool:
        """Whether JSONata is the language of its states."""
        language = self.body.get("QueryLanguage")
        return self.jsonata_above if language is None else language == "JSONata"

    @cached_property
    def states(self) -> dict[str, State]:
        """Its own states by name, without those of machines inside."""
        states = self.body.get("States")
        return {
            name: State(name, body, self.pointer + pointer("States", name), self)
            for name, body in (states.items() if isinstance(states, dict) else ())
            if isinstance(body, dict)
        }

    @property
    def start(self) -> State | None:
        """The state it starts at."""
        return self.states.get(str(self.body.get("StartAt")))


@dataclass(eq=False)
class Definition:
    """A whole definition: what it is called, its size in bytes, and what it says."""

    name: str
    size: int
    body: dict[str, Any]
    express: bool = False  # whether the machine itself is EXPRESS; the definition does not say

    @cached_property
    def root(self) -> Machine:
        """The machine that an execution starts in."""
        return Machine(self.body, express=self.express)

    @cached_property
    def machines(self) -> list[Machine]:
        """The root and every machine inside, outer before inner."""
        found = [self.root]
        for machine in found:  # grows while it is walked
            found += [inner for state in machine.states.values() for inner in state.machines]
        return found

    @cached_property
    def states(self) -> list[State]:
        """Every state of every machine."""
        return [state for machine in self.machines for state in machine.states.values()]
