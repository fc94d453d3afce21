package redoubt.nbd;

import java.nio.charset.StandardCharsets;
import redoubt.block.BlockDevice;
import redoubt.block.BlockLimits;

/** One entry of {@link NbdExports}: a device, what clients call it, and what they are told about it. */
final class Export {

    final String name;
    final BlockDevice device;
    final byte[] nameBytes;
    final byte[] descriptionBytes;
    final long sizeBytes;
    final int blockBytes;
    final int preferredBytes;
    final int maxTransferBytes;
    final boolean readOnly;
    final ExportClients clients;

    /** Set once when the export is taken away; sessions see it before each request. */
    volatile boolean withdrawn;

    private final BlockLimits limits;

    Export(String name, BlockDevice device, String description, ExportClients clients) {
        this.clients = clients;
        this.name = name;
        this.device = device;
        this.nameBytes = name.getBytes(StandardCharsets.UTF_8);
        this.descriptionBytes = description.getBytes(StandardCharsets.UTF_8);
        this.limits = device.limits();
        this.blockBytes = limits.blockBytes();
        // What does not fill a block cannot be addressed.
        this.sizeBytes = limits.sizeBytes() & -blockBytes;
        this.preferredBytes = preferred(limits);
        this.maxTransferBytes = limits.maxTransferBytes();
        this.readOnly = limits.readOnly();
    }

    /** The protocol wants a power of two of at least 512 and at most the largest payload; a stripe of three chunks is not. */
    private static int preferred(BlockLimits limits) {
        int powerOfTwo = Integer.lowestOneBit(limits.preferredBytes());
        return Math.clamp(powerOfTwo, Math.max(512, limits.blockBytes()), Wire.MAX_PAYLOAD_BYTES);
    }

    /** Transmission flags for a client that negotiated structured replies, or did not. */
    int flags(boolean structured) {
        int flags = Wire.FLAG_HAS_FLAGS
                | Wire.FLAG_SEND_FLUSH
                | Wire.FLAG_SEND_FUA
                | Wire.FLAG_CAN_MULTI_CONN
                | Wire.FLAG_SEND_CACHE;
        if (readOnly) {
            flags |= Wire.FLAG_READ_ONLY;
        } else {
            flags |= Wire.FLAG_SEND_WRITE_ZEROES | Wire.FLAG_SEND_FAST_ZERO;
            if (limits.trims()) {
                flags |= Wire.FLAG_SEND_TRIM;
            }
        }
        if (limits.rotational()) {
            flags |= Wire.FLAG_ROTATIONAL;
        }
        if (structured) {
            flags |= Wire.FLAG_SEND_DF;
        }
        return flags;
    }
}
