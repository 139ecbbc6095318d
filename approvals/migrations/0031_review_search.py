from decimal import Decimal

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models.functions import Coalesce, Upper


class Migration(migrations.Migration):
    """A queue's list is sorted by amount and filtered by error, amount and snoozing, and the search finds
    comments and amounts, by an index each; the tables may be large by now, and in use."""

    atomic = False
    dependencies = [
        ('approvals', '0030_decisions_by_time'),
    ]

    operations = [
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS comment_by_text", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name='comment',
            index=GinIndex(OpClass(Upper('text'), name='gin_trgm_ops'), name='comment_by_text'),
        ),
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS review_open_amount", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name='reviewtask',
            index=models.Index(models.F('queue'), models.OrderBy(Coalesce(models.F('amount'), models.Value(Decimal('-1000000000000'), models.DecimalField(decimal_places=4, max_digits=16)), output_field=models.DecimalField(decimal_places=4, max_digits=16)), descending=True), models.OrderBy(models.F('id'), descending=True), condition=models.Q(('status', 'pending')), name='review_open_amount'),
        ),
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS review_open_error", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name='reviewtask',
            index=models.Index(models.F('queue'), models.F('error_name'), models.F('deadline_at'), models.F('id'), condition=models.Q(('status', 'pending')), name='review_open_error'),
        ),
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS review_open_snoozed", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name='reviewtask',
            index=models.Index(models.F('queue'), models.F('snoozed_until'), condition=models.Q(('snoozed_until__isnull', False), ('status', 'pending')), name='review_open_snoozed'),
        ),
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS review_by_amount", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name='reviewtask',
            index=models.Index(models.F('amount'), condition=models.Q(('amount__isnull', False)), name='review_by_amount'),
        ),
    ]
