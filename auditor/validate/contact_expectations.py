"""Great Expectations' custom expectations for contacts: what this field needs and the library has not.

Each is a condition of `contact_checks` under a name of its own. Importing this module registers them, and takes as long
as importing Great Expectations does.
"""

from __future__ import annotations

from collections.abc import Callable
from types import new_class
from typing import Any, ClassVar, Literal

from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import (
    ColumnMapExpectation,
    ColumnPairMapExpectation,
    MulticolumnMapExpectation,
)
from great_expectations.expectations.metrics.map_metric_provider.column_condition_partial import (
    column_condition_partial,
)
from great_expectations.expectations.metrics.map_metric_provider.column_map_metric_provider import (
    ColumnMapMetricProvider,
)
from great_expectations.expectations.metrics.map_metric_provider.column_pair_condition_partial import (
    column_pair_condition_partial,
)
from great_expectations.expectations.metrics.map_metric_provider.column_pair_map_metric_provider import (
    ColumnPairMapMetricProvider,
)
from great_expectations.expectations.metrics.map_metric_provider.multicolumn_condition_partial import (
    multicolumn_condition_partial,
)
from great_expectations.expectations.metrics.map_metric_provider.multicolumn_map_metric_provider import (
    MulticolumnMapMetricProvider,
)

from auditor.validate import contact_checks
from auditor.validate.value_kinds import Condition


def _of_column(name: str, condition: Callable[..., Condition], *settings: str) -> str:
    """Register the metric of a condition on one column, and give its name."""

    def _sqlalchemy(cls: Any, column: Any, **kwargs: Any) -> Any:
        return condition(column, **{setting: kwargs[setting] for setting in settings if kwargs[setting] is not None})

    return _register(ColumnMapMetricProvider, f"column_values.{name}", settings, column_condition_partial, _sqlalchemy)


def _of_pair(name: str, condition: Callable[..., Condition], *settings: str) -> str:
    """The same of a condition on two columns."""

    def _sqlalchemy(cls: Any, column_A: Any, column_B: Any, **kwargs: Any) -> Any:  # noqa: N803  (by their names)
        return condition(column_A, column_B, **{setting: kwargs[setting] for setting in settings})

    partial = column_pair_condition_partial
    return _register(ColumnPairMapMetricProvider, f"column_pair_values.{name}", settings, partial, _sqlalchemy)


def _register(base: Any, name: str, settings: tuple[str, ...], partial: Any, condition: Any) -> str:
    body = {
        "condition_metric_name": name,
        "condition_value_keys": settings,
        "_sqlalchemy": partial(engine=SqlAlchemyExecutionEngine)(condition),
    }
    new_class(name.replace(".", "_"), (base,), exec_body=lambda namespace: namespace.update(body))
    return name


class ExpectColumnEmailsToNotBeRoleAddresses(ColumnMapExpectation):
    """No address is a function's, such as info@ or sales@; `also` names further words before the @."""

    also: list[str] = []
    map_metric: ClassVar[str] = _of_column("no_role_address", contact_checks.no_role_address, "also")
    success_keys: ClassVar[tuple[str, ...]] = ("also", "mostly")


class ExpectColumnEmailsToNotBeDisposable(ColumnMapExpectation):
    """No address is of a domain that hands them out for minutes; `also` names further domains."""

    also: list[str] = []
    map_metric: ClassVar[str] = _of_column("not_disposable", contact_checks.not_disposable, "also")
    success_keys: ClassVar[tuple[str, ...]] = ("also", "mostly")


class ExpectColumnEmailsToNotHaveMistypedDomains(ColumnMapExpectation):
    """No domain is a letter away from a frequent one, as gmial.com; `also` names further frequent ones."""

    also: list[str] = []
    map_metric: ClassVar[str] = _of_column("no_mistyped_domain", contact_checks.no_mistyped_domain, "also")
    success_keys: ClassVar[tuple[str, ...]] = ("also", "mostly")


class ExpectColumnValuesToNotBePlaceholders(ColumnMapExpectation):
    """No name, address or number stands for nobody, as test, n/a, xxx or a@example.com; `also` names further words."""

    also: list[str] = []
    map_metric: ClassVar[str] = _of_column("no_placeholder", contact_checks.no_placeholder, "also")
    success_keys: ClassVar[tuple[str, ...]] = ("also", "mostly")


class ExpectColumnValuesToBePossibleBirthDates(ColumnMapExpectation):
    """Nobody is born after `today` (the day of the audit where it is not said), nor over `oldest` years before it."""

    oldest: int = 120
    today: str | None = None
    map_metric: ClassVar[str] = _of_column("possible_birth_date", contact_checks.possible_birth_date, "oldest", "today")
    success_keys: ClassVar[tuple[str, ...]] = ("oldest", "today", "mostly")


class ExpectColumnValuesToNotBeEmails(ColumnMapExpectation):
    """No name is an e-mail address."""

    map_metric: ClassVar[str] = _of_column("no_email", contact_checks.no_email)
    success_keys: ClassVar[tuple[str, ...]] = ("mostly",)


class ExpectColumnValuesToNotBeGarbled(ColumnMapExpectation):
    """No text was read in the wrong encoding, as JosÃ© for José."""

    map_metric: ClassVar[str] = _of_column("not_garbled", contact_checks.not_garbled)
    success_keys: ClassVar[tuple[str, ...]] = ("mostly",)


class _PairExpectation(ColumnPairMapExpectation):
    """Judges the rows that have both values."""

    ignore_row_if: str = "either_value_is_missing"
    domain_keys = (*ColumnPairMapExpectation.domain_keys, "ignore_row_if")  # type: ignore[assignment]
    success_keys: ClassVar[tuple[str, ...]] = ("mostly",)


class ExpectColumnPairPhoneToBeOfCountry(_PairExpectation):
    """A number in international form (`column_A`) begins with the calling code of the country (`column_B`)."""

    map_metric: ClassVar[str] = _of_pair("phone_of_country", contact_checks.phone_of_country)


class ExpectColumnPairGenderToFitTitle(_PairExpectation):
    """The sex (`column_A`: M, F) is that of the title (`column_B`: Mr, Mrs, Ms)."""

    map_metric: ClassVar[str] = _of_pair("gender_of_title", contact_checks.gender_of_title)


class ExpectColumnPairPermissionToHaveConsent(_PairExpectation):
    """A subscription (`column_A`) is not on while the general consent (`column_B`) is off.

    Two different things in Actito. `polarity` says how the consent is meant: yes is "opt-in", or "opt-out" for an
    attribute such as doNotContact.
    """

    polarity: Literal["opt-in", "opt-out"] = "opt-in"
    map_metric: ClassVar[str] = _of_pair("consented", contact_checks.consented, "polarity")
    success_keys: ClassVar[tuple[str, ...]] = ("polarity", "mostly")


class _Reachable(MulticolumnMapMetricProvider):
    condition_metric_name = "multicolumn_values.reachable"
    condition_value_keys = ()

    @multicolumn_condition_partial(engine=SqlAlchemyExecutionEngine)  # type: ignore[untyped-decorator]
    def _sqlalchemy(cls, column_list: Any, **_: Any) -> Any:  # noqa: N805
        permission, *contacts = column_list
        return contact_checks.reachable(permission, contacts)


class ExpectMulticolumnPermissionToBeReachable(MulticolumnMapExpectation):
    """A permission, the first of `column_list`, is on only where one of the others is filled: addresses and numbers."""

    map_metric: ClassVar[str] = _Reachable.condition_metric_name
    success_keys: ClassVar[tuple[str, ...]] = ("mostly",)


class _SharedByFew(MulticolumnMapMetricProvider):
    condition_metric_name = "multicolumn_values.shared_by_few"
    condition_value_keys = ("most",)

    @multicolumn_condition_partial(engine=SqlAlchemyExecutionEngine)  # type: ignore[untyped-decorator]
    def _sqlalchemy(cls, column_list: Any, most: int, _table: Any, **_: Any) -> Any:  # noqa: N805
        return contact_checks.shared_by_few(column_list, _table, most)


class ExpectMulticolumnValuesToBeSharedByFew(MulticolumnMapExpectation):
    """At most `most` rows have the same values in all of `column_list`, as a postal address on thousands of people."""

    most: int = 50
    map_metric: ClassVar[str] = _SharedByFew.condition_metric_name
    success_keys: ClassVar[tuple[str, ...]] = ("most", "mostly")
