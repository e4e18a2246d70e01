"""Everything that `decide` may know about one cluster: read before, frozen, without any secret."""

from dataclasses import dataclass, field
from datetime import datetime

from shared.model.audit import Record
from shared.model.certificate import CertificateReading
from shared.model.cluster import Cluster
from shared.model.extension import Extension
from shared.model.gates import Gates
from shared.model.hand import Revert
from shared.model.identity import ClusterId
from shared.model.inside import Inside, Verification
from shared.model.intent import Intent
from shared.model.request import Reason
from shared.model.state import Condition, HoldCode, State
from shared.model.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class FollowUp:
    """The one queue message that stands for `next_look`; its receipt lets it be moved."""

    message_id: str
    receipt: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    """What stood in the memory before a write that has had no answer, and how the extension was then.

    Attributes:
        there: whether there was an extension.
        modified_at: when it was last written to, by Azure's record.
        ambiguous_at: when the write ended without an answer of Azure's, where its sender lived to see that.
    """

    there: bool
    modified_at: datetime | None = None
    ambiguous_at: datetime | None = None
    profile: str | None = None
    rule: str | None = None
    choice: str | None = None
    sent: str | None = None
    sent_at: datetime | None = None
    sent_keys: tuple[str, ...] = ()
    certificate: str | None = None
    reverts: tuple[Revert, ...] = ()
    reinstalled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """How the cluster stood when it was last read; a look that could not read it leaves this as it is."""

    condition: Condition
    hold: HoldCode | None = None
    approval: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """What Muster remembers of a cluster. Losing it costs reads, never a write.

    Attributes:
        attempts: failed installs or updates in a row, since an input last changed.
        failed_at: when the last of them was seen.
        refusal: what the service said when it refused the last of them, before any operation began.
        sent: fingerprint of the settings that Muster sent last; None when it never sent any.
        sent_at: when it did.
        sent_keys: the keys of that body.
        succeeded: whether the extension was ever seen in Succeeded.
        choice: fingerprint of policy generation, tags and intent under which `profile` was chosen.
        basis: fingerprint of the choice and the lasting facts under which `attempts` were counted.
        inputs: fingerprint of what the last decision was based on.
        first_seen: when the cluster was first found selected; bounds the wait for late facts.
        trouble_since: since when Azure has not answered about it.
        verification: outcome of the last look inside the cluster.
        certificate: fingerprint of the certificate version that was sent last.
        version: the chart version that ran at the last look; what a first installation shows of itself does not count.
        reverts: the last changes by other hands that were taken back, oldest first.
        reinstalled_at: when the extension was last deleted in order to be installed anew.
        relay_begun: whether the relay's namespace was asked for and nothing was sent to the extension since.
        known: how it stood when it was last read.
        unanswered: what the last write replaced here, while it is not known whether that reached Azure.
        flight: whether a write is booked in the fleet's books that has not been seen to end.
        untold: the record of a write, for the audit, until its outcome is recorded.
        anew_since: when a person asked that automatic and derived values be resolved by today's facts; None once the
            extension holds them. It is set beside the loop, as `next_look` is.
    """

    state: State | None = None
    profile: str | None = None
    rule: str | None = None
    reason: str = ""
    generation: int = 0
    attempts: int = 0
    failed_at: datetime | None = None
    refusal: str = ""
    sent: str | None = None
    sent_at: datetime | None = None
    sent_keys: tuple[str, ...] = ()
    succeeded: bool = False
    choice: str | None = None
    basis: str | None = None
    inputs: str | None = None
    incarnation: str | None = None
    first_seen: datetime | None = None
    trouble_since: datetime | None = None
    changed_at: datetime | None = None
    looked_at: datetime | None = None
    verification: Verification | None = None
    certificate: str | None = None
    version: str | None = None
    reverts: tuple[Revert, ...] = ()
    reinstalled_at: datetime | None = None
    relay_begun: bool = False
    known: Known | None = None
    unanswered: Unanswered | None = None
    flight: bool = False
    untold: Record | None = None
    anew_since: datetime | None = None
    next_look: datetime | None = None
    follow_up: FollowUp | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """One reading of the world around one cluster.

    Attributes:
        cluster: None when it could not be read, or is gone.
        gone: ARM answered 404.
        trouble: why it could not be read, in words for people.
        refused: it could not be read for want of a role.
        extensions: all extensions on the cluster; None when they were not read.
        relay_ready: whether the Azure Relay objects of an Arc cluster exist; None when not looked up.
        relay_unused: whether the relay was made for this cluster alone and nobody listens on it; None when
            not looked up.
        surroundings: what subscription and region say; None when not looked up.
        inside: what the cluster's own API server says; None when it was not asked.
        certificate: what Key Vault says of the endpoints' certificate; None when it was not asked.
        computes: ids of the workspace computes that the cluster is attached as; None when not looked up.
        computes_trouble: why they could not be looked up.
        intents_readable: False when people's words could not be read: nothing may be written then.
        own_names: names under which Azure records this Muster's writes (systemData.createdBy).
        management_groups: names of the groups above the cluster's subscription; None when not known.
    """

    id: ClusterId
    reason: Reason
    gates: Gates
    cluster: Cluster | None = None
    gone: bool = False
    trouble: str = ""
    refused: bool = False
    retry_after: float | None = None
    extensions: tuple[Extension, ...] | None = None
    relay_ready: bool | None = None
    relay_unused: bool | None = None
    surroundings: Surroundings | None = None
    inside: Inside | None = None
    certificate: CertificateReading | None = None
    computes: tuple[str, ...] | None = None
    computes_trouble: str = ""
    memory: Memory = field(default_factory=Memory)
    intent: Intent | None = None
    intents_readable: bool = True
    own_names: frozenset[str] = frozenset()
    management_groups: frozenset[str] | None = None
