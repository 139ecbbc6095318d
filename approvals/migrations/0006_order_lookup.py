from django.contrib.postgres.indexes import OpClass
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Orders are looked up by the beginning of their id; the table may be large by now, and in use."""

    atomic = False
    dependencies = [
        ('approvals', '0005_orders'),
    ]

    operations = [
        migrations.RunSQL(
            "DROP INDEX CONCURRENTLY IF EXISTS order_by_id", migrations.RunSQL.noop
        ),
        AddIndexConcurrently(
            model_name='orderexecution',
            index=models.Index(OpClass('order_id', name='varchar_pattern_ops'), name='order_by_id'),
        ),
    ]
