"""Comparing: cells that differ, profiles that one side alone has, permissions seen from both sides."""
