#!/usr/bin/env bash
# pandas.read_csv takes a thousands mark outside ASCII, and ignores it without a word.
#
# Seen with pandas 3.1.1, Python 3.11.
# Salaries are grouped by a space that does not break (French, Polish, Swedish; U+00A0 or U+202F)
# or by a typographic apostrophe (Swiss). `thousands=` accepts these characters with the default
# engine, does nothing, and the column of salaries is texts. The Python engine reads them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pandas==3.1.1
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
from io import StringIO

import pandas as pd

for mark in ("'", " ", "\u00a0", "\u202f", "\u2019"):
    for engine in ("c", "python"):
        table = pd.read_csv(
            StringIO(f"grade;salary\n1;41{mark}000\n"), sep=";", thousands=mark, engine=engine
        )
        print(f"U+{ord(mark):04X} {engine:<6} {ascii(table['salary'].tolist()[0])}")
PYTHON
diff - "$folder/seen" <<'EXPECTED' && echo "as described"
U+0027 c      41000
U+0027 python 41000
U+0020 c      41000
U+0020 python 41000
U+00A0 c      '41\xa0000'
U+00A0 python 41000
U+202F c      '41\u202f000'
U+202F python 41000
U+2019 c      '41\u2019000'
U+2019 python 41000
EXPECTED
