from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

# In parts, so that no row stays locked for long.
PROVED = """
    DO $$ BEGIN LOOP
        UPDATE approvals_executionsnapshot SET proved = true WHERE execution_arn IN (
            SELECT execution_arn FROM approvals_executionsnapshot
            WHERE NOT proved AND status NOT IN ('', 'gone') LIMIT 10000
        );
        EXIT WHEN NOT FOUND;
        COMMIT;
    END LOOP; END $$
"""


class Migration(migrations.Migration):
    """Executions that AWS has proved are asked about before those that only a message names, and questions
    without news pause ever longer."""

    atomic = False
    dependencies = [
        ('approvals', '0019_unproved_reviews'),
    ]

    operations = [
        migrations.AddField(
            model_name='executionsnapshot',
            name='proved',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name='executionsnapshot',
            name='idle_looks',
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='executionsnapshot',
            name='not_before',
            field=models.DateTimeField(null=True),
        ),
        migrations.RunSQL(PROVED, migrations.RunSQL.noop),
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS execution_by_proof", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name='executionsnapshot',
            index=models.Index(models.F('proved'), models.F('routine'), models.F('due_at'), condition=models.Q(('due_at__isnull', False)), name='execution_by_proof'),
        ),
        migrations.RunSQL(
            "DROP INDEX CONCURRENTLY IF EXISTS execution_by_urgency",
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS execution_by_urgency"
            " ON approvals_executionsnapshot (routine, due_at) WHERE due_at IS NOT NULL",
            state_operations=[migrations.RemoveIndex(model_name='executionsnapshot', name='execution_by_urgency')],
        ),
    ]
