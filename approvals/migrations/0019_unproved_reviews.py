from django.db import migrations, models


class Migration(migrations.Migration):
    """Reviews past their deadline of which nothing can be proved have a status of their own."""

    dependencies = [
        ('approvals', '0018_message_sources'),
    ]

    operations = [
        migrations.AlterField(
            model_name='reviewtask',
            name='status',
            field=models.CharField(choices=[('pending', 'Pending'), ('unproved', 'Unproved'), ('approved', 'Approved'), ('rejected', 'Rejected'), ('expired', 'Expired'), ('superseded', 'Superseded'), ('orphaned', 'Orphaned')], default='pending', max_length=12),
        ),
    ]
