"""A workflow's definition as a graph to be drawn: states are nodes, transitions are edges.

Definitions come from AWS unchecked; malformed parts are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from approvals.workflows.asl.model import Definition, Machine, State, error_names

MAX_NODES = 300  # of a workflow, with all its machines
MAX_DEPTH = 12  # machines inside each other
MAX_LABEL = 120  # characters


@dataclass(frozen=True)
class Edge:
    """The first transition from one state to another, of kind next, choice, default or catch."""

    source: str
    target: str
    kind: str
    label: str = ""


@dataclass
class Node:
    """A state, with the graphs inside it if it is a Parallel or a Map."""

    name: str
    type: str
    edges: list[Edge] = field(default_factory=list)
    inner: list[Graph] = field(default_factory=list)


@dataclass
class Graph:
    """The states of one machine: the workflow itself, a branch of a Parallel, or the inside of a Map."""

    start: str
    nodes: dict[str, Node]


def graph_of(document: Any) -> Graph | None:
    """The graph of a parsed definition, its first MAX_NODES states; None if it has no state.

    What lies deeper than MAX_DEPTH machines is left out.
    """
    return _graph(Definition.of_document(document).root, _Budget())


def names(graph: Graph) -> Iterator[str]:
    """Every state's name in the order of the definition, those of branches after their Parallel."""
    for node in graph.nodes.values():
        yield node.name
        for inner in node.inner:
            yield from names(inner)


@dataclass
class _Budget:
    """How many states may still be taken."""

    left: int = MAX_NODES


def _graph(machine: Machine, budget: _Budget, depth: int = 1) -> Graph | None:
    states = {state.name: state for state in islice(machine.states.values(), budget.left)}
    budget.left -= len(states)
    if not states:
        return None
    nodes = {name: _node(state, budget, depth) for name, state in states.items()}
    for node in nodes.values():
        node.edges = [edge for edge in node.edges if edge.target in nodes]
    start = machine.start
    return Graph(start.name if start and start.name in nodes else next(iter(nodes)), nodes)


def _node(state: State, budget: _Budget, depth: int) -> Node:
    machines = state.inner_machines if depth < MAX_DEPTH else []
    inner = [
        graph for machine in machines if (graph := _graph(machine, budget, depth + 1)) is not None
    ]
    return Node(state.name, state.type, list(_edges(state)), inner)


def _edges(state: State) -> Iterator[Edge]:
    targets: set[str] = set()
    for transition in state.transitions:
        if transition.target in targets:
            continue
        targets.add(transition.target)
        label = "otherwise" if transition.kind == "default" else ""
        if transition.kind == "catch":
            label = ", ".join(error_names(transition.rule))[:MAX_LABEL]
        yield Edge(state.name, transition.target, transition.kind, label)
