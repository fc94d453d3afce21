package redoubt.assembly;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Goal: whatever an image holds, the answer is right or one sentence; never a stack trace, never a hang. */
class BadImageTest {

    private static final long PATIENCE_NANOS = 10_000_000_000L;
    private static final long SEED = 815L;
    private static final int ROUNDS = 150;

    @TempDir
    Path folder;

    private Corpus corpus;

    @BeforeEach
    void findTheCorpus() {
        Assumptions.assumeTrue(Corpus.root().isPresent(), Corpus.SKIPPED);
        corpus = new Corpus(folder);
    }

    private static AssemblyRefused refusal(Rig rig, List<Disk> disks) {
        try {
            rig.digest(disks, "v");
        } catch (AssemblyRefused refused) {
            assertThat(refused.sentence()).isNotEmpty().doesNotContain("\n");
            assertThat(refused.candidates()).noneMatch(line -> line.contains("\n"));
            return refused;
        }
        throw new AssertionError("not refused: " + disks);
    }

    @Test
    void whatIsNoDiskIsNamed() throws Exception {
        Path empty = Files.createFile(folder.resolve("empty.img"));
        Path small = Files.write(folder.resolve("small.img"), new byte[1]);
        Path absent = folder.resolve("absent.img");
        try (Rig rig = new Rig()) {
            for (Path path : List.of(empty, small, absent, folder)) {
                AssemblyRefused refused = refusal(rig, List.of(Disk.at(path.toString())));
                assertThat(refused.reason())
                        .as("%s", path)
                        .isEqualTo(
                                Files.isRegularFile(path)
                                        ? AssemblyRefused.Reason.NO_ARRAY
                                        : AssemblyRefused.Reason.IO_ERROR);
                assertThat(refused.sentence() + refused.candidates()).contains(path.toString());
            }
        }
    }

    @Test
    void aMemberThatWasCutShortIsLeftOut() throws Exception {
        Corpus.Case each = corpus.get("imsm-r0-2d-64k");
        try (RandomAccessFile file = new RandomAccessFile(each.images().get(1).toFile(), "rw")) {
            file.setLength(file.length() - 1024);
        }
        try (Rig rig = new Rig()) {
            AssemblyRefused refused = refusal(rig, List.of(each.known(0), each.known(1)));
            assertThat(refused.reason()).isEqualTo(AssemblyRefused.Reason.NO_ARRAY);
            assertThat(refused.candidates()).anyMatch(line -> line.contains("no metadata"));
        }
    }

    @Test
    void oneDamagedBlockOfSeveralDoesNoHarm() throws Exception {
        Corpus.Case each = corpus.get("imsm-r5-3d-64k");
        damage(each.images().get(1), 100, new byte[] {1, 2, 3, 4});
        try (Rig rig = new Rig()) {
            List<Disk> disks = List.of(each.known(0), each.known(1), each.known(2));
            assertThat(rig.digest(disks, "v")).isEqualTo(each.volume("v").sha256());
        }
    }

    @Test
    void anyDamageToTheOnlyBlockEndsInASentenceOrTheTruth() throws Exception {
        Corpus.Case each = corpus.get("imsm-r1-2d");
        Path image = each.images().get(1);
        byte[] original;
        try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "r")) {
            original = new byte[512];
            file.seek(file.length() - 1024);
            file.readFully(original);
        }
        Random random = new Random(SEED);
        try (Rig rig = new Rig()) {
            for (int round = 0; round < ROUNDS; round++) {
                byte[] block = original.clone();
                for (int flips = 1 + random.nextInt(3); flips > 0; flips--) {
                    int at = 36 + random.nextInt(476);
                    block[at] = (byte) (random.nextBoolean() ? random.nextInt() : random.nextInt(4) - 1);
                }
                if (random.nextInt(8) != 0) {
                    sum(block);
                }
                damage(image, 0, block);
                Scan scan = rig.assembly.scan(List.of(each.known(1)), PATIENCE_NANOS);
                assertThat(scan.disks().getFirst().because())
                        .as("seed %d, round %d", SEED, round)
                        .isNotEmpty()
                        .doesNotContain("\n");
                openOrRefused(rig, each.known(1));
            }
        }
    }

    private static void openOrRefused(Rig rig, Disk disk) {
        try (AssembledContainer container = rig.assembly.assemble(
                List.of(disk), Access.LOOK, AssemblyOptions.READ_ONLY, rig.memory, rig.complaints::add)) {
            container.start(PATIENCE_NANOS);
            container.stop(PATIENCE_NANOS);
        } catch (AssemblyRefused refused) {
            assertThat(refused.sentence()).isNotEmpty().doesNotContain("\n");
        }
    }

    /** Makes the checksum right again, so that the content is looked at. */
    private static void sum(byte[] block) {
        java.nio.ByteBuffer words = java.nio.ByteBuffer.wrap(block).order(java.nio.ByteOrder.LITTLE_ENDIAN);
        int size = words.getInt(36);
        int sum = 0;
        for (int at = 0; at + 4 <= Math.min(Math.max(size, 0), 512); at += 4) {
            sum += at == 32 ? 0 : words.getInt(at);
        }
        words.putInt(32, sum);
    }

    private static void damage(Path image, int at, byte[] bytes) throws Exception {
        try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
            file.seek(file.length() - 1024 + at);
            file.write(bytes);
        }
    }
}
