"""The admin site's way in: the sign-in page of the desk, a refusal for others, no NUL character."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from approvals.actions import people, preferences
from approvals.actors import COMMAND_LINE
from approvals.models import Preference, User
from tests.admin.addresses import LISTS, action_urls_of, at, pages_of
from tests.admin.conftest import Enter
from tests.admin.rows import Rows
from tests.factories import actor

pytestmark = pytest.mark.django_db


def test_a_request_without_a_session_is_sent_to_the_sign_in_page_of_the_desk(
    client: Client,
) -> None:
    answer = client.get("/admin/", follow=True)
    assert answer.redirect_chain[-1] == ("/accounts/login/?next=/admin/", 302)
    assert "account/login.html" in {t.name for t in answer.templates}
    assert client.get("/admin/login/?next=https://evil.example/").status_code == 302


def test_the_sign_in_page_leads_back_to_the_admin_site(client: Client, oscar: User) -> None:
    typed = {"login": oscar.email, "password": "correct horse battery staple", "next": "/admin/"}
    assert client.post("/accounts/login/", typed)["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200
    assert client.get("/admin/logout/")["Location"] == reverse("account_logout")
    assert client.get("/admin/password_change/")["Location"] == reverse("account_change_password")


def test_a_user_without_rights_gets_a_403_and_no_redirect_even_as_a_superuser(
    enter: Enter, stan: User, rows: Rows, alice: User
) -> None:
    boss = User.objects.create_superuser("boss@example.com", "x")
    addresses = ["/admin/", *pages_of(rows, alice).values(), *action_urls_of(rows, alice)]
    for nobody in (stan, boss):
        browser = enter(nobody)
        assert {browser.get(address).status_code for address in addresses} == {403}
        assert {browser.post(address).status_code for address in addresses} == {403}


def test_nul_is_a_bad_request_wherever_it_stands(enter: Enter, oscar: User, rows: Rows) -> None:
    browser, users = enter(oscar), at("user_changelist")
    for address in (f"{users}?q=%00", f"{users}?%00=x", f"{users}a%00b/change/", "/admin/%00"):
        assert browser.get(address).status_code == 400, address
    typed = {"email": "a\x00b@example.com", "kind": "person"}
    assert browser.post(at("user_new"), typed).status_code == 400


def test_times_are_in_the_zone_that_a_person_has_chosen(
    enter: Enter, oscar: User, rows: Rows
) -> None:
    preferences.save(by=actor(oscar), time_zone="Asia/Tokyo")

    page = enter(oscar).get(at("auditevent_changelist")).content.decode()

    assert " JST" in page
    Preference.objects.update(time_zone="Mars/Olympus")
    assert " UTC" in enter(oscar).get(at("auditevent_changelist")).content.decode()


def test_an_empty_list_says_why_it_is_empty(enter: Enter, oscar: User, rows: Rows) -> None:
    listing = at("reviewtask_changelist")

    page = enter(oscar).get(listing).content.decode()

    assert "Reviews are listed for those who have a role in a queue" in page
    assert "0 review tasks" not in page
    assert "Approve…" not in page
    searched = enter(oscar).get(listing, {"q": "ORD-OPEN"}).content.decode()
    assert "Nothing matches “ORD-OPEN”" in searched


UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-")


@pytest.mark.parametrize("name", LISTS)
def test_a_list_reads_in_names_and_times_as_the_desk_writes_them(
    enter: Enter, oscar: User, rows: Rows, alice: User, name: str
) -> None:
    people.grant(oscar, rows.queue.slug, "viewer", by=COMMAND_LINE)
    page = enter(oscar).get(at(f"{name}_changelist")).content.decode()
    table = page[page.index('id="result_list"') : page.index("</table>")]
    words = re.sub(r"<[^>]+>", " ", table)
    assert not UUID.search(words), words
    assert not re.search(r"\d [ap]\.m\.|midnight|noon|Nov\. \d", words), words


@pytest.mark.parametrize("name", LISTS)
def test_no_list_is_empty_without_a_word(enter: Enter, oscar: User, name: str) -> None:
    empty = enter(oscar).get(at(f"{name}_changelist")).content.decode()
    sought = {"q": "nothing-has-this"} if 'name="q"' in empty else {}
    page = enter(oscar).get(at(f"{name}_changelist"), sought).content.decode()
    assert 'id="result_list"' not in page
    assert not re.search(r">\s*0 [a-z ]+<", page)
    said = re.search(r'<div class="empty"><p>([^<]+)', page)
    assert said is not None
    assert len(said[1].split()) >= 3
