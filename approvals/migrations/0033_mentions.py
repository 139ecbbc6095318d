import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models
from django.db.models import deletion

import approvals.models.ids


class Migration(migrations.Migration):
    """Whom comments mention."""

    dependencies = [
        ('approvals', '0032_preferences_of_display'),
    ]

    operations = [
        migrations.CreateModel(
            name='Mention',
            fields=[
                ('id', models.UUIDField(default=approvals.models.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('dismissed_at', models.DateTimeField(blank=True, null=True)),
                ('comment', models.ForeignKey(db_index=False, on_delete=deletion.PROTECT, related_name='mentions', to='approvals.comment')),
                ('user', models.ForeignKey(db_index=False, on_delete=deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(models.F('user'), models.F('id'), condition=models.Q(('dismissed_at__isnull', True)), name='mention_undismissed')],
                'constraints': [models.UniqueConstraint(fields=('comment', 'user'), name='one_mention_a_comment_and_user')],
            },
        ),
    ]
