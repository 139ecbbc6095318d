import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

LIKE = "approvals_executionsnapshot_execution_arn_e94e1aac_like"
# An index, and the foreign key that has it no more: another index begins with the same column, or nothing
# looks for it.
UNUSED = [
    ("approvals_auditevent_actor_id_73c86641", "auditevent", "actor", models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
    ("approvals_auditevent_on_behalf_of_id_a8a42c42", "auditevent", "on_behalf_of", models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
    ("approvals_decision_by_id_ba72a32e", "decision", "by", models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='decisions', to=settings.AUTH_USER_MODEL)),
    ("approvals_decision_review_id_50dbbe62", "decision", "review", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='decisions', to='approvals.reviewtask')),
    ("approvals_outboxattempt_entry_id_28faad94", "outboxattempt", "entry", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='journal', to='approvals.outboxentry')),
    ("approvals_reviewtask_assignee_id_97ec9e40", "reviewtask", "assignee", models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='claims', to=settings.AUTH_USER_MODEL)),
    ("approvals_reviewtask_queue_id_e32917f1", "reviewtask", "queue", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='reviews', to='approvals.reviewqueue')),
    ("approvals_reviewtask_superseded_by_id_fcce7097", "reviewtask", "superseded_by", models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='supersedes', to='approvals.reviewtask')),
    ("approvals_vote_on_behalf_of_id_536ef674", "vote", "on_behalf_of", models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
    ("approvals_vote_reviewer_id_8276ea3d", "vote", "reviewer", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='votes', to=settings.AUTH_USER_MODEL)),
]


def dropped(index, model, name, field):
    """Drop the index of a foreign key without a lock that others wait for; it may be repeated."""
    return migrations.RunSQL(
        f"DROP INDEX CONCURRENTLY IF EXISTS {index}",
        f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {index} ON approvals_{model} ({name}_id)",
        state_operations=[migrations.AlterField(model_name=model, name=name, field=field)],
    )


class Migration(migrations.Migration):
    """Indexes that double another or serve no query go, also that of patterns of execution ARNs."""

    atomic = False
    dependencies = [
        ('approvals', '0014_idle_indexes'),
    ]

    operations = [
        migrations.RunSQL(
            f"DROP INDEX CONCURRENTLY IF EXISTS {LIKE}",
            f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {LIKE}"
            " ON approvals_executionsnapshot (execution_arn varchar_pattern_ops)",
        ),
        *(dropped(*each) for each in UNUSED),
    ]
