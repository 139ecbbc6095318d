"""The management commands of this service, as their parsers describe them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import NamedTuple

from django.core.management import BaseCommand, get_commands, load_command_class


class Command(NamedTuple):
    """A command or a subcommand, with the arguments that Django does not give to every command."""

    name: str
    help: str
    arguments: list[argparse.Action]

    @property
    def usage(self) -> str:
        """The command line, with what may be left out in brackets."""
        return " ".join([self.name, *map(_in_usage, self.arguments)])


def commands() -> list[Command]:
    """Every command, by name, each followed by its subcommands."""
    names = sorted(name for name, app in get_commands().items() if app == "approvals")
    return [each for name in names for each in _with_subcommands(name)]


def _with_subcommands(name: str) -> Iterator[Command]:
    command = load_command_class("approvals", name)
    arguments = _own(command.create_parser("manage.py", name))
    subcommands = [each for each in arguments if isinstance(each, argparse._SubParsersAction)]
    if not subcommands:
        yield Command(name, command.help, arguments)
    for group in subcommands:
        yield Command(name, command.help, [])
        for choice in group._choices_actions:
            own = _own(group.choices[choice.dest])
            yield Command(f"{name} {choice.dest}", str(choice.help), own)


def _own(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    stock = {each.dest for each in BaseCommand().create_parser("manage.py", "")._actions}
    return [each for each in parser._actions if each.dest not in stock]


def form(argument: argparse.Action) -> str:
    """An argument as it is written: an option with its value, or a value."""
    names = "|".join(map(str, argument.choices)) if argument.choices else argument.dest.upper()
    value = str(argument.metavar or names) + ("..." if argument.nargs in ("+", "*") else "")
    if not argument.option_strings:
        return value
    option = argument.option_strings[0]
    return option if argument.nargs == 0 else f"{option} {value}"


def _in_usage(argument: argparse.Action) -> str:
    """In brackets if it may be left out, with dots if it is an option that may be repeated."""
    needed = argument.required if argument.option_strings else argument.nargs not in ("?", "*")
    repeated = "..." if isinstance(argument, argparse._AppendAction) else ""
    return (form(argument) if needed else f"[{form(argument)}]") + repeated


def explanation(argument: argparse.Action) -> str:
    """What an argument is for, as `--help` shows it."""
    return str(argument.help or "") % (vars(argument) | {"prog": "manage.py"})
