from django.db import migrations, models


class Migration(migrations.Migration):
    """What a worker has drawn of a workflow's definition; null until it has."""

    dependencies = [
        ("approvals", "0042_failed_bulk_items"),
    ]

    operations = [
        migrations.AddField(
            model_name="workflow",
            name="drawing",
            field=models.JSONField(null=True),
        ),
    ]
