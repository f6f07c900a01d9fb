#!/usr/bin/env bash
# A seeded Optuna study that is resumed from its storage asks the first trials again.
#
# Seen with optuna 5.0.0, Python 3.11.
# The trials lie in the storage; the sampler's random state does not. Whoever builds the sampler with
# the same seed at each start, for the sake of repeatability, gets the first random trials once more
# after each interruption, and never the search that an uninterrupted run makes.
# What repeats: a study in memory whose scores are cached by parameters, replayed from the start.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check optuna==5.0.0
cd "$folder"
venv/bin/python -W ignore - >seen <<'PYTHON'
import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)


def search(trials, **where):
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=234), load_if_exists=True, **where
    )
    study.optimize(lambda trial: (trial.suggest_float("x", 0, 1) - 0.3) ** 2, n_trials=trials)
    return [round(trial.params["x"], 3) for trial in study.trials]


stored = {"storage": "sqlite:///study.db", "study_name": "salaries"}
search(3, **stored)
resumed, whole = search(3, **stored), search(6)
print("the resumed one repeats its first three trials:", resumed[3:] == resumed[:3])
print("the uninterrupted one repeats none:", len(set(whole)) == 6)
print("both begin alike:", resumed[:3] == whole[:3])
PYTHON
diff - seen <<'EXPECTED' && echo "as described"
the resumed one repeats its first three trials: True
the uninterrupted one repeats none: True
both begin alike: True
EXPECTED
