#!/usr/bin/env python3
"""Translates with Apertium's rules and dictionaries, for Babelift's `command:` translator.

    babelift translate rows.csv --lang en --to es fr --out rows.es.jsonl \
        --translator 'command:python examples/translators/apertium.py'

Its first line states its version, by which Babelift tells old translations from new ones. Then it
reads one JSON object per line, such as {"id": "7", "text": "Good.", "source_lang": "en",
"target_lang": "es"}, and writes {"id": "7", "translation": "Bueno."} for each. Needs the program
`apertium` and its language pairs; on Debian: apt-get install apertium apertium-eng-spa
apertium-fr-es. Both are under the GPL. Every text has a process of its own: Apertium's tagger
remembers unknown words of earlier texts, so that a long-lived one would translate a text in one
way or another, depending on what came before it.
"""

import json
import shutil
import subprocess
import sys

MODES = {
    ("en", "es"): ["eng-spa"],
    ("es", "en"): ["spa-eng"],
    ("es", "fr"): ["es-fr"],
    ("fr", "es"): ["fr-es"],
    # There is no direct way between English and French.
    ("en", "fr"): ["eng-spa", "es-fr"],
    ("fr", "en"): ["fr-es", "spa-eng"],
}
INSTALL = "apt-get install apertium apertium-eng-spa apertium-fr-es"

VERSION = "1"
"""Raise it with every change of what comes out, also after new dictionaries were installed."""


def translate(text: str, source_lang: str, target_lang: str) -> str:
    """The text in the target language; words that Apertium does not know stay as they are."""
    modes = MODES.get((source_lang, target_lang))
    if modes is None:
        possible = ", ".join(f"{source} > {target}" for source, target in sorted(MODES))
        sys.exit(f"no way from '{source_lang}' into '{target_lang}'. It translates {possible}.")
    for mode in modes:
        done = subprocess.run(
            ["apertium", "-u", mode], input=text, capture_output=True, encoding="utf-8", check=False
        )
        if done.returncode:
            why = done.stderr.strip() or done.stdout.strip()
            sys.exit(f"apertium cannot translate with '{mode}': {why}. Install it: {INSTALL}")
        text = done.stdout.rstrip("\n")
    return text


def main() -> None:
    """Answer requests until standard input ends."""
    print(json.dumps({"babelift": 1, "name": "apertium", "version": VERSION}), flush=True)
    if shutil.which("apertium") is None:
        sys.exit(f"the program 'apertium' is not installed. Install it: {INSTALL}")
    for line in sys.stdin:
        request = json.loads(line)
        translation = translate(request["text"], request["source_lang"], request["target_lang"])
        print(json.dumps({"id": request["id"], "translation": translation}), flush=True)


if __name__ == "__main__":
    main()
