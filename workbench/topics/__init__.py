"""Topic models, trees and graphs alike: read from files, counted, walked, pruned, written. No database."""

from workbench.topics.graphs import graph_lines
from workbench.topics.model import Counts, Kind, Node, Step, Topic, TopicModel, walk
from workbench.topics.pruning import pruned
from workbench.topics.read import failure_lines, read_topics, topic_lines
from workbench.topics.trees import tree_lines

__all__ = [
    "Counts",
    "Kind",
    "Node",
    "Step",
    "Topic",
    "TopicModel",
    "failure_lines",
    "graph_lines",
    "pruned",
    "read_topics",
    "topic_lines",
    "tree_lines",
    "walk",
]
