"""Icons are those of heroicons, and each is drawn once."""

from __future__ import annotations

import pytest
from django.template import Context, Template
from heroicons import IconDoesNotExist

from approvals.templatetags import icons

TAGS = ('{% heroicon_mini "check" %}', '{% heroicon_mini "check" size=14 %}')


def rendered(library: str, source: str, **context: object) -> str:
    """What a template that loads a library of icons makes of these values."""
    return Template(f"{{% load {library} %}}{source}").render(Context(context))


@pytest.mark.parametrize("tag", TAGS)
def test_an_icon_is_that_of_heroicons(tag: str) -> None:
    assert rendered("icons", tag) == rendered("heroicons", tag)
    assert "<svg" in rendered("icons", tag)


def test_an_icon_may_be_named_by_a_variable() -> None:
    tag = "{% heroicon_mini step.icon size=16 %}"

    shown = rendered("icons", tag, step={"icon": "clock"})

    assert shown == rendered("icons", '{% heroicon_mini "clock" size=16 %}')


def test_an_icon_is_drawn_once() -> None:
    icons.drawn.cache_clear()
    template = Template('{% load icons %}{% heroicon_mini "bolt" %}{% heroicon_mini icon %}')

    for _ in range(3):
        template.render(Context({"icon": "bolt"}))

    assert icons.drawn.cache_info().misses == 1


def test_an_unknown_icon_is_found_when_the_template_is_compiled() -> None:
    with pytest.raises(IconDoesNotExist):
        Template('{% load icons %}{% heroicon_mini "no-such-icon" %}')
