"""The papers' tables, run again: rows, scores, reports."""
