from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Leads are shown the bulk decisions with reviews that failed."""

    atomic = False

    dependencies = [
        ('approvals', '0041_views_of_orders'),
    ]

    operations = [
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS bulk_item_failed", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name='bulkitem',
            index=models.Index(condition=models.Q(('state', 'failed')), fields=['job'], name='bulk_item_failed'),
        ),
    ]
