"""Trained generators as MLflow's models: what is served, and how it gets into the registry."""
