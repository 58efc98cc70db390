"""Labels as text and as numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft.classes import class_index, class_indices, join_labels, label_matrix, split_label
from graft.errors import GraftError

NAMES = ("cat", "dog", "no bird")


@given(st.lists(st.sampled_from(NAMES), unique=True))
def test_joined_labels_come_apart_again(names):
    assert split_label(join_labels(names)) == tuple(names)


def test_positions_follow_the_class_names():
    assert class_indices(["no bird", "cat"], NAMES).tolist() == [2, 0]
    assert class_indices([], NAMES).dtype == np.int64


def test_a_matrix_tells_present_absent_and_not_counted_apart():
    labels = ["dog|no bird", "", "cat"]
    ignored = ["", "cat", "cat|dog"]
    matrix = label_matrix(labels, ignored, NAMES)
    assert matrix.tolist() == [[0, 1, 1], [-1, 0, 0], [1, -1, 0]]
    assert matrix.dtype == np.int8


def test_an_unknown_class_is_refused_with_the_nearest():
    with pytest.raises(GraftError, match="did you mean 'dog'"):
        class_index("dogs", NAMES)
