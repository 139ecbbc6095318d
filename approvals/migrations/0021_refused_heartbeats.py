from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """How often AWS has refused a token, and why its heartbeats ended; tokens that AWS has accepted come first."""

    atomic = False
    dependencies = [
        ('approvals', '0020_proved_executions'),
    ]

    operations = [
        migrations.AddField(
            model_name='heartbeat',
            name='refusals',
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='heartbeat',
            name='ended_as',
            field=models.CharField(blank=True, choices=[('closed', 'Closed'), ('token_refused', 'Token Refused')], db_default='', max_length=20),
        ),
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS heartbeat_due_accepted", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name='heartbeat',
            index=models.Index(models.F('due_at'), condition=models.Q(('beaten_at__isnull', False), ('closed_at', None)), name='heartbeat_due_accepted'),
        ),
    ]
