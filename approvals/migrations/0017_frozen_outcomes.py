"""Votes and decisions never change again, but that a vote is withdrawn and a decision undone, once.

Replaces the trigger of 0002 on decisions, which guarded four columns. The release before changes no
other column. Creating a trigger waits for writers of its table and reads no row.
"""

from __future__ import annotations

from django.db import migrations

# As JSON, so that a column that is added later is guarded too.
GUARDED = """
CREATE FUNCTION approvals_frozen_outcome() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND to_jsonb(OLD) - TG_ARGV[0] = to_jsonb(NEW) - TG_ARGV[0]
        AND (to_jsonb(OLD) -> TG_ARGV[0] IN ('null', to_jsonb(NEW) -> TG_ARGV[0])) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'frozen: % takes % once, and no other change', TG_TABLE_NAME, TG_ARGV[0]
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OR DELETE ON approvals_decision
    FOR EACH ROW EXECUTE FUNCTION approvals_frozen_outcome('undone_at');
CREATE TRIGGER frozen_truncate BEFORE TRUNCATE ON approvals_decision
    FOR EACH STATEMENT EXECUTE FUNCTION approvals_frozen_outcome('undone_at');
CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON approvals_vote
    FOR EACH ROW EXECUTE FUNCTION approvals_frozen_outcome('withdrawn_at');
CREATE TRIGGER frozen_truncate BEFORE TRUNCATE ON approvals_vote
    FOR EACH STATEMENT EXECUTE FUNCTION approvals_frozen_outcome('withdrawn_at');
"""
AS_BEFORE = """
DROP TRIGGER frozen_truncate ON approvals_vote;
DROP TRIGGER frozen ON approvals_vote;
DROP TRIGGER frozen_truncate ON approvals_decision;
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE ON approvals_decision FOR EACH ROW
    WHEN (OLD.callback IS DISTINCT FROM NEW.callback OR OLD.outcome IS DISTINCT FROM NEW.outcome
          OR OLD.review_id IS DISTINCT FROM NEW.review_id OR OLD.by_id IS DISTINCT FROM NEW.by_id)
    EXECUTE FUNCTION approvals_frozen();
DROP FUNCTION approvals_frozen_outcome();
"""


class Migration(migrations.Migration):
    dependencies = [("approvals", "0016_review_by_customer")]

    operations = [migrations.RunSQL(GUARDED, AS_BEFORE)]
