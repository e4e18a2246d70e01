"""What the Event Grid webhook makes of a request."""

import json

import pytest

from devhost.eventgrid_door import Delivery, Malformed, Validation, batch_status, read_delivery

EVENT = {"id": "1", "eventType": "Microsoft.Resources.ResourceWriteSuccess", "data": {}}
VALIDATION = {
    "id": "2",
    "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
    "data": {"validationCode": "512d38b6"},
}


@pytest.mark.parametrize(
    ("succeeded", "status"), [([], 202), ([True, True], 202), ([True, False, True], 500), ([False], 500)]
)
def test_one_failing_event_fails_the_array(succeeded, status):
    """The whole array is answered 500 where one of its events failed, else 202."""
    assert status == batch_status(succeeded)


@pytest.mark.parametrize("kind", ["Notification", "notification", ""])
def test_an_array_and_a_single_object_are_deliveries(kind):
    """An array holds events in its order; a single object is one CloudEvent."""
    cloud_event = {"specversion": "1.0", "id": "3", "source": "/s", "type": "t"}

    assert Delivery((EVENT, EVENT)) == read_delivery(kind, json.dumps([EVENT, EVENT]).encode())
    assert Delivery((cloud_event,)) == read_delivery(kind, json.dumps(cloud_event).encode())
    assert Delivery(()) == read_delivery(kind, b"[]")


@pytest.mark.parametrize("kind", ["SubscriptionValidation", ""])
def test_the_validation_code_is_found(kind):
    """The code of a validation event is what has to be sent back, with or without Event Grid's header."""
    assert Validation("512d38b6") == read_delivery(kind, json.dumps([VALIDATION]).encode())


def test_a_notification_is_never_a_handshake():
    """A body that looks like a validation but is announced as a notification is delivered to the function."""
    assert Delivery((VALIDATION,)) == read_delivery("Notification", json.dumps([VALIDATION]).encode())


def test_unsubscribe_needs_no_body():
    """Event Grid's farewell is accepted and runs nothing."""
    assert Delivery(()) == read_delivery("Unsubscribe", b"")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("Notification", b""),
        ("Notification", b"{"),
        ("Notification", b"\xff\xfe"),
        ("Notification", b"[" * 100_000),
        ("Notification", b'"text"'),
        ("Notification", b"[1]"),
        ("Notification", b"null"),
        ("SubscriptionValidation", b"[]"),
        ("SubscriptionValidation", b'[{"data": null}]'),
        ("Surprise", b"[]"),
    ],
)
def test_what_is_no_delivery_is_malformed(kind, body):
    """No JSON, no events, no code or an unknown announcement is refused, never a crash."""
    with pytest.raises(Malformed):
        read_delivery(kind, body)
