"""Parses definitions with the fields of a distributed Map that moto's grammar does not have.

ItemBatcher, ResultWriter's WriterConfig, EXPRESS children, JSON Lines and a whole percentage are
removed before moto parses, and are kept as `distributed` on the parsed state for
`distributed_maps`. A definition is parsed once and shared, because the parsed parts have no state.
"""

# ruff: noqa: SLF001 - this module replaces parts of moto
from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

_parse = AmazonStateLanguageParser.parse


def install() -> None:
    """Replace moto's parser by the one of this module."""
    AmazonStateLanguageParser.parse = staticmethod(parse)


@dataclass(frozen=True)
class DistributedMap:
    """What `distributed_maps` needs of a state beside what moto has parsed."""

    state: dict[str, Any]
    child: str
    kind: str
    payloads: Any

    @property
    def reads_lines(self) -> bool:
        """Whether the items come from JSON Lines, which moto does not read."""
        return _reader_config(self.state).get("InputType") == "JSONL"

    @property
    def writer(self) -> dict[str, Any]:
        """The ResultWriter, empty if there is none."""
        return self.state.get("ResultWriter") or {}


@lru_cache(maxsize=256)
def parse(definition: str) -> Any:
    """Return moto's program and tree for `definition`. Raises what moto's parser raises."""
    try:
        machine = json.loads(definition)
        distributed = bool(list(_distributed_maps(machine["States"])))
    except (ValueError, TypeError, KeyError, AttributeError):
        distributed = False  # moto reports what is wrong with it
    if not distributed:
        return _parse(definition)
    plain = copy.deepcopy(machine)
    for state in _distributed_maps(plain["States"]):
        _remove_unknown_fields(state)
    program, tree = _parse(json.dumps(plain))
    _attach(program.states.states, machine["States"])
    return program, tree


def processor_of(state: dict[str, Any]) -> dict[str, Any]:
    """Return a Map's ItemProcessor, under its old name too; empty for any other state."""
    return state.get("ItemProcessor") or state.get("Iterator") or {}


def is_distributed(state: dict[str, Any]) -> bool:
    """Whether this is a Map in distributed mode."""
    return bool(processor_of(state).get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED")


def _distributed_maps(states: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for state in states.values():
        if is_distributed(state):
            yield state
        for branch in state.get("Branches", []):
            yield from _distributed_maps(branch["States"])
        yield from _distributed_maps(processor_of(state).get("States", {}))


def _reader_config(state: dict[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = (state.get("ItemReader") or {}).get("ReaderConfig") or {}
    return config


def _remove_unknown_fields(state: dict[str, Any]) -> None:
    state.pop("ItemBatcher", None)
    state.pop("ResultWriter", None)
    processor_of(state)["ProcessorConfig"]["ExecutionType"] = "STANDARD"
    if isinstance(state.get("ToleratedFailurePercentage"), int):  # moto's grammar takes 20.0 only
        state["ToleratedFailurePercentage"] = float(state["ToleratedFailurePercentage"])
    if _reader_config(state).get("InputType") == "JSONL":
        _reader_config(state)["InputType"] = "JSON"


def _attach(parsed: dict[str, Any], states: dict[str, Any]) -> None:
    for name, state in states.items():
        if is_distributed(state):
            parsed[name].distributed = _distributed_map(state)
        elif state.get("Type") == "Map":
            _attach(parsed[name].iteration_component._states.states, processor_of(state)["States"])
        elif state.get("Type") == "Parallel":
            for program, branch in zip(
                parsed[name].branches.programs, state["Branches"], strict=True
            ):
                _attach(program.states.states, branch["States"])


def _distributed_map(state: dict[str, Any]) -> DistributedMap:
    processor = dict(processor_of(state))
    config = processor.pop("ProcessorConfig")
    batcher = {
        f"{name.removesuffix('Path')}.$" if name.endswith("Path") else name: value
        for name, value in (state.get("ItemBatcher") or {}).items()
    }
    writer = (state.get("ResultWriter") or {}).get("Parameters") or {}
    # moto evaluates a payload template if it is the Parameters of a Pass state.
    template = {"Type": "Pass", "Parameters": {"batcher": batcher, "writer": writer}, "End": True}
    program, _ = _parse(json.dumps({"StartAt": "P", "States": {"P": template}}))
    return DistributedMap(
        state=state,
        child=json.dumps(processor),
        kind=config.get("ExecutionType", "STANDARD"),
        payloads=program.states.states["P"].parameters,
    )
