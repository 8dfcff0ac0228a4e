"""How exports of activities may be written: names of columns, of what happened, of bounces and of files.

What Actito writes is not public ([assumed], docs/unknown.md): these are the names that it and its like use. Names and
words are compared without case, accents, blanks and punctuation.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatch
from typing import Final

from auditor.findings.activities import Activity, Channel, Unsent
from auditor.settings.inputs import ActivityColumn

BOUNCE: Final = "bounce"
"""A bounce of which only the row says whether it is hard or soft."""
OTHER: Final = "other"
"""Something that happens to messages, and nobody asked about."""

COLUMNS: Final[Mapping[ActivityColumn, Sequence[str]]] = {
    "profile_id": ("profileid", "actitoprofileid", "profilenumber", "idprofile"),
    "email": (
        "emailaddress", "email", "mail", "mailaddress", "recipientemail", "recipientaddress", "recipient",
        "subscriberemail", "contactemail", "adresseemail", "courriel",
    ),
    "moment": (
        "moment", "eventmoment", "activitymoment", "bouncemoment", "unsubscribemoment", "unsubscriptionmoment",
        "complaintmoment", "notsentmoment", "eventdate", "eventtime", "eventtimestamp", "activitydate", "bouncedate",
        "unsubscribedate", "unsubscriptiondate", "unsubscribedat", "complaintdate", "bouncedat", "occurredat",
        "eventcaptureddt", "timestamp", "datetime", "date", "time", "ts", "createdat", "createddate", "creationmoment",
        "sendmoment", "sentmoment", "senddate", "sentdate",
    ),
    "activity": (
        "activity", "activitytype", "activityname", "event", "eventtype", "eventname", "interaction", "interactiontype",
        "recordtype", "action", "kind", "type", "status",
    ),
    "bounce": (
        "bouncetype", "bouncecategory", "bounceclass", "bounceclassification", "bouncekind", "bounceseverity",
        "bouncedtype", "hardsoft",
    ),
    "code": (
        "smtpcode", "smtpstatuscode", "smtpstatus", "smtperrorcode", "enhancedstatuscode", "bouncecode", "dsn",
        "statuscode", "errorcode", "code",
    ),
    "reason": (
        "notsentreason", "notsendreason", "unsentreason", "reason", "bouncereason", "smtpreason", "smtpbouncereason",
        "diagnosticcode", "smtpmessage", "skipreason", "cause", "message", "detail", "details", "description",
    ),
    "channel": ("channel", "channeltype", "medium", "communicationchannel"),
}  # fmt: skip
"""What a column means → its usual names, the likeliest first. Those of the key come from the contract."""
KEYS: Final = ("subscriberkey", "contactkey", "customerkey", "externaluserid", "externalid", "customerid", "userid")
"""How others call the key of a person, where the contract's own names are not there."""

_HAPPENED: Final[Mapping[str, Sequence[str]]] = {
    Activity.HARD_BOUNCE: ("hardbounce", "hardbounced", "bouncehard", "hard", "permanentbounce", "permanentfailure"),
    Activity.SOFT_BOUNCE: ("softbounce", "softbounced", "bouncesoft", "soft", "temporarybounce", "transientbounce"),
    BOUNCE: ("bounce", "bounced", "bounces", "bounceback", "returned"),
    Activity.UNSUBSCRIBED: (
        "unsubscribe", "unsubscribed", "unsubscribes", "unsubscription", "unsub", "listunsubscribe", "optout",
        "optedout", "desabonnement", "desinscription", "uitschrijving",
    ),
    Activity.COMPLAINED: (
        "complaint", "complained", "complaints", "spam", "spamcomplaint", "spamreport", "markedasspam", "abuse",
        "abusereport", "feedbackloop", "fbl", "plainte", "klacht",
    ),
    Activity.NOT_SENT: ("notsent", "unsent", "nonsent", "skipped", "skip", "suppressed", "dropped"),
    Unsent.QUARANTINED: ("quarantine", "quarantined", "inquarantine"),
    Unsent.BLACKLISTED: ("blacklist", "blacklisted", "blocklisted"),
    OTHER: (
        "sent", "send", "delivered", "delivery", "open", "opened", "opening", "openings", "click", "clicked", "clicks",
        "clickthrough", "processed", "deferred", "forward", "forwarded", "conversion", "viewed", "view", "printed",
        "subscribe", "subscribed", "subscription", "resubscribe", "resubscribed", "resubscription", "optin", "optedin",
        "abonnement", "reabonnement", "inscription", "reinscription", "inschrijving", "participation",
    ),
}  # fmt: skip
_WORDS: Final = {word: meaning for meaning, words in _HAPPENED.items() for word in words}
_BEFORE: Final = ("usersmessages", "emailcampaign", "email", "mail", "sms", "message")
"""What names of events begin with."""
_FILES: Final = (
    (("hardbounce", "bouncehard"), Activity.HARD_BOUNCE),
    (("softbounce", "bouncesoft"), Activity.SOFT_BOUNCE),
    (("notsent", "unsent"), Activity.NOT_SENT),
    (("unsub", "optout", "desabonnement", "desinscription", "uitschrijving"), Activity.UNSUBSCRIBED),
    (("complain", "spamreport", "feedbackloop"), Activity.COMPLAINED),
    (("bounce",), BOUNCE),
)
"""Parts of names of files → what happened in each row; the first that is there."""

_HARD, _SOFT = ("hard", "permanent"), ("soft", "transient", "temporary", "temporaire", "block", "technical", "full")
_SMTP: Final = re.compile(r"(?<![\d.])([45])(?:\d\d(?![\d.])|\.\d{1,3}\.\d{1,3}(?!\d))")
"""A status of RFC 5321, such as 550, or of RFC 3463, such as 5.1.1."""


def folded(text: str) -> str:
    """Letters and digits alone, in lower case and without accents."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(letter for letter in plain if letter.isalnum())


def columns_of(
    header: Sequence[str], keys: Sequence[Collection[str]], named: Mapping[ActivityColumn, str]
) -> dict[str, str]:
    """What the columns of a file mean: `key0` … for the parts of the key, and the meanings of `COLUMNS` → its name.

    `keys` are the names that each part of the key may have; `named` says what the names do not. Nothing means two
    things: a part of the key comes first.
    """
    there = {folded(name): name for name in reversed(header)}
    found: dict[str, str] = {}

    def take(meaning: str, names: Collection[str]) -> None:
        free = (there[folded(name)] for name in names if folded(name) in there)
        if name := next((name for name in free if name not in found.values()), None):
            found.setdefault(meaning, name)

    parts = [f"key{number}" for number in range(len(keys))]
    for meaning, name in named.items():
        found[parts[0] if meaning == "key" else meaning] = name
    for part, names in zip(parts, keys, strict=True):
        take(part, names)
    if len(parts) == 1:
        take(parts[0], KEYS)
    for meaning, names in COLUMNS.items():
        take(meaning, names)
    if not all(part in found for part in parts):
        found = {meaning: name for meaning, name in found.items() if meaning not in parts}
    return found


def named_by_file(name: str, declared: Mapping[str, str]) -> str | None:
    """What happened in every row of a file, as its name says; None where it says nothing."""
    for pattern, word in declared.items():
        if fnmatch(name, pattern):
            return word
    plain = folded(name)
    return next((str(word) for parts, word in _FILES if any(part in plain for part in parts)), None)


def channel_of(text: str) -> Channel | None:
    """The channel that a text names; None: it names none, or one that is not known."""
    plain = folded(text)
    if plain.startswith(("sms", "textmessage", "mobile")):
        return Channel.SMS
    return Channel.EMAIL if plain.startswith(("email", "mail", "courriel")) else None


def happened(word: str, declared: Mapping[str, str]) -> str | None:
    """What a cell of the column of activities says: an Activity, an Unsent, BOUNCE or OTHER; None: nobody knows."""
    if word in declared:
        return declared[word]
    plain = folded(word)
    while plain not in _WORDS:
        before = next((one for one in _BEFORE if plain.startswith(one)), None)
        if before is None:
            return None
        plain = plain.removeprefix(before)
    return str(_WORDS[plain])


def hardness(kind: str, code: str, reason: str) -> Activity | None:
    """Whether a bounce is for good, by what its row says: its type first, then the status of SMTP; None: unsaid."""
    plain = folded(kind)
    if any(word in plain for word in _HARD):
        return Activity.HARD_BOUNCE
    if any(word in plain for word in _SOFT):
        return Activity.SOFT_BOUNCE
    for text in (code, kind, reason):
        if status := _SMTP.search(text):
            return Activity.HARD_BOUNCE if status[1] == "5" else Activity.SOFT_BOUNCE
    return None


def unsent(reason: str) -> Unsent | None:
    """Why a message was not sent, where the reason is one of the two that bear on the next message as well."""
    plain = folded(reason)
    if "quarantin" in plain:
        return Unsent.QUARANTINED
    return Unsent.BLACKLISTED if "blacklist" in plain or "blocklist" in plain else None
