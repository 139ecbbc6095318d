from django.db import migrations

# A step is hashed: its texts together may be longer than an index takes.
INDEX = r"""
    CREATE INDEX CONCURRENTLY IF NOT EXISTS review_by_step ON approvals_reviewtask (
        (md5(queue_id::text || E'\x1f' || execution_arn || E'\x1f' || state_name || E'\x1f'
            || reference || E'\x1f' || COALESCE(item_index::text, ''))::uuid),
        sent_at DESC, redrive_count DESC, retry_count DESC, id DESC
    ) WHERE execution_arn <> ''
"""


class Migration(migrations.Migration):
    """An index of the reviews of a step, the newest first, for `records/supersession.py`."""

    atomic = False
    dependencies = [
        ('approvals', '0021_refused_heartbeats'),
    ]

    operations = [
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS review_by_step", migrations.RunSQL.noop),
        migrations.RunSQL(INDEX, "DROP INDEX CONCURRENTLY IF EXISTS review_by_step"),
    ]
