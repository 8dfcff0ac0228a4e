"""What became of messages, as the platform's exports of activities tell it: the words."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Final


class Activity(StrEnum):
    """What happened to a message, or what somebody answered to it. Stored."""

    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"
    """In a campaign; the platform itself is to write it into the profile."""
    HARD_BOUNCE = "hard_bounce"
    SOFT_BOUNCE = "soft_bounce"
    NOT_SENT = "not_sent"


class Unsent(StrEnum):
    """Why a message was not sent, where the export tells. Stored."""

    QUARANTINED = "quarantined"
    BLACKLISTED = "blacklisted"


class Channel(StrEnum):
    """How a message travels. Stored."""

    EMAIL = "email"
    SMS = "sms"


SAID_NO: Final = (Activity.UNSUBSCRIBED, Activity.COMPLAINED)
"""Somebody's own word: it bounds what a permission may be given on, and is never forgotten."""
LONGEST_QUARANTINE: Final = timedelta(weeks=16)
"""After a soft bounce: 1, 2, 4, 8 and at most 16 weeks. A later one says nothing of today."""
