from django.contrib.postgres.indexes import OpClass
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models.functions import Upper


class Migration(migrations.Migration):
    """The list of orders is searched by the beginning of an id in any case, and filtered by status and by
    error, by an index each; the table may be large by now, and in use."""

    atomic = False
    dependencies = [
        ('approvals', '0037_connection_checks'),
    ]

    operations = [
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS order_by_upper_id", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name='orderexecution',
            index=models.Index(OpClass(Upper('order_id'), name='text_pattern_ops'), name='order_by_upper_id'),
        ),
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS order_by_status", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name='orderexecution',
            index=models.Index(models.F('status'), models.OrderBy(models.F('created_at'), descending=True), models.OrderBy(models.F('id'), descending=True), name='order_by_status'),
        ),
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS order_by_error", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name='orderexecution',
            index=models.Index(models.F('error'), models.OrderBy(models.F('created_at'), descending=True), models.OrderBy(models.F('id'), descending=True), condition=models.Q(('error', ''), _negated=True), name='order_by_error'),
        ),
    ]
