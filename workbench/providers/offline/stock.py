"""The words and sentences of the embedded model."""

from __future__ import annotations

from typing import Final

# fmt: off
COMMON: Final = frozenset(
    (
        "about", "above", "after", "again", "against", "answer", "because", "before", "being", "below",
        "between", "could", "context", "describe", "draft", "during", "essay", "every", "evaluate",
        "example", "first", "follow", "following", "format", "generate", "given", "ideas", "include",
        "instructions", "other", "output", "please", "problem", "provide", "question", "response", "return",
        "score", "second", "several", "should", "since", "single", "sentence", "something", "stage",
        "style", "their", "there", "these", "thing", "think", "those", "through", "topic", "under", "using",
        "where", "which", "while", "whole", "would", "write", "written", "your",
    )
)
# fmt: on
VIEW: Final = (
    "In practice",
    "At first sight",
    "For most people",
    "Over a longer time",
    "In small steps",
    "With some care",
    "Seen from outside",
    "On an ordinary day",
    "Under real conditions",
    "Once the basics are in place",
)
QUALITY: Final = (
    "patient",
    "simple",
    "steady",
    "careful",
    "surprising",
    "practical",
    "modest",
    "shared",
    "lasting",
    "open",
)
THING: Final = (
    "habit",
    "plan",
    "record",
    "test",
    "tool",
    "method",
    "rule",
    "conversation",
    "measurement",
    "sketch",
    "comparison",
    "routine",
)
GAIN: Final = (
    "fewer surprises",
    "clearer choices",
    "less waste",
    "better questions",
    "results that last",
    "time for what matters",
    "a result that others can check",
    "mistakes that are cheap to mend",
)
SENTENCES: Final = (
    "{view}, work on {topic} rests on a {quality} {thing}.",
    "A {quality} {thing} shows more about {topic} than a long list of opinions.",
    "{view}, people who work on {topic} begin with a {thing} and end with {gain}.",
    "What makes {topic} hard is not the {thing} itself but keeping it {quality}.",
    "The usual reward of a {quality} {thing} is {gain}.",
    "{view}, two things decide about {topic}: a {quality} start and a {thing} that is kept up.",
    "Those who learn about {topic} soon look for a {quality} {thing}.",
    "Without a {thing}, talk about {topic} stays a matter of taste; with one it leads to {gain}.",
    "It helps to ask which {thing} would prove the common view of {topic} wrong.",
    "{view}, a {thing} that is {quality} today can be changed tomorrow without loss.",
    "Most advice on {topic} comes down to one {quality} {thing}, repeated until it brings {gain}.",
    "A neighbour, a colleague or a book may offer a {thing}, but work on {topic} asks for {gain}.",
)
QUESTIONS: Final = (
    "How does one begin with {topic}?",
    "Why does work on {topic} call for a {quality} {thing}?",
    "What is the most common mistake in {topic}?",
    "Which {thing} matters most for {topic}, and why?",
    "How can {topic} lead to {gain}?",
    "What would a {quality} approach to {topic} look like?",
)
ASPECTS: Final = (
    "foundations",
    "history",
    "tools",
    "materials",
    "planning",
    "costs",
    "common mistakes",
    "measurement",
    "safety",
    "first steps",
    "daily practice",
    "seasonal changes",
    "trade-offs",
    "case studies",
    "teaching",
    "maintenance",
    "design choices",
    "quality checks",
    "local traditions",
    "scientific background",
    "economics",
    "community projects",
    "record keeping",
    "troubleshooting",
    "long-term effects",
    "environmental effects",
    "beginners' questions",
    "expert techniques",
    "comparisons",
    "open problems",
    "legal questions",
    "social aspects",
    "automation",
    "small-scale methods",
    "time management",
    "storage",
    "selection",
    "combinations",
    "myths",
    "future directions",
)
