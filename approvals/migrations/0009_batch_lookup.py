from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """A batch counts and walks over its orders; the table may be large by now, and in use."""

    atomic = False
    dependencies = [
        ('approvals', '0008_batches'),
    ]

    operations = [
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS order_of_batch_by_status", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name='orderexecution',
            index=models.Index(models.F('batch'), models.F('status'), condition=models.Q(('batch__isnull', False)), name='order_of_batch_by_status'),
        ),
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS order_carried_by", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name='orderexecution',
            index=models.Index(models.F('carried_by'), models.F('batch_item'), condition=models.Q(('carried_by__isnull', False)), name='order_carried_by'),
        ),
    ]
