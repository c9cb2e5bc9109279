"""`babelift languages`: the tags, and which translator knows which language."""


def command() -> None:
    """List the languages and their tags, with each translator's code.

    A tag may have a script, a region and variants behind it: zh-TW, sr-Latn, de-1996. Translators
    know the tag alone; what is reduced is said.
    """
    from rich.console import Console
    from rich.table import Table

    from babelift.languages import LANGUAGES

    table = Table("tag", "language", "script", "M2M100", "NLLB-200", box=None)
    for language in LANGUAGES.values():
        table.add_row(
            language.tag,
            language.name,
            language.script,
            language.m2m100 or "-",
            language.nllb or "-",
        )
    Console().print(table)
