"""Schedules: versions of a notebook that are run by themselves, at times of a calendar."""
