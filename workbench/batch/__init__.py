"""Calls handed over as files, to be answered within a day at half the price: filled, sent, awaited, taken."""
