"""What the ORM cannot say: the audit table is append-only, what leaves for AWS is frozen; site rights; the cache's table."""

from __future__ import annotations

from django.core.management import call_command
from django.db import migrations

# Plain SQL: a trigger library's ignore switch would be one SET away.
APPEND_ONLY = """
CREATE FUNCTION approvals_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'append only: % refuses %', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON approvals_auditevent
    FOR EACH ROW EXECUTE FUNCTION approvals_append_only();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON approvals_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION approvals_append_only();
"""
NOT_APPEND_ONLY = """
DROP TRIGGER append_only ON approvals_auditevent;
DROP TRIGGER append_only_truncate ON approvals_auditevent;
DROP FUNCTION approvals_append_only();
"""

FROZEN = """
CREATE FUNCTION approvals_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'frozen: this column of % never changes', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER frozen BEFORE UPDATE ON approvals_decision FOR EACH ROW
    WHEN (OLD.callback IS DISTINCT FROM NEW.callback OR OLD.outcome IS DISTINCT FROM NEW.outcome
          OR OLD.review_id IS DISTINCT FROM NEW.review_id OR OLD.by_id IS DISTINCT FROM NEW.by_id)
    EXECUTE FUNCTION approvals_frozen();
CREATE TRIGGER frozen BEFORE UPDATE ON approvals_outboxentry FOR EACH ROW
    WHEN (OLD.payload IS DISTINCT FROM NEW.payload OR OLD.kind IS DISTINCT FROM NEW.kind
          OR OLD.subject IS DISTINCT FROM NEW.subject)
    EXECUTE FUNCTION approvals_frozen();
CREATE TRIGGER frozen BEFORE UPDATE ON approvals_reviewtask FOR EACH ROW
    WHEN (OLD.token_fingerprint IS DISTINCT FROM NEW.token_fingerprint OR OLD.payload IS DISTINCT FROM NEW.payload
          OR OLD.raw_body_sha256 IS DISTINCT FROM NEW.raw_body_sha256)
    EXECUTE FUNCTION approvals_frozen();
"""
NOT_FROZEN = """
DROP TRIGGER frozen ON approvals_decision;
DROP TRIGGER frozen ON approvals_outboxentry;
DROP TRIGGER frozen ON approvals_reviewtask;
DROP FUNCTION approvals_frozen();
"""


def make_site_groups(apps, schema_editor):
    Group = apps.get_model("auth", "Group")
    for name in ("orders", "auditor", "operator"):
        Group.objects.get_or_create(name=name)


def make_cache_table(apps, schema_editor):
    call_command("createcachetable", "approvals_cache", database=schema_editor.connection.alias, verbosity=0)


class Migration(migrations.Migration):
    dependencies = [("approvals", "0001_initial")]

    operations = [
        migrations.RunSQL(APPEND_ONLY, NOT_APPEND_ONLY),
        migrations.RunSQL(FROZEN, NOT_FROZEN),
        migrations.RunPython(make_site_groups, migrations.RunPython.noop),
        migrations.RunPython(make_cache_table, migrations.RunPython.noop),
    ]
