"""What is known of the encryption keys, this installation's salt, and keys sealed under keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003_encryption_keys"
down_revision = "0002_catalogue"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "installation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key_salt", sa.String(32), nullable=False),
        sa.Column("created_at", UTC, nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_installation_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )
    op.create_table(
        "encryption_keys",
        sa.Column("id", sa.String(16), nullable=False),
        sa.Column("scheme", sa.String(32), nullable=False),
        sa.Column("kdf", sa.String(32), nullable=False),
        sa.Column("iterations", sa.Integer(), nullable=False),
        sa.Column("check_value", sa.Text(), nullable=False),
        sa.Column("created_at", UTC, nullable=False),
        sa.Column("retired_at", UTC),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_encryption_keys")),
    )
    op.create_table(
        "sealed_subkeys",
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("sealed_text", sa.Text(), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("created_at", UTC, nullable=False),
        sa.PrimaryKeyConstraint("purpose", name=op.f("pk_sealed_subkeys")),
    )


def downgrade() -> None:
    op.drop_table("sealed_subkeys")
    op.drop_table("encryption_keys")
    op.drop_table("installation")
