"""The pipelines, a folder a stage."""
