import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models
from django.db.models import deletion

import approvals.models.ids


class Migration(migrations.Migration):
    """Bulk decisions, their reviews, and whether a queue takes them."""

    dependencies = [
        ('approvals', '0034_replay_requests'),
    ]

    operations = [
        migrations.AddField(
            model_name='reviewqueue',
            name='allow_bulk',
            field=models.BooleanField(db_default=True, default=True, verbose_name='allow bulk decisions'),
        ),
        migrations.CreateModel(
            name='BulkJob',
            fields=[
                ('id', models.UUIDField(default=approvals.models.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('outcome', models.CharField(choices=[('approved', 'Approved'), ('rejected', 'Rejected')], max_length=10)),
                ('reason_code', models.CharField(blank=True, max_length=64)),
                ('reason', models.TextField(blank=True)),
                ('undo_seconds', models.PositiveIntegerField(blank=True, null=True)),
                ('total', models.PositiveIntegerField()),
                ('status', models.CharField(choices=[('running', 'Running'), ('undoing', 'Undoing'), ('finished', 'Finished')], default='running', max_length=10)),
                ('surface', models.CharField(choices=[('web', 'Web'), ('api', 'Api'), ('webhook', 'Webhook'), ('admin', 'Admin'), ('command', 'Command'), ('queue', 'Queue'), ('system', 'System')], max_length=10)),
                ('signed_in', models.CharField(blank=True, max_length=120)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('undo_surface', models.CharField(blank=True, choices=[('web', 'Web'), ('api', 'Api'), ('webhook', 'Webhook'), ('admin', 'Admin'), ('command', 'Command'), ('queue', 'Queue'), ('system', 'System')], max_length=10)),
                ('undo_signed_in', models.CharField(blank=True, max_length=120)),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('lease_epoch', models.PositiveIntegerField(default=0)),
                ('created_by', models.ForeignKey(db_index=False, on_delete=deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('queue', models.ForeignKey(db_index=False, on_delete=deletion.PROTECT, related_name='+', to='approvals.reviewqueue')),
                ('undo_by', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [
                    models.Index(models.F('created_by'), models.OrderBy(models.F('id'), descending=True), name='bulk_job_by_person'),
                    models.Index(models.F('queue'), models.OrderBy(models.F('id'), descending=True), name='bulk_job_by_queue'),
                    models.Index(models.F('created_at'), condition=models.Q(('status', 'finished'), _negated=True), name='bulk_job_under_way'),
                ],
                'constraints': [
                    models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', False), ('status', 'finished')), models.Q(models.Q(('status', 'finished'), _negated=True), ('ended_at', None)), _connector='OR'), name='bulk_job_finished_has_a_time'),
                    models.CheckConstraint(condition=models.Q(('total__gte', 1), ('total__lte', 1000)), name='bulk_job_total_in_range'),
                ],
            },
        ),
        migrations.CreateModel(
            name='BulkItem',
            fields=[
                ('id', models.UUIDField(default=approvals.models.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('number', models.PositiveIntegerField()),
                ('version', models.PositiveIntegerField(blank=True, null=True)),
                ('state', models.CharField(choices=[('pending', 'to do'), ('decided', 'decided'), ('voted', 'voted, more votes needed'), ('refused', 'not decided'), ('failed', 'failed'), ('undone', 'undone'), ('cancelled', 'cancelled')], default='pending', max_length=10)),
                ('code', models.CharField(blank=True, max_length=30)),
                ('detail', models.CharField(blank=True, max_length=300)),
                ('decision', models.UUIDField(blank=True, null=True)),
                ('at', models.DateTimeField(blank=True, null=True)),
                ('review', models.ForeignKey(db_index=False, on_delete=deletion.PROTECT, related_name='+', to='approvals.reviewtask')),
                ('job', models.ForeignKey(db_index=False, on_delete=deletion.PROTECT, related_name='items', to='approvals.bulkjob')),
            ],
            options={
                'constraints': [
                    models.UniqueConstraint(fields=('job', 'number'), name='bulk_item_has_its_number'),
                    models.UniqueConstraint(fields=('job', 'review'), name='one_bulk_item_a_review'),
                    models.CheckConstraint(condition=models.Q(models.Q(('decision__isnull', False), ('state__in', ['decided', 'undone'])), models.Q(models.Q(('state__in', ['decided', 'undone']), _negated=True), ('decision', None)), _connector='OR'), name='bulk_item_decided_means_decision'),
                ],
            },
        ),
    ]
