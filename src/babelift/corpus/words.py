"""Numbers in sentences."""


def rows_of(number: int) -> str:
    """A number of rows in words.

    >>> rows_of(1), rows_of(1234)
    ('1 row', '1,234 rows')
    """
    return f"{number:,} row{'' if number == 1 else 's'}"
