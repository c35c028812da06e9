"""A model on one picture, as a file that a model card shows: reliability, the most decided, confusion."""

from training.evaluation.drawing import Line, confusion_chart, line_chart, side_by_side
from training.evaluation.scorecard import Scorecard

LEAST_ROWS = 30
"""Fewer in a bin say nothing of how often it is right."""


def model_picture(judged: Scorecard) -> str:
    """SVG that needs nothing from outside."""
    charts = [
        reliability_chart(judged),
        _most_decided(judged),
        confusion_chart("Confusion", judged.confusion),
    ]
    return side_by_side(charts, judged.name)


def reliability_chart(judged: Scorecard) -> str:
    """How often the model is right, over how sure it says it is."""
    bins = [(confidence, right) for confidence, right, rows in judged.reliability if rows >= LEAST_ROWS]
    line = Line(judged.name, bins, dotted=True)
    return line_chart("Reliability", [line], "confidence", "right", diagonal=True)


def _most_decided(judged: Scorecard) -> str:
    surest = [(100 * covered.share, covered.accuracy) for covered in judged.coverage]
    widest = [(100 * covered.share, covered.direction) for covered in judged.coverage]
    lines = [
        Line("right, of the surest", surest, dotted=True),
        Line("right side, of moves", widest, dotted=True),
    ]
    return line_chart("The most decided", lines, "% of rows", "share")
