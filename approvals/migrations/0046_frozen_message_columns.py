from django.db import migrations

# The columns are compared only by an UPDATE that names one of them: to compare an unchanged payload of a megabyte,
# PostgreSQL unpacks it twice.
NAMED = """
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF token_fingerprint, payload, raw_body_sha256
    ON approvals_reviewtask FOR EACH ROW
    WHEN (OLD.token_fingerprint IS DISTINCT FROM NEW.token_fingerprint OR OLD.payload IS DISTINCT FROM NEW.payload
          OR OLD.raw_body_sha256 IS DISTINCT FROM NEW.raw_body_sha256)
    EXECUTE FUNCTION approvals_frozen();
"""
AS_BEFORE = NAMED.replace("UPDATE OF token_fingerprint, payload, raw_body_sha256\n   ", "UPDATE")


class Migration(migrations.Migration):
    """A claim or a decision of a review no longer has PostgreSQL unpack its payload. Takes no row's lock."""

    dependencies = [
        ('approvals', '0045_order_summary'),
    ]

    operations = [migrations.RunSQL(NAMED, AS_BEFORE)]
