"""Random erasing: a part of the image is hidden."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from graft.images.augmentation.operation import (
    Pixels,
    check_interval,
    check_number,
    exact_mean,
    wrong_field,
)
from graft.images.augmentation.rectangles import draw_rectangles, numbers_for_rectangles

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class RandomErasing:
    """A rectangle loses its content (Zhong et al. 2017).

    As torchvision's: ten tries to fit a rectangle, then the image stays whole.

    Attributes:
        probability: How often.
        area: Least and largest share of the image's area.
        aspect: Least and largest ratio of width to height.
        fill: What the rectangle becomes: "mean" (the image's own mean colour) or 0 (black) to 255.
    """

    probability: float = 0.5
    area: tuple[float, float] = (0.02, 0.33)
    aspect: tuple[float, float] = (0.3, 3.3)
    fill: int | str = "mean"

    name: ClassVar[str] = "random_erasing"
    pixels: ClassVar[Pixels] = "either"
    numbers: ClassVar[int] = 1 + numbers_for_rectangles()

    def __post_init__(self) -> None:
        check_number(self, "probability", 0, 1)
        check_interval(self, "area", 0.001, 1)
        check_interval(self, "aspect", 0.05, 20)
        if self.fill != "mean" and not (type(self.fill) is int and 0 <= self.fill <= 255):
            raise wrong_field(self, "fill", "'mean' or a whole number from 0 to 255")

    def apply(self, images: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        import torch

        height, width = images.shape[-2:]
        box = draw_rectangles(numbers[:, 1:], (height, width), self.area, self.aspect, smaller=True)
        chosen = ((numbers[:, 0] < self.probability) & box.fits)[:, None]
        rows, columns = torch.arange(height), torch.arange(width)
        top, left = box.top[:, None], box.left[:, None]
        in_rows = (rows >= top) & (rows < top + box.height[:, None]) & chosen
        in_columns = (columns >= left) & (columns < left + box.width[:, None])
        in_rows, in_columns = in_rows.to(images.device), in_columns.to(images.device)
        erased = in_rows[:, None, :, None] & in_columns[:, None, None, :]
        return torch.where(erased, self._filling(images), images)

    def _filling(self, images: torch.Tensor) -> torch.Tensor:
        """What stands in the rectangle, (B, 3, 1, 1) or one number, of the images' dtype."""
        if self.fill == "mean":
            mean = exact_mean(images, (2, 3))
            return mean if images.is_floating_point() else mean.round().to(images.dtype)
        fill = images.new_tensor(self.fill)
        return fill / 255 if images.is_floating_point() else fill
