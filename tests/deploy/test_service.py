"""docs/deploy.md and service.yaml against the template and the code: no name in them leads nowhere."""

from __future__ import annotations

import re
from typing import Any

from tests.deploy import template
from tests.deploy.processes import PROCESSES
from tests.paths import ROOT

TEMPLATE, SERVICE = template.load(), template.load("service.yaml")
TEXT = (ROOT / "docs/deploy.md").read_text()
CODE = "".join(
    (ROOT / name).read_text() for name in ("config/settings.py", "config/web_server_settings.py")
)
ROW = re.compile(r"^\| (\w+) \| `([^`]+)` \| `(\w+)` \(([\w, ]+)\) \|", re.MULTILINE)
ROWS = {row[0]: (row[1], row[2], row[3].split(", ")) for row in ROW.findall(TEXT)}


def tasks() -> dict[str, dict[str, Any]]:
    """The container of each process, by its name, with its task's role."""
    found = {}
    for task in template.of_type(SERVICE, "AWS::ECS::TaskDefinition").values():
        main = next(each for each in task["ContainerDefinitions"] if each["Essential"])
        found[main["Name"]] = main | {"Role": task["TaskRoleArn"]["Fn::ImportValue"]["Fn::Sub"]}
    return found


def test_the_table_of_roles_says_what_the_template_gives() -> None:
    assert {role for _, role, _ in ROWS.values()} == set(PROCESSES)
    for _, role, policies in ROWS.values():
        attached = TEMPLATE["Resources"][role]["Properties"]["ManagedPolicyArns"]
        assert [each["Ref"] for each in attached if "Ref" in each] == policies


def test_ecs_runs_each_process_with_its_own_command_and_role() -> None:
    found = tasks()

    assert set(found) == set(ROWS)
    for name, (command, role, _) in ROWS.items():
        assert " ".join(found[name]["Command"]) == command
        assert found[name]["Role"] == f"${{CountersignStack}}-{role}Arn"


def test_what_service_yaml_imports_the_template_exports() -> None:
    exported = {
        each["Export"]["Name"]["Fn::Sub"].partition("-")[2]
        for each in TEMPLATE["Outputs"].values()
        if "Export" in each
    }

    assert exported == set(re.findall(r"\$\{CountersignStack\}-(\w+)\"", service_text()))


def service_text() -> str:
    return (ROOT / "deploy/service.yaml").read_text()


def test_every_variable_of_a_task_is_one_that_the_settings_read() -> None:
    for container in tasks().values():
        given = {each["Name"] for each in container["Environment"] + container["Secrets"]}
        assert {name for name in given if f'"{name}"' not in CODE} == set()
        assert given >= {"SECRET_KEY", "TOKEN_KEYS", "DATABASE_URL", "PUBLIC_URL"}


def test_the_ten_commands_name_parameters_and_outputs_that_exist() -> None:
    ten = TEXT.split("<!-- the ten -->\n")[1].split("\n\nThen ")[0]
    # TOKEN_KEYS= and the like are variables of the shell; a parameter is in a deploy's overrides.
    given = set(re.findall(r"\s([A-Z][a-z]\w+)=", ten))
    required = {name for name, each in SERVICE["Parameters"].items() if "Default" not in each}

    assert given == required
    for stack, output in re.findall(r"\$\(out (\S+) (\w+)\)", TEXT):
        outputs = {"countersign": TEMPLATE, "countersign-service": SERVICE}[stack]["Outputs"]
        assert output in outputs
