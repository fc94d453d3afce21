package redoubt.metadata.md0;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;
import java.util.function.Consumer;
import redoubt.base.Sectors;
import redoubt.metadata.BlockReader;
import redoubt.metadata.Bytes;
import redoubt.metadata.Candidate;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.Finding;
import redoubt.metadata.ReadFailed;

/** Superblocks made by hand, and disks that carry them. */
final class OldSuperblocks {

    static final DiskGeometry GEOMETRY = new DiskGeometry((64 << 20) + 512, 512);
    static final long SECTOR = (64 << 11) - 128;

    static final int SEATED = Md0Descriptor.ACTIVE | Md0Descriptor.IN_SYNC;
    static final int GONE = Md0Descriptor.REMOVED | Md0Descriptor.FAULTY;

    private OldSuperblocks() {}

    /** A superblock of a clean array of level 5, each disk in its own slot, as {@code number} carries it; without its sum. */
    static ByteBuffer raid5(ByteOrder order, int disks, int number, long events) {
        ByteBuffer block = ByteBuffer.allocate(Md0Superblock.BLOCK_BYTES).order(order);
        block.putInt(Md0Superblock.MAGIC_AT, Md0Superblock.MAGIC);
        block.putInt(Md0Superblock.MINOR_AT, Md0Superblock.MINOR);
        block.putInt(Md0Superblock.UUID0_AT, 0x9649B4E9);
        block.putInt(Md0Superblock.UUID1_AT, 0x722B77D4);
        block.putInt(Md0Superblock.UUID1_AT + 4, 0x3D186B3C);
        block.putInt(Md0Superblock.UUID1_AT + 8, 0x53958F34);
        block.putInt(Md0Superblock.CREATED_AT, 1_780_000_000);
        block.putInt(Md0Superblock.LEVEL_AT, 5);
        block.putInt(Md0Superblock.SIZE_AT, 32 << 10);
        block.putInt(Md0Superblock.DISKS_COUNT_AT, disks);
        block.putInt(Md0Superblock.RAID_DISKS_AT, disks);
        block.putInt(Md0Superblock.MD_MINOR_AT, 7);
        block.putInt(Md0Superblock.UPDATED_AT, 1_780_000_001);
        block.putInt(Md0Superblock.STATE_AT, Md0Superblock.CLEAN);
        block.putLong(Md0Superblock.EVENTS_AT, events);
        block.putInt(Md0Superblock.LAYOUT_AT, 2);
        block.putInt(Md0Superblock.CHUNK_AT, 64 << 10);
        for (int slot = 0; slot < disks; slot++) {
            disk(block, slot, slot, SEATED);
        }
        return own(block, number);
    }

    /** The entry of a number. */
    static ByteBuffer disk(ByteBuffer block, int number, int slot, int state) {
        int at = Md0Superblock.TABLE_AT + number * Md0Descriptor.BYTES;
        block.putInt(at + Md0Descriptor.NUMBER_AT, number);
        block.putInt(at + Md0Descriptor.MAJOR_AT, 254);
        block.putInt(at + Md0Descriptor.MINOR_AT, 16 * number);
        block.putInt(at + Md0Descriptor.SLOT_AT, slot);
        block.putInt(at + Md0Descriptor.STATE_AT, state);
        return block;
    }

    /** Makes it the superblock of a disk of its table. */
    static ByteBuffer own(ByteBuffer block, int number) {
        byte[] entry = new byte[Md0Descriptor.BYTES];
        block.get(Md0Superblock.TABLE_AT + number * Md0Descriptor.BYTES, entry);
        block.put(Md0Superblock.THIS_DISK_AT, entry);
        return block;
    }

    static byte[] summedUp(ByteBuffer block) {
        block.putInt(Md0Superblock.SUM_AT, new Md0Superblock(block.order(), Bytes.of(bytes(block))).sum());
        return bytes(block);
    }

    static byte[] bytes(ByteBuffer block) {
        byte[] bytes = new byte[Md0Superblock.BLOCK_BYTES];
        block.get(0, bytes);
        return bytes;
    }

    /** A disk of zeroes but for a superblock and its first sector. */
    static BlockReader disk(byte[] superblock, byte[] first) {
        return (at, length) -> {
            if (at % 512 != 0 || length % 512 != 0 || at < 0 || at + length > GEOMETRY.sizeBytes()) {
                throw new ReadFailed("bytes " + at + " +" + length);
            }
            byte[] from = at == 0 ? first : at == Sectors.toBytes(SECTOR) ? superblock : new byte[0];
            return java.util.Arrays.copyOf(from, length);
        };
    }

    static Finding found(ByteBuffer block) throws ReadFailed {
        return new Md0Format().probe(GEOMETRY, disk(summedUp(block), new byte[0]));
    }

    static Finding changed(ByteBuffer block, Consumer<ByteBuffer> change) throws ReadFailed {
        change.accept(block);
        return found(block);
    }

    static Candidate candidate(int disk, ByteBuffer block) throws ReadFailed {
        return new Candidate(disk, GEOMETRY, Optional.empty(), found(block));
    }
}
