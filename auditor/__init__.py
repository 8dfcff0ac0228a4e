"""Audits Actito profile tables against a source of truth, explains every difference and puts it right."""

__version__ = "0.1.0"
