package redoubt.metadata.imsm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import redoubt.metadata.Bytes;
import redoubt.metadata.Candidate;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.Finding;
import redoubt.metadata.LittleEndian;
import redoubt.metadata.MetadataEvent;
import redoubt.metadata.Printable;
import redoubt.metadata.RaidLevel;
import redoubt.metadata.WriteRound;

/** Blocks that lie: each is answered with one sentence, never with a bug, a hang, or more memory than the bound. */
@Tag("slow")
class HostileBlockTest {

    private static final long SEED = 20261122L;
    private static final int DISK = ImsmHeader.BYTES;
    private static final int DEV = DISK + 3 * ImsmDisk.BYTES;
    private static final int VOL = DEV + 80;
    private static final int MAP = VOL + 32;

    /** One lie, told with a right checksum. */
    record Lie(String name, String expected, Consumer<byte[]> told) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static Lie lie(String name, String expected, Consumer<byte[]> told) {
        return new Lie(name, expected, told);
    }

    static Stream<Lie> lies() {
        return Stream.of(
                lie("no members", "member count", b -> b[MAP + 16] = 0),
                lie("255 members", "ends after", b -> b[MAP + 16] = (byte) 255),
                lie("one member of RAID5", "RAID5 of 1", b -> b[MAP + 16] = 1),
                lie("unknown level", "level 6 is unknown", b -> b[MAP + 15] = 6),
                lie("mirror of three", "mirror of 3", b -> b[MAP + 15] = 10),
                lie("state 4", "0 to 3 exist", b -> b[MAP + 14] = 4),
                lie("chunk 0", "not a power of two", b -> LittleEndian.putU16(b, MAP + 12, 0)),
                lie("chunk 3", "not a power of two", b -> LittleEndian.putU16(b, MAP + 12, 3)),
                lie("chunk of 65535", "not a power of two", b -> LittleEndian.putU16(b, MAP + 12, 65535)),
                lie("size 0", "it is 0", b -> LittleEndian.putJoined(b, DEV + 16, DEV + 20, 0)),
                lie("size 1", "less than one chunk", b -> LittleEndian.putJoined(b, DEV + 16, DEV + 20, 1)),
                lie("size 2^63", "more than any disk", b -> LittleEndian.putJoined(b, DEV + 16, DEV + 20, 1L << 63)),
                lie("size 2^64-1", "more than any disk", b -> LittleEndian.putJoined(b, DEV + 16, DEV + 20, -1)),
                lie("size beyond the disks", "its data ends", b -> {
                    LittleEndian.putJoined(b, DEV + 16, DEV + 20, 1L << 40);
                }),
                lie("begins beyond the disk", "its data ends", b -> LittleEndian.putWord(b, MAP, 0x7FFFFFFF)),
                lie("over the metadata", "metadata at the end", b -> LittleEndian.putWord(b, MAP, 196_608 - 184_320)),
                lie("disk out of table", "names disk 7", b -> LittleEndian.putWord(b, MAP + 48, 7)),
                lie("disk 2^24-1", "names disk 16777215", b -> LittleEndian.putWord(b, MAP + 48, 0x00FFFFFF)),
                lie("one disk in two slots", "another slot", b -> LittleEndian.putWord(b, MAP + 48, 1)),
                lie("migration 6", "0 to 5 exist", b -> b[VOL + 9] = 6),
                lie("second map outside", "ends after", b -> b[VOL + 8] = 1),
                lie("255 disks", "ends after", b -> b[ImsmHeader.DISKS_AT] = (byte) 255),
                lie("255 volumes", "ends after", b -> b[ImsmHeader.DEVS_AT] = (byte) 255),
                lie("bad block log of 4 GiB", "claims", b -> LittleEndian.putWord(b, ImsmHeader.BBM_SIZE_AT, -1)),
                lie("bad block log over a volume", "over the volumes", b -> {
                    LittleEndian.putWord(b, ImsmHeader.BBM_SIZE_AT, 16);
                }),
                lie("checkpoint 2^64-1", "more than any disk", b -> LittleEndian.putJoined(b, VOL, VOL + 16, -1)),
                lie("disk of 0 sectors", "its data ends", b -> LittleEndian.putWord(b, DISK + 16, 0)));
    }

    private static byte[] block() throws Exception {
        return Rig.of(RaidLevel.RAID5, 3, 0).mpb().encode(512);
    }

    @ParameterizedTest
    @MethodSource("lies")
    void aLieIsRefusedInOneSentence(Lie lie) throws Exception {
        Rig rig = Rig.of(RaidLevel.RAID5, 3, 0);
        byte[] block = block();
        lie.told().accept(block);
        rig.disks.getFirst().writeBlock(block, rig.mpb().bytes());
        Finding finding = rig.disks.getFirst().probe();
        assertThat(finding).isInstanceOf(Finding.Malformed.class);
        String sentence = ((Finding.Malformed) finding).because().sentence();
        assertThat(sentence)
                .contains(lie.expected())
                .contains("at byte ")
                .contains("use the copy on another member")
                .doesNotContain("\n");
    }

    /** A chunk has a lower limit where a volume is made, and none where one is found. */
    @Test
    void aChunkOfOneSectorIsWhatItSays() throws Exception {
        byte[] block = block();
        LittleEndian.putU16(block, MAP + 12, 1);
        Rig rig = Rig.of(RaidLevel.RAID5, 3, 0);
        rig.disks.getFirst().writeBlock(block, rig.mpb().bytes());
        redoubt.metadata.DiskMetadata metadata =
                ((Finding.Whole) rig.disks.getFirst().probe()).metadata();
        assertThat(metadata.picture().volumes().getFirst().chunkBytes()).isEqualTo(512);
    }

    /** Of 4096-byte blocks, 2^15 make a chunk of 128 MiB: a power of two, and more than the disk has. */
    @Test
    void aLawfulChunkThatIsLargerThanTheDiskIsRefused() throws Exception {
        Rig rig = Rig.of(RaidLevel.RAID5, 3, 0, 4096);
        Rig.MemoryDisk disk = rig.disks.getFirst();
        assertThat(disk.geometry().sizeBytes()).isLessThan(32_768L * 4096);
        byte[] block = rig.mpb().encode(4096);
        LittleEndian.putU16(block, MAP + 12, 32_768);
        disk.writeBlock(block, rig.mpb().bytes());
        Finding finding = disk.probe();
        assertThat(finding).isInstanceOf(Finding.Malformed.class);
        assertThat(((Finding.Malformed) finding).because().sentence()).contains("less than one chunk");
    }

    @Test
    void aVolumeThatLiesOverAnotherIsRefused() throws Exception {
        Rig rig = Rig.twoMirrors();
        byte[] block = rig.mpb().encode(512);
        int second = DISK + 2 * ImsmDisk.BYTES + rig.dev().bytes() + 80 + 32;
        LittleEndian.putWord(block, second, LittleEndian.word(block, second) - 16_384);
        rig.disks.getFirst().writeBlock(block, rig.mpb().bytes());
        Finding finding = rig.disks.getFirst().probe();
        assertThat(finding).isInstanceOf(Finding.Malformed.class);
        assertThat(((Finding.Malformed) finding).because().sentence()).contains("lies over volume 0");
    }

    @Test
    void sizesOfTheBlockThatCannotBe() throws Exception {
        for (long size : new long[] {0, 1, 4, 263, 266, 65_540, 0x7FFFFFFFL, 0x80000000L, 0xFFFFFFFFL}) {
            Rig rig = Rig.of(RaidLevel.RAID1, 2, 0);
            byte[] anchor = Arrays.copyOf(rig.mpb().encode(512), 512);
            LittleEndian.putWord(anchor, ImsmHeader.MPB_SIZE_AT, (int) size);
            rig.disks.getFirst().write(196_606L * 512, anchor);
            Rig.MemoryDisk disk = rig.disks.getFirst();
            disk.bytesRead = 0;
            assertThat(disk.probe()).as("size " + size).isInstanceOf(Finding.Malformed.class);
            assertThat(disk.bytesRead).isEqualTo(512);
        }
    }

    /** Goal: no sector of the disk is trusted for more than 64 KiB. */
    @Test
    void theLargestBlockIsReadOnceAndNoMore() throws Exception {
        Rig rig = Rig.of(RaidLevel.RAID1, 2, 0);
        byte[] anchor = Arrays.copyOf(rig.mpb().encode(512), 512);
        LittleEndian.putWord(anchor, ImsmHeader.MPB_SIZE_AT, 65_536);
        Rig.MemoryDisk disk = rig.disks.getFirst();
        disk.write(196_606L * 512, anchor);
        disk.reads = 0;
        disk.bytesRead = 0;
        assertThat(disk.probe()).isInstanceOf(Finding.Torn.class);
        assertThat(disk.reads).isEqualTo(2);
        assertThat(disk.bytesRead).isEqualTo(65_536);
    }

    @Test
    void disksThatAreTooSmallHoldNothing() throws Exception {
        for (long size : new long[] {0, 511, 512, 1023, 1025}) {
            Finding finding = Rig.FORMAT.probe(new DiskGeometry(size, 512), (offset, length) -> {
                throw new AssertionError("nothing may be read of a disk of " + size + " bytes");
            });
            assertThat(finding).isInstanceOf(Finding.Absent.class);
        }
    }

    @Test
    void blockLargerThanItsDisk() throws Exception {
        byte[] sector = new byte[512];
        ImsmHeader.signature("1.3.00").copyTo(sector, 0);
        LittleEndian.putWord(sector, ImsmHeader.MPB_SIZE_AT, 4096);
        Finding finding = Rig.FORMAT.probe(new DiskGeometry(1024, 512), (offset, length) -> sector.clone());
        assertThat(finding).isInstanceOf(Finding.Malformed.class);
    }

    /**
     * Goal: a torn write is told from a lie. Method: cut the writes of each disk after every sector, with an extension and without one, on
     * both sizes of sectors.
     */
    @ParameterizedTest
    @CsvSource({"3, 512", "6, 512", "3, 4096", "80, 4096"})
    void aWriteThatIsCutAtAnySectorIsTornOrWhole(int members, int sectorBytes) throws Exception {
        Rig before = Rig.of(RaidLevel.RAID0, members, 0, sectorBytes);
        Rig.MemoryDisk disk = before.disks.getFirst();
        byte[] old = disk.content().toArray();
        long generation = before.mpb().generationUnsigned();
        List<WriteRound.Step.Put> sectors = sectors(
                before.container
                        .apply(new MetadataEvent.MemberFailed(0, 2))
                        .write(Optional.of(before.container))
                        .members()
                        .getFirst()
                        .steps(),
                sectorBytes);
        int torn = 0;
        for (int written = 0; written <= sectors.size(); written++) {
            disk.write(disk.geometry().sizeBytes() - old.length, old);
            for (WriteRound.Step.Put sector : sectors.subList(0, written)) {
                disk.write(sector.offsetBytes(), sector.bytes().toArray());
            }
            boolean all = written == sectors.size();
            switch (disk.probe()) {
                case Finding.Torn cut -> {
                    torn++;
                    assertThat(all).as(cut.because()).isFalse();
                    assertThat(cut.claim().generation())
                            .as("the anchor comes last")
                            .isEqualTo(generation);
                }
                case Finding.Whole(var metadata) ->
                    assertThat(metadata.picture().generation())
                            .as("%d of %d sectors", written, sectors.size())
                            .isEqualTo(all ? generation + 1 : generation);
                case Finding.Absent absent -> throw new AssertionError(written + " sectors: nothing is found");
                case Finding.Malformed(var because) ->
                    throw new AssertionError(written + " sectors: " + because.sentence());
            }
        }
        boolean extended = ImsmPlaces.of(disk.geometry(), before.mpb().bytes()).extensionSectors() > 0;
        assertThat(torn > 0).as("cuts that tear").isEqualTo(extended);
    }

    /** What is put, in its order, a sector at a time. */
    private static List<WriteRound.Step.Put> sectors(List<WriteRound.Step> steps, int sectorBytes) {
        List<WriteRound.Step.Put> sectors = new ArrayList<>();
        for (WriteRound.Step step : steps) {
            if (step instanceof WriteRound.Step.Put(long offset, Bytes bytes)) {
                byte[] all = bytes.toArray();
                for (int at = 0; at < all.length; at += sectorBytes) {
                    sectors.add(new WriteRound.Step.Put(
                            offset + at, Bytes.of(Arrays.copyOfRange(all, at, at + sectorBytes))));
                }
            }
        }
        return sectors;
    }

    @Test
    void namesFromDisksCannotTalkToTheTerminal() throws Exception {
        byte[] block = block();
        byte[] name = "a\n\u001b[2Jb\\\u00e9".getBytes(java.nio.charset.StandardCharsets.ISO_8859_1);
        System.arraycopy(new byte[16], 0, block, DEV, 16);
        System.arraycopy(name, 0, block, DEV, name.length);
        System.arraycopy("x\ry".getBytes(java.nio.charset.StandardCharsets.US_ASCII), 0, block, DISK, 3);
        Rig rig = Rig.of(RaidLevel.RAID5, 3, 0);
        Rig.MemoryDisk disk = rig.disks.getFirst();
        disk.writeBlock(block, rig.mpb().bytes());
        redoubt.metadata.DiskMetadata metadata = ((Finding.Whole) disk.probe()).metadata();
        assertThat(Printable.of(metadata.picture().volumes().getFirst().name())).isEqualTo("a\\x0a\\x1b[2Jb\\x5c\\xe9");
        metadata.report(Optional.empty())
                .sections()
                .forEach(section -> section.fields()
                        .forEach(field -> assertThat(field.value().shown()).matches("[\\x20-\\x7e]*")));
    }

    /**
     * Goal: whatever a block says, the answer is a finding. Method: seeded flips, mostly of meaningful bytes, with a right checksum; what is
     * accepted must be drawn, reported, chosen, written and taken through events without a bug, and be the same after writing.
     */
    @Test
    void mutatedBlocksAreSurvived() throws Exception {
        Random random = new Random(SEED);
        int accepted = 0;
        for (int round = 0; round < 6_000; round++) {
            long seed = random.nextLong();
            try {
                accepted += survives(seed) ? 1 : 0;
            } catch (RuntimeException | AssertionError bug) {
                throw new AssertionError("seed " + seed, bug);
            }
        }
        assertThat(accepted).as("mutations that still make sense").isBetween(300, 5_700);
    }

    private static final List<Rig> PATTERNS = patterns();

    private static List<Rig> patterns() {
        try {
            Rig rebuilding = Rig.of(RaidLevel.RAID10, 4, 1);
            rebuilding.apply(new MetadataEvent.MemberFailed(0, 1));
            rebuilding.apply(new MetadataEvent.RebuildStarted(0, 1, 4, Rig.SEEDS));
            Rig withLog = Rig.of(RaidLevel.RAID1, 2, 0, 4096);
            withLog.apply(new MetadataEvent.BadBlocksFound(0, 1, 4096, 64));
            return List.of(Rig.of(RaidLevel.RAID5, 3, 0), rebuilding, withLog, Rig.of(RaidLevel.RAID0, 2, 0));
        } catch (redoubt.metadata.MetadataRefused e) {
            throw new IllegalStateException(e);
        }
    }

    private static boolean survives(long seed) throws Exception {
        Random random = new Random(seed);
        Rig pattern = PATTERNS.get(random.nextInt(PATTERNS.size()));
        Rig.MemoryDisk disk = new Rig.MemoryDisk(pattern.disks.getFirst().geometry());
        byte[] block = pattern.mpb().encode(disk.geometry().sectorBytes());
        int size = pattern.mpb().bytes();
        for (int flips = 1 + random.nextInt(3); flips > 0; flips--) {
            int at = random.nextInt(4) == 0 ? random.nextInt(size) : 0x24 + random.nextInt(size - 0x24);
            block[at] = switch (random.nextInt(4)) {
                case 0 -> (byte) random.nextInt();
                case 1 -> (byte) (block[at] ^ (1 << random.nextInt(8)));
                case 2 -> 0;
                default -> (byte) 0xFF;
            };
        }
        long stated = LittleEndian.u32(block, ImsmHeader.MPB_SIZE_AT);
        disk.writeBlock(block, (int) Math.min(Math.max(stated, 0), block.length));
        if (!(disk.probe() instanceof Finding.Whole whole)) {
            return false;
        }
        ImsmChoiceExercise.exercise(new Candidate(0, disk.geometry(), Optional.of(Rig.serial(0)), whole));
        return true;
    }
}
