"""What happens to a licence in a week: every kind of defect, planted in disjoint sets of people, and the answers to it.

Each kind is planted once before any is planted again, in the order below, as long as there are people: a small licence
gets the first ones only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from auditor.sandbox import activities
from auditor.sandbox import plants_causes as causes
from auditor.sandbox import plants_permissions as permissions
from auditor.sandbox import plants_rows as rows
from auditor.sandbox import plants_values as values
from auditor.sandbox.plants_values import Plant
from auditor.sandbox.state import State
from auditor.sandbox.week import Week


@dataclass(frozen=True, slots=True)
class Share:
    """A plant and how often it happens among 10,000 people. Below `least` people it does not happen at all."""

    plant: Plant
    per_10k: float = 3
    least: int = 0
    fewest: int = 1
    """How often it happens at least among a thousand people or more."""


def drift(state: State) -> None:
    """Let a week pass: plants everything and stores the answers as `state.facts["answers"]`."""
    week = Week(state)
    causes.correct_capitals(week)
    values.correct_mistakes(week)
    # A tenth of the people at most beside the two above; small licences take more, so that they show more.
    budget = max(state.people // 8, min(state.people, 1 + state.people // 3, 400))
    todo = [(share, _times(share, state.people)) for share in SHARES if state.people >= max(1, share.least)]
    for turn in range(max((times for _, times in todo), default=0)):
        for share, times in todo:
            if turn < times and budget > 0 and share.plant(week):
                budget -= 1
    causes.cut_phones(week)
    happened = activities.happen(week)
    state.facts["answers"] = {**week.answers.complete(state), "activities": happened}


def _times(share: Share, people: int) -> int:
    return max(share.fewest if people >= 1000 else 1, round(share.per_10k * people / 10_000))


_CHANGED: Final = tuple(
    Share(values.changed(column))
    for column in (
        "gsmNumber",
        "addressStreet",
        "loyaltyPoints",
        "lastName",
        "emailAddress",
        "favouriteShop",
        "segmentations#ClientTier",
        "lifetimeValue",
        "lastPurchaseMoment",
        "birthDate",
        "interests",
        "note",
        "motherLanguage",
        "firstName",
        "segmentations#Vip",
        "cardNumber",
        "sex",
        "personTitle",
        "addressPostalCode",
        "addressLocality",
        "addressCountry",
        "firstPurchaseDate",
        "shopLocation",
        "nickname",
    )
)
_FILLED: Final = (
    Share(values.filled("gsmNumber"), 6),
    Share(values.filled("birthDate")),
    Share(values.filled("favouriteShop")),
    Share(values.filled("loyaltyPoints")),
    Share(values.filled("interests")),
    Share(values.filled("segmentations#ClientTier")),
    Share(values.filled("lifetimeValue")),
    Share(values.filled("note")),
)
_CONFLICTS: Final = tuple(
    Share(plant(column))
    for column in ("lastName", "gsmNumber", "addressStreet", "loyaltyPoints", "birthDate", "segmentations#ClientTier")
    for plant in (values.edited, values.edited_on_both)
) + tuple(
    Share(values.edited(column), 2)
    for column in ("emailAddress", "firstName", "motherLanguage", "interests", "note", "favouriteShop")
)
_INVALID: Final = tuple(
    Share(plant, 2)
    for plant in (
        values.invalid_truth("emailAddress", "geen e-mail", "email"),
        values.invalid_platform("emailAddress", "onbekend@@example", "email"),
        values.invalid_truth("gsmNumber", "onbekend", "phone"),
        values.invalid_platform("gsmNumber", "geen gsm", "phone"),
        values.invalid_truth("motherLanguage", "XX", "language"),
        values.invalid_platform("motherLanguage", "XX", "language"),
        values.invalid_truth("addressCountry", "UK", "country"),
        values.invalid_platform("addressCountry", "UK", "country"),
        values.invalid_truth("sex", "X", "sex"),
        values.invalid_platform("sex", "X", "sex"),
        values.invalid_truth("personTitle", "Prof.", "title"),
        values.invalid_platform("personTitle", "Dr", "title"),
        values.invalid_truth("birthDate", "31/02/1980", "date"),
        values.invalid_platform("birthDate", "0000-00-00", "date"),
        values.invalid_truth("lastPurchaseMoment", "onbekend", "timestamp"),
        values.invalid_platform("lastPurchaseMoment", "0000-00-00 00:00:00", "timestamp"),
        values.invalid_truth("loyaltyPoints", "7.5", "integer"),
        values.invalid_platform("loyaltyPoints", "twaalf", "integer"),
        values.invalid_truth("lifetimeValue", "veel", "number"),
        values.invalid_platform("lifetimeValue", "n.v.t.", "number"),
        values.grouped_number,
        values.invalid_truth("shopLocation", "noord|oost", "coordinates"),
        values.invalid_platform("shopLocation", "195.1|204.3", "coordinates"),
        values.invalid_truth("favouriteShop", "Zeebrugge Haven", "allowed_values"),
        values.invalid_platform("favouriteShop", "Zeebrugge Haven", "allowed_values"),
        values.invalid_truth("segmentations#ClientTier", "Platinum", "segment"),
        values.invalid_platform("segmentations#ClientTier", "Platinum", "segment"),
        values.invalid_truth("segmentations#Vip", "misschien", "boolean"),
        values.invalid_platform("segmentations#Vip", "misschien", "boolean"),
        values.invalid_truth("nickname", "Q", "min_length"),
        values.invalid_platform("nickname", "Q", "min_length"),
        values.invalid_truth("note", values.LONG_TEXT, "max_length"),
        values.invalid_platform("note", values.LONG_TEXT, "max_length"),
        values.name_lost_in_crm,
        values.erased("lastName"),
        values.erased("emailAddress"),
        values.same_address(in_truth=True),
        values.same_address(in_truth=False),
        values.accented_address,
        values.national_phone,
        values.invalid_on_both,
        values.blocked_and_fine,
    )
)
_PERMISSIONS: Final = (
    tuple(
        Share(plant(column))
        for plant in (
            permissions.withdrawn_in_crm,
            permissions.on_again_in_actito,
            permissions.withdrawn_in_actito,
            permissions.on_in_crm,
            permissions.on_again_on_both,
            permissions.unknown_in_crm,
        )
        for column in permissions.PERMISSIONS
    )
    + tuple(Share(permissions.evidence_lost(column)) for column in ("subscriptions#Newsletter", "marketingConsent"))
    + (Share(permissions.subscribed_against_consent("subscriptions#Newsletter")),)
    + (Share(permissions.subscribed_against_consent("subscriptions#Events")), Share(permissions.address_lost))
    + tuple(Share(permissions.asked_on_both(column), 2) for column in ("marketingConsent", "doNotContact"))
    + tuple(
        Share(plant(column, truth_later=truth_later), 2)
        for plant in (permissions.newcomer_opted_out, permissions.newcomer_opted_in)
        for column in permissions.PERMISSIONS
        for truth_later in (True, False)
    )
)

SHARES: Final = (
    *_CHANGED[:3],
    Share(permissions.withdrawn_in_crm("subscriptions#Newsletter"), 20),
    Share(rows.new_customer(), 90),
    Share(rows.deleted_in_crm, 60),
    *_CONFLICTS[:2],
    Share(values.remark_done, 4, fewest=3),
    *_FILLED[:1],
    Share(rows.twice_in_actito, 4),
    Share(rows.twice_in_crm(identical=True), 3),
    Share(rows.twice_in_crm(identical=False), 3),
    Share(rows.gone, 8),
    Share(rows.new_customer(waiting=True), 10),
    Share(rows.new_in_actito, 10),
    Share(values.changed("gsmNumber", waiting=True), 5),
    Share(values.changed("addressStreet", waiting=True), 5),
    *_PERMISSIONS,
    *_INVALID,
    *_CHANGED[3:],
    *_FILLED[1:],
    *_CONFLICTS[2:],
    Share(values.moved_house, 10),
    Share(values.swapped("gsmNumber"), 3),
    Share(values.swapped("emailAddress"), 2),
    Share(values.swapped("loyaltyPoints"), 2),
    Share(values.swapped("gsmNumber", by_platform=True), 2),
    Share(values.erased("gsmNumber")),
    Share(values.note_in_actito),
    Share(values.half_and_half),
    *(
        Share(values.no_base(column, truth_later=truth_later))
        for column in ("lastName", "gsmNumber", "loyaltyPoints")
        for truth_later in (True, False)
    ),
    Share(values.emptied("gsmNumber")),
    Share(values.emptied("firstName")),
    Share(rows.new_without_phone, 3),
    Share(rows.new_with_bad_address, 3),
    Share(rows.new_without_name, 2),
    Share(rows.new_known_from_the_web, 2, least=100),
    Share(rows.new_with_one_address, 2),
    Share(rows.back_to_prospect),
    Share(rows.without_number(""), 2),
    Share(rows.without_number("   "), 1),
    Share(rows.unreadable, 1),
    Share(rows.renumbered("address"), 2, least=500),
    Share(rows.renumbered("phone"), 2, least=2000),
    Share(rows.renumbered("birth"), 2, least=2000),
)
"""In order of importance."""
