"""One piece of a recording, and what the pieces in order add up to.

Times are ms on the recording clock: it stands still in a pause and runs on through a loss.
"""

import hashlib
from dataclasses import dataclass, field

SAMPLE_RATE = 16_000
BYTES_PER_MS = SAMPLE_RATE * 2 // 1000
GAP_TOLERANCE_MS = 20  # rounding of t_ms in the client; a real loss is at least one chunk, 100 ms


@dataclass(frozen=True)
class Chunk:
    """One piece of PCM (16-bit little-endian mono, 16 kHz) and its place on the recording clock."""

    seq: int
    t_ms: int
    arrived_ms: int
    pcm: bytes

    @property
    def duration_ms(self) -> int:
        return len(self.pcm) // BYTES_PER_MS


@dataclass
class Timeline:
    """What the chunks seen so far, in order, add up to."""

    last_seq: int = -1
    clock_ms: int = 0
    pcm_bytes: int = 0
    gaps: list[tuple[int, int]] = field(default_factory=list)
    clock_map: list[tuple[int, int]] = field(default_factory=list)
    _hash: "hashlib._Hash" = field(default_factory=hashlib.sha256, repr=False)

    def add(self, chunk: Chunk) -> None:
        """Take the next chunk in order; a jump of `t_ms` beyond the last chunk's end is a gap."""
        jump = chunk.t_ms - self.clock_ms
        start_ms = chunk.t_ms if jump > GAP_TOLERANCE_MS else self.clock_ms
        if jump > GAP_TOLERANCE_MS:
            self.gaps.append((self.clock_ms, chunk.t_ms))
        if jump > GAP_TOLERANCE_MS or not self.clock_map:
            self.clock_map.append((start_ms, self.pcm_bytes // BYTES_PER_MS))
        self.last_seq = chunk.seq
        self.pcm_bytes += len(chunk.pcm)
        file_start_ms = self.clock_map[-1][1]
        # From the file's length and not by adding up, so that rounding of odd chunk lengths never accumulates.
        self.clock_ms = self.clock_map[-1][0] + self.pcm_bytes // BYTES_PER_MS - file_start_ms
        self._hash.update(chunk.pcm)

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    @property
    def pcm_ms(self) -> int:
        return self.pcm_bytes // BYTES_PER_MS
