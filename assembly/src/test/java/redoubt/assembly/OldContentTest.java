package redoubt.assembly;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import redoubt.assembly.content.Content;
import redoubt.assembly.content.Signatures;

/**
 * Goal: content that is old, or that stands in the array by accident, never passes for the order of the disks. Method: arrays whose own content
 * nobody knows (random bytes), with what looks like the beginning of a volume somewhere else on their disks. Two and three disks are given in
 * every order; four in a few of their 24, and in all of them in soak, since each of these takes a quarter of a second.
 */
@Tag("slow")
class OldContentTest {

    private static final long SEED = 20_261_123L;
    private static final long PATIENCE_NANOS = 30_000_000_000L;
    private static final int ORDERS_OF_A_BUILD = 6;
    private static final String FOUR_DISKS = "imsm-r10-4d-64k";
    private static final String EXT4 = "mkfs.ext4 -q -F";
    private static final int LUKS_KEYS_AT = 32 << 10;

    @TempDir
    Path folder;

    private Corpus corpus;
    private VolumeImages images;

    @BeforeEach
    void findTheCorpus() {
        Assumptions.assumeTrue(Corpus.root().isPresent(), Corpus.SKIPPED);
        corpus = new Corpus(folder);
        images = new VolumeImages(folder);
    }

    private Path content(String kind, long bytes) throws Exception {
        return switch (kind) {
            case "mbr" -> images.mbr(EXT4, bytes);
            case "gpt" -> images.gpt(EXT4, bytes);
            case "ext2" -> images.fileSystem("mkfs.ext2 -q -F", bytes);
            case "xfs" -> images.fileSystem("mkfs.xfs -q --unsupported", bytes);
            default -> images.fileSystem(EXT4, bytes);
        };
    }

    private static List<Disk> known(Corpus.Case each) {
        List<Disk> known = new ArrayList<>();
        for (int member = 0; member < each.images().size(); member++) {
            known.add(each.known(member));
        }
        return known;
    }

    /** The serials one column further: another order, in which mirrors stay mirrors. */
    private static List<Disk> rotated(Corpus.Case each) {
        int by = each.name().startsWith("imsm-r10") ? 2 : 1;
        List<Disk> rotated = new ArrayList<>();
        List<Disk> known = known(each);
        for (int member = 0; member < known.size(); member++) {
            rotated.add(new Disk(
                    known.get(member).location(),
                    known.get((member + by) % known.size()).serial()));
        }
        return rotated;
    }

    private static List<Disk> unknown(Corpus.Case each) {
        List<Disk> unknown = new ArrayList<>();
        for (int member = 0; member < each.images().size(); member++) {
            unknown.add(each.unknown(member));
        }
        return unknown;
    }

    private static Identity identity(Rig rig, List<Disk> disks) throws AssemblyRefused {
        return rig.assembly
                .scan(disks, PATIENCE_NANOS)
                .containers()
                .getFirst()
                .volumes()
                .getFirst()
                .identity();
    }

    private static byte[] random(int bytes) {
        byte[] random = new byte[bytes];
        new Random(SEED).nextBytes(random);
        return random;
    }

    private static void assertNobodyIsDeceived(Rig rig, Corpus.Case each, int orders) throws Exception {
        List<Disk> known = known(each);
        String right = rig.digest(known, "v");
        Identity given = identity(rig, known);
        assertThat(given).as("the right serials").isInstanceOf(Identity.Certain.class);
        rig.write(known, array -> {});
        int refusals = 0;
        for (List<Disk> order : Orders.of(unknown(each), SEED, orders)) {
            try {
                assertThat(rig.digest(order, "v")).as("%s", order).isEqualTo(right);
            } catch (AssemblyRefused refused) {
                assertThat(refused.reason()).isEqualTo(AssemblyRefused.Reason.NO_ARRAY);
                assertThat(refused.candidates()).hasSizeGreaterThan(1);
                assertThat(identity(rig, order)).isInstanceOf(Identity.Ambiguous.class);
                refusals++;
            }
        }
        assertThat(refusals).isPositive();
    }

    // ---------------------------------------------------------------------------------------------- what deceives

    /** The unknown begins the array; what looks like the beginning of a volume stands in the second chunk. */
    @ParameterizedTest
    @CsvSource({
        "imsm-r0-2d-64k, 65536, ext4, 0",
        "imsm-r0-2d-64k, 65536, ext4, 8388608",
        "imsm-r0-2d-64k, 65536, ext2, 0",
        "imsm-r0-2d-64k, 65536, mbr, 0",
        "imsm-r0-2d-64k, 65536, gpt, 0",
        "imsm-r0-2d-64k, 65536, gpt, 8388608",
        "imsm-r0-3d-128k, 131072, ext4, 0",
        "imsm-r0-3d-128k, 131072, mbr, 0",
        "imsm-r0-3d-128k, 131072, xfs, 0",
        "imsm-r10-4d-64k, 65536, ext4, 0",
        "imsm-r10-4d-64k, 65536, gpt, 0",
        "imsm-r5-3d-64k, 65536, ext4, 0",
        "imsm-r5-3d-64k, 65536, mbr, 0"
    })
    void aFileSystemThatBeginsInTheSecondChunkDecidesNothing(String name, int chunk, String kind, long shorter)
            throws Exception {
        beginInTheSecondChunk(name, chunk, kind, shorter, ORDERS_OF_A_BUILD);
    }

    private void beginInTheSecondChunk(String name, int chunk, String kind, long shorter, int orders) throws Exception {
        Corpus.Case each = corpus.get(name);
        Path image = content(kind, each.volume("v").bytes() - chunk - shorter);
        try (Rig rig = new Rig()) {
            rig.write(known(each), array -> {
                array.write(0, random(chunk));
                Rig.copy(image, array, chunk);
            });
            assertNobodyIsDeceived(rig, each, orders);
        }
    }

    /** A whole and fitting content of the array that the same disks were before, in another order; then the new array's first bytes. */
    @ParameterizedTest
    @CsvSource({
        "imsm-r0-2d-64k, 65536, ext4",
        "imsm-r0-2d-64k, 4096, ext4",
        "imsm-r0-2d-64k, 4096, ext2",
        "imsm-r0-2d-64k, 4096, mbr",
        "imsm-r0-2d-64k, 4096, gpt",
        "imsm-r0-3d-128k, 4096, ext4",
        "imsm-r0-3d-128k, 131072, gpt",
        "imsm-r0-3d-128k, 4096, xfs",
        "imsm-r10-4d-64k, 4096, ext4",
        "imsm-r10-4d-64k, 4096, mbr",
        "imsm-r5-3d-64k, 4096, ext4",
        "imsm-r5-3d-64k, 65536, gpt"
    })
    void theContentOfAnEarlierArrayOfTheSameDisksDecidesNothing(String name, int begun, String kind) throws Exception {
        beginAnew(name, begun, kind, ORDERS_OF_A_BUILD);
    }

    private void beginAnew(String name, int begun, String kind, int orders) throws Exception {
        Corpus.Case each = corpus.get(name);
        Path image = content(kind, each.volume("v").bytes());
        try (Rig rig = new Rig()) {
            rig.write(rotated(each), array -> Rig.copy(image, array, 0));
            rig.write(known(each), array -> array.write(0, random(begun)), Insistence.SERIALS);
            assertNobodyIsDeceived(rig, each, orders);
        }
    }

    /** What a new LUKS volume leaves: a header, its copy, and keys that look like nothing. */
    @ParameterizedTest
    @ValueSource(strings = {"imsm-r0-2d-64k", FOUR_DISKS})
    void aNewHeaderOverAnOldFileSystemDecidesNothing(String name) throws Exception {
        putAHeaderOverAFileSystem(name, ORDERS_OF_A_BUILD);
    }

    private void putAHeaderOverAFileSystem(String name, int orders) throws Exception {
        Corpus.Case each = corpus.get(name);
        Path image = content("ext4", each.volume("v").bytes());
        byte[] luks = new byte[64 << 10];
        luks(luks, 0, "LUKS");
        luks(luks, 16 << 10, "SKUL");
        System.arraycopy(random(4096), 0, luks, LUKS_KEYS_AT, 4096);
        try (Rig rig = new Rig()) {
            rig.write(rotated(each), array -> Rig.copy(image, array, 0));
            rig.write(known(each), array -> array.write(0, luks), Insistence.SERIALS);
            assertNobodyIsDeceived(rig, each, orders);
        }
    }

    /** Two file systems that both fit, the newer over the older: right, or refused. */
    @ParameterizedTest
    @CsvSource({
        "imsm-r0-2d-64k, ext4, gpt",
        "imsm-r0-2d-64k, gpt, ext4",
        "imsm-r0-3d-128k, ext4, xfs",
        "imsm-r0-3d-128k, xfs, ext2",
        "imsm-r10-4d-64k, mbr, ext4",
        "imsm-r5-3d-64k, gpt, ext4"
    })
    void ofTwoFittingContentsTheOlderIsNeverTaken(String name, String before, String now) throws Exception {
        putOneOverTheOther(name, before, now, ORDERS_OF_A_BUILD);
    }

    private void putOneOverTheOther(String name, String before, String now, int orders) throws Exception {
        Corpus.Case each = corpus.get(name);
        Path older = content(before, each.volume("v").bytes());
        try (Rig rig = new Rig()) {
            rig.write(rotated(each), array -> Rig.copy(older, array, 0));
            Path newer = content(now, each.volume("v").bytes());
            rig.write(known(each), array -> copyData(newer, array), Insistence.SERIALS);
            String right = rig.digest(known(each), "v");
            for (List<Disk> order : Orders.of(unknown(each), SEED, orders)) {
                try {
                    assertThat(rig.digest(order, "v")).as("%s", order).isEqualTo(right);
                } catch (AssemblyRefused refused) {
                    assertThat(refused.candidates()).hasSizeGreaterThan(1);
                }
            }
        }
    }

    /** Each of the cases of four disks above, in all orders. */
    @Tag("soak")
    @Test
    @Timeout(value = 30, unit = TimeUnit.MINUTES)
    void fourDisksAreNotDeceivedInAnyOrder() throws Exception {
        beginInTheSecondChunk(FOUR_DISKS, 65536, "ext4", 0, Orders.ALL_LIMIT);
        beginInTheSecondChunk(FOUR_DISKS, 65536, "gpt", 0, Orders.ALL_LIMIT);
        beginAnew(FOUR_DISKS, 4096, "ext4", Orders.ALL_LIMIT);
        beginAnew(FOUR_DISKS, 4096, "mbr", Orders.ALL_LIMIT);
        putAHeaderOverAFileSystem(FOUR_DISKS, Orders.ALL_LIMIT);
        putOneOverTheOther(FOUR_DISKS, "mbr", "ext4", Orders.ALL_LIMIT);
    }

    /** As a mkfs writes: what it leaves alone stays as it was. */
    private static void copyData(Path image, DiskReads array) throws Exception {
        byte[] block = new byte[4096];
        try (var in = Files.newInputStream(image)) {
            for (long at = 0; in.readNBytes(block, 0, block.length) == block.length; at += block.length) {
                if (!Likeness.zero(block)) {
                    array.write(at, block);
                }
            }
        }
    }

    /** Goal: whatever stands there, a look at it ends and says something. Method: bytes changed in what is sound. */
    @ParameterizedTest
    @ValueSource(strings = {"ext4", "ext2", "mbr", "gpt", "xfs"})
    void damagedContentIsLookedAtWithoutHarm(String kind) throws Exception {
        byte[] sound = Files.readAllBytes(content(kind, 40 << 20));
        Random random = new Random(SEED);
        for (int round = 0; round < 60; round++) {
            byte[] bytes = sound.clone();
            for (int flip = 0; flip < 12; flip++) {
                int at = random.nextInt(flip % 2 == 0 ? 4096 : 512 << 10);
                bytes[at] = (byte) (random.nextBoolean() ? 0xFF : random.nextInt());
            }
            Content content = new Content() {
                @Override
                public long size() {
                    return bytes.length;
                }

                @Override
                public byte[] read(long offset, int length) {
                    return Arrays.copyOfRange(bytes, (int) offset, (int) offset + length);
                }
            };
            assertThat(Signatures.of(content, 1 << 20).misses())
                    .as("seed %d, round %d", SEED, round)
                    .isNotNegative();
        }
    }

    private static void luks(byte[] bytes, int at, String magic) {
        java.nio.ByteBuffer header = java.nio.ByteBuffer.wrap(bytes);
        for (int i = 0; i < 4; i++) {
            header.put(at + i, (byte) magic.charAt(i));
        }
        header.putShort(at + 4, (short) 0xBABE).putShort(at + 6, (short) 2).putLong(at + 8, 16 << 10);
    }

    /** Goal: parity is equal for every order, so it alone says nothing. Method: a RAID5 of which a member is missing, too. */
    @Test
    void aParityArrayWithAMissingMemberIsNotDeceived() throws Exception {
        Corpus.Case each = corpus.get("imsm-r5-3d-64k");
        Path image = content("ext4", each.volume("v").bytes());
        try (Rig rig = new Rig()) {
            rig.write(rotated(each), array -> Rig.copy(image, array, 0));
            rig.write(known(each), array -> array.write(0, random(4096)), Insistence.SERIALS);
            String right = rig.digest(known(each), "v");
            for (int missing = 0; missing < 3; missing++) {
                List<Disk> left = new ArrayList<>(unknown(each));
                left.remove(missing);
                for (List<Disk> order : List.of(left, left.reversed())) {
                    try {
                        assertThat(rig.digest(order, "v")).isEqualTo(right);
                    } catch (AssemblyRefused refused) {
                        assertThat(refused.candidates()).hasSizeGreaterThan(1);
                    }
                }
            }
        }
    }

    // ---------------------------------------------------------------------------------------------- what decides

    /** What is in order is found, read, and not written to before somebody gives the serials. */
    @ParameterizedTest
    @CsvSource({
        "imsm-r0-2d-64k, ext4",
        "imsm-r0-2d-64k, mbr",
        "imsm-r0-2d-64k, gpt",
        "imsm-r0-3d-128k, mbr",
        "imsm-r0-3d-128k, gpt",
        "imsm-r0-3d-128k, ext2",
        "imsm-r5-3d-64k, gpt",
        "imsm-r5-3d-64k, ext4"
    })
    void aContentThatFillsTheArrayDecidesForReading(String name, String kind) throws Exception {
        Corpus.Case each = corpus.get(name);
        Path image = content(kind, each.volume("v").bytes());
        try (Rig rig = new Rig()) {
            rig.write(known(each), array -> Rig.copy(image, array, 0));
            String right = rig.digest(known(each), "v");
            for (List<Disk> order : Orders.of(unknown(each), SEED)) {
                assertThat(rig.digest(order, "v")).as("%s", order).isEqualTo(right);
            }
            Identity identity = identity(rig, unknown(each));
            assertThat(identity).isInstanceOf(Identity.Evident.class);
            assertThat(identity.toString()).contains("speaks for itself");
            AssemblyRefused refused = org.assertj.core.api.Assertions.catchThrowableOfType(
                    AssemblyRefused.class, () -> rig.write(unknown(each), array -> {}, Insistence.values()));
            assertThat(refused.reason()).isEqualTo(AssemblyRefused.Reason.WOULD_LOSE_DATA);
            assertThat(refused.sentence()).contains(",serial=").contains("--read-only");
            assertThat(refused.candidates()).hasSize(1);
            List<Disk> chosen = new ArrayList<>();
            for (String word : refused.candidates().getFirst().split(" ", -1)) {
                chosen.add(Disk.parse(word));
            }
            assertThat(Set.copyOf(chosen)).isEqualTo(Set.copyOf(known(each)));
            rig.write(chosen, array -> {});
        }
    }

    @ParameterizedTest
    @CsvSource({"imsm-r0-2d-64k, mbr", "imsm-r0-3d-128k, gpt", "imsm-r5-3d-64k, gpt"})
    void serialsThatAFittingContentRefutesAreDoubted(String name, String kind) throws Exception {
        Corpus.Case each = corpus.get(name);
        Path image = content(kind, each.volume("v").bytes());
        try (Rig rig = new Rig()) {
            rig.write(known(each), array -> Rig.copy(image, array, 0));
            assertThat(identity(rig, rotated(each)))
                    .isInstanceOfSatisfying(
                            Identity.Doubtful.class,
                            doubtful -> assertThat(doubtful.candidates()).hasSize(1));
        }
    }

    /** Goal: old content is named to who gave serials, and no order is recommended. */
    @Test
    void oldContentIsARemarkToWhoGaveSerials() throws Exception {
        Corpus.Case each = corpus.get("imsm-r0-2d-64k");
        Path image = content("ext4", each.volume("v").bytes());
        try (Rig rig = new Rig()) {
            rig.write(rotated(each), array -> Rig.copy(image, array, 0));
            rig.write(known(each), array -> array.write(0, random(65536)), Insistence.SERIALS);
            List<Disk> known = new ArrayList<>(known(each));
            Collections.reverse(known);
            assertThat(identity(rig, known))
                    .isInstanceOfSatisfying(
                            Identity.Certain.class,
                            certain -> assertThat(certain.remark().orElse(""))
                                    .contains("ext superblock")
                                    .doesNotContain(",serial="));
        }
    }

    @Test
    void theFixturesAreWhatTheySayTheyAre() throws Exception {
        assertThat(Files.size(images.gpt(EXT4, 40 << 20))).isEqualTo(40 << 20);
        assertThat(Files.size(images.mbr(EXT4, 40 << 20))).isEqualTo(40 << 20);
    }
}
