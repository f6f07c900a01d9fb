#!/usr/bin/env bash
# charset-normalizer reads a French or Spanish table as Central European: è becomes č, ñ becomes ń.
#
# Seen with charset-normalizer 3.5.2, Python 3.11.
# Of a table of job titles and towns in Windows-1252, 200 rows, its best guess is cp1250, which
# garbles è, ê, à and ñ without a word; more rows do not help. It is right about Russian, Greek,
# Chinese, Japanese and Korean. What helps: compare Latin encodings by how often each language
# has each letter, and say which others are nearly as likely.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check charset-normalizer==3.5.2
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
from charset_normalizer import from_bytes

WORDS = {
    "French": "Comptable Développeur Médecin Infirmière Orléans Besançon Nîmes Contremaître Ingénieur",
    "Spanish": "Contador Médico Enfermería Málaga Córdoba Logroño Técnico Diseñador Niñera Albañil",
}
for language, words in WORDS.items():
    titles = words.split()
    rows = [f"{row};{titles[row % len(titles)]};{30000 + 7 * row}" for row in range(200)]
    table = "\n".join(["id;title;salary", *rows]).encode("cp1252")
    found = from_bytes(table).best().encoding
    read = table.decode(found)
    print(language, found, "right" if read == table.decode("cp1252") else "garbled")
PYTHON
diff - "$folder/seen" <<'EXPECTED' && echo "as described"
French cp1250 garbled
Spanish cp1250 garbled
EXPECTED
