import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models
from django.db.models import deletion

import approvals.models.ids


class Migration(migrations.Migration):
    """Named filters of queues' lists."""

    dependencies = [
        ('approvals', '0038_order_lists'),
    ]

    operations = [
        migrations.CreateModel(
            name='SavedView',
            fields=[
                ('id', models.UUIDField(default=approvals.models.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=60)),
                ('query', models.CharField(max_length=1000)),
                ('shared', models.BooleanField(db_default=False, default=False)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('owner', models.ForeignKey(on_delete=deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('queue', models.ForeignKey(on_delete=deletion.PROTECT, related_name='saved_views', to='approvals.reviewqueue')),
                ('revoked_by', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [
                    models.UniqueConstraint(condition=models.Q(('shared', False)), fields=('owner', 'queue', 'name'), name='one_own_view_a_name'),
                    models.UniqueConstraint(condition=models.Q(('revoked_at__isnull', True), ('shared', True)), fields=('queue', 'name'), name='one_shared_view_a_name'),
                    models.CheckConstraint(condition=models.Q(('shared', True), ('revoked_at__isnull', True), _connector='OR'), name='only_shared_views_are_revoked'),
                ],
            },
        ),
    ]
