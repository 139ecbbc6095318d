"""The tag `url` of every template: what Django's own tag writes."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.template import Context, Engine, Template
from django.urls import NoReverseMatch, set_script_prefix

ANY = {"slug": "a", "other": "b's & <c>", "id": UUID(int=5), "name": "home", "no": None}
TAGS = (
    *("{% url 'home' %}", '{% url "queue" slug %}', "{% url 'queue' other %}", "{% url name %}"),
    *(
        "{% url 'review' id %}",
        "{% url 'queue' id %}",
        "{% url 'home' id %}",
        "{% url 'admin:index' %}",
        "{% url 'queue' slug=slug %}",
    ),
    *("{% url 'nowhere' as x %}{{ x }}", "{% url 'queue' 'constant' as x %}{{ x }}"),
    "{% autoescape off %}{% url 'queue' slug %}{% endautoescape %}",
)


def of_django(source: str) -> str:
    """What the tag of Django writes."""
    return Engine().from_string(source).render(Context(ANY))


def written(source: str) -> str:
    """What the tag of our templates writes, asked twice."""
    found = {Template(source).render(Context(ANY)) for _ in range(2)}
    assert len(found) == 1
    return found.pop()


@pytest.mark.parametrize("source", TAGS)
def test_a_url_is_written_as_django_writes_it(source: str) -> None:
    try:
        expected = of_django(source)
    except NoReverseMatch:
        with pytest.raises(NoReverseMatch):
            written(source)
    else:
        assert written(source) == expected


def test_each_id_has_a_url_of_its_own() -> None:
    source = "{% for id in ids %}{% url 'review' id %} {% endfor %}"
    ids = [UUID(int=number) for number in (0, 1, 2**127)]

    html = Template(source).render(Context({"ids": ids}))

    assert html.split() == [f"/reviews/{each}/" for each in ids]


def test_a_url_has_the_prefix_of_its_own_request() -> None:
    assert written("{% url 'home' %}") == "/"
    set_script_prefix("/below/")
    try:
        assert written("{% url 'home' %}") == "/below/"
    finally:
        set_script_prefix("/")
