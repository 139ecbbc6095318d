from django.contrib.postgres.indexes import BrinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    """The audit page asks for events of a period; the table may be large by now, and in use."""

    atomic = False
    dependencies = [
        ('approvals', '0027_preferences'),
    ]

    operations = [
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS audit_by_time", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name='auditevent',
            index=BrinIndex('at', autosummarize=True, name='audit_by_time', pages_per_range=32),
        ),
    ]
