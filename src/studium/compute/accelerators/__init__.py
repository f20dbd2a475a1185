"""Accelerators of a machine: found by the driver or by device files, declared by the operator, or simulated."""
