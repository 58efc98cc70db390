"""Kedro pipelines: wiring only. A node takes catalog data and parameters and calls the library."""
