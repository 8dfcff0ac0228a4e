"""What follows from activities: what a run tells of them, and what becomes of what they say.

A bounce, a complaint or an opt-out in a campaign never says more than it says: it gives nobody a permission, and a
bounce takes none away.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import polars as pl

from auditor.findings.activities import SAID_NO, Activity, Channel, Unsent
from auditor.findings.activity_words import IN_THE_WAY
from auditor.findings.audit import TEXT, Audit, Counts
from auditor.findings.codes import Code, NotChecked, Notice
from auditor.model import Side


def said_no(activities: pl.DataFrame) -> pl.DataFrame:
    """`key` and the last `moment` at which somebody opted out in a campaign or complained, of audit.ACTIVITIES."""
    own = activities.filter(pl.col("activity").is_in([one.value for one in SAID_NO]))
    return own.group_by("key").agg(moment=pl.col("last").max()).sort("key")


def bounced(activities: pl.DataFrame) -> pl.DataFrame:
    """`key` and `column` of the addresses and numbers that the platform holds and that bounced for good.

    Where such a cell is corrected, somebody can be reached again: it comes before all others.
    """
    hard = pl.col("stands") & (pl.col("activity") == Activity.HARD_BOUNCE.value) & pl.col("column").is_not_null()
    return activities.filter(hard).select("key", "column").unique().sort("key", "column")


def reachable(counts: Counts) -> list[tuple[str, int]]:
    """How many profiles may be contacted and can be, in words with their numbers; nothing where nobody asked.

    Where no activities are known this is said before quarantine: nothing in a profile tells that.
    """
    if counts.reachable is None:
        return []
    if counts.unreachable is None:
        return [("reachable: a permission, and an address or number; before quarantine", counts.reachable)]
    lines = [("reachable: a permission, and an address or number", counts.reachable)]
    lines += [(f"of these, {IN_THE_WAY[activity]}", number) for activity, number in counts.unreachable.items()]
    return [line for line in lines if line[1]]


def corrected(differences: pl.DataFrame, activities: pl.DataFrame) -> pl.DataFrame:
    """Those of the differences that a correction makes reachable again: `key` and `column`."""
    other = differences.filter(~pl.col("pending"), pl.col("truth").fill_null("") != "")
    return other.select("key", "column").join(bounced(activities), on=["key", "column"], how="semi")


def told(activities: pl.DataFrame, differing: pl.DataFrame) -> tuple[Notice, ...]:
    """What a run tells of activities. First who can be reached again: `differing` is what `corrected` gives."""
    again = differing["key"].n_unique()
    found = [Notice(Code.REACHABLE_AGAIN, {"profiles": again})] if again else []
    standing = activities.filter("stands").group_by("activity", "channel", "reason").agg(pl.col("key").n_unique())
    people = {(activity, channel, reason): number for activity, channel, reason, number in standing.iter_rows()}
    for activity, code in _CODES.items():
        for channel in Channel:
            for reason in (*Unsent, None):
                if number := people.get((activity.value, channel.value, reason)):
                    more = {"reason": reason} if activity is Activity.NOT_SENT else {}
                    found.append(Notice(code, {"profiles": number, "channel": channel.value, **more}))
    return tuple(found)


def left_aside(of_nobody: int, of_others: int, taken_back: int) -> tuple[Notice, ...]:
    """What a run tells of activities that count for nobody: of people who are not in the export, of those whose address
    was never that of the profile they name, and of those that are taken back.
    """
    numbers = {
        Code.ACTIVITIES_OF_NOBODY: of_nobody,
        Code.ACTIVITIES_OF_OTHERS: of_others,
        Code.ACTIVITIES_TAKEN_BACK: taken_back,
    }
    return tuple(Notice(code, {"activities": number}) for code, number in numbers.items() if number)


_CODES: Final = {
    Activity.COMPLAINED: Code.COMPLAINED,
    Activity.UNSUBSCRIBED: Code.UNSUBSCRIBED_IN_CAMPAIGN,
    Activity.HARD_BOUNCE: Code.HARD_BOUNCED,
    Activity.SOFT_BOUNCE: Code.SOFT_BOUNCED,
    Activity.NOT_SENT: Code.NOT_SENT,
}


def unread(problems: Iterable[tuple[str, str]]) -> tuple[NotChecked, ...]:
    """Files of activities, or places of such, of which nothing could be read: their name, and what is wrong."""
    return tuple(
        NotChecked(Code.ACTIVITIES_UNREAD, Side.PLATFORM, parameters={"file": name, "said": said})
        for name, said in problems
    )


def nothing_new(places: Iterable[NotChecked], last: datetime) -> tuple[Notice, ...]:
    """What a run tells of places where no files have come since the `last` activity that is known."""
    return tuple(
        Notice(Code.NO_NEW_ACTIVITIES, {"said": one.parameters["said"], "last": f"{last:%Y-%m-%d}"}) for one in places
    )


def of_another_table(files: Iterable[tuple[str, int]]) -> tuple[NotChecked, ...]:
    """Files most of whose rows are about other people than the profiles that they name; and how many rows."""
    return tuple(
        NotChecked(Code.ACTIVITIES_OF_ANOTHER_TABLE, Side.PLATFORM, rows, parameters={"file": file})
        for file, rows in files
    )


def nothing_told(places: Iterable[tuple[str, int]]) -> tuple[NotChecked, ...]:
    """Places whose files hold activities, but none of those that were asked for; and how many files."""
    return tuple(
        NotChecked(Code.ACTIVITIES_OF_OTHER_KINDS, Side.PLATFORM, parameters={"location": place, "files": files})
        for place, files in places
    )


def for_truth(audit: Audit) -> pl.DataFrame:
    """What the owners of the truth should know of activities: key, column, platform, truth, why, moment.

    The column is the address or number that it is about; its values stand there where the two sides differ.
    """
    cells = audit.differences.select("key", "column", "platform", "truth")
    rows = audit.activities.filter(pl.col("told").is_not_null())
    rows = rows.join(cells, on=["key", "column"], how="left")
    return rows.select("key", "column", "platform", "truth", why=pl.col("told").cast(TEXT), moment="last").sort(
        "key", "column", "why", nulls_last=True
    )
