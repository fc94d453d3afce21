package redoubt.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Goal: an image that is no member ends every verb that needs one with a sentence and 65: no stack trace, no hang. Method: a member of a
 * mirror, damaged in each way of a table. The end of such a disk, in sectors of 512 bytes from the end:
 *
 * <pre>
 * -2  the block: 0 signature (32)   32 sum (4)   36 size of the block (4)   44 generation (4)   56 disks (1)   57 volumes (1)
 *                216 two disks (48 each)   312 the volume: 16 size (8)   112 its map: 0 begin (4)  12 chunk (2)  14 state (1)
 *                15 level (1)   16 members (1)   48 which disk is in each slot (4 each)
 * </pre>
 */
@Tag("slow")
class MalformedImagesTest {

    private static final int DISK_BYTES = 8 << 20;
    private static final int SECTOR_BYTES = 512;
    private static final int ANCHOR_AT = DISK_BYTES - 2 * SECTOR_BYTES;
    private static final int SUM_AT = 32;
    private static final int SIZE_AT = 36;
    private static final int GENERATION_AT = 44;
    private static final int VOLUME_AT = 312;
    private static final int MAP_AT = VOLUME_AT + 112;
    private static final long SEED = 65L;

    @TempDir
    static Path folder;

    private static byte[] member = {};

    /** What examine finds: nothing, what cannot be, or the metadata of another disk than this. */
    enum Metadata {
        NONE,
        BAD,
        WHOLE
    }

    /** A way to be no member. */
    record Image(String name, Metadata metadata, Content content) {
        @Override
        public String toString() {
            return name;
        }
    }

    @FunctionalInterface
    interface Content {
        byte[] of(byte[] member);
    }

    /** The block is changed and its sum is left as it was. */
    private static Image torn(String name, Consumer<ByteBuffer> change) {
        return new Image(name, Metadata.BAD, member -> {
            change.accept(block(member));
            return member;
        });
    }

    /** The block is changed and its sum is right. */
    private static Image lie(String name, Consumer<ByteBuffer> change) {
        return new Image(name, Metadata.BAD, member -> {
            ByteBuffer block = block(member);
            change.accept(block);
            int sum = 0;
            for (int at = 0; at < block.getInt(SIZE_AT); at += 4) {
                sum += at == SUM_AT ? 0 : block.getInt(at);
            }
            block.putInt(SUM_AT, sum);
            return member;
        });
    }

    private static Image noDisk(String name, Content content) {
        return new Image(name, Metadata.NONE, content);
    }

    private static ByteBuffer block(byte[] member) {
        return ByteBuffer.wrap(member, ANCHOR_AT, SECTOR_BYTES).slice().order(ByteOrder.LITTLE_ENDIAN);
    }

    static Stream<Image> images() {
        return Stream.of(
                noDisk("nothing at all", member -> new byte[0]),
                noDisk("one byte", member -> new byte[1]),
                noDisk("less than a sector", member -> new byte[511]),
                noDisk("a text", member -> "dear disk,\n".repeat(10_000).getBytes(StandardCharsets.UTF_8)),
                noDisk("noise", member -> {
                    byte[] noise = new byte[1 << 20];
                    new Random(SEED).nextBytes(noise);
                    return noise;
                }),
                noDisk("nothing but ones", member -> {
                    Arrays.fill(member, (byte) 0xFF);
                    return member;
                }),
                noDisk("a sector short", member -> Arrays.copyOf(member, DISK_BYTES - SECTOR_BYTES)),
                noDisk("the first half", member -> Arrays.copyOf(member, DISK_BYTES / 2)),
                new Image(
                        "the last two sectors",
                        Metadata.WHOLE,
                        member -> Arrays.copyOfRange(member, ANCHOR_AT, DISK_BYTES)),
                torn("a bad sum", block -> block.putInt(SUM_AT, 0)),
                torn("a bad sum over a flipped bit", block -> block.put(400, (byte) (block.get(400) ^ 1))),
                torn("a block of 0 bytes", block -> block.putInt(SIZE_AT, 0)),
                torn("a block of 1 byte", block -> block.putInt(SIZE_AT, 1)),
                torn("a block of 64 KiB", block -> block.putInt(SIZE_AT, 1 << 16)),
                torn("a block of 4 GiB", block -> block.putInt(SIZE_AT, -1)),
                torn("a signature and noise", block -> {
                    byte[] noise = new byte[SECTOR_BYTES - 32];
                    new Random(SEED).nextBytes(noise);
                    block.put(32, noise);
                }),
                lie("255 disks", block -> block.put(56, (byte) 255)),
                lie("255 volumes", block -> block.put(57, (byte) 255)),
                lie("a disk of 0 sectors", block -> block.putInt(216 + 16, 0)),
                lie("a volume of 2^63 sectors", block -> block.putLong(VOLUME_AT + 16, 1L << 63)),
                lie("a volume of 2^64 - 1 sectors", block -> block.putLong(VOLUME_AT + 16, -1)),
                lie("a volume that begins beyond the end", block -> block.putInt(MAP_AT, 0x7FFFFFFF)),
                lie("a volume over the metadata", block -> block.putInt(MAP_AT, (16 << 10) - 64)),
                lie("a chunk of 0", block -> block.putShort(MAP_AT + 12, (short) 0)),
                lie("a chunk of 3", block -> block.putShort(MAP_AT + 12, (short) 3)),
                lie("a chunk of 65,535", block -> block.putShort(MAP_AT + 12, (short) -1)),
                lie("a state that does not exist", block -> block.put(MAP_AT + 14, (byte) 9)),
                lie("a level that does not exist", block -> block.put(MAP_AT + 15, (byte) 99)),
                lie("no members", block -> block.put(MAP_AT + 16, (byte) 0)),
                lie("255 members", block -> block.put(MAP_AT + 16, (byte) 255)),
                lie("one member", block -> block.put(MAP_AT + 16, (byte) 1)),
                lie("a disk that is not in the table", block -> block.putInt(MAP_AT + 48, 7)),
                lie("one disk in both slots", block -> block.putInt(MAP_AT + 52, block.getInt(MAP_AT + 48))));
    }

    @BeforeAll
    static void makeAMember() throws IOException {
        for (String name : new String[] {"0", "1"}) {
            try (RandomAccessFile file =
                    new RandomAccessFile(folder.resolve(name).toFile(), "rw")) {
                file.setLength(DISK_BYTES);
            }
        }
        String[] words = {"create", "v", "--metadata", "imsm", "--level", "1", "--yes", "--assume-clean"};
        String[] all = Arrays.copyOf(words, words.length + 2);
        all[words.length] = folder.resolve("0") + ",serial=A";
        all[words.length + 1] = folder.resolve("1") + ",serial=B";
        assertThat(Run.of(folder, all).exit()).isZero();
        member = Files.readAllBytes(folder.resolve("0"));
    }

    @AfterAll
    static void forget() {
        member = new byte[0];
    }

    @Timeout(20)
    @ParameterizedTest
    @MethodSource("images")
    void everyVerbEndsWithASentenceAnd65(Image image) throws IOException {
        Path path = Files.write(folder.resolve("image"), image.content().of(member.clone()));
        Path copy = folder.resolve("copy");
        String disk = path + ",serial=A";

        Run examine = Run.of(folder, "examine", disk);
        if (image.metadata() == Metadata.BAD) {
            isRefused(examine, path);
            saysOneSentence(examine);
        } else {
            // Not to be a member is no fault of a disk.
            assertThat(examine.exit()).as(examine.err()).isZero();
            assertThat(examine.out()).contains(image.metadata() == Metadata.NONE ? "no metadata" : "[v]:");
        }
        isRefused(Run.of(folder, "scan", disk), path);
        Run copied = Run.of(folder, "copy", disk, copy.toString());
        isRefused(copied, path);
        saysOneSentence(copied);
        assertThat(copy).doesNotExist();

        // Beside the whole one it does no harm.
        Run beside = Run.of(folder, "copy", disk, folder.resolve("1") + ",serial=B", copy.toString());
        assertThat(beside.exit()).as(beside.err()).isZero();
        assertThat(beside.err()).contains("copied v");
        Files.delete(copy);
    }

    private static void isRefused(Run run, Path image) {
        assertThat(run.exit()).as(run.out() + run.err()).isEqualTo(65);
        assertThat(run.out() + run.err())
                .contains(image.toString())
                .doesNotContain("Exception", "\tat ", "java.", "null");
    }

    private static void saysOneSentence(Run run) {
        assertThat(run.err().lines().filter(line -> line.startsWith("redoubt: ")))
                .as(run.err())
                .hasSize(1);
    }

    /** A volume whose next metadata write would count as the oldest of all is read and not written to. */
    @ParameterizedTest
    @MethodSource("generations")
    void anyGenerationIsRead(int generation) throws IOException {
        Image image = lie("generation", block -> block.putInt(GENERATION_AT, generation));
        Path path = Files.write(folder.resolve("image"), image.content().of(member.clone()));
        Path copy = folder.resolve("copy");
        Run run = Run.of(folder, "copy", path + ",serial=A", copy.toString());
        assertThat(run.exit()).as(run.err()).isZero();
        Files.delete(copy);
        Run scan = Run.of(folder, "scan", path + ",serial=A");
        assertThat(scan.out().contains("would count as the oldest")).isEqualTo(generation == -1);
    }

    static Stream<Integer> generations() {
        return Stream.of(0, 1, Integer.MAX_VALUE, Integer.MIN_VALUE, -1);
    }
}
