"""What becomes of an uploaded file that is larger than memory should hold."""

from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler

from synapse.encryption.sealed_files import SealedFile


class SealedUploadHandler(FileUploadHandler):
    """Keep it on the disk under a key that is in memory alone."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self._sealed = SealedFile(settings.DATA_DIR / "incoming")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self._sealed.write(raw_data)

    def file_complete(self, file_size: int) -> "UploadedFile[bytes]":
        self._sealed.seek(0)
        sealed: Any = self._sealed
        return UploadedFile(sealed, self.file_name, self.content_type, file_size, self.charset)

    def upload_interrupted(self) -> None:
        if hasattr(self, "_sealed"):
            self._sealed.close()
