"""Actito's words: names of types, and words for states, with what each means here.

`[seen]`, `[inferred]` and `[assumed]` as in `auditor.actito.dialect`.
"""

from __future__ import annotations

from collections.abc import Mapping

from auditor.actito.results import ExecutionState
from auditor.model import AttributeType

TYPES: Mapping[str, AttributeType] = {
    # `valueType` of free attributes. INTEGER, TIMESTAMP and STRING are [seen] on profile tables (D-struct), the other
    # four of this group on custom tables (U-ctjson).
    "string": AttributeType.STRING,
    "integer": AttributeType.INTEGER,
    "timestamp": AttributeType.TIMESTAMP,
    "boolean": AttributeType.BOOLEAN,
    "date": AttributeType.DATE,
    "numeric": AttributeType.NUMERIC,
    "long": AttributeType.LONG,
    "number": AttributeType.NUMERIC,  # [seen] on custom tables in the portal's page on them, beside LONG
    # [assumed] after the file format of that name (D-etlf), and what else it may be called.
    **dict.fromkeys(("coordinates", "geocoordinates", "geolocation"), AttributeType.COORDINATES),
    # `type` of predefined attributes, V5: the first four [seen] D-struct, the others [assumed].
    "birthdate": AttributeType.DATE,
    "sex": AttributeType.SEX,
    "motherlanguage": AttributeType.LANGUAGE,
    "emailaddress": AttributeType.EMAIL,
    "gsmnumber": AttributeType.PHONE,
    "phonenumber": AttributeType.PHONE,
    "faxnumber": AttributeType.PHONE,
    "persontitle": AttributeType.TITLE,
    "addresscountry": AttributeType.COUNTRY,
    "marketingconsent": AttributeType.BOOLEAN,
    # `valueType` in V4: [seen] in a client's code beside Boolean, String, EmailAddress and PhoneNumber (G-php).
    "datum": AttributeType.DATE,
    "moment": AttributeType.TIMESTAMP,
    # [assumed]: no V4 name was seen for these.
    "decimal": AttributeType.NUMERIC,
    "language": AttributeType.LANGUAGE,
    "country": AttributeType.COUNTRY,
}
"""Type names in lower case without `_`. Any other name means text (§4.3: treat unknown types as plain text)."""

PREDEFINED: Mapping[str, str] = {
    "lastName": "LASTNAME",  # this and the next five [seen] D-struct
    "firstName": "FIRSTNAME",
    "birthDate": "BIRTHDATE",
    "sex": "SEX",
    "motherLanguage": "MOTHER_LANGUAGE",
    "emailAddress": "EMAIL_ADDRESS",
    "gsmNumber": "GSM_NUMBER",  # the others [assumed], §4.3
    "phoneNumber": "PHONE_NUMBER",
    "faxNumber": "FAX_NUMBER",
    "personTitle": "PERSON_TITLE",
    "addressStreet": "ADDRESS_STREET",
    "addressNumber": "ADDRESS_NUMBER",
    "addressBox": "ADDRESS_BOX",
    "addressPostalCode": "ADDRESS_POSTAL_CODE",
    "addressLocality": "ADDRESS_LOCALITY",
    "addressCountry": "ADDRESS_COUNTRY",
    "marketingConsent": "MARKETING_CONSENT",
}
"""The `type` of a predefined attribute by its name, which must not be changed (U-predef); any other is CUSTOM."""

VALUE_TYPES: Mapping[AttributeType, str] = {
    AttributeType.STRING: "STRING",
    AttributeType.INTEGER: "INTEGER",
    AttributeType.LONG: "LONG",
    AttributeType.NUMERIC: "NUMERIC",
    AttributeType.BOOLEAN: "BOOLEAN",
    AttributeType.DATE: "DATE",
    AttributeType.TIMESTAMP: "TIMESTAMP",
    AttributeType.COORDINATES: "COORDINATES",
}
"""The `valueType` of a free attribute that is created. Only predefined attributes were seen to hold e-mail addresses,
phone numbers, languages and the like: a free attribute of such a kind is created as text [assumed]."""

ACTIVE: Mapping[str, bool] = {
    **dict.fromkeys(("ACTIVE", "ACTIVATED", "ENABLED", "STARTED", "RUNNING", "ON", "SCHEDULED"), True),
    **dict.fromkeys(("INACTIVE", "DEACTIVATED", "DISABLED", "STOPPED", "PAUSED", "DRAFT", "OFF", "ARCHIVED"), False),
}
"""Words for the state of a stored definition or a scenario: all [assumed]. Any other word says nothing."""

OPPOSITES: Mapping[str, str] = {
    one: other
    for pair in (("ACTIVE", "INACTIVE"), ("ENABLED", "DISABLED"), ("ACTIVATED", "DEACTIVATED"), ("ON", "OFF"))
    for one, other in (pair, pair[::-1])
}
"""Words of which one says what the other denies: a definition that has one is switched to the other [assumed]."""

STATES: Mapping[str, ExecutionState] = {
    "SUCCESS": ExecutionState.DONE,  # [seen] D-wht
    "WITH_ERROR": ExecutionState.DONE,  # [seen] as a word, its meaning [assumed]: done, with rows refused
    "WITH_ERRORS": ExecutionState.DONE,
    "SUCCESS_WITH_ERRORS": ExecutionState.DONE,
    "PARTIAL_SUCCESS": ExecutionState.DONE,
    "FINISHED": ExecutionState.DONE,
    "COMPLETED": ExecutionState.DONE,
    "DONE": ExecutionState.DONE,
    "FAILED": ExecutionState.FAILED,
    "FAILURE": ExecutionState.FAILED,
    "ERROR": ExecutionState.FAILED,
    "CANCELLED": ExecutionState.FAILED,
    "ABORTED": ExecutionState.FAILED,
    "REJECTED": ExecutionState.FAILED,
    "PENDING": ExecutionState.WAITING,
    "WAITING": ExecutionState.WAITING,
    "QUEUED": ExecutionState.WAITING,
    "CREATED": ExecutionState.WAITING,
    "SCHEDULED": ExecutionState.WAITING,
    "RUNNING": ExecutionState.RUNNING,
    "STARTED": ExecutionState.RUNNING,
    "IN_PROGRESS": ExecutionState.RUNNING,
    "PROCESSING": ExecutionState.RUNNING,
}
"""Words for the state of an import: [assumed] but for the first two. Any other word is `ExecutionState.UNKNOWN`."""

REACHED = ("OK", "SUCCESS", "SUCCEEDED", "REACHABLE", "CONNECTED")
UNREACHED = ("KO", "FAILED", "FAILURE", "ERROR", "UNREACHABLE")
"""What the test of a remote file location may answer: all [assumed], §9."""
