package redoubt.assembly;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import redoubt.block.IoMemory;

/**
 * Goal: arrays made by Linux md read back right, whatever disks of them are given and in whatever order, or are refused, and no stale disk is
 * ever read. Method: the corpus; md's disks say who they are, so none has a serial.
 */
@Tag("slow")
class MdCorpusTest extends OverTheCorpus {

    private static final long SEED = 20_231_116L;

    /** Every order of three disks; of more, so many. */
    private static final int ORDERS = 6;

    private static final long PATIENCE_NANOS = 10_000_000_000L;

    static List<String> cases() {
        return casesCalled("md");
    }

    private static List<Disk> disks(Corpus.Case each) {
        return IntStream.range(0, each.images().size()).mapToObj(each::unknown).toList();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void readsBackRightInEveryOrder(String name) throws AssemblyRefused {
        Corpus.Case each = corpus.get(name);
        for (List<Disk> order : Orders.of(disks(each), SEED, ORDERS)) {
            for (Corpus.Volume volume : each.volumes()) {
                assertThat(rig.digest(order, volume.name()))
                        .as("%s of %s", volume.name(), order)
                        .isEqualTo(volume.sha256());
            }
        }
    }

    /** How few of a case's disks hold everything: each set of disks reads right exactly if it has as many of those that are not stale. */
    private static boolean survives(String name, List<Integer> members) {
        return switch (name) {
            case "md090-r1-2d", "md10-r1-3d", "md12-r1-2d-bitmap", "md12-r1-xfs-files" -> !members.isEmpty();
            case "md11-r5-3d-ls" -> members.size() >= 2;
            case "md12-r5-4d-la-32k" -> members.size() >= 3;
            case "md12-r10-4d-n2" ->
                (members.contains(0) || members.contains(1)) && (members.contains(2) || members.contains(3));
            case "md12-linear-3d-uneven", "md12-r0-3d-uneven-alternate", "md12-r0-3d-uneven-original" ->
                members.size() == 3;
            case "md12-r10-3d-f2" -> members.size() >= 2;
            case "md12-r10-4d-o2" ->
                members.size() >= 3 || (members.size() == 2 && members.get(1) - members.get(0) == 2);
            case "md12-r6-5d-ls-64k" -> members.size() >= 3;
            case "md12-r6-6d-two-failed" -> members.containsAll(List.of(0, 2, 3, 5));
            case "md12-r5-3d-recovering" -> members.contains(1) && members.contains(2);
            default -> throw new AssertionError("say what " + name + " survives");
        };
    }

    @ParameterizedTest
    @MethodSource("cases")
    void everySubsetReadsRightOrIsRefused(String name) throws AssemblyRefused {
        Corpus.Case each = corpus.get(name);
        int all = each.images().size();
        for (int subset = 1; subset < 1 << all; subset++) {
            int given = subset;
            List<Integer> members = IntStream.range(0, all)
                    .filter(member -> (given >>> member & 1) != 0)
                    .boxed()
                    .toList();
            List<Disk> disks = members.stream().map(each::unknown).toList();
            for (Corpus.Volume volume : each.volumes()) {
                if (survives(name, members)) {
                    assertThat(rig.digest(disks, volume.name()))
                            .as("%s of %s", volume.name(), members)
                            .isEqualTo(volume.sha256());
                } else {
                    assertThatThrownBy(() -> rig.digest(disks, volume.name()))
                            .as("%s of %s", volume.name(), members)
                            .isInstanceOfSatisfying(
                                    AssemblyRefused.class,
                                    refused -> assertThat(refused.reason()).isEqualTo(AssemblyRefused.Reason.NO_ARRAY));
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"md10-r1-3d", "md090-r1-2d"})
    void nothingIsWrittenYet(String name) {
        Corpus.Case each = corpus.get(name);
        try (IoMemory memory = new IoMemory(new IoMemory.Cut(64 << 10, 4, 0))) {
            assertThatThrownBy(() -> rig.assembly.assemble(
                            disks(each), Access.WRITE, AssemblyOptions.WRITABLE, memory, rig.complaints::add))
                    .isInstanceOfSatisfying(AssemblyRefused.class, refused -> {
                        assertThat(refused.reason()).isEqualTo(AssemblyRefused.Reason.WOULD_LOSE_DATA);
                        assertThat(refused.sentence())
                                .contains("does not write")
                                .contains("--read-only");
                    });
        }
    }

    /** Goal: which disk is which is certain, and every disk is accounted for. */
    @Test
    void eachDiskSaysWhoItIs() throws AssemblyRefused {
        Scan scan = rig.assembly.scan(disks(corpus.get("md12-r5-3d-recovering")), PATIENCE_NANOS);
        assertThat(scan.containers()).hasSize(1);
        assertThat(scan.containers().getFirst().format()).isEqualTo("1.2");
        assertThat(scan.containers().getFirst().volumes().getFirst().identity()).isInstanceOf(Identity.Certain.class);
        assertThat(scan.disks().stream().map(ScannedDisk::role).toList())
                .containsExactly(
                        ScannedDisk.Role.STALE,
                        ScannedDisk.Role.MEMBER,
                        ScannedDisk.Role.MEMBER,
                        ScannedDisk.Role.MEMBER);
        assertThat(scan.disks().getFirst().because()).contains("it missed 10 metadata writes");
    }

    /** Goal: what is recorded as bad on one member is read from another. Method: spoil a mirror's block and record it in its log. */
    @Test
    void aRecordedBadBlockIsReadFromTheOtherMember() throws Exception {
        Corpus.Case each = corpus.get("md12-r1-2d-bitmap");
        List<Disk> disks = new ArrayList<>();
        for (int member = 0; member < 2; member++) {
            Path copy = Files.copy(each.images().get(member), unpacked.resolve("bad-" + member));
            try (RandomAccessFile file = new RandomAccessFile(copy.toFile(), "rw")) {
                long sector = 2048L + 1000L * member; // another place on each
                file.seek(sector * 512);
                file.write(new byte[4096]);
                byte[] log = new byte[8 * 512];
                Arrays.fill(log, (byte) -1);
                file.seek(4096 + 16 * 512);
                file.write(log);
                file.seek(4096 + 16 * 512);
                file.writeLong(Long.reverseBytes((sector << 10) | 8));
                flag(file, 4096);
            }
            disks.add(Disk.at(copy.toString()));
        }
        assertThat(rig.digest(disks, "a")).isEqualTo(each.volume("a").sha256());
        assertThatThrownBy(() -> rig.digest(disks.subList(0, 1), "a")).isInstanceOf(AssertionError.class);
    }

    private static void flag(RandomAccessFile file, long at) throws Exception {
        ByteBuffer superblock = superblock(file, at);
        superblock.putInt(8, superblock.getInt(8) | 8);
        file.seek(at);
        file.write(summedUp(superblock));
    }

    private static ByteBuffer superblock(RandomAccessFile file, long at) throws Exception {
        byte[] bytes = new byte[512];
        file.seek(at);
        file.readFully(bytes);
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static byte[] summedUp(ByteBuffer superblock) {
        superblock.putInt(216, 0);
        long sum = 0;
        for (int word = 0; word < 512; word += 4) {
            sum += Integer.toUnsignedLong(superblock.getInt(word));
        }
        superblock.putInt(216, (int) sum + (int) (sum >>> 32));
        byte[] bytes = new byte[512];
        superblock.get(0, bytes);
        return bytes;
    }

    /**
     * Goal: metadata that lies in an array's content is not taken for the disk's own; where each lies in what the other claims, the array that was
     * made last counts. Method: an md superblock within a mirror of IMSM, which was made some minutes before.
     */
    @Test
    void theOutermostMetadataCountsAndElseTheNewest() throws Exception {
        assertThat(formatWithMdOf(63488, "whole")).isEqualTo("1.2");
        assertThat(formatWithMdOf(50000, "inner")).isEqualTo("imsm");
    }

    private static String formatWithMdOf(long sectors, String as) throws Exception {
        Corpus.Case imsm = corpus.get("imsm-r1-2d");
        Corpus.Case md = corpus.get("md12-r1-2d-bitmap");
        List<Disk> disks = new ArrayList<>();
        for (int member = 0; member < 2; member++) {
            Path copy = Files.copy(imsm.images().get(member), unpacked.resolve(as + member));
            try (RandomAccessFile from =
                            new RandomAccessFile(md.images().get(member).toFile(), "r");
                    RandomAccessFile to = new RandomAccessFile(copy.toFile(), "rw")) {
                ByteBuffer superblock = superblock(from, 4096);
                superblock.putLong(80, sectors).putLong(136, sectors);
                to.seek(4096);
                to.write(summedUp(superblock));
            }
            disks.add(new Disk(copy.toString(), imsm.known(member).serial()));
        }
        Scan scan = rig.assembly.scan(disks, PATIENCE_NANOS);
        assertThat(scan.containers()).hasSize(1);
        return scan.containers().getFirst().format();
    }
}
