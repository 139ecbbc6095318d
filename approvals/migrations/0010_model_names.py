import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Two models get the names of what they hold. Nothing is sent to the database: their tables,
    indexes and constraints keep the names they were made with, which the release before still uses."""

    dependencies = [
        ('approvals', '0009_batch_lookup'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RenameModel(old_name='Receipt', new_name='IdempotencyKey'),
                migrations.AlterModelTable(name='idempotencykey', table='approvals_receipt'),
                migrations.RenameModel(old_name='ExecutionReading', new_name='ExecutionHistory'),
                migrations.AlterModelTable(name='executionhistory', table='approvals_executionreading'),
                migrations.AlterField(
                    model_name='executionhistory',
                    name='workflow',
                    field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='histories', to='approvals.workflow'),
                ),
            ],
        ),
    ]
