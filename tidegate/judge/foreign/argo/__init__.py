"""Argo Rollouts' analysis: measurements become phases by conditions, phases become a run's phase by limits."""
