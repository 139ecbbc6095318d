from django.db import migrations, models


class Migration(migrations.Migration):
    """The reasons that a queue offers for its outcomes."""

    dependencies = [
        ('approvals', '0023_lines_of_order_batches'),
    ]

    operations = [
        migrations.AddField(
            model_name='reviewqueue',
            name='reason_codes',
            field=models.JSONField(blank=True, db_default=models.Value([], models.JSONField()), default=list),
        ),
    ]
