from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """The worker reads the decisions of an hour, and the page of leads what is parked in a queue; both
    tables may be large by now, and in use."""

    atomic = False
    dependencies = [
        ('approvals', '0029_decision_rollups'),
    ]

    operations = [
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS decision_by_time", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name='decision',
            index=models.Index(models.F('decided_at'), name='decision_by_time'),
        ),
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS outbox_parked_in_queue", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name='outboxentry',
            index=models.Index(models.F('queue'), models.F('detail'), models.OrderBy(models.F('ended_at'), descending=True), condition=models.Q(('lane', 'callbacks'), ('state', 'parked')), name='outbox_parked_in_queue'),
        ),
    ]
