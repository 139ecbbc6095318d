from django.db import migrations, models


class Migration(migrations.Migration):
    """A column for what lists show of an order; reviews of before keep it empty, as those of the release before."""

    dependencies = [
        ('approvals', '0044_statistics_of_amounts'),
    ]

    operations = [
        migrations.AddField(
            model_name='reviewtask',
            name='order_summary',
            field=models.JSONField(blank=True, editable=False, null=True),
        ),
    ]
