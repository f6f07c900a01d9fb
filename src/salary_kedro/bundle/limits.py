"""How large the files of a bundle may be; nothing is read before its size is known to be less."""

import os

from salary_kedro.errors import UserError

MANIFEST, SIGNATURE, MODEL = "manifest.json", "manifest.sig", "model.skops"
CONTRACT, DOMAIN, EXAMPLES = "contract.json", "domain.json", "examples.json"
METRICS, LINEAGE = "metrics.json", "lineage.json"
CALIBRATION, REPORT = "calibration.json", "report.json"
BACKGROUND, PROFILE = "background.json", "profile.json"
RUNTIME, RUNTIME_ARRAYS = "runtime.json", "runtime.npz"

#: Beside the bundles: what was decided about versions, and its signature.
HISTORY, HISTORY_SIGNATURE = "history.json", "history.sig"
MAX_HISTORY_BYTES = 8_000_000

#: What is as large as the model is, in either form: `SALARY_MAX_MODEL_MB` bounds each.
OF_THE_MODEL = (MODEL, RUNTIME_ARRAYS)
MAX_MODEL_MB = "SALARY_MAX_MODEL_MB"
DEFAULT_MODEL_MB = 1_000
#: The largest size of each file but those of the model itself, in bytes.
SIZES = {
    MANIFEST: 64_000,
    SIGNATURE: 64,
    CONTRACT: 16_000_000,
    DOMAIN: 16_000_000,
    EXAMPLES: 1_000_000,
    METRICS: 250_000,
    LINEAGE: 1_000_000,
    CALIBRATION: 1_000_000,
    REPORT: 1_000_000,
    BACKGROUND: 4_000_000,
    PROFILE: 16_000_000,
    RUNTIME: 16_000_000,
}
#: Values in one JSON text: each takes up to some hundred bytes of memory, however few of the text.
MAX_JSON_VALUES = 1_000_000
#: Inside the model file: its description, and the values in it, see MAX_JSON_VALUES.
MAX_SCHEMA_BYTES = 64_000_000
MAX_SCHEMA_VALUES = 2_000_000
#: Bytes of the directory of a zip, which names its members.
MAX_ZIP_DIRECTORY = 4_000_000
#: How many times larger than a zip its members may be, unless they are small altogether: what is
#: written here is not compressed at all.
MAX_ZIP_RATIO = 10
SMALL_ZIP_BYTES = 10_000_000


def max_size(name: str) -> int:
    """The most bytes that a file of a bundle may have.

    Raises:
        UserError: If `SALARY_MAX_MODEL_MB` is not a number of megabytes.
    """
    return max_model_bytes() if name in OF_THE_MODEL else SIZES[name]


def max_model_bytes() -> int:
    """The most bytes that a model may have, packed or unpacked: `SALARY_MAX_MODEL_MB`.

    Raises:
        UserError: If that is not a number of megabytes.
    """
    text = os.environ.get(MAX_MODEL_MB) or str(DEFAULT_MODEL_MB)
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:9]) < 1_000_000):
        raise UserError(f"{MAX_MODEL_MB} is '{text[:40]}'; it must be a whole number, 1 to 999999")
    return int(text) * 1_000_000
