"""docs/coverage.md: every line of the documentation is answered, by code and by tests that exist."""

import ast

import pytest

from tests.coverage_page import ROOT, rows

_ROWS = rows()


def functions_of(file):
    """The names of the test functions in a file."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_the_page_covers_the_whole_documentation():
    """Tables of settings, protected settings, scenarios, limitations and seventeen components are all there."""
    told = " ".join(row.cells[0] for row in _ROWS)
    words = (
        "enableTraining enableInference allowInsecureConnections inferenceRouterServiceType sslSecret sslCname "
        "internalLoadBalancerProvider inferenceRouterHA nodeSelector installNvidiaDevicePlugin installPromOp "
        "installVolcano installDcgmExporter sslCertPemFile sslKeyPemFile "
        "relayserver gateway aml-operator metrics-controller-manager kube-state-metrics prometheus-operator "
        "amlarc-identity-controller amlarc-identity-proxy azureml-fe-v2 inference-operator-controller-manager "
        "volcano-admission volcano-controllers volcano-scheduler fluent-bit dcgm-exporter "
        "nvidia-device-plugin-daemonset prometheus-prom-prometheus "
    )

    assert [word for word in words.split() if word not in told] == []
    assert len(_ROWS) >= 80


@pytest.mark.parametrize("row", _ROWS, ids=lambda row: str(row.line))
def test_a_row_has_no_empty_cell_and_names_what_exists(row):
    """Three filled cells; each named file exists; each named test exists in its file."""
    assert len(row.cells) == 3
    assert all(row.cells)
    assert row.tests or row.cells[2].startswith("answered:"), row.cells[2]
    assert [module for module in row.modules if not (ROOT / module).exists()] == []
    assert [f"{file}::{name}" for file, name in row.tests if name not in functions_of(file)] == []
