"""What tests of the audit trail read on real storage: its lines, and whether they are whole."""

from azure.storage.blob import BlobServiceClient

from shared.model.audit import BEGINNING, Break, Chain


def trail_of(connection: str, container: str = "muster-audit") -> list[dict]:
    """The records of the whole trail in order; it must be whole."""
    chain, records = Chain(BEGINNING), []
    for day, raw in raw_days(connection, container).items():
        for number, line in enumerate(raw.splitlines(), start=1):
            each = chain.follow(line, (day, number))
            assert not isinstance(each, Break), str(each)
            records.append(dict(each.record))
    return records


def raw_days(connection: str, container: str = "muster-audit") -> dict[str, bytes]:
    """Every day's bytes."""
    with BlobServiceClient.from_connection_string(connection) as blobs:
        client = blobs.get_container_client(container)
        if not client.exists():
            return {}
        names = sorted(blob.name for blob in client.list_blobs())
        return {name.removesuffix(".jsonl"): client.download_blob(name).readall() for name in names}
