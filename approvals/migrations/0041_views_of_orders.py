from django.db import migrations, models
from django.db.models import deletion


class Migration(migrations.Migration):
    """Saved views of the lists of orders and of batches, which have no queue."""

    dependencies = [
        ('approvals', '0040_salts_of_events'),
    ]

    operations = [
        migrations.AddField(
            model_name='savedview',
            name='listing',
            field=models.CharField(choices=[('reviews', 'Reviews'), ('orders', 'Orders'), ('batches', 'Batches')], db_default='reviews', default='reviews', max_length=8),
        ),
        migrations.AlterField(
            model_name='savedview',
            name='queue',
            field=models.ForeignKey(blank=True, null=True, on_delete=deletion.PROTECT, related_name='saved_views', to='approvals.reviewqueue'),
        ),
        migrations.AddConstraint(
            model_name='savedview',
            constraint=models.UniqueConstraint(condition=models.Q(('queue__isnull', True), ('shared', False)), fields=('owner', 'listing', 'name'), name='one_own_view_a_list_name'),
        ),
        migrations.AddConstraint(
            model_name='savedview',
            constraint=models.UniqueConstraint(condition=models.Q(('queue__isnull', True), ('revoked_at__isnull', True), ('shared', True)), fields=('listing', 'name'), name='one_shared_view_a_list_name'),
        ),
        migrations.AddConstraint(
            model_name='savedview',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('listing', 'reviews'), ('queue__isnull', False)), models.Q(('listing__in', ['orders', 'batches']), ('queue__isnull', True)), _connector='OR'), name='views_of_reviews_have_a_queue'),
        ),
    ]
