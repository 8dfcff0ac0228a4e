"""What can go wrong with Actito, and what each case means for the reader of the message.

    AuditorError
    └── ActitoError
        ├── WrongKey           2   Actito does not accept the API key
        ├── NotAllowed         2   the key is fine, but its user lacks a right (403)
        ├── NotFound           2   not there, or hidden from this key (404 may mask 401 and 403)
        ├── Redirected         2   the host answers with another address: the url is wrong
        ├── Refused            4   the change was refused (400, 409 …): `fields` says which and why; 2 for a question
        ├── MaybeSent          4   a write went out and its effect is not known: read before anything else
        ├── QuotaUsed         75   no further import today (429 when one is created)
        ├── Busy              75   too many calls at once (429 otherwise)
        ├── PlatformDown      75   no answer, or an answer that says so (5xx); no write was carried out
        └── UnexpectedAnswer  75   an answer that this version does not understand

The classes are also SettingsError (2) or TryLater (75), so callers may catch either family. Messages hold no key,
token, profile reference or value of a profile, only names and codes. Nothing here knows HTTP.
"""

from __future__ import annotations

from auditor.errors import AuditorError, Exit, SettingsError, TryLater


class ActitoError(AuditorError):
    """Base of everything that Actito, or the way to it, can answer."""

    columns_sent: tuple[str, ...] = ()
    """Audit columns whose requests Actito had accepted before this happened; empty for a write of one request."""
    columns_failed: tuple[str, ...] = ()
    """Audit columns of the request that ended here. Columns in neither tuple were not sent."""
    wait: float | None = None
    """Seconds after which the platform asked to be called again; None where it did not say."""


class WrongKey(ActitoError, SettingsError):
    """The API key is unknown, revoked, or belongs to another host."""

    def __init__(self, message: str = "Actito does not accept the API key") -> None:
        super().__init__(
            message,
            hint="check the key, and that the url is the host shown beside it in Actito's app Manage API users: "
            "a key works on one host only",
        )


class NotAllowed(ActitoError, SettingsError):
    """The API user may not do this."""

    def __init__(self, what: str, right: str) -> None:
        super().__init__(
            f"the API key is not allowed to use {what}",
            hint=f"ask an administrator of the licence to give the API user the right {right}",
        )


class NotFound(ActitoError, SettingsError):
    """It does not exist, or is hidden: Actito may answer 404 where 401 or 403 is meant (U-http)."""

    def __init__(self, what: str, *, instead: str = "") -> None:
        super().__init__(
            f"Actito does not have {what}{instead}",
            hint="check the name in the settings; it may also be hidden: Actito gives the same answer when the key "
            "lacks the right to see it",
        )


class Redirected(ActitoError, SettingsError):
    """The host sends callers elsewhere; following would hand the key to another host."""

    def __init__(self, host: str | None) -> None:
        elsewhere = f" ({host})" if host else ""
        super().__init__(
            f"the url sends callers on to another address{elsewhere}, which is not followed",
            hint="set the url to the host that Actito shows beside the API key, with https://",
        )


class Refused(ActitoError):
    """Actito refused a request; repeating it unchanged is useless."""

    def __init__(self, what: str, fields: tuple[tuple[str, str], ...] = (), *, writing: bool = True) -> None:
        named = ", ".join(f"{field} ({code})" if code else field for field, code in fields)
        super().__init__(
            f"Actito refused {what}" + (f": {named}" if named else ", without saying which field is wrong"),
            hint=None if writing else "the table, an attribute or the form of a value is not one that it accepts",
        )
        self.fields = fields
        """(field, code) pairs as Actito names them; never values. Empty where the answer named none."""
        self.exit_code = Exit.WRITES_LEFT if writing else Exit.SETTINGS


class MaybeSent(ActitoError):
    """The connection broke after a write had gone out, or the answer to it could not be read."""

    exit_code = Exit.WRITES_LEFT

    def __init__(self, what: str) -> None:
        super().__init__(
            f"it is not known whether Actito carried out {what}: no usable answer came back",
            hint="it is never sent again blindly; the next audit of a fresh export shows what became of it",
        )


class QuotaUsed(ActitoError, TryLater):
    """The imports of the day for this table are used up, by us or by others (D-limits)."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"Actito accepts no more of {what} today: the bulk calls of this table are used up",
            hint="go on tomorrow, or ask who else imports into this table",
        )


class Busy(ActitoError, TryLater):
    """More calls at once than the licence allows, from all programs together (D-limits)."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"Actito is busy: too many calls at once, last when asked for {what}",
            hint="try later, or lower concurrency and calls_per_minute: shop, forms and auditor share the limits",
        )


class PlatformDown(ActitoError, TryLater):
    """Actito cannot be reached or says that it is in trouble. No write was carried out."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(
            f"Actito is not available ({why}), last when asked for {what}",
            hint="try later; if it stays so, check the url and the network",
        )


class UnexpectedAnswer(ActitoError, TryLater):
    """The answer has none of the forms this version knows; it says which part is missing, never what it holds."""

    def __init__(self, what: str, trouble: str) -> None:
        super().__init__(
            f"Actito's answer about {what} cannot be understood: {trouble}",
            hint="check that the url is Actito's API host and that the dialect is right; Actito may have changed it",
        )
