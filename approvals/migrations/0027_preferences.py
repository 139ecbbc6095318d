from django.conf import settings
from django.db import migrations, models
from django.db.models import deletion


class Migration(migrations.Migration):
    """A person's own settings of the desk."""

    dependencies = [
        ('approvals', '0026_postponements'),
    ]

    operations = [
        migrations.CreateModel(
            name='Preference',
            fields=[
                ('user', models.OneToOneField(on_delete=deletion.PROTECT, primary_key=True, related_name='preference', serialize=False, to=settings.AUTH_USER_MODEL)),
                ('shortcuts', models.BooleanField(db_default=True, default=True)),
                ('auto_advance', models.BooleanField(db_default=True, default=True)),
            ],
        ),
    ]
