from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """A review's page shows the customer's other reviews; the table may be large by now, and in use."""

    atomic = False
    dependencies = [
        ('approvals', '0015_unused_indexes'),
    ]

    operations = [
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS review_by_customer", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name='reviewtask',
            index=models.Index(models.F('customer'), models.OrderBy(models.F('received_at'), descending=True), models.OrderBy(models.F('id'), descending=True), condition=models.Q(('customer', ''), _negated=True), name='review_by_customer'),
        ),
    ]
