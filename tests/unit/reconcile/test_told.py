"""What a decision tells a person, beyond what is to be done."""

from shared.model.decision import Action
from shared.reconcile.decide import decide
from tests.unit.reconcile.worlds import NOW, SHIPPED, installed, ready


def test_a_cluster_that_stands_shows_what_is_wanted_of_it():
    """Where nothing is to be done, the settings and their origins are told all the same."""
    decision = decide(installed(ready(tags={"aml-onboard": "true"})), SHIPPED, NOW)

    assert decision.action is Action.NOTHING
    assert decision.desired is not None
    assert decision.desired.settings["enableTraining"].lower() == "true"
    assert decision.desired.settings.keys() <= decision.desired.origins.keys()
