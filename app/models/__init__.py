"""The tables, one row class each. A row holds text: no model unseals or hashes anything."""

from app.models.audit_chain import AuditChain
from app.models.audit_event import AuditEvent
from app.models.encryption_key import EncryptionKey, Installation
from app.models.failure_count import FailureCount
from app.models.group import Group, GroupMember, ServerGroup
from app.models.known_browser import KnownBrowser
from app.models.login_session import LoginSession
from app.models.odd_event import OddEvent
from app.models.password_reset import PasswordReset
from app.models.sealed_subkey import SealedSubkey
from app.models.second_factor import PendingSignIn, RecoveryCode, TotpEnrolment
from app.models.server import Server
from app.models.token import Token
from app.models.user import User

__all__ = [
    "AuditChain",
    "AuditEvent",
    "EncryptionKey",
    "FailureCount",
    "Group",
    "GroupMember",
    "Installation",
    "KnownBrowser",
    "LoginSession",
    "OddEvent",
    "PasswordReset",
    "PendingSignIn",
    "RecoveryCode",
    "SealedSubkey",
    "Server",
    "ServerGroup",
    "Token",
    "TotpEnrolment",
    "User",
]
