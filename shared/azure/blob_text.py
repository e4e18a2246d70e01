"""A text document in a blob that is not the app's own storage: a policy kept where its editors may write."""

from dataclasses import dataclass
from datetime import datetime

from azure.core.credentials_async import AsyncTokenCredential
from azure.storage.blob.aio import BlobClient

from shared.azure.failures import typed
from shared.errors import Refused

LARGEST = 1 << 20


@dataclass(frozen=True, slots=True)
class BlobTexts:
    """Reads documents by identity."""

    credential: AsyncTokenCredential

    async def read(self, url: str) -> tuple[str, datetime]:
        """The text of the blob at an https URL, and when it was last written.

        Raises:
            AzureError: it cannot be read, is no UTF-8 text, or is larger than 1 MiB.
        """
        async with (
            typed("read the policy's blob"),
            BlobClient.from_blob_url(url, credential=self.credential, retry_total=1) as blob,
        ):
            stream = await blob.download_blob(offset=0, length=LARGEST)
            raw = await stream.readall()
        if stream.properties.size > LARGEST:
            raise Refused(f"The policy's blob is larger than {LARGEST // 1024} KiB.")
        try:
            return raw.decode(), stream.properties.last_modified
        except UnicodeDecodeError as error:
            raise Refused("The policy's blob is not UTF-8 text.") from error
