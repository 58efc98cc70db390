"""Graft: transfer learning for image classification as Kedro pipelines."""

__version__ = "0.1.0"
