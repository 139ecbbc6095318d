import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models
from django.db.models import deletion


class Migration(migrations.Migration):
    """Requests to replay quarantined messages whose object in S3 a poller reads first."""

    dependencies = [
        ('approvals', '0033_mentions'),
    ]

    operations = [
        migrations.CreateModel(
            name='ReplayRequest',
            fields=[
                ('message', models.OneToOneField(on_delete=deletion.PROTECT, primary_key=True, related_name='replay_request', serialize=False, to='approvals.quarantinedmessage')),
                ('asked_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('surface', models.CharField(choices=[('web', 'Web'), ('api', 'Api'), ('webhook', 'Webhook'), ('admin', 'Admin'), ('command', 'Command'), ('queue', 'Queue'), ('system', 'System')], max_length=12)),
                ('refused_at', models.DateTimeField(null=True)),
                ('refusal', models.CharField(blank=True, db_default='', max_length=300)),
                ('asked_by', models.ForeignKey(null=True, on_delete=deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
    ]
