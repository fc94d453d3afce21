package redoubt.cli;

import redoubt.block.IoMemory;
import redoubt.block.IoMemory.Cut;

/** The memory that requests carry, cut once for a process; see docs/CONCURRENCY.md, rule 7. */
final class DataMemory {

    private static final int KIB = 1024;
    private static final int MIB = 1024 * KIB;

    private DataMemory() {}

    /** For a server: 24 MiB, most buffers small, for most requests are. The reserve is for going on when a call hangs with a buffer. */
    static IoMemory forServing() {
        return new IoMemory(
                new Cut(4 * KIB, 1024, 64), new Cut(16 * KIB, 256, 16), new Cut(64 * KIB, 64, 8), new Cut(MIB, 12, 3));
    }

    /** For reading an array from start to end. */
    static IoMemory forCopying() {
        return new IoMemory(new Cut(4 * KIB, 16, 4), new Cut(64 * KIB, 16, 4), new Cut(MIB, 16, 3));
    }
}
