"""p-values: against scipy and the definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, ttest_rel

from graft.evaluation.significance import benjamini_hochberg, bootstrap_p, holm, paired_t_p

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=12).map(np.array)


@given(P_VALUES)
def test_benjamini_hochberg_equals_scipy(p_values: np.ndarray) -> None:
    assert benjamini_hochberg(p_values) == pytest.approx(false_discovery_control(p_values))


@given(P_VALUES, st.floats(0.001, 0.999))
def test_holm_rejects_step_by_step(p_values: np.ndarray, level: float) -> None:
    rejected = np.zeros(len(p_values), dtype=bool)
    for step, place in enumerate(np.argsort(p_values, kind="stable")):
        if (len(p_values) - step) * p_values[place] >= level:
            break
        rejected[place] = True
    assert ((holm(p_values) < level) == rejected).all()


@given(P_VALUES)
def test_corrected_values_are_no_smaller_and_holm_is_the_stricter(p_values: np.ndarray) -> None:
    assert (p_values <= benjamini_hochberg(p_values) + 1e-12).all()
    assert (benjamini_hochberg(p_values) <= holm(p_values) + 1e-12).all()


def test_holm_keeps_the_chance_of_any_false_finding() -> None:
    rng = np.random.default_rng(0)
    false = [(holm(p) < 0.05).any() for p in rng.random((4000, 10))]
    assert 0.03 < np.mean(false) < 0.06


def test_the_bootstrap_p_is_the_share_beyond_0_twice_and_never_0() -> None:
    samples = np.concatenate([np.full(990, 0.1), np.full(10, -0.1), [np.nan]])
    assert bootstrap_p(samples) == pytest.approx(2 * 11 / 1001)
    assert bootstrap_p(np.full(999, 0.1)) == pytest.approx(0.002)
    assert bootstrap_p(np.zeros(100)) == 1


@given(st.lists(st.floats(-1, 1).map(lambda x: round(x, 3)), min_size=2, max_size=8))
def test_the_paired_t_test_equals_scipy(differences: list[float]) -> None:
    ours = paired_t_p(differences)
    if np.ptp(differences) < 1e-9:
        assert ours == (1 if abs(differences[0]) < 1e-9 else 0)
    else:
        expected = ttest_rel(differences, np.zeros(len(differences))).pvalue
        assert ours == pytest.approx(expected, rel=1e-6)
