from django.db import migrations, models


class Migration(migrations.Migration):
    """Lanes that nothing uses are no choice any more; no statement is run."""

    dependencies = [
        ('approvals', '0010_model_names'),
    ]

    operations = [
        migrations.AlterField(
            model_name='outboxentry',
            name='lane',
            field=models.CharField(choices=[('callbacks', 'Callbacks'), ('executions', 'Executions')], max_length=12),
        ),
    ]
