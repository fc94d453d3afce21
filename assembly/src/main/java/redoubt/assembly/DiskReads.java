package redoubt.assembly;

import java.util.List;
import redoubt.base.Extent;
import redoubt.block.BlockDevice;
import redoubt.block.BlockingDisk;
import redoubt.block.IoMemory;
import redoubt.metadata.BlockReader;
import redoubt.metadata.ReadFailed;

/** A {@link BlockingDisk} as codecs and evidence read it: what goes wrong is a {@link ReadFailed}. */
final class DiskReads implements BlockReader {

    /** The most that is moved at a time. */
    static final int PIECE_BYTES = BlockingDisk.PIECE_BYTES;

    private final BlockingDisk disk;

    /** The reader of a disk; see {@link BlockingDisk} for the words. */
    DiskReads(String name, BlockDevice device, IoMemory memory, long limitNanos) {
        this.disk = new BlockingDisk(name, device, memory, limitNanos);
    }

    @Override
    public byte[] read(long offsetBytes, int lengthBytes) throws ReadFailed {
        byte[] bytes = new byte[lengthBytes];
        read(offsetBytes, bytes);
        return bytes;
    }

    /** Fills the array from the disk; place and length are multiples of the disk's block. */
    void read(long offset, byte[] into) throws ReadFailed {
        try {
            disk.read(offset, into);
        } catch (BlockingDisk.Failed failed) {
            throw new ReadFailed(failed.sentence());
        }
    }

    /** Writes the array to the disk; place and length are multiples of the disk's block. */
    void write(long offset, byte[] from) throws ReadFailed {
        try {
            disk.write(offset, from);
        } catch (BlockingDisk.Failed failed) {
            throw new ReadFailed(failed.sentence());
        }
    }

    /** Where there may be something else than zeroes; see {@link BlockingDisk#data}. */
    List<Extent> data(long offset, long length) throws ReadFailed {
        try {
            return disk.data(offset, length);
        } catch (BlockingDisk.Failed failed) {
            throw new ReadFailed(failed.sentence());
        }
    }

    /** Makes durable what was written. */
    void flush() throws ReadFailed {
        try {
            disk.flush();
        } catch (BlockingDisk.Failed failed) {
            throw new ReadFailed(failed.sentence());
        }
    }
}
