package redoubt.metadata.md1;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import redoubt.base.Extent;
import redoubt.base.Sectors;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.Finding;
import redoubt.metadata.LittleEndian;
import redoubt.metadata.Printable;

/** Superblocks that lie: each is answered with one sentence. */
class HostileSuperblockTest {

    /** One lie, told with a right sum. */
    record Lie(String name, String expected, Consumer<byte[]> told) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static Lie word(String name, String expected, int at, int value) {
        return new Lie(name, expected, block -> LittleEndian.putWord(block, at, value));
    }

    private static Lie quad(String name, String expected, int at, long value) {
        return new Lie(name, expected, block -> LittleEndian.putLong64(block, at, value));
    }

    private static Lie feature(String name, String expected, int bits, Consumer<byte[]> more) {
        return new Lie(name, expected, block -> {
            LittleEndian.putWord(block, Md1Superblock.FEATURES_AT, bits);
            more.accept(block);
        });
    }

    static Stream<Lie> lies() {
        return Stream.of(
                word("version 2", "version 2 is none", Md1Superblock.MAJOR_AT, 2),
                word("unknown feature", "bits 0x2000", Md1Superblock.FEATURES_AT, 0x2000),
                word("both logs", "several", Md1Superblock.FEATURES_AT, Md1Feature.PPL | Md1Feature.MULTIPLE_PPLS),
                word("log and bitmap", "exclude", Md1Superblock.FEATURES_AT, Md1Feature.PPL | Md1Feature.BITMAP),
                word("RAID0's layout", "and level 5", Md1Superblock.FEATURES_AT, Md1Feature.RAID0_LAYOUT),
                word("first filler", "new feature", Md1Superblock.PAD0_AT, 1),
                word("last filler", "new feature", Md1Superblock.PAD3_AT + 24, 1 << 31),
                word("level 7", "7 is no level", Md1Superblock.LEVEL_AT, 7),
                word("multipath", "-4 is no level", Md1Superblock.LEVEL_AT, -4),
                word("no members", "of 0 members", Md1Superblock.RAID_DISKS_AT, 0),
                word("one member", "of 1 members", Md1Superblock.RAID_DISKS_AT, 1),
                word("65535 members", "of 65535 members", Md1Superblock.RAID_DISKS_AT, 65535),
                word("2^32-1 members", "of 4294967295 members", Md1Superblock.RAID_DISKS_AT, -1),
                word("chunk 0", "chunks of 0 sectors", Md1Superblock.CHUNK_AT, 0),
                word("chunk 3", "chunks of 3 sectors", Md1Superblock.CHUNK_AT, 3),
                word("chunk 2^31", "chunks of 2147483648", Md1Superblock.CHUNK_AT, 1 << 31),
                word("chunk over the disk", "on members of", Md1Superblock.CHUNK_AT, 1 << 20),
                quad("size 0", "0 sectors of each", Md1Superblock.SIZE_AT, 0),
                quad("size 2^63", "9223372036854775808 sectors of each", Md1Superblock.SIZE_AT, 1L << 63),
                quad("size 2^64-1", "18446744073709551615 sectors", Md1Superblock.SIZE_AT, -1),
                quad("size over the data", "this one has", Md1Superblock.SIZE_AT, Superblocks.DATA_SIZE + 1),
                quad("data over the superblock", "the superblock stands there", Md1Superblock.DATA_OFFSET_AT, 8),
                quad("data on the disk's end", "shorter", Md1Superblock.DATA_OFFSET_AT, 1 << 17),
                quad("data beyond", "not before the end", Md1Superblock.DATA_OFFSET_AT, (1 << 17) + 1),
                quad("data at 2^63", "not before the end", Md1Superblock.DATA_OFFSET_AT, 1L << 63),
                quad("data size 2^64-1", "shorter", Md1Superblock.DATA_SIZE_AT, -1),
                quad("data one too long", "shorter", Md1Superblock.DATA_SIZE_AT, Superblocks.DATA_SIZE + 1),
                quad("another place", "a partition", Md1Superblock.SUPER_OFFSET_AT, 16),
                quad("place 2^64-1", "a partition", Md1Superblock.SUPER_OFFSET_AT, -1),
                word("table of 1921", "a table of 1921", Md1Superblock.ROLES_COUNT_AT, 1921),
                word("table of 2^32-1", "a table of 4294967295", Md1Superblock.ROLES_COUNT_AT, -1),
                word("logical blocks of 3", "blocks of 3 bytes", Md1Superblock.LOGICAL_BLOCK_AT, 3),
                word("slot 9 of 3", "slot 9 of 3", Md1Superblock.HEADER_BYTES, 9),
                word("role ff00", "role ff00", Md1Superblock.HEADER_BYTES, 0xFF00),
                word("three in a slot", "more than two", Md1Superblock.HEADER_BYTES + 2, 0),
                feature("bitmap before the disk", "not on the disk", Md1Feature.BITMAP, block -> {
                    LittleEndian.putWord(block, Md1Superblock.BITMAP_OFFSET_AT, -9);
                }),
                feature("bitmap in the superblock", "within the superblock", Md1Feature.BITMAP, block -> {}),
                feature("bitmap in the data", "within the data", Md1Feature.BITMAP, block -> {
                    LittleEndian.putWord(block, Md1Superblock.BITMAP_OFFSET_AT, 2040);
                }),
                feature("PPL of nothing", "no room", Md1Feature.PPL, block -> {}),
                feature("PPL into the data", "within the data", Md1Feature.PPL, block -> {
                    LittleEndian.putWord(block, Md1Superblock.BITMAP_OFFSET_AT, 16 | 0x800 << 16);
                }),
                feature("bad block log of 9 sectors", "has 9 sectors", Md1Feature.BAD_BLOCKS, block -> {
                    LittleEndian.putU16(block, Md1Superblock.BAD_BLOCK_SIZE_AT, 9);
                }),
                feature("bad blocks of 2^64", "blocks of 2^64", Md1Feature.BAD_BLOCKS, block -> {
                    LittleEndian.putU8(block, Md1Superblock.BAD_BLOCK_SHIFT_AT, 64);
                }),
                feature("bad block log nowhere", "within the superblock", Md1Feature.BAD_BLOCKS, block -> {
                    LittleEndian.putWord(block, Md1Superblock.BAD_BLOCK_OFFSET_AT, 0);
                }),
                feature("bad block log is no log", "and the disk has", Md1Feature.BAD_BLOCKS, block -> {}),
                feature("reshape from nothing", "have come to 3", Md1Feature.RESHAPE, block -> {
                    LittleEndian.putWord(block, Md1Superblock.DELTA_DISKS_AT, 3);
                }),
                feature("reshape from everything", "have come to 3", Md1Feature.RESHAPE, block -> {
                    LittleEndian.putWord(block, Md1Superblock.DELTA_DISKS_AT, 1 << 31);
                }),
                new Lie("raid10 of no copies", "0x2 is no layout", block -> {
                    LittleEndian.putWord(block, Md1Superblock.LEVEL_AT, 10);
                }),
                new Lie("raid10 of 65025 copies", "0xffff is no layout", block -> {
                    LittleEndian.putWord(block, Md1Superblock.LEVEL_AT, 10);
                    LittleEndian.putWord(block, Md1Superblock.LAYOUT_AT, 0xFFFF);
                }),
                new Lie("raid0 layout 3", "3 is no layout", block -> {
                    LittleEndian.putWord(block, Md1Superblock.FEATURES_AT, Md1Feature.RAID0_LAYOUT);
                    LittleEndian.putWord(block, Md1Superblock.LEVEL_AT, 0);
                    LittleEndian.putWord(block, Md1Superblock.LAYOUT_AT, 3);
                }));
    }

    private static Md1Superblock superblock() {
        return Superblocks.raid5(Md1Minor.V1_2, 3, 0, 10);
    }

    @ParameterizedTest
    @MethodSource("lies")
    void aLieIsAnsweredWithOneSentence(Lie lie) throws Exception {
        Finding finding = Superblocks.changed(Md1Minor.V1_2, superblock(), lie.told());
        assertThat(finding).isInstanceOf(Finding.Malformed.class);
        String sentence = ((Finding.Malformed) finding).because().sentence();
        assertThat(sentence).contains(lie.expected()).doesNotContain("\n").startsWith("md metadata, ");
        assertThat(Printable.of(sentence)).isEqualTo(sentence);
    }

    @ParameterizedTest
    @EnumSource
    void theTruthIsBelieved(Md1Minor minor) throws Exception {
        Finding finding = Superblocks.changed(minor, Superblocks.raid5(minor, 3, 0, 10), block -> {});
        assertThat(finding).isInstanceOf(Finding.Whole.class);
    }

    /** Goal: no byte is believed by chance. Method: flip each that the sum covers, without summing up again. */
    @ParameterizedTest
    @EnumSource
    void everyFlippedByteIsNoticed(Md1Minor minor) throws Exception {
        byte[] block = Superblocks.raid5(minor, 3, 0, 10).encode(512);
        for (int at = 0; at < block.length; at++) {
            byte[] flipped = block.clone();
            flipped[at] ^= 0x10;
            Superblocks.MemoryDisk disk = new Superblocks.MemoryDisk(Superblocks.GEOMETRY);
            disk.write(Sectors.toBytes(minor.superblockSector(Superblocks.GEOMETRY)), flipped);
            assertThat(new Md1Format(minor).probe(Superblocks.GEOMETRY, disk))
                    .as("byte %d", at)
                    .isNotInstanceOf(Finding.Whole.class);
        }
    }

    @Test
    void theSumTakesTheOddHalfWord() throws Exception {
        Md1Superblock whole = superblock();
        Md1Superblock odd =
                Superblocks.with(whole, 0, whole.device(), whole.roles().subList(0, 3), whole.resyncOffset());
        assertThat(odd.bytes()).isEqualTo(262);
        assertThat(Superblocks.changed(Md1Minor.V1_2, odd, block -> {})).isInstanceOf(Finding.Whole.class);
        byte[] block = odd.encode(512);
        int sum = LittleEndian.word(block, Md1Superblock.SUM_AT);
        block[260] ^= 1;
        assertThat(Md1Superblock.sum(block, 262)).isNotEqualTo(sum);
    }

    /** Goal: no size of a disk makes a bug. Method: every size up to 40 sectors, and some large ones. */
    @Test
    void everySizeOfDiskIsAnswered() throws Exception {
        for (Md1Minor minor : Md1Minor.values()) {
            for (long sectors = 0; sectors < 40; sectors++) {
                DiskGeometry geometry = new DiskGeometry(sectors * 512 + sectors, 512);
                assertThat(new Md1Format(minor).probe(geometry, (at, length) -> new byte[length]))
                        .isInstanceOf(Finding.Absent.class);
                for (Extent place : new Md1Format(minor).usualPlaces(geometry)) {
                    assertThat(place.end()).isLessThanOrEqualTo(geometry.sizeBytes());
                }
            }
            DiskGeometry largest = new DiskGeometry(Long.MAX_VALUE & -4096, 4096);
            assertThat(new Md1Format(minor).probe(largest, (at, length) -> new byte[length]))
                    .isInstanceOf(Finding.Absent.class);
        }
    }

    @Test
    void badBlocksAreReadWhereTheyAre() throws Exception {
        Md1Superblock plain = superblock();
        Md1Superblock bad =
                Superblocks.with(plain, Md1Feature.BAD_BLOCKS, plain.device(), plain.roles(), plain.resyncOffset());
        Superblocks.MemoryDisk disk = new Superblocks.MemoryDisk(Superblocks.GEOMETRY);
        disk.write(4096, bad.encode(512));
        byte[] log = new Md1BadBlocks(List.of((5000L << 10) | 512, (7000L << 10) | 1), 0).encode(8);
        disk.write(4096 + 16 * 512, log);
        Finding finding = new Md1Format(Md1Minor.V1_2).probe(Superblocks.GEOMETRY, disk);
        assertThat(finding).isInstanceOf(Finding.Whole.class);
        Md1DiskMetadata metadata = (Md1DiskMetadata) ((Finding.Whole) finding).metadata();
        assertThat(metadata.badBlocks().extents())
                .containsExactly(new Extent(5000 * 512, 512 * 512), new Extent(7000 * 512, 512));
        assertThat(metadata.badBlocks().encode(8)).isEqualTo(log);
        assertThat(metadata.report(Optional.empty()).sections()).hasSize(2);
    }

    @Test
    void aNameCannotStartALineOfItsOwn() throws Exception {
        Finding finding = Superblocks.changed(
                Md1Minor.V1_2,
                superblock(),
                block -> Arrays.fill(block, Md1Superblock.NAME_AT, Md1Superblock.NAME_AT + 32, (byte) '\n'));
        assertThat(finding).isInstanceOf(Finding.Whole.class);
        ((Finding.Whole) finding)
                .metadata()
                .report(Optional.empty())
                .sections()
                .getFirst()
                .fields()
                .forEach(field -> assertThat(field.value().shown()).doesNotContain("\n"));
    }
}
