"""What can go wrong with Actito, and what each case means for the reader of the message.

    AuditorError
    └── ActitoError
        ├── WrongKey           2   Actito does not accept the API key (401 at sign-in)
        ├── NotAllowed         2   the key is fine, but its user lacks a right (403)
        ├── NotFound           2   not there, or hidden from this key (404 may mask 401 and 403)
        ├── Discontinued       2   the operation itself is not there any more, whoever it is about
        ├── NotAcceptable      2   it does not answer in the form that was asked for (406): the dialect is wrong
        ├── Redirected         2   the host answers with another address: the url is wrong
        ├── NotTrusted         2   the host's certificate does not verify: nothing was sent, the key neither
        ├── Refused            4   the change was refused (400, 413, 422): `fields` says which and why; 2 for a question
        │   └── Conflict       4   what is there already is in its way (409)
        ├── MaybeSent          4   a write went out and its effect is not known: read before anything else
        ├── QuotaUsed         75   no further import today (429 when one is created)
        ├── Busy              75   too many calls at once (429 otherwise)
        ├── TokenRefused      75   a token that Actito has just given is refused (401 twice)
        ├── PlatformDown      75   an answer that says so (5xx, 408); no write was carried out, nor by those below
        │   ├── Unreachable   75   no connection, or none in time
        │   ├── PoolExhausted 75   every connection of ours stayed in use
        │   ├── TimedOut      75   no answer in time
        │   └── Dropped       75   the connection ended before the answer began
        └── UnexpectedAnswer  75   an answer that this version does not understand
            ├── EmptyAnswer   75   nothing in it
            ├── NotJson       75   neither empty nor JSON: a page of something in between, or cut short
            ├── CutShort      75   the connection ended in the middle of it
            └── TooLarge      75   larger than any answer should be

A write after which PlatformDown and those below it, or one of the last four, would leave a doubt is a MaybeSent.
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
        self.name = ("", "", what)
        """Generation, method and operation that were answered so."""


class Discontinued(ActitoError, SettingsError):
    """The platform does not offer the operation any more, or not in this generation. Nothing was changed."""

    def __init__(self, what: str, generation: str) -> None:
        super().__init__(
            f"Actito does not offer {what} in {generation or 'this way'} any more: that says nothing about any profile",
            hint="run `auditor doctor`: it tells for each operation which generation this licence answers, and "
            "what to set as dialect below [actito]",
        )

    @classmethod
    def instead_of(cls, missing: NotFound) -> Discontinued:
        """What was answered with 404, as an operation that is not there."""
        generation, _, what = missing.name
        return cls(what, generation)


class NotAcceptable(ActitoError, SettingsError):
    """It does not give the form that `Accept` asked for (D-quick); asking again changes nothing."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"Actito does not answer in the form that this version asks for, when asked for {what}",
            hint="check the dialect in the settings, and that the url is Actito's API host; Actito may have changed it",
        )


class Redirected(ActitoError, SettingsError):
    """The host sends callers elsewhere; following would hand the key to another host."""

    def __init__(self, host: str | None) -> None:
        elsewhere = f" ({host})" if host else ""
        super().__init__(
            f"the url sends callers on to another address{elsewhere}, which is not followed",
            hint="set the url to the host that Actito shows beside the API key, with https://",
        )


class NotTrusted(ActitoError, SettingsError):
    """The certificate does not verify: whoever answers may not be Actito."""

    def __init__(self, host: str, why: str) -> None:
        super().__init__(
            f"the certificate of {host} does not verify ({why}): nothing was sent to it",
            hint="check the url and the date of this machine; where a proxy of the company opens connections, "
            "name the file of its certificate authority in SSL_CERT_FILE",
        )


class Refused(ActitoError):
    """Actito refused a request; repeating it unchanged is useless."""

    _hint = "put the value right where it comes from, or the mapping; then audit and plan again"

    def __init__(self, what: str, fields: tuple[tuple[str, str], ...] = (), *, writing: bool = True) -> None:
        named = ", ".join(f"{field} ({code})" if code else field for field, code in fields)
        super().__init__(
            f"Actito refused {what}" + (f": {named}" if named else ", without saying which field is wrong"),
            hint=self._hint if writing else "the table, an attribute or the form of a value is not one that it accepts",
        )
        self.fields = fields
        """(field, code) pairs as Actito names them; never values. Empty where the answer named none."""
        self.exit_code = Exit.WRITES_LEFT if writing else Exit.SETTINGS


class Conflict(Refused):
    """A value or a name is taken, or something else is under way (409). After a repeated delivery: by ourselves."""

    _hint = "a unique value or a name is taken, or another change is under way: audit again to see what is there"


class MaybeSent(ActitoError):
    """The connection broke after a write had gone out, or the answer to it could not be read."""

    exit_code = Exit.WRITES_LEFT

    def __init__(self, what: str, why: str = "no usable answer came back") -> None:
        super().__init__(
            f"it is not known whether Actito carried out {what}: {why}",
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


class TokenRefused(ActitoError, TryLater):
    """Actito gave a token and refuses it at once; the key itself was accepted."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"Actito refuses a token that it has just given, last when asked for {what}",
            hint="try later; if it stays so, see whether the key was revoked or a proxy takes the header "
            "Authorization away",
        )


class PlatformDown(ActitoError, TryLater):
    """Actito cannot be reached or says that it is in trouble. No write was carried out."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(
            f"Actito is not available ({why}), last when asked for {what}",
            hint="try later; if it stays so, check the url and the network",
        )


class Unreachable(PlatformDown):
    """No connection, or none in time: no byte has left."""


class PoolExhausted(PlatformDown):
    """Every connection that this process may have stayed in use: no byte has left."""


class TimedOut(PlatformDown):
    """The request went out, and no answer came in time."""


class Dropped(PlatformDown):
    """The request went out, and the connection ended before the answer began."""


class UnexpectedAnswer(ActitoError, TryLater):
    """The answer has none of the forms this version knows; it says which part is missing, never what it holds."""

    def __init__(self, what: str, trouble: str) -> None:
        super().__init__(
            f"Actito's answer about {what} cannot be understood: {trouble}",
            hint="check that the url is Actito's API host and that the dialect is right; Actito may have changed it",
        )


class EmptyAnswer(UnexpectedAnswer):
    """A success that says nothing where something is needed."""


class NotJson(UnexpectedAnswer):
    """A page of a proxy, for example, or JSON that was cut short before it was sent."""


class CutShort(UnexpectedAnswer):
    """The connection ended in the middle of the answer."""


class TooLarge(UnexpectedAnswer):
    """Larger than any answer should be; the rest was not taken in."""
