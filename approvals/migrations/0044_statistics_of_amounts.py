from django.db import migrations

# As `KNOWN_AMOUNT` in `models/review_search.py`: PostgreSQL matches the expression.
STATISTICS = (
    "CREATE STATISTICS IF NOT EXISTS review_known_amount"
    " ON (COALESCE(amount, (-1000000000000)::numeric)) FROM approvals_reviewtask"
)


class Migration(migrations.Migration):
    """Statistics of the amount by which a queue's list is sorted and filtered: without them, PostgreSQL takes
    every range for a two-hundredth of the reviews."""

    atomic = False
    dependencies = [
        ('approvals', '0043_drawings_of_workflows'),
    ]

    operations = [
        migrations.RunSQL(STATISTICS, "DROP STATISTICS IF EXISTS review_known_amount"),
        migrations.RunSQL("ANALYZE approvals_reviewtask", migrations.RunSQL.noop),
    ]
