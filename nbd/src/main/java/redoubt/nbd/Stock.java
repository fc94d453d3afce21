package redoubt.nbd;

import redoubt.block.IoMemory;
import redoubt.block.IoRequestPool;

/**
 * What all sessions of a server share and use up: memory, requests to devices, commands. Made at construction, never grown. Who
 * finds it empty stops reading from its client.
 *
 * <p>Nobody may take the last: a session that holds something gets more only while as much lies free as it holds already. However many
 * greedy clients there are, a new one finds something.
 */
final class Stock {

    /** Requests up to this size are small: their replies are copied together, larger ones are sent from where they lie. */
    static final int SMALL_BYTES = 32 << 10;

    final IoMemory memory;
    final IoRequestPool requests;
    final CommandPool commands;

    /** Largest part of a request: what one buffer holds. */
    final int partBytes;

    Stock(IoMemory memory, NbdLimits limits) {
        this.memory = memory;
        this.partBytes = Math.min(memory.largestBytes(), 1 << 20);
        if (partBytes < 1 << 16) {
            throw new IllegalArgumentException(
                    "an NBD server needs buffers of at least 64 KiB, not " + memory.largestBytes());
        }
        this.requests = new IoRequestPool(limits.requests() * 2 + Command.PARTS * limits.seats());
        this.commands = new CommandPool(limits.requests());
    }
}
