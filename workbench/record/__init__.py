"""The record: the only writer of generations, calls and answers while something runs."""
