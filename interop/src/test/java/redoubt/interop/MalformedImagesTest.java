package redoubt.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Goal: a script that starts {@code redoubt} on an image that is no member is told so by a sentence and by 65, also by {@code serve}, which becomes
 * another process before it opens its disks, and which leaves no socket behind. Method: the command itself, on a few images; the whole table
 * is in the tests of the command line, which run within one virtual machine.
 */
@Interop
class MalformedImagesTest {
    private static final int SECTOR_BYTES = 512;
    private static final int SUM_AT = 32;
    private static final int SIZE_AT = 36;
    private static final int SECOND_SLOT_AT = 312 + 112 + 52;
    private static final int EX_DATAERR = 65;

    private static Scratch scratch;
    private static RedoubtArray array;

    /** What was made of a member. */
    enum Image {
        A_TEXT,
        THE_FIRST_HALF,
        A_BAD_SUM,
        A_BLOCK_OF_4_GIB,
        /** The sum is right, and what it covers cannot be. */
        ONE_DISK_IN_BOTH_SLOTS;

        private byte[] made(byte[] member) {
            ByteBuffer anchor = anchor(member);
            switch (this) {
                case A_TEXT -> {
                    return "dear disk,\n".repeat(10_000).getBytes(StandardCharsets.UTF_8);
                }
                case THE_FIRST_HALF -> {
                    return Arrays.copyOf(member, member.length / 2);
                }
                case A_BAD_SUM -> anchor.putInt(SUM_AT, 0);
                case A_BLOCK_OF_4_GIB -> anchor.putInt(SIZE_AT, -1);
                case ONE_DISK_IN_BOTH_SLOTS -> {
                    int was = anchor.getInt(SECOND_SLOT_AT);
                    anchor.putInt(SECOND_SLOT_AT, 0).putInt(SUM_AT, anchor.getInt(SUM_AT) - was);
                }
            }
            return member;
        }

        private static ByteBuffer anchor(byte[] member) {
            return ByteBuffer.wrap(member, member.length - 2 * SECTOR_BYTES, SECTOR_BYTES)
                    .slice()
                    .order(ByteOrder.LITTLE_ENDIAN);
        }

        /** The disk, as the first one of the array. */
        String disk() throws IOException {
            Path path = Files.write(
                    scratch.file(name()), made(Files.readAllBytes(array.images().getFirst())));
            return RedoubtArray.disk(path.toString(), 0);
        }
    }

    @BeforeAll
    static void makeAnArray() {
        scratch = Scratch.make();
        array = RedoubtArray.create(scratch, Level.RAID1, "--assume-clean");
    }

    @AfterAll
    static void removeIt() {
        scratch.close();
    }

    @ParameterizedTest
    @EnumSource
    void serveEndsWithASentenceAnd65(Image image) throws IOException {
        Path socket = scratch.file("nbd-" + image);
        Path control = scratch.file("control-" + image);
        isRefused(
                image,
                array.redoubt()
                        .command(
                                "serve",
                                "--listen",
                                "unix:" + socket,
                                "--control",
                                control.toString(),
                                "--allow-degraded",
                                image.disk())
                        .run());
        assertThat(socket).doesNotExist();
        assertThat(control).doesNotExist();
    }

    @Test
    void soDoTheVerbsThatReadOnce() throws IOException {
        Image image = Image.ONE_DISK_IN_BOTH_SLOTS;
        Path copy = scratch.file("copy");
        for (List<String> words : List.of(
                List.of("examine", image.disk()),
                List.of("scan", image.disk()),
                List.of("copy", image.disk(), copy.toString()))) {
            isRefused(image, array.redoubt().command(words).run());
        }
        assertThat(copy).doesNotExist();
    }

    /** Beside a whole member it is served without, as if it were missing. */
    @Test
    void serveGoesOnWithoutIt() throws IOException {
        List<String> words = new ArrayList<>(List.of("--read-only", Image.A_BAD_SUM.disk()));
        words.addAll(array.disksWithout(0));
        try (RedoubtProcess served = array.redoubt().serve(words)) {
            served.stop().mustSucceed();
        }
    }

    private static void isRefused(Image image, Outcome outcome) {
        String told = outcome.out() + outcome.err();
        assertThat(outcome.exitCode()).as(told).isEqualTo(EX_DATAERR);
        assertThat(told)
                .contains(scratch.file(image.name()).toString())
                .doesNotContain("Exception", "\tat ", "java.", "null");
        assertThat(outcome.err().lines().filter(line -> line.startsWith("redoubt: ")))
                .as(told)
                .hasSizeLessThanOrEqualTo(1);
    }
}
