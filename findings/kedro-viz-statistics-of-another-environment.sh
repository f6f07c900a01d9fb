#!/usr/bin/env bash
# Kedro-Viz shows the row counts of the environment that was run last, whichever one it shows.
#
# Seen with kedro 1.7.0, kedro-viz 12.5.0, kedro-datasets 9.6.0, pandas 3.1.1, Python 3.11.
# Its hook writes rows, columns and file sizes of a run to .viz/stats.json, one file for all
# environments, and reads them back by the dataset's name alone. After a run of one environment and
# one of another, the first one's page tells the second one's rows beside the first one's file path.
# What helps: a stats.json that is kept per environment and put in place before the page is built.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    kedro==1.7.0 kedro-viz==12.5.0 'kedro-datasets[pandas-csvdataset]==9.6.0' pandas==3.1.1 'omegaconf<2.4'
export DO_NOT_TRACK=1 HOME="$folder"
mkdir -p "$folder"/demo/{src/demo,conf/base,conf/local,conf/large,data}
cd "$folder/demo"
cat >pyproject.toml <<'TOML'
[tool.kedro]
package_name = "demo"
project_name = "demo"
kedro_init_version = "1.7.0"
source_dir = "src"
TOML
touch src/demo/__init__.py src/demo/settings.py
cat >src/demo/pipeline_registry.py <<'PYTHON'
from kedro.pipeline import Pipeline, node


def copy(raw):
    return raw


def register_pipelines():
    return {"__default__": Pipeline([node(copy, "raw", "salaries", name="copy")])}
PYTHON
for name in base large; do
    for dataset in raw salaries; do
        printf '%s:\n  type: pandas.CSVDataset\n  filepath: data/%s_%s.csv\n' "$dataset" "$name" "$dataset"
    done >"conf/$name/catalog.yml"
done
printf 'salary\n1\n2\n' >data/base_raw.csv
printf 'salary\n1\n2\n3\n4\n5\n' >data/large_raw.csv
kedro="$folder/venv/bin/kedro"
"$kedro" run >/dev/null 2>&1
"$kedro" run --env large >/dev/null 2>&1
"$kedro" viz build >/dev/null 2>&1
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
import json
from pathlib import Path

for path in Path("build/api/nodes").iterdir():
    told = json.loads(path.read_text())
    if str(told.get("filepath", "")).endswith("base_salaries.csv"):
        rows = len(Path(told["filepath"]).read_text().splitlines()) - 1
        print(f"{Path(told['filepath']).name}: {rows} rows, told as {told['stats']['rows']}")
PYTHON
diff - "$folder/seen" <<'EXPECTED' && echo "as described"
base_salaries.csv: 2 rows, told as 5
EXPECTED
