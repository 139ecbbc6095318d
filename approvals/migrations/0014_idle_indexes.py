from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """What the worker looks for again and again has an index: decisions that are parked, and executions to
    be asked about, the urgent ones first. The index of these without their urgency goes."""

    atomic = False
    dependencies = [
        ('approvals', '0013_routine_looks'),
    ]

    operations = [
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS execution_by_urgency", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name='executionsnapshot',
            index=models.Index(models.F('routine'), models.F('due_at'), condition=models.Q(('due_at__isnull', False)), name='execution_by_urgency'),
        ),
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS outbox_parked", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name='outboxentry',
            index=models.Index(models.F('lane'), condition=models.Q(('state', 'parked')), name='outbox_parked'),
        ),
        migrations.RunSQL(
            "DROP INDEX CONCURRENTLY IF EXISTS execution_to_be_asked",
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS execution_to_be_asked"
            " ON approvals_executionsnapshot (due_at) WHERE due_at IS NOT NULL",
            state_operations=[migrations.RemoveIndex(model_name='executionsnapshot', name='execution_to_be_asked')],
        ),
    ]
