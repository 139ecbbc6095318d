from django.core.validators import MaxValueValidator
from django.db import migrations, models


class Migration(migrations.Migration):
    """How a person wants times and pages to be shown, and how long decisions can be undone."""

    dependencies = [
        ('approvals', '0031_review_search'),
    ]

    operations = [
        migrations.AddField(
            model_name='preference',
            name='time_zone',
            field=models.CharField(db_default='UTC', default='UTC', max_length=64),
        ),
        migrations.AddField(
            model_name='preference',
            name='theme',
            field=models.CharField(choices=[('system', 'as the device'), ('light', 'light'), ('dark', 'dark')], db_default='system', default='system', max_length=12),
        ),
        migrations.AddField(
            model_name='preference',
            name='density',
            field=models.CharField(choices=[('comfortable', 'comfortable'), ('compact', 'compact')], db_default='comfortable', default='comfortable', max_length=12),
        ),
        migrations.AddField(
            model_name='preference',
            name='undo_seconds',
            field=models.PositiveIntegerField(blank=True, null=True, validators=[MaxValueValidator(3600)]),
        ),
    ]
