"""Webhooks of schedules: messages to an address of somebody's choice when a scheduled run has ended."""
