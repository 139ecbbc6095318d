"""The roles of the template against the calls of the code: nothing is missing, and nothing is left over."""

from __future__ import annotations

import copy
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import pytest

from tests.deploy import calls, template
from tests.deploy.calls import GATEWAYS, needed
from tests.deploy.processes import PROCESSES, SENDS_WAKE_UPS, TAKES_WAKE_UPS
from tests.deploy.reach import Code
from tests.deploy.template import Permission, actions, granted
from tests.paths import ROOT

CODE = Code()
TEMPLATE = template.load()
STACK = TEMPLATE["Resources"]

# The policy for the calls of each module; the longest prefix of its name counts.
DUTIES = {
    "approvals.polling": "IntakePolicy",
    "approvals.polling.checking": "InspectionPolicy",
    "approvals.polling.sources": "InspectionPolicy",
    "approvals.delivery.callbacks": "DeliveryPolicy",
    "approvals.worker.heartbeats": "KeepAlivePolicy",
    "approvals.delivery.start_execution": "OrchestratorPolicy",
    "approvals.delivery.interventions": "OrchestratorPolicy",
    "approvals.orchestration": "OrchestratorPolicy",
    "approvals.orchestration.batches.distributed_map": "BatchesPolicy",
    "approvals.orchestration.batches.contents": "BatchesPolicy",
    "approvals.reconciliation": "ReconcilerPolicy",
    "approvals.reconciliation.batch_executions": "BatchesPolicy",
    "approvals.reconciliation.map_results": "BatchesPolicy",
    "approvals.reconciliation.executions.probe": "KeepAlivePolicy",
}
# After a restored backup: operators run it with their own permissions; no process does.
BY_HAND = "approvals.reconciliation.recovery"
LOG = {
    Permission(action, "FunctionsLogGroup.Arn")
    for action in ("logs:CreateLogStream", "logs:PutLogEvents")
}
MACHINE = {"OrderFulfillment", "${OrderFulfillment}:*"}
OF_STATES = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}"
EXECUTIONS, OF_BATCHES, OF_MAPS = (
    f"{OF_STATES}:execution:${{{machine}.Name}}:*"
    for machine in ("OrderFulfillment", "OrderBatch", "DailyOrders")
)
POINTED_TO = "arn:${AWS::Partition}:s3:::${PointerBucketName}/*"
ORDERS, HANDED_OVER = "${OrdersBucket.Arn}/*", "${OrdersBucket.Arn}/batches/*"
REVIEWS = {"ReviewQueue.Arn", "ReviewDeadLetterQueue.Arn"}
# On what each duty acts. An execution's right is on the execution, a start's on the machine.
RESOURCES = {
    ("IntakePolicy", "sqs:DeleteMessage"): REVIEWS | {"StatusEventsQueue.Arn"},
    ("IntakePolicy", "sqs:ReceiveMessage"): REVIEWS | {"StatusEventsQueue.Arn"},
    ("IntakePolicy", "s3:GetObject"): {POINTED_TO},
    ("IntakePolicy", "s3:GetObjectVersion"): {POINTED_TO},
    ("InspectionPolicy", "sqs:GetQueueAttributes"): REVIEWS,
    ("InspectionPolicy", "sqs:GetQueueUrl"): {"ReviewDeadLetterQueue.Arn"},
    ("DeliveryPolicy", "states:SendTaskFailure"): MACHINE,
    ("DeliveryPolicy", "states:SendTaskSuccess"): MACHINE,
    ("KeepAlivePolicy", "states:SendTaskHeartbeat"): MACHINE,
    ("OrchestratorPolicy", "states:DescribeExecution"): {EXECUTIONS, OF_BATCHES, OF_MAPS},
    ("OrchestratorPolicy", "states:RedriveExecution"): {EXECUTIONS},
    ("OrchestratorPolicy", "states:StopExecution"): {EXECUTIONS},
    ("OrchestratorPolicy", "states:StartExecution"): {
        "OrderFulfillment",
        "OrderBatch",
        "DailyOrders",
    },
    ("ReconcilerPolicy", "states:DescribeExecution"): {EXECUTIONS, OF_BATCHES, OF_MAPS},
    ("ReconcilerPolicy", "dynamodb:GetItem"): {"OrderStatusTable.Arn"},
    ("ReconcilerPolicy", "states:DescribeStateMachineForExecution"): {EXECUTIONS},
    ("BatchesPolicy", "s3:GetObject"): {ORDERS},
    ("BatchesPolicy", "s3:GetObjectVersion"): {ORDERS},
    ("BatchesPolicy", "s3:PutObject"): {HANDED_OVER},
    ("BatchesPolicy", "states:ListMapRuns"): {OF_MAPS},
    ("BatchesPolicy", "states:DescribeMapRun"): {f"{OF_STATES}:mapRun:${{DailyOrders.Name}}/*"},
    ("ReconcilerPolicy", "states:GetExecutionHistory"): {EXECUTIONS},
}


INTEGRATIONS = {  # of a Task state: the right it takes, and the parameter that names the resource
    "sqs:sendMessage": ("sqs:SendMessage", "QueueUrl"),
    "dynamodb:putItem": ("dynamodb:PutItem", "TableName"),
    "dynamodb:updateItem": ("dynamodb:UpdateItem", "TableName"),
}
DEFINITIONS = ROOT / "approvals/orchestration/definitions"
STATE_MACHINES = {
    "OrderFulfillment": "order_fulfillment.asl.json",
    "OrderBatch": "order_batch.asl.json",
    "DailyOrders": "daily_orders.asl.json",
}
TABLES = {"ledger": "LedgerTable.Arn", "order_status": "OrderStatusTable.Arn"}  # by Lambda module
# A Distributed Map starts and looks after its children, reads an object and writes another
# (Step Functions developer guide, IAM policies for using Distributed Map states).
OF_A_MAP = {
    *(
        Permission(action, f"{OF_STATES}:execution:${{NamePrefix}}daily-orders{separator}*")
        for action in ("states:DescribeExecution", "states:StopExecution")
        for separator in ":/"
    ),
    Permission("states:StartExecution", f"{OF_STATES}:stateMachine:${{NamePrefix}}daily-orders"),
    *(
        Permission(f"s3:{action}", HANDED_OVER)
        for action in (
            *("GetObject", "GetObjectVersion", "PutObject"),
            *("AbortMultipartUpload", "ListMultipartUploadParts"),
        )
    ),
}
Difference = tuple[str, set[Any], set[Any]]  # whose, what is missing, what is held for nothing


def of_processes(stack: dict[str, Any]) -> Iterator[Difference]:
    """Each process's role against all that its code can reach."""
    for role in PROCESSES:
        held = actions(granted(stack, role)) - {"sts:AssumeRole"}
        yield role, needed_by(role) - held, held - needed_by(role)


@cache
def needed_by(role: str) -> set[str]:
    """The IAM actions of a process: AWS's through the gateways, and Celery's."""
    reached = CODE.reach(PROCESSES[role])
    found = needed(CODE, reached)
    found |= SENDS_WAKE_UPS if ("approvals.records.wake_ups", "after_commit") in reached else set()
    return found | (TAKES_WAKE_UPS if role == "WorkerRole" else set())


def of_duties(stack: dict[str, Any]) -> Iterator[Difference]:
    """Each duty's policy against what its own modules call, on the resources of this stack."""
    for duty in set(DUTIES.values()):
        document = stack["Resources"][duty]["Properties"]["PolicyDocument"]
        held = template.permissions(document)
        wanted = {
            Permission(action, resource)
            for action in called_by_duty()[duty]
            for resource in RESOURCES.get((duty, action), {"a row of RESOURCES"})
        }
        yield duty, wanted - held, held - wanted
    for policy, rights in {
        "HintPolicy": SENDS_WAKE_UPS,
        "HintTakingPolicy": TAKES_WAKE_UPS,
    }.items():
        held = template.permissions(stack["Resources"][policy]["Properties"]["PolicyDocument"])
        wanted = {Permission(action, "CeleryQueue.Arn") for action in rights}
        yield policy, wanted - held, held - wanted


@cache
def called_by_duty() -> dict[str, set[str]]:
    """The actions each duty's own modules call for."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, module in CODE.modules.items():
        if name.startswith((GATEWAYS, BY_HAND)):
            continue
        for definition in module.definitions:
            if wants := needed(CODE, CODE.mentioned((name, definition))):
                found[_duty(f"{name}.{definition}")] |= wants
    return found


def _duty(place: str) -> str:
    fits = [prefix for prefix in DUTIES if f"{place}.".startswith(f"{prefix}.")]
    assert fits, f"{place} calls AWS, and no duty in this file's table is its"
    return DUTIES[max(fits, key=len)]


def of_workflows(stack: dict[str, Any]) -> Iterator[Difference]:
    """Each state machine's role against what the states of its definition call."""
    for machine, name in STATE_MACHINES.items():
        properties = stack["Resources"][machine]["Properties"]
        definition = json.loads((DEFINITIONS / name).read_text())
        wanted = {
            _permission(state, properties["DefinitionSubstitutions"])
            for state in _tasks(definition)
        }
        wanted |= OF_A_MAP if '"DISTRIBUTED"' in json.dumps(definition) else set()
        held = granted(stack, template.spelt(properties["RoleArn"]).removesuffix(".Arn"))
        yield machine, wanted - held, held - wanted


def _tasks(machine: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for state in machine["States"].values():
        if state["Type"] == "Task":
            yield state
        for inner in [*state.get("Branches", []), *filter(None, [state.get("ItemProcessor")])]:
            yield from _tasks(inner)


def _permission(state: dict[str, Any], substitutions: dict[str, Any]) -> Permission:
    resource = state["Resource"]
    if resource.startswith("${"):
        return Permission("lambda:InvokeFunction", template.spelt(substitutions[resource[2:-1]]))
    if resource == "arn:aws:states:::aws-sdk:sfn:startExecution":
        started = template.spelt(substitutions[state["Parameters"]["StateMachineArn"][2:-1]])
        return Permission("states:StartExecution", started.removesuffix("Alias"))
    service = resource.removeprefix("arn:aws:states:::").removesuffix(".waitForTaskToken")
    action, parameter = INTEGRATIONS[service]
    named = state["Parameters"][parameter]
    return Permission(action, f"{template.spelt(substitutions[named[2:-1]])}.Arn")


def of_functions(stack: dict[str, Any]) -> Iterator[Difference]:
    """Each Lambda role against what the handlers that take it can reach."""
    wanted: dict[str, set[Permission]] = defaultdict(set)
    for function in template.of_type(stack, "AWS::Lambda::Function").values():
        wanted[template.spelt(function["Role"]).removesuffix(".Arn")] |= LOG | {
            Permission(action, TABLES[module.rpartition(".")[2]])
            for module, action in _of_handler(function["Handler"])
        }
    for role, permissions in wanted.items():
        held = granted(stack, role)
        yield role, permissions - held, held - permissions


@cache
def _of_handler(handler: str) -> set[tuple[str, str]]:
    module, _, name = handler.rpartition(".")
    return calls.of_dynamodb(CODE, CODE.reach([(module, name)]))


CHECKS: list[Callable[[dict[str, Any]], Iterator[Difference]]] = [
    of_processes, of_duties, of_workflows, of_functions,
]  # fmt: skip


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_no_permission_is_missing_and_none_is_left_over(
    check: Callable[[dict[str, Any]], Iterator[Difference]],
) -> None:
    assert [found for found in check(TEMPLATE) if found[1] or found[2]] == []


def test_all_state_machines_and_all_roles_are_looked_at() -> None:
    functions = template.of_type(TEMPLATE, "AWS::Lambda::Function").values()
    machines = template.of_type(TEMPLATE, "AWS::StepFunctions::StateMachine")
    roles = {
        template.spelt(each[key]).removesuffix(".Arn")
        for key, rows in {"Role": functions, "RoleArn": machines.values()}.items()
        for each in rows
    }

    assert set(machines) == set(STATE_MACHINES)
    assert set(template.of_type(TEMPLATE, "AWS::IAM::Role")) == roles | set(PROCESSES)


def test_the_web_process_reaches_no_call_of_aws_and_may_only_send_wake_ups() -> None:
    assert needed(CODE, CODE.reach(PROCESSES["WebRole"])) == set()
    assert granted(TEMPLATE, "WebRole") == {
        Permission(action, "CeleryQueue.Arn") for action in SENDS_WAKE_UPS
    }


def test_only_processes_that_act_for_a_queue_may_assume_its_role() -> None:
    acting = {role for role in PROCESSES if "sts:AssumeRole" in actions(granted(TEMPLATE, role))}

    assert acting == {"PollerRole", "WorkerRole", "SweeperRole"}
    assert STACK["OtherAccountsPolicy"]["Condition"] == "HasOtherAccounts"


@pytest.mark.parametrize("sabotage", ["take away", "put in", "widen"])
def test_sabotage_is_found(sabotage: str) -> None:
    """Each permission of each policy taken away, another put beside it, its resource widened."""
    hurt, unnoticed = 0, []
    for broken, what in sabotaged(sabotage):
        hurt += 1
        noticed = [each for check in CHECKS for each in check(broken) if each[1] or each[2]]
        unnoticed += [] if noticed else [what]

    assert hurt >= 25
    assert unnoticed == []


def sabotaged(sabotage: str) -> Iterator[tuple[dict[str, Any], str]]:
    for name, place in documents(TEMPLATE):
        for number, statement in enumerate(place(TEMPLATE)["Statement"]):
            held = statement["Action"]
            for action in [held] if isinstance(held, str) else held:
                broken = copy.deepcopy(TEMPLATE)
                hurt = place(broken)["Statement"][number]
                kept = [] if isinstance(held, str) else [each for each in held if each != action]
                if sabotage == "take away":
                    hurt["Action"] = kept
                elif sabotage == "put in":
                    hurt["Action"] = [*kept, action, "sqs:PurgeQueue"]
                else:
                    hurt["Resource"] = "*"
                yield broken, f"{name}: {action}"


def documents(stack: dict[str, Any]) -> Iterator[tuple[str, Callable[[dict[str, Any]], Any]]]:
    """Every policy, and how to find it in a copy of the template."""
    for name in template.of_type(stack, "AWS::IAM::ManagedPolicy"):
        if "Condition" not in stack["Resources"][name]:
            yield name, partial(_document_of_policy, name)
    for name, role in template.of_type(stack, "AWS::IAM::Role").items():
        for number in range(len(role.get("Policies", []))):
            yield name, partial(_document_of_role, name, number)


def _document_of_policy(name: str, stack: dict[str, Any]) -> Any:
    return stack["Resources"][name]["Properties"]["PolicyDocument"]


def _document_of_role(name: str, number: int, stack: dict[str, Any]) -> Any:
    return stack["Resources"][name]["Properties"]["Policies"][number]["PolicyDocument"]
