"""Oxford 102 Flowers: 8,189 photographs of 102 flowers, with official parts.

The training and the validation part have ten images of each class, the test part all the rest:
6,149. Papers that trained on the largest part have swapped the two; here they are as published.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graft.errors import GraftError
from graft.images.archives import fetch_folder
from graft.images.download import RemoteFile, fetch
from graft.images.listing import ImageListing
from graft.images.sources.published import check_counts, find_root, list_named_files
from graft.images.sources.spec import SourceSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

TITLE = "Oxford 102 Flowers"
# In the order of the original labels 1 to 102, in the words (and doubts) of the authors' website.
CLASS_NAMES = (
    "pink primrose", "hard-leaved pocket orchid", "canterbury bells", "sweet pea",
    "english marigold", "tiger lily", "moon orchid", "bird of paradise", "monkshood",
    "globe thistle", "snapdragon", "colt's foot", "king protea", "spear thistle", "yellow iris",
    "globe-flower", "purple coneflower", "peruvian lily", "balloon flower",
    "giant white arum lily", "fire lily", "pincushion flower", "fritillary", "red ginger",
    "grape hyacinth", "corn poppy", "prince of wales feathers", "stemless gentian", "artichoke",
    "sweet william", "carnation", "garden phlox", "love in the mist", "mexican aster",
    "alpine sea holly", "ruby-lipped cattleya", "cape flower", "great masterwort", "siam tulip",
    "lenten rose", "barbeton daisy", "daffodil", "sword lily", "poinsettia", "bolero deep blue",
    "wallflower", "marigold", "buttercup", "oxeye daisy", "common dandelion", "petunia",
    "wild pansy", "primula", "sunflower", "pelargonium", "bishop of llandaff", "gaura",
    "geranium", "orange dahlia", "pink-yellow dahlia?", "cautleya spicata", "japanese anemone",
    "black-eyed susan", "silverbush", "californian poppy", "osteospermum", "spring crocus",
    "bearded iris", "windflower", "tree poppy", "gazania", "azalea", "water lily", "rose",
    "thorn apple", "morning glory", "passion flower", "lotus", "toad lily", "anthurium",
    "frangipani", "clematis", "hibiscus", "columbine", "desert-rose", "tree mallow", "magnolia",
    "cyclamen", "watercress", "canna lily", "hippeastrum", "bee balm", "ball moss", "foxglove",
    "bougainvillea", "camellia", "mallow", "mexican petunia", "bromelia", "blanket flower",
    "trumpet creeper", "blackberry lily",
)  # fmt: skip
# "trnid" and "tstid" as the authors say, and as their benchmark counts them.
PARTS = {"trnid": "train", "valid": "validation", "tstid": "test"}
IMAGES = {"train": 1020, "validation": 1020, "test": 6149}
LAYOUT = "a folder with jpg/ (image_00001.jpg …), imagelabels.mat and setid.mat"

_SITE = "https://www.robots.ox.ac.uk/~vgg/data/flowers/102"
ARCHIVE = RemoteFile(
    f"{_SITE}/102flowers.tgz",
    size=344_862_509,
    sha256="2d01ecc807db462958cfe3d92f57a8c252b4abd240eb955770201e45f783b246",
)
LABELS = RemoteFile(
    f"{_SITE}/imagelabels.mat",
    size=502,
    sha256="4903e94206bac23bf772aadf06451916df56b58fc483a62db32a97b82656651d",
)
SET_IDS = RemoteFile(
    f"{_SITE}/setid.mat",
    size=14_989,
    sha256="46b8678f91fd95d3c8f4feab80d271a6c834a1dd896fe29fd3e6ad9ce5c8dccd",
)


def list_images(folder: Path | None, download_folder: Path) -> ImageListing:
    """List the flowers from a local copy, or download them.

    Args:
        folder: A local copy with `jpg/`, `imagelabels.mat` and `setid.mat`, or a folder that holds
            it as `flowers-102`. None downloads.
        download_folder: A download goes into its folder `flowers102`.

    Raises:
        GraftError: The copy is incomplete or damaged, or there is none and no network.
    """
    root = _download(download_folder / "flowers102") if folder is None else folder
    root = find_root(root, ("flowers-102",), ("jpg", LABELS.name, SET_IDS.name), LAYOUT)
    listing = list_named_files("flowers102", [root / "jpg"], _read_rows(root), CLASS_NAMES)
    check_counts(listing.records, root, TITLE, IMAGES)
    return listing


def _read_rows(root: Path) -> Iterator[tuple[str, str, str]]:
    labels = _read_integers(root / LABELS.name, "labels")
    for key, part in PARTS.items():
        for number in _read_integers(root / SET_IDS.name, key).tolist():
            if not 1 <= number <= len(labels) or not 1 <= labels[number - 1] <= len(CLASS_NAMES):
                raise GraftError(
                    f"'{root}': {SET_IDS.name} and {LABELS.name} give image {number} no class: "
                    f"they are not those of {TITLE}."
                )
            yield f"image_{number:05d}.jpg", CLASS_NAMES[labels[number - 1] - 1], part


def _read_integers(path: Path, key: str) -> NDArray[Any]:
    """The integers (N,) called `key` in a .mat file; the format holds arrays, no code."""
    import numpy as np
    from scipy.io import loadmat

    try:
        return np.ravel(loadmat(path)[key]).astype(np.int64)
    except Exception as error:  # scipy's reader raises nearly everything on damaged files
        raise GraftError(
            f"'{path}' is damaged, or not that of {TITLE} ({type(error).__name__}: {error})."
        ) from error


def _download(root: Path) -> Path:
    for remote in (LABELS, SET_IDS):
        fetch(remote, root, LAYOUT)
    fetch_folder(ARCHIVE, root / "jpg", LAYOUT)
    return root


SPEC = SourceSpec(
    name="flowers102",
    title="Oxford 102 Flowers, 8,189 photographs of 102 classes",
    list_images=list_images,
    licence="none stated; for research",
    citation="Nilsback and Zisserman (2008), Automated Flower Classification",
)
