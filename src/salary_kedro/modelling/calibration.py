"""Learns from out-of-fold predictions how sure the model is."""

import math

import numpy as np
import pandas as pd

from salary_kedro.bundle.calibration import Calibration

LEVELS = tuple(round(0.01 * step, 2) for step in range(1, 100))


def calibrate(out_of_fold: pd.DataFrame, confidence: float) -> Calibration:
    """Learn from the first repeat of a cross-validation, which holds each row at most once.

    Args:
        out_of_fold: As `evaluation.predict_out_of_fold` gives it.
        confidence: Share of cases that the intervals should cover, between 0 and 1.
    """
    first = out_of_fold[out_of_fold["repeat"] == 0]
    scores = np.sort((first["actual"] - first["predicted"]).abs().to_numpy())
    rows = len(scores)
    ranks = [math.ceil(level * (rows + 1)) for level in LEVELS]
    finite = [(level, rank) for level, rank in zip(LEVELS, ranks, strict=True) if rank <= rows]
    return Calibration(
        confidence=confidence,
        reason="",
        rows=rows,
        levels=tuple(level for level, _ in finite),
        widths=tuple(float(scores[rank - 1]) for _, rank in finite),
    )
