"""Numbers and plurals in English."""


def counted(number: int, one: str, several: str | None = None) -> str:
    """`1 row`, `1,234 rows`."""
    return f"{number:,} {one}" if number == 1 else f"{number:,} {several or one + 's'}"
