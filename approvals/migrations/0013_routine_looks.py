from django.db import migrations, models


class Migration(migrations.Migration):
    """Whether an execution is to be asked about only because nothing was heard of it for long."""

    dependencies = [
        ('approvals', '0012_review_lists'),
    ]

    operations = [
        migrations.AddField(
            model_name='executionsnapshot',
            name='routine',
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
