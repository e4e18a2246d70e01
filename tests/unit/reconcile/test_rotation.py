"""Certificates from Key Vault: when they are sent, with what beside them, and what is remembered."""

from dataclasses import replace
from datetime import timedelta

from shared.errors import Finding
from shared.model.certificate import CertificateReading, CertificateVersion
from shared.model.decision import Action, Want
from shared.model.state import Condition, HoldCode
from shared.policy.model import Enforcement, EnforcementTable
from shared.reconcile.act import Outcome, Sent
from shared.reconcile.decide import decide
from shared.reconcile.record import after_sending, before_sending, remembered
from tests.unit.reconcile.worlds import NOW, _policy, extension, installed, looked_at, ready

ADDRESS = "https://vault.example/certificates/ml"
SOURCE = "https://vault.example/secrets/ml"
POLICY = _policy(
    f"""
version: 1
profiles:
  https:
    settings: {{enableInference: true, inferenceRouterServiceType: nodePort, sslCname: ml.example.com}}
    tls: {{keyVaultCertificate: "{ADDRESS}"}}
rules: [{{name: all, profile: https}}]
"""
)
TLS_KEYS = {"scoringFe.sslCert", "scoringFe.sslKey"}
RELAY_KEYS = {"relayServerConnectionString", "relayserver.relayConnectionString"}


def version(name="1", *, age=timedelta(days=30), **facts):
    """A version of the certificate that was written some time ago."""
    return CertificateVersion(SOURCE, name, NOW - age, **facts)


def read(name="1", *, checked=True, findings=(), **facts):
    """What Key Vault said of it."""
    return CertificateReading(version(name, **facts), checked=checked, findings=findings)


def arc(**facts):
    """An Arc cluster whose agent was heard of a minute ago."""
    return ready("arc", **({"last_connectivity": NOW - timedelta(minutes=1)} | facts))


def standing(cluster, *, sent="1", reading=None, **facts):
    """A cluster on which Muster installed with version `sent` of the certificate."""
    seen = installed(cluster, POLICY, certificate=read("1"))
    memory = replace(seen.memory, certificate=version(sent).fingerprint if sent else None)
    return replace(seen, **({"memory": memory, "certificate": reading} | facts))


def test_an_install_asks_for_the_certificate_and_sends_it_checked():
    """The body names both TLS keys; before it is sent the content of the certificate is asked for."""
    unread = decide(looked_at(ready(), surroundings=None), POLICY, NOW)
    checked = decide(looked_at(ready(), certificate=read()), POLICY, NOW)

    assert unread.action is Action.INSTALL
    assert Want.CERTIFICATE in unread.wants
    assert set(checked.desired.protected) == TLS_KEYS
    assert Want.CERTIFICATE not in checked.wants
    assert checked.certificate == version().fingerprint


def test_a_bad_certificate_holds_the_install_with_its_finding():
    """A key that does not match, an expired one, one that cannot be read: held by name, nothing is sent."""
    wrong = read(findings=(Finding("tls-key-mismatch", "the key belongs to another certificate."),))
    unreadable = CertificateReading(checked=True, trouble="403 Forbidden.")
    for reading in (wrong, unreadable, read(expires_at=NOW - timedelta(seconds=1))):
        decision = decide(looked_at(ready(), certificate=reading), POLICY, NOW)

        assert decision.action is Action.HOLD
        assert decision.state.hold.code is HoldCode.PREFLIGHT
        assert any(result.blocks and result.id.startswith("tls-") for result in decision.checks)


def test_what_was_sent_is_not_sent_again():
    """The same version as remembered: nothing to do, and no content is asked for."""
    decision = decide(standing(ready(), reading=read(checked=False)), POLICY, NOW)

    assert decision.action is Action.NOTHING
    assert not decision.wants
    assert decision.state.condition is Condition.CURRENT


def test_a_new_version_is_one_patch_with_the_whole_protected_map():
    """TLS keys and, on Arc, both relay strings are among what the PATCH carries; settings are not touched."""
    for cluster, names in ((ready(), TLS_KEYS), (arc(), TLS_KEYS | RELAY_KEYS)):
        asked = decide(standing(cluster, reading=read("2", checked=False, age=timedelta(hours=1))), POLICY, NOW)
        sent = decide(standing(cluster, reading=read("2", age=timedelta(hours=1))), POLICY, NOW)

        assert Want.CERTIFICATE in asked.wants
        assert sent.action is Action.UPDATE
        assert sent.protected
        assert sent.patch == {}
        assert set(sent.desired.protected) == names
        assert sent.certificate == version("2").fingerprint


def test_a_rotation_waits_for_a_heartbeat_on_arc():
    """Protected values are kept for 48 hours: without an agent nothing is sent."""
    silent = arc(last_connectivity=NOW - timedelta(minutes=6))
    decision = decide(standing(silent, reading=read("2")), POLICY, NOW)

    assert decision.action is Action.WAIT
    assert decision.intended is Action.UPDATE
    assert "heartbeat" in decision.reason


def test_a_rotation_needs_the_policys_word():
    """An update that the policy only reports, or wants approved, is not sent."""
    cautious = replace(POLICY, enforcement=EnforcementTable(update_safe=Enforcement.APPROVE))
    decision = decide(standing(ready(), reading=read("2")), cautious, NOW)

    assert decision.state.hold.code is HoldCode.APPROVAL


def test_without_memory_an_older_version_stands_for_sent():
    """Written before the extension's last modification: taken as sent, and remembered so; a newer one goes out once."""
    modified = extension(settings=standing(ready()).extensions[0].settings, modified_at=NOW - timedelta(days=1))
    older = standing(ready(), sent=None, reading=read("7", age=timedelta(days=2)), extensions=(modified,))
    newer = standing(ready(), sent=None, reading=read("8", age=timedelta(hours=2)), extensions=(modified,))

    kept, sent = decide(older, POLICY, NOW), decide(newer, POLICY, NOW)

    assert kept.action is Action.NOTHING
    assert remembered(older, kept, POLICY, NOW).certificate == version("7").fingerprint
    assert sent.action is Action.UPDATE


def test_only_a_fingerprint_is_remembered_and_only_of_what_was_accepted():
    """Before the write the new fingerprint; after a refusal the old one again."""
    seen = standing(ready(), reading=read("2"))
    decision = decide(seen, POLICY, NOW)
    memory = remembered(seen, decision, POLICY, NOW)
    written = before_sending(seen, memory, decision, NOW)

    assert memory.certificate == version("1").fingerprint
    assert written.certificate == version("2").fingerprint
    assert after_sending(memory, written, decision, Outcome(Sent.ACCEPTED), NOW).certificate == version("2").fingerprint
    assert (
        after_sending(memory, written, decision, Outcome(Sent.UNFINISHED), NOW).certificate == version("1").fingerprint
    )


def test_a_vault_that_does_not_answer_changes_nothing():
    """The installed extension stands; what cannot be read is told as advice."""
    decision = decide(standing(ready(), reading=CertificateReading(checked=True, trouble="no answer.")), POLICY, NOW)

    assert decision.action is Action.NOTHING
    assert any("no answer" in line for line in decision.advice)


def test_a_failed_update_sends_the_certificate_again():
    """The service keeps protected values of a failed operation for 48 hours only."""
    seen = standing(ready(), reading=read("1"))
    failed = replace(seen.extensions[0], provisioning_state="Failed", current_version="1.1.90")
    memory = replace(seen.memory, attempts=1, failed_at=NOW - timedelta(hours=7), sent_at=NOW - timedelta(hours=8))
    decision = decide(replace(seen, extensions=(failed,), memory=memory), POLICY, NOW)

    assert decision.action is Action.REPAIR
    assert decision.protected
    assert set(decision.desired.protected) == TLS_KEYS
