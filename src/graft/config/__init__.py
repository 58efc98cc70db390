"""Configuration: experiment files, the schema of the parameters, and Kedro's loader for both."""
