package redoubt.metadata.md0;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import redoubt.base.Extent;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.Finding;
import redoubt.metadata.Printable;

/** Superblocks that lie: each is answered with one sentence, in both byte orders. */
class HostileOldSuperblockTest {

    private static final List<ByteOrder> ORDERS = List.of(ByteOrder.LITTLE_ENDIAN, ByteOrder.BIG_ENDIAN);

    /** One lie, told with a right sum. */
    record Lie(String name, String expected, Consumer<ByteBuffer> told) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static Lie word(String name, String expected, int at, int value) {
        return new Lie(name, expected, block -> block.putInt(at, value));
    }

    static Stream<Lie> lies() {
        int slotOfOne = Md0Superblock.TABLE_AT + Md0Descriptor.BYTES + Md0Descriptor.SLOT_AT;
        return Stream.of(
                word("version 2", "version 2.90 is none", Md0Superblock.MAJOR_AT, 2),
                word("version 0.36", "version 0.36 is none", Md0Superblock.MINOR_AT, 36),
                word("version 0.92", "version 0.92 is none", Md0Superblock.MINOR_AT, 92),
                word("level 7", "7 is no level", Md0Superblock.LEVEL_AT, 7),
                word("multipath", "-4 is no level", Md0Superblock.LEVEL_AT, -4),
                word("no members", "of 0 members", Md0Superblock.RAID_DISKS_AT, 0),
                word("one member", "of 1 members", Md0Superblock.RAID_DISKS_AT, 1),
                word("28 members", "of 28 members", Md0Superblock.RAID_DISKS_AT, 28),
                word("2^32-1 members", "of 4294967295 members", Md0Superblock.RAID_DISKS_AT, -1),
                word("size 0", "0 sectors of each", Md0Superblock.SIZE_AT, 0),
                word("size over the superblock", "130946 sectors of each", Md0Superblock.SIZE_AT, 65473),
                word("size 2^32-1", "8589934590 sectors of each", Md0Superblock.SIZE_AT, -1),
                word("chunk 0", "chunks of 0 bytes", Md0Superblock.CHUNK_AT, 0),
                word("chunk 1", "chunks of 1 bytes", Md0Superblock.CHUNK_AT, 1),
                word("chunk 3000", "chunks of 3000 bytes", Md0Superblock.CHUNK_AT, 3000),
                word("chunk 2^31", "chunks of 2147483648 bytes", Md0Superblock.CHUNK_AT, 1 << 31),
                word("chunk over the member", "on members of", Md0Superblock.CHUNK_AT, 1 << 30),
                word("disk 27", "disk 27 of a table of 27", Md0Superblock.THIS_DISK_AT, 27),
                word("disk 2^32-1", "disk 4294967295 of", Md0Superblock.THIS_DISK_AT, -1),
                word("slot 3 of 3", "in slot 3 of 3", slotOfOne, 3),
                word("slot 2^32-1", "in slot 4294967295", slotOfOne, -1),
                word("two in a slot", "two disks would be in slot 0", slotOfOne, 0),
                new Lie("raid10 of no copies", "0x2 is no layout", block -> block.putInt(Md0Superblock.LEVEL_AT, 10)),
                new Lie(
                        "raid10 of 65025 copies",
                        "0xffff is no layout",
                        block -> block.putInt(Md0Superblock.LEVEL_AT, 10).putInt(Md0Superblock.LAYOUT_AT, 0xFFFF)),
                new Lie("raid6 of three", "raid6 of 3 members", block -> block.putInt(Md0Superblock.LEVEL_AT, 6)),
                new Lie(
                        "reshape from nothing",
                        "have come to 3",
                        block -> block.putInt(Md0Superblock.MINOR_AT, 91).putInt(Md0Superblock.DELTA_DISKS_AT, 3)),
                new Lie(
                        "reshape from everything",
                        "have come to 3",
                        block -> block.putInt(Md0Superblock.MINOR_AT, 91)
                                .putInt(Md0Superblock.DELTA_DISKS_AT, 1 << 31)));
    }

    @ParameterizedTest
    @MethodSource("lies")
    void aLieIsAnsweredWithOneSentence(Lie lie) throws Exception {
        for (ByteOrder order : ORDERS) {
            Finding finding = OldSuperblocks.changed(OldSuperblocks.raid5(order, 3, 0, 10), lie.told());
            assertThat(finding).isInstanceOf(Finding.Malformed.class);
            String sentence = ((Finding.Malformed) finding).because().sentence();
            assertThat(sentence).contains(lie.expected()).doesNotContain("\n").startsWith("md metadata 0.90, ");
            assertThat(Printable.of(sentence)).isEqualTo(sentence);
        }
    }

    /** Goal: no byte is believed by chance. Method: flip each, without summing up again. */
    @Test
    void everyFlippedByteIsNoticed() throws Exception {
        for (ByteOrder order : ORDERS) {
            byte[] block = OldSuperblocks.summedUp(OldSuperblocks.raid5(order, 3, 0, 10));
            for (int at = 0; at < block.length; at++) {
                byte[] flipped = block.clone();
                flipped[at] ^= 0x10;
                assertThat(new Md0Format().probe(OldSuperblocks.GEOMETRY, OldSuperblocks.disk(flipped, new byte[0])))
                        .as("byte %d, %s", at, order)
                        .isNotInstanceOf(Finding.Whole.class);
            }
        }
    }

    /** Goal: the place is Linux' on every size, and no size makes a bug. */
    @Test
    void everySizeOfDiskIsAnswered() throws Exception {
        Md0Format format = new Md0Format();
        for (long sectors = 0; sectors < 600; sectors++) {
            DiskGeometry geometry = new DiskGeometry(sectors * 512 + sectors % 512, 512);
            assertThat(format.probe(geometry, (at, length) -> new byte[length])).isInstanceOf(Finding.Absent.class);
            List<Extent> expected = new ArrayList<>();
            if (sectors >= 128) {
                expected.add(new Extent((sectors / 128 - 1) * 65536, 4096));
            }
            assertThat(format.usualPlaces(geometry)).as("%d sectors", sectors).isEqualTo(expected);
        }
        DiskGeometry largest = new DiskGeometry(Long.MAX_VALUE & -4096, 4096);
        assertThat(format.probe(largest, (at, length) -> new byte[length])).isInstanceOf(Finding.Absent.class);
    }

    /** Goal: what belongs to the last partition is not read as the disk's. Method: a partition, and a protective one, that end with the disk. */
    @Test
    void aSuperblockOfAPartitionIsNotTheDisks() throws Exception {
        byte[] superblock = OldSuperblocks.summedUp(OldSuperblocks.raid5(ByteOrder.LITTLE_ENDIAN, 3, 0, 10));
        long sectors = OldSuperblocks.GEOMETRY.sizeSectors();
        assertThat(withPartition(superblock, 0x83, 2048, sectors - 2048))
                .contains("the partition that begins on sector 2048");
        assertThat(withPartition(superblock, 0xEE, 1, sectors - 1)).contains("may own this superblock");
        assertThat(withPartition(superblock, 0x83, 2048, OldSuperblocks.SECTOR - 2048))
                .isEmpty(); // within the array
        assertThat(withPartition(superblock, 0x83, 2048, 3 * sectors)).isEmpty(); // of an array of several such disks
    }

    private static String withPartition(byte[] superblock, int type, long from, long length) throws Exception {
        ByteBuffer first = ByteBuffer.allocate(512).order(ByteOrder.LITTLE_ENDIAN);
        first.put(446 + 4, (byte) type).putInt(446 + 8, (int) from).putInt(446 + 12, (int) length);
        first.putShort(510, (short) 0xAA55);
        return new Md0Format().probe(OldSuperblocks.GEOMETRY, OldSuperblocks.disk(superblock, first.array()))
                        instanceof Finding.Malformed(var because)
                ? because.sentence()
                : "";
    }

    @Test
    void bothByteOrdersSayTheSame() throws Exception {
        List<Md0DiskMetadata> both = new ArrayList<>();
        for (ByteOrder order : ORDERS) {
            ByteBuffer block = OldSuperblocks.raid5(order, 3, 1, (5L << 32) + 18);
            block.putInt(Md0Superblock.STATE_AT, 0);
            block.putLong(Md0Superblock.CHECKPOINT_EVENTS_AT, (5L << 32) + 18);
            block.putInt(Md0Superblock.CHECKPOINT_AT, 1000);
            both.add((Md0DiskMetadata) ((Finding.Whole) OldSuperblocks.found(block)).metadata());
        }
        assertThat(both.get(0).picture()).isEqualTo(both.get(1).picture());
        assertThat(both.get(0).superblock().events()).isEqualTo((5L << 32) + 18);
        assertThat(both.get(0).superblock().resyncOffset()).isEqualTo(1000);
        assertThat(both.get(0)
                        .report(java.util.Optional.empty())
                        .sections()
                        .getFirst()
                        .field("byte_order"))
                .isEmpty();
        assertThat(both.get(1)
                        .report(java.util.Optional.empty())
                        .sections()
                        .getFirst()
                        .field("byte_order"))
                .isPresent();
    }

    /** Linux on Alpha folds the sum to 16 bits. */
    @Test
    void aFoldedSumIsRight() throws Exception {
        ByteBuffer block = ByteBuffer.wrap(
                        OldSuperblocks.summedUp(OldSuperblocks.raid5(ByteOrder.LITTLE_ENDIAN, 3, 0, 10)))
                .order(ByteOrder.LITTLE_ENDIAN);
        int sum = block.getInt(Md0Superblock.SUM_AT);
        int once = (sum & 0xFFFF) + (sum >>> 16);
        block.putInt(Md0Superblock.SUM_AT, (once & 0xFFFF) + (once >>> 16));
        assertThat(new Md0Format()
                        .probe(OldSuperblocks.GEOMETRY, OldSuperblocks.disk(OldSuperblocks.bytes(block), new byte[0])))
                .isInstanceOf(Finding.Whole.class);
    }
}
