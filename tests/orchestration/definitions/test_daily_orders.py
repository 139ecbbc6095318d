"""The workflow of the Distributed Map."""

from __future__ import annotations

from tests.orchestration.definitions.definition_files import states_of
from tests.paths import ROOT


def test_the_map_is_the_textbooks() -> None:
    map_ = states_of("daily_orders")["SettleAllOrders"]

    config = map_["ItemProcessor"]["ProcessorConfig"]
    assert config == {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}
    assert map_["ToleratedFailurePercentage"] == 5
    assert map_["ItemReader"]["ReaderConfig"] == {"InputType": "JSON"}
    assert "VersionId.$" in map_["ItemReader"]["Parameters"]
    assert map_["ResultWriter"]["Resource"] == "arn:aws:states:::s3:putObject"
    template = (ROOT / "deploy/template.yaml").read_text()
    assert "MaxConcurrency:\n    Type: Number\n    Default: 1000\n" in template
