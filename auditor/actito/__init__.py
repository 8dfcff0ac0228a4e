"""Actito's API as typed questions and changes: the only package that speaks HTTP.

results    what it answers, as frozen values         errors      what can go wrong
reader     every question (pages: of lists)          writer      every change (for apply and undo alone)
connection sign-in, limits, retries, meaning of statuses (auth, limits, answers)
dialect    its addresses, and what is assumed        bodies, definitions   the forms of what is sent
forms      the forms of its answers (row_files: of its files)
spelling   how one licence spells (learned: kept)    vocabulary   its words and what they mean
"""

from auditor.actito.connection import Connection
from auditor.actito.dialect import DIALECTS, V4, V5, Dialect
from auditor.actito.ending import Announcement
from auditor.actito.errors import (
    ActitoError,
    Busy,
    Conflict,
    CutShort,
    Discontinued,
    Dropped,
    EmptyAnswer,
    MaybeSent,
    NotAcceptable,
    NotAllowed,
    NotFound,
    NotJson,
    NotTrusted,
    PlatformDown,
    PoolExhausted,
    QuotaUsed,
    Redirected,
    Refused,
    TimedOut,
    TokenRefused,
    TooLarge,
    UnexpectedAnswer,
    Unreachable,
    WrongKey,
)
from auditor.actito.learned import learned
from auditor.actito.reader import Reader
from auditor.actito.results import (
    Collection,
    Definition,
    Execution,
    ExecutionState,
    ImportMode,
    Loading,
    Profile,
    ProfileRef,
    RefusedRow,
    ResultRow,
    Scenario,
    Synchronisation,
    Table,
)
from auditor.actito.spelling import Spelling, learn

__all__ = [
    "DIALECTS",
    "V4",
    "V5",
    "ActitoError",
    "Announcement",
    "Busy",
    "Collection",
    "Conflict",
    "Connection",
    "CutShort",
    "Definition",
    "Dialect",
    "Discontinued",
    "Dropped",
    "EmptyAnswer",
    "Execution",
    "ExecutionState",
    "ImportMode",
    "Loading",
    "MaybeSent",
    "NotAcceptable",
    "NotAllowed",
    "NotFound",
    "NotJson",
    "NotTrusted",
    "PlatformDown",
    "PoolExhausted",
    "Profile",
    "ProfileRef",
    "QuotaUsed",
    "Reader",
    "Redirected",
    "Refused",
    "RefusedRow",
    "ResultRow",
    "Scenario",
    "Spelling",
    "Synchronisation",
    "Table",
    "TimedOut",
    "TokenRefused",
    "TooLarge",
    "UnexpectedAnswer",
    "Unreachable",
    "WrongKey",
    "learn",
    "learned",
]
