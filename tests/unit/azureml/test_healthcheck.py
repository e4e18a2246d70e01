"""Reports of the extension's healthcheck: real ones, odd ones, hostile ones."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.azureml.healthcheck import CODES, critical_first, findings_in, read_reports

# As kubectl shows it in azure-sdk-for-python #33480.
REPORT = """
Report:
Duration: 149.978981ms
Date: 2023-12-12 13:57:17.896838241 +0000 UTC m=+0.298028493
K8sDistribution:
K8sInfrastructure:
CorrelationId: xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx
TroubleShootingGuide: https://aka.ms/arcmltsg

Status: Passed Name: service
Status: Passed Name: helmchart
Status: Failed Name: instancetype ErrorCode: E45006 ErrorMessage: Failed to validate or update instancetype
Status: Passed Name: clusterresource
Status: Passed Name: info
"""


def test_a_real_report():
    """The one failed check is found, with its code, words and remedy; passed ones are not told."""
    [found] = read_reports({"reports-pre-install": REPORT}, after="install")

    assert (found.code, found.critical) == ("E45006", False)
    assert found.message == "instancetype: Failed to validate or update instancetype"
    assert "InstanceType" in found.remedy


@pytest.mark.parametrize(
    ("after", "codes"),
    [
        ("install", ["E40001", "E40004", "E45001"]),
        ("update", ["E40002", "E40003", "E45001"]),
        ("delete", ["E40004", "E45001"]),
    ],
)
def test_the_reports_of_the_operation_are_read(after, codes):
    """Which reports count after which operation is the troubleshooting guide's rule; the test's own comes last."""
    data = {
        f"reports-{name}": f"Status: Failed Name: x ErrorCode: {code}"
        for name, code in {
            "test": "E45001",
            "pre-delete": "E40004",
            "pre-rollback": "E40003",
            "pre-upgrade": "E40002",
            "pre-install": "E40001",
        }.items()
    }

    assert [found.code for found in read_reports(data, after=after)] == codes


@pytest.mark.parametrize(
    "report",
    [
        "Status: Failed\nName: inferencev1\nErrorCode: E40007\nErrorMessage: key and\n  certificate differ\n",
        "Status: Failed\r\n  Name: inferencev1\r\n  ErrorCode:   E40007\r\n  ErrorMessage: key and certificate differ",
        "status: FAILED name: inferencev1 errorcode: e40007 errormessage: key and certificate differ",
        (
            "Status: Passed Name: a Status: Failed Name: inferencev1 ErrorCode: E40007 "
            "ErrorMessage: key and certificate differ Status: Passed Name: b ErrorCode: E40001"
        ),
        "Name: inferencev1 ErrorCode: E40007 ErrorMessage: key and certificate differ TroubleShootingGuide: x",
        "Status: Failed Name: inferencev1 ErrorCode: E40007 ErrorMessage: key\x00and\x1b certificate\tdiffer",
    ],
    ids=["lines", "crlf", "case", "one-line", "no-status", "control-characters"],
)
def test_forms_of_a_block(report):
    """One line or several, in any letter case, with or without a status."""
    [found] = findings_in(report)

    assert (found.code, found.name, found.critical) == ("E40007", "INVALID_SSL_SETTING", True)
    assert found.message == "inferencev1: key and certificate differ"
    assert str(found) == "E40007 INVALID_SSL_SETTING: inferencev1: key and certificate differ"


@pytest.mark.parametrize(
    ("report", "code", "name", "critical"),
    [
        ("Status: Failed Name: gpu ErrorCode: E41234 ErrorMessage: new", "E41234", "gpu", True),
        ("Status: Failed Name: gpu ErrorCode: E47777", "E47777", "gpu", False),
        ("Status: Failed Name: gpu", "", "gpu", False),
        ("Status: Failed", "", "", False),
    ],
)
def test_what_no_table_knows(report, code, name, critical):
    """An unknown code, or none, is told as the report has it, with a remedy that fits every code."""
    [found] = findings_in(report)

    assert (found.code, found.name, found.critical) == (code, name, critical)
    assert "log of pod healthcheck" in found.remedy


def test_all_documented_codes_are_known():
    """The codes of both documents and the one seen in a report."""
    low = [f"E4000{number}" for number in range(8)]
    high = [f"E4500{number}" for number in range(1, 7)]

    assert list(CODES) == [*low, *high, "E49999"]
    for code, known in CODES.items():
        [found] = findings_in(f"Status: Failed Name: x ErrorCode: {code}")
        assert (found.name, found.remedy, found.critical) == (known.name, known.remedy, code < "E45000")
        assert known.remedy.endswith(".")


def test_the_first_critical_one_counts():
    """Diagnostic findings count only where nothing is critical."""
    found = findings_in("Status: Failed ErrorCode: E45001\nStatus: Failed ErrorCode: E40002")

    assert critical_first(found) == found[1]
    assert critical_first(found[:1]) == found[0]
    assert critical_first(()) is None


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"reports-pre-install": ""},
        {"status-test": "x"},
        {"reports-pre-install": REPORT.replace("Failed", "Passed")},
    ],
)
def test_nothing_to_tell(data):
    """No report, an empty one, a foreign key, a report in which all passed."""
    assert read_reports(data, after="install") == ()


def test_the_same_finding_is_told_once():
    """Both reports of a failed install tell of the same fault."""
    line = "Status: Failed Name: x ErrorCode: E40001"

    assert len(read_reports({"reports-pre-install": line, "reports-pre-delete": line * 3}, after="install")) == 1


@given(st.dictionaries(st.sampled_from(["reports-pre-install", "reports-pre-delete", "x"]), st.text()))
def test_garbage_is_no_error(data):
    """Whatever a configmap holds, reading it ends with findings or without."""
    for found in read_reports(data, after="install"):
        assert found.remedy


@given(
    st.lists(
        st.sampled_from(["Status:", "Failed", "Name:", "ErrorCode:", "E40001", "ErrorMessage:", "\n", "\u2028", "é"])
    )
)
def test_pieces_of_reports_are_no_error(pieces):
    """Nor do the format's own words in a wrong order; what is told stays bounded and on one line."""
    for found in findings_in(" ".join(pieces)):
        assert len(str(found)) < 400
        assert "\n" not in str(found)


@pytest.mark.parametrize(
    "piece",
    [
        "Status: Failed ",
        "ErrorCode: ",
        "ErrorCode: E4000",
        " ",
        "Name: ",
        "ErrorMessage:",
        "x",
        "Status: Failed ErrorMessage: a",
    ],
)
def test_a_huge_report_is_bounded(piece):
    """Ten megabytes are answered at once, with few findings and short messages."""
    started = time.perf_counter()
    found = findings_in(piece * (10_000_000 // len(piece)))

    assert time.perf_counter() - started < 1
    assert len(found) <= 50
    assert all(len(finding.message) <= 300 for finding in found)
