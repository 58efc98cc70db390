"""The node of `export`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graft.bundle import Bundle
    from graft.bundle.export import ExportedNetwork


def export(prediction_bundle: Bundle, export: dict[str, Any]) -> ExportedNetwork:
    """The bundle's network in another program's format, compared with the original."""
    from graft.bundle.export import export_network

    return export_network(prediction_bundle, export["format"])
