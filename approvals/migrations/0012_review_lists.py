from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.operations import AddIndexConcurrently, TrigramExtension
from django.db import migrations, models
from django.db.models.functions import Upper


class Migration(migrations.Migration):
    """Every order of the list of closed reviews, and the search for text, reads an index; the table may
    be large by now, and in use."""

    atomic = False
    dependencies = [
        ('approvals', '0011_lanes_in_use'),
    ]

    operations = [
        TrigramExtension(),
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS review_closed_by_arrival", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name='reviewtask',
            index=models.Index(models.F('queue'), models.F('status'), models.OrderBy(models.F('received_at'), descending=True), models.OrderBy(models.F('id'), descending=True), condition=models.Q(('status', 'pending'), _negated=True), name='review_closed_by_arrival'),
        ),
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS review_closed_by_deadline", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name='reviewtask',
            index=models.Index(models.F('queue'), models.F('status'), models.F('deadline_at'), models.F('id'), condition=models.Q(('status', 'pending'), _negated=True), name='review_closed_by_deadline'),
        ),
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS review_closed_urgent", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name='reviewtask',
            index=models.Index(models.F('queue'), models.F('status'), models.OrderBy(models.F('priority'), descending=True), models.F('deadline_at'), models.F('id'), condition=models.Q(('status', 'pending'), _negated=True), name='review_closed_urgent'),
        ),
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS review_by_arrival_anywhere", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name='reviewtask',
            index=models.Index(models.OrderBy(models.F('received_at'), descending=True), models.OrderBy(models.F('id'), descending=True), condition=models.Q(('version__gte', 0)), name='review_by_arrival_anywhere'),
        ),
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS review_by_text", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name='reviewtask',
            index=GinIndex(OpClass(Upper('reference'), name='gin_trgm_ops'), OpClass(Upper('title'), name='gin_trgm_ops'), OpClass(Upper('customer'), name='gin_trgm_ops'), OpClass(Upper('error_name'), name='gin_trgm_ops'), name='review_by_text'),
        ),
    ]
