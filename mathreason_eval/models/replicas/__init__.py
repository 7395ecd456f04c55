"""Replicas of a model in other processes, of this machine or of a Ray cluster."""
