"""A short soak run; `python -m test.soak --minutes 15` is the long one."""

from test.soak import soak


def test_the_node_stands_an_unquiet_load(ros):
    report = soak(seconds=20, rate=30)
    assert "camera deaths" in report
    assert "parameters refused" in report
