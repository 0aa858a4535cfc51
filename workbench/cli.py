"""The command line: the same verbs as the pages."""

from __future__ import annotations
