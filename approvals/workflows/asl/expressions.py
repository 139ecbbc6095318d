"""Judges the syntax of the texts in a definition that AWS evaluates: paths, intrinsic functions, JSONata.

Only what AWS refuses when a workflow is created is a problem: where AWS's documentation leaves open
whether it takes a text, nothing is reported. Each judgement takes time linear in the text.
"""

from __future__ import annotations

import re

# Developer guide, Intrinsic functions for JSONPath states.
INTRINSICS = frozenset(
    (
        *("States.Array", "States.ArrayPartition", "States.ArrayContains", "States.ArrayRange"),
        *("States.ArrayGetItem", "States.ArrayLength", "States.ArrayUnique"),
        *("States.Base64Encode", "States.Base64Decode", "States.Hash"),
        *("States.JsonMerge", "States.StringToJson", "States.JsonToString"),
        *("States.MathRandom", "States.MathAdd", "States.StringSplit", "States.UUID"),
        "States.Format",
    )
)
# A quoted text; one that is not closed reaches to the end, so that nothing is read twice.
_QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*(?:'|\\?\Z)|"(?:[^"\\]|\\.)*(?:"|\\?\Z)""", re.DOTALL)
_CALL = re.compile(r"\b(States\.\w+)\s*\(")
_SUBSTITUTION = re.compile(r"\$\{[^{}]*\}")
_CLOSING = {")": "(", "]": "["}


def is_completed_later(text: str) -> bool:
    """Whether CloudFormation puts something into this text (`${Name}`), so that it is not known yet."""
    return bool(_SUBSTITUTION.search(text))


def path_problem(path: str) -> str:
    """What is wrong with a path of JSONPath, of the context object (`$$.`) or of a variable; else empty."""
    if is_completed_later(path):
        return ""
    if not path.startswith("$"):
        return f"{path!r} is no path: a path starts with $."
    if path.endswith("."):
        return f"{path!r} ends with a dot."
    return _unbalanced(path)


def reference_problem(path: str) -> str:
    """What is wrong with a ResultPath, which names one place in the input and may not search; else empty."""
    if is_completed_later(path):
        return ""
    if path.startswith("$$"):
        return f"{path!r} lies in the context object, which cannot be written."
    if re.search(r"\.\.|[@,:?*]", _QUOTED.sub("", path)):
        return f"{path!r} can match several places; a result is written to one."
    return path_problem(path)


def template_problem(text: str) -> str:
    """What is wrong with the value of a key that ends with `.$`: a path or an intrinsic function; else empty."""
    if is_completed_later(text) or text.startswith("$"):
        return path_problem(text)
    bare = _QUOTED.sub("''", text)
    calls = _CALL.findall(bare)
    if not calls or not bare.startswith("States."):
        return f"{text!r} is neither a path nor an intrinsic function."
    if unknown := next((name for name in calls if name not in INTRINSICS), ""):
        return f"{unknown} is no intrinsic function."
    if problem := _unbalanced(text):
        return problem
    return "" if bare.rstrip().endswith(")") else f"{text!r} goes on after its closing bracket."


def jsonata_problem(text: str) -> str:
    """What is wrong with the delimiters of a text in a state that uses JSONata; else empty.

    Developer guide, Transforming data with JSONata: an expression starts with `{%` and ends with `%}`
    without blanks around them, and one that is opened or closed wrongly is a validation error.
    """
    bare = text.strip()
    opened, closed = bare.startswith("{%"), bare.endswith("%}")
    if opened != closed:
        missing, has = ("%}", "{%") if opened else ("{%", "%}")
        return f"The expression has {has} and no {missing}."
    if opened and (bare != text or len(bare) < 4):
        return "The expression has blanks around {% and %}." if bare != text else "It is empty."
    return ""


def _unbalanced(text: str) -> str:
    """The problem of brackets that do not match, quoted texts left out; else empty."""
    if "=~" in text:  # a regular expression may hold any bracket
        return ""
    opened: list[str] = []
    for character in _QUOTED.sub("", text):
        if character in "([":
            opened.append(character)
        elif character in ")]" and (not opened or opened.pop() != _CLOSING[character]):
            return f"{text!r} closes a bracket that is not open."
    return f"{text!r} has a bracket that is not closed." if opened else ""
