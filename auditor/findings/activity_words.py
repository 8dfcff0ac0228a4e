"""What activities are called on screens, and what they mean today. `Words` completes the names of both sides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from auditor.findings.activities import Activity, Channel, Unsent

ACTIVITY: Final[Mapping[str, str]] = {
    Activity.COMPLAINED: "Complained",
    Activity.UNSUBSCRIBED: "Opted out in a campaign",
    Activity.HARD_BOUNCE: "Bounced for good",
    Activity.SOFT_BOUNCE: "Bounced for the time being",
    Activity.NOT_SENT: "Not sent",
}
IN_THE_WAY: Final[Mapping[str, str]] = {
    Activity.COMPLAINED: "complained, and on the blacklist of the licence",
    Activity.HARD_BOUNCE: "bounced for good",
    Activity.NOT_SENT: "not sent, for quarantine or blacklist, within 16 weeks",
    Activity.SOFT_BOUNCE: "bounced for the time being, within 16 weeks",
}
"""Why somebody who is reachable is probably not reached, by one channel."""
UNSENT: Final[Mapping[str, str]] = {
    Unsent.QUARANTINED: "in quarantine",
    Unsent.BLACKLISTED: "on the blacklist",
}
CHANNEL: Final[Mapping[str, str]] = {Channel.EMAIL: "e-mail", Channel.SMS: "SMS"}
BEARING: Final[Mapping[str, str]] = {
    Activity.COMPLAINED: "on the blacklist of this licence",
    Activity.UNSUBSCRIBED: "",
    Activity.HARD_BOUNCE: "probably in long-term quarantine, shared by all customers of {platform}",
    Activity.SOFT_BOUNCE: "perhaps in quarantine for 1, 2, 4, 8 or 16 weeks, shared by all customers of {platform}",
    Activity.NOT_SENT: "",
}
"""What an activity that stands means today: no more than it says."""
