"""Decoding a listing: rows in order, the bad ones aside, and a collection that is unfit refused."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from graft.errors import GraftError
from graft.images.decode import DecodedImages, DecodingPlan, check_audit, decode_images
from graft.images.decoder import Decoded, Outcome

from .image_files import encode, make_pixels
from .listings import listing_of

BAD: dict[str, Any] = {
    "empty": b"",
    "text": b"these are not the pixels",
    "half": encode(make_pixels(3, 64, 64))[:200],
    "float": np.zeros((8, 8)),
    "not to be read": PermissionError(13, "Permission denied"),
    "gone": FileNotFoundError(2, "No such file or directory"),
}


def good_images(count: int) -> dict[str, Any]:
    return {f"good {number}": encode(make_pixels(number, 24, 24)) for number in range(count)}


# --- The whole listing ----------------------------------------------------------------------------


@pytest.mark.parametrize("count", [40, 300])  # in this process, and in several
def test_bad_images_leave_the_good_ones_in_order(count: int) -> None:
    good = good_images(count)
    order = np.random.default_rng(0).permutation([*good, *BAD])
    contents = {str(name): (good | BAD)[str(name)] for name in order}
    decoded = decode_images(listing_of(contents), 24, max_pixels=10**6)

    assert decoded.records["id"].tolist() == [name for name in contents if name in good]
    assert decoded.quarantine["id"].tolist() == [name for name in contents if name in BAD]
    for image, name in zip(decoded.images, decoded.records["id"], strict=True):
        np.testing.assert_array_equal(image, make_pixels(int(name.split()[1]), 24, 24))
    assert decoded.records["sha256"].tolist() == [
        hashlib.sha256(good[name]).hexdigest() for name in decoded.records["id"]
    ]
    lost = decoded.quarantine.set_index("id")
    assert lost.loc["gone", "sha256"] == ""
    assert lost.loc["text", "sha256"] == hashlib.sha256(BAD["text"]).hexdigest()
    assert "Permission denied" in lost.loc["not to be read", "reason"]
    assert "No such file" in lost.loc["gone", "reason"]
    assert lost["reason"].all()


def test_nothing_at_all_is_decoded_to_nothing() -> None:
    decoded = decode_images(listing_of({}), 8, max_pixels=10**6)
    assert decoded.images.shape == (0, 8, 8, 3)
    assert decoded.records.empty


def test_progress_is_told_of_every_image() -> None:
    seen: list[Any] = []

    def track(iterable: Iterable[Any], description: str, total: int) -> Iterable[Any]:
        seen.extend((description, total))
        for item in iterable:
            seen.append(item)
            yield item
        seen.append("finished")

    decode_images(listing_of(good_images(3) | BAD), 16, max_pixels=10**6, track=track)
    assert seen[:2] == ["Decoding images", 9]
    assert len(seen) == 2 + 9 + 1
    assert seen[-1] == "finished"


def test_decoding_begins_where_it_is_told_and_takes_what_is_known() -> None:
    contents = good_images(6)
    known = Decoded(Outcome(1, 2, "known"), np.full((24, 24, 3), 9, np.uint8))
    torn = Decoded(Outcome(sha256="0", reason="torn"))
    plan = DecodingPlan(listing_of(contents), 24, 10**6)
    ((pixels, outcomes),) = plan.decode(2, known={3: known, 4: torn}.get)
    assert [outcome.reason for outcome in outcomes] == ["", "", "torn", ""]
    assert outcomes[1] == known.outcome
    np.testing.assert_array_equal(pixels[0], make_pixels(2, 24, 24))
    np.testing.assert_array_equal(pixels[1], known.pixels)
    np.testing.assert_array_equal(pixels[2], make_pixels(5, 24, 24))


def test_a_plan_is_named_by_its_images_and_their_states_alone() -> None:
    contents = good_images(4)
    listing = listing_of(contents)
    digest = DecodingPlan(listing, 24, 10**6).digest
    relabelled = replace(listing, records=listing.records.assign(label="dog", split="test"))
    assert DecodingPlan(relabelled, 24, 10**6).digest == digest
    others = [
        listing_of(contents, **{"good 2": "changed"}),
        listing_of({name: contents[name] for name in reversed(contents)}),
        listing_of({name: contents[name] for name in list(contents)[:3]}),
    ]
    assert len({digest, *(DecodingPlan(other, 24, 10**6).digest for other in others)}) == 4


def test_a_plans_rule_tells_of_all_that_changes_pixels() -> None:
    listing = listing_of(good_images(1))
    rule = DecodingPlan(listing, 24, 10**6).rule
    assert DecodingPlan(listing, 25, 10**6).rule != rule
    assert DecodingPlan(listing, 24, 10**5).rule != rule
    assert "pillow" in rule


# --- Audit ----------------------------------------------------------------------------------------


def audited(kept: dict[str, int], lost: dict[str, int]) -> DecodedImages:
    def rows(counts: dict[str, int]) -> list[tuple[str, str]]:
        return [(f"{label}/{n}", label) for label, count in counts.items() for n in range(count)]

    records = pd.DataFrame(rows(kept), columns=["id", "label"])
    quarantine = pd.DataFrame(rows(lost), columns=["id", "label"]).assign(reason="torn", sha256="")
    return DecodedImages(
        np.zeros((len(records), 2, 2, 3), np.uint8), records, quarantine, ("cat", "dog"), "test"
    )


def test_a_collection_at_the_limits_passes() -> None:
    decoded = audited({"cat": 17, "dog": 2}, {"cat": 1})
    check_audit(decoded, max_quarantined_share=0.05, min_images_per_class=2)


def test_too_many_bad_images_are_listed_with_reasons() -> None:
    with pytest.raises(GraftError, match=r"6 of 106 images") as caught:
        check_audit(
            audited({"cat": 50, "dog": 50}, {"dog": 6}),
            max_quarantined_share=0.05,
            min_images_per_class=1,
        )
    assert "dog/0: torn" in str(caught.value)
    assert "dog/4: torn" in str(caught.value)
    assert "dog/5" not in str(caught.value)


@pytest.mark.parametrize("left", [0, 1])
def test_a_class_that_lost_too_many_is_named(left: int) -> None:
    kept = {"cat": 100, "dog": left} if left else {"cat": 100}
    with pytest.raises(GraftError, match=f"'dog' has {left} usable images"):
        check_audit(audited(kept, {"dog": 3}), max_quarantined_share=0.1, min_images_per_class=2)


def test_a_single_class_is_refused() -> None:
    with pytest.raises(GraftError, match="at least two classes"):
        check_audit(audited({"cat": 9}, {}), max_quarantined_share=0.1, min_images_per_class=2)


def test_images_of_several_classes_count_for_each_of_them() -> None:
    decoded = replace(audited({"cat|dog": 3, "cat": 5, "": 9}, {"dog": 1}), multi_label=True)
    check_audit(decoded, max_quarantined_share=0.1, min_images_per_class=3)
    with pytest.raises(GraftError, match="'dog' has 3 usable images"):
        check_audit(decoded, max_quarantined_share=0.1, min_images_per_class=4)


def test_a_class_that_no_image_shows_is_told(caplog: pytest.LogCaptureFixture) -> None:
    decoded = replace(audited({"cat": 9, "": 2}, {}), multi_label=True)
    check_audit(decoded, max_quarantined_share=0.1, min_images_per_class=2)
    assert "No image shows dog" in caplog.text
