from django.db import migrations, models


class Migration(migrations.Migration):
    """Salts of what an event's hash covers by digests; a process of the release before leaves them empty."""

    dependencies = [
        ('approvals', '0039_saved_views'),
    ]

    operations = [
        migrations.AddField(
            model_name='auditevent',
            name='salts',
            field=models.BinaryField(db_default=b'', default=b'', editable=False),
        ),
    ]
