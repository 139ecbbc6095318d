from django.db import migrations, models


def counter(name):
    return migrations.AddField("orderbatch", name, models.PositiveBigIntegerField(db_default=0, default=0))


class Migration(migrations.Migration):
    """A batch counts the lines of its source; batches that were read before have no count of them."""

    dependencies = [
        ('approvals', '0022_review_by_step'),
    ]

    operations = [
        counter('lines'),
        counter('blank_lines'),
        counter('continuation_lines'),
    ]
