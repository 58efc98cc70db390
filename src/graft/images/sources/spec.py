"""What Graft has to know of a source of images, and the options that this source alone has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from graft.errors import GraftError, did_you_mean
from graft.images.listing import ImageListing

OptionValue: TypeAlias = str | list[str]


@dataclass(frozen=True)
class SourceOption:
    """One key of the parameter `source.options`.

    Attributes:
        name: The key, which is also the keyword of `list_images`; what holds where it is not given
            is that keyword's default.
        summary: One line for users.
        choices: The values that it may have; empty where any text will do.
        may_be_list: Whether it may be several texts.
    """

    name: str
    summary: str
    choices: tuple[str, ...] = ()
    may_be_list: bool = False

    def read(self, value: object) -> OptionValue:
        """The value as text, a whole number too: a column "3" arrives as one from YAML.

        Raises:
            GraftError: It is not what the option may be; the message says what is.
        """
        if self.may_be_list and isinstance(value, list) and value:
            return [self._read_text(item) for item in value]
        return self._read_text(value)

    def _read_text(self, value: object) -> str:
        text = str(value) if type(value) is int else value
        if self.choices and text not in self.choices:
            raise GraftError(
                f"should be one of {', '.join(self.choices)}{did_you_mean(text, self.choices)}"
            )
        if not isinstance(text, str) or not text:
            raise GraftError(f"should be text{' or a list of texts' if self.may_be_list else ''}")
        return text


@dataclass(frozen=True)
class SourceSpec:
    """What Graft has to know of a source of images.

    Attributes:
        name: The name that the parameter `source.name` uses.
        title: One line for a list of sources.
        list_images: From the folder of the parameter `source.folder` (or None) and the folder for
            downloads, and the options as keywords, to the listing.
        needs_folder: Whether `source.folder` must be given.
        options: The parameters that this source alone has.
        licence: Under which terms the images may be used, as far as their authors say.
        citation: Whom to cite.
    """

    name: str
    title: str
    list_images: Callable[..., ImageListing]
    needs_folder: bool = False
    options: tuple[SourceOption, ...] = ()
    licence: str = ""
    citation: str = ""

    def require_folder(self, folder: str | Path | None) -> None:
        """Refuse to look for images nowhere.

        Raises:
            GraftError: The source reads from a folder, and `source.folder` is null.
        """
        if self.needs_folder and folder is None:
            raise GraftError(
                f"source.folder: the source '{self.name}' reads from a folder: name it, "
                "--params=source.folder=/path/to/images"
            )

    def list_from(
        self, folder: Path | None, download_folder: Path, options: Mapping[str, object]
    ) -> ImageListing:
        """List the images as the parameters `source.folder` and `source.options` say.

        Raises:
            GraftError: An option is wrong, or the images cannot be listed.
        """
        values = {}
        for name, value in options.items():
            try:
                values[name] = self.read_option(name, value)
            except GraftError as error:
                raise GraftError(f"source.options.{name}: {error}") from error
        self.require_folder(folder)
        given = {name: value for name, value in values.items() if value is not None}
        return self.list_images(folder, download_folder, **given)

    def read_option(self, name: str, value: object) -> OptionValue | None:
        """The value that an option of this source is given; None is as good as not given.

        Raises:
            GraftError: There is no such option, or it may not have that value.
        """
        for option in self.options:
            if option.name == name:
                return None if value is None else option.read(value)
        if not self.options:
            raise GraftError(f"the source '{self.name}' has no options")
        known = {option.name: option.summary for option in self.options}
        raise GraftError(
            f"is no option of the source '{self.name}'{did_you_mean(name, known)}"
            + "".join(f"\n        {option}: {summary}" for option, summary in known.items())
        )
