"""Why the owners of the truth hear of something."""

from __future__ import annotations

from enum import StrEnum


class ForTruth(StrEnum):
    """Why the owners of the truth hear of a cell: `why` in `for-the-truth.csv`."""

    OPTED_OUT_ON_PLATFORM = "opted_out_on_platform"
    WITHDRAWN_BY_US = "withdrawn_by_us"
    """We withdrew it: somebody decided so, the truth said so, or an opt-in was taken back. No opt-out is known of."""
    WITHDRAWN_THEN_CHANGED = "withdrawn_by_us_then_changed"
    """We withdrew it, and somebody has changed the profile since: whether the person opted out, nobody knows."""
    WITHDRAWN_AS_THE_TRUTH_SAID = "withdrawn_as_the_truth_said"
    """It went off there while the truth said no, whoever did that: whether the person opted out too, nobody knows."""
    OPTED_OUT_UNDER_ANOTHER_KEY = "opted_out_under_another_key"
    """The opt-out is known under another key of theirs, or of who had this key before; the truth's yes is no later."""
    CREATED_WITHOUT_PERMISSION = "created_without_permission"
    """We created the profile without it, and somebody has changed the profile since: an opt-out is not known of."""
    OPTED_IN_ON_PLATFORM = "opted_in_on_platform"
    PLATFORM_IS_MASTER = "platform_is_master"
    PLATFORM_MOVED = "platform_moved"
    """Only the platform changed a value that both sides master."""
    DECIDED = "decided"
    """A person decided that the platform is right."""
    DAMAGED = "damaged"
    """The truth's value looks damaged; with `_` and what it is behind it."""
    SAME_PERSON = "same_person"
    """A person decided that a profile that the truth lacks and one that it alone has are one person."""
    BOUNCED = "bounced"
    """For good, at the address or number that the platform holds."""
    COMPLAINED = "complained"
    UNSUBSCRIBED_IN_CAMPAIGN = "unsubscribed_in_campaign"
