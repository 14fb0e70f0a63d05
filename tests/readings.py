"""Readings of `/metrics`, as Prometheus takes them."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

#: Name and labels of a series.
Series = tuple[str, frozenset[tuple[str, str]]]


class Reading(dict[Series, float]):
    """Value by series. One that is not there counts as 0, as it does in sums."""

    def of(self, name: str, **labels: str) -> float:
        """Return the value of one series."""
        return self.get((f"mcp_market_{name}", frozenset(labels.items())), 0.0)

    def names(self) -> set[str]:
        """Return the names of all series."""
        return {name for name, _ in self}

    def values_of(self, label: str) -> set[str]:
        """Return every value that a label has anywhere."""
        return {value for _, labels in self for name, value in labels if name == label}


def read(text: str) -> Reading:
    """Return what a text in Prometheus' format says; fail when it says something twice."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    reading = Reading({(one.name, frozenset(one.labels.items())): one.value for one in samples})
    assert len(reading) == len(samples)
    return reading
