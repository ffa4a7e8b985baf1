"""What the diagnostics make of durations."""

from __future__ import annotations


def test_latencies_are_medians_and_95th_percentiles():
    from moa_depth_ros.ros.diagnostics import Statistics

    statistics = Statistics()
    for milliseconds in range(1, 102):
        statistics.took({"network": milliseconds / 1e3, "cloud": 0.001}, age=0.2, together=1)
    values = {pair.key: pair.value for pair in statistics.status("", {}).values}
    assert (values["network median (ms)"], values["network p95 (ms)"]) == ("51.00", "96.00")
    assert (values["total median (ms)"], values["since stamp p95 (ms)"]) == ("52.00", "200.00")
    assert values["reading median (ms)"] == "nan"
