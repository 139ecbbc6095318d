import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    """Rollups of decisions by hour and day, for the page of leads; the worker fills them."""

    dependencies = [
        ('approvals', '0028_audit_by_time'),
    ]

    operations = [
        migrations.CreateModel(
            name='DecisionRollup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('period', models.CharField(choices=[('hour', 'Hour'), ('day', 'Day')], max_length=4)),
                ('starts_at', models.DateTimeField()),
                ('facet', models.CharField(choices=[('error', 'Error'), ('reviewer', 'Reviewer')], max_length=8)),
                ('error_name', models.CharField(blank=True, max_length=256)),
                ('approved', models.IntegerField()),
                ('rejected', models.IntegerField()),
                ('undone', models.IntegerField()),
                ('quick', models.IntegerField()),
                ('decided_within', django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), size=None)),
                ('active_minutes', models.BigIntegerField(default=0)),
                ('runs', models.IntegerField(default=0)),
                ('first_run', models.IntegerField(default=0)),
                ('last_run', models.IntegerField(default=0)),
                ('longest_run', models.IntegerField(default=0)),
                ('written_at', models.DateTimeField(db_default=Now())),
                ('queue', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='approvals.reviewqueue')),
                ('reviewer', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.AddConstraint(
            model_name='decisionrollup',
            constraint=models.UniqueConstraint(fields=['period', 'starts_at', 'queue', 'facet', 'error_name', 'reviewer'], name='one_rollup_a_period', nulls_distinct=False),
        ),
    ]
