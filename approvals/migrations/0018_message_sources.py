from django.db import migrations, models


class Migration(migrations.Migration):
    """Where messages hold their fields, which envelopes were opened, and what came beside a body."""

    dependencies = [
        ('approvals', '0017_frozen_outcomes'),
    ]

    operations = [
        migrations.AddField(
            model_name='quarantinedmessage',
            name='sealed_extras',
            field=models.BinaryField(null=True),
        ),
        migrations.AddField(
            model_name='reviewqueue',
            name='message_map',
            field=models.JSONField(blank=True, db_default=models.Value({}, models.JSONField()), default=dict),
        ),
        migrations.AddField(
            model_name='reviewqueue',
            name='pointer_buckets',
            field=models.JSONField(blank=True, db_default=models.Value([], models.JSONField()), default=list),
        ),
        migrations.AddField(
            model_name='reviewtask',
            name='envelopes',
            field=models.JSONField(db_default=models.Value([], models.JSONField()), default=list),
        ),
        migrations.AddField(
            model_name='reviewtask',
            name='sealed_extras',
            field=models.BinaryField(null=True),
        ),
    ]
