import approvals.models.ids
from django.conf import settings
from django.db import migrations, models
from django.db.models import deletion
from django.db.models.functions import Now


class Migration(migrations.Migration):
    """Reviews that are set aside: by everybody until a time, or by one person."""

    dependencies = [
        ('approvals', '0025_escalations'),
    ]

    operations = [
        migrations.AddField(
            model_name='reviewtask',
            name='snoozed_until',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.CreateModel(
            name='Skip',
            fields=[
                ('id', models.UUIDField(default=approvals.models.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('at', models.DateTimeField(db_default=Now())),
                ('review', models.ForeignKey(db_index=False, on_delete=deletion.PROTECT, related_name='skips', to='approvals.reviewtask')),
                ('user', models.ForeignKey(db_index=False, on_delete=deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('review', 'user'), name='one_skip_a_person_and_review')],
            },
        ),
    ]
