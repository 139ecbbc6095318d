from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import deletion


class Migration(migrations.Migration):
    """Whom a review was escalated to. Its index holds open ones alone."""

    atomic = False
    dependencies = [
        ('approvals', '0024_reason_codes'),
    ]

    operations = [
        migrations.AddField(
            model_name='reviewtask',
            name='escalated_to',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=deletion.PROTECT, related_name='escalated_reviews', to='approvals.reviewqueue'),
        ),
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS review_escalated", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name='reviewtask',
            index=models.Index(models.F('escalated_to'), condition=models.Q(('escalated_to__isnull', False), ('status', 'pending')), name='review_escalated'),
        ),
    ]
