package redoubt.assembly;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Goal: a file system in a volume shows in which order its disks belong. Method: real arrays are given a file system by the system's own mkfs,
 * lose their serials, and are read in every order.
 */
@Tag("slow")
class FileSystemOrderTest {

    private static final long SEED = 7L;
    private static final long PATIENCE_NANOS = 30_000_000_000L;

    @TempDir
    Path folder;

    @BeforeEach
    void findTheCorpus() {
        Assumptions.assumeTrue(Corpus.root().isPresent(), Corpus.SKIPPED);
    }

    @ParameterizedTest
    @CsvSource({
        "imsm-r0-2d-64k,mkfs.ext4 -q -F",
        "imsm-r0-3d-128k,mkfs.ext4 -q -F",
        "imsm-r5-3d-64k,mkfs.ext4 -q -F",
        "imsm-r10-4d-64k,mkfs.ext4 -q -F",
        "imsm-r0-3d-128k,mkfs.ext2 -q -F",
        "imsm-r0-3d-128k,mkfs.xfs -q --unsupported",
        "imsm-r0-3d-128k,mkfs.btrfs -q"
    })
    void theOrderIsReadFromTheFileSystem(String name, String mkfs) throws Exception {
        Corpus.Case each = new Corpus(folder).get(name);
        List<Disk> known = new ArrayList<>();
        List<Disk> unknown = new ArrayList<>();
        for (int member = 0; member < each.images().size(); member++) {
            known.add(each.known(member));
            unknown.add(each.unknown(member));
        }
        Path image = new VolumeImages(folder)
                .fileSystem(mkfs, each.volumes().getFirst().bytes());
        try (Rig rig = new Rig()) {
            rig.write(known, array -> Rig.copy(image, array, 0));
            String right = rig.digest(known, "v");
            for (List<Disk> order : Orders.of(unknown, SEED)) {
                assertThat(rig.digest(order, "v")).as("%s", order).isEqualTo(right);
            }
            if (!name.equals("imsm-r10-4d-64k")) {
                Identity identity = rig.assembly
                        .scan(unknown, PATIENCE_NANOS)
                        .containers()
                        .getFirst()
                        .volumes()
                        .getFirst()
                        .identity();
                // Where the file system is so empty that two disks hold nothing, it does not matter which is which.
                assertThat(identity).isInstanceOfAny(Identity.Evident.class, Identity.Indifferent.class);
                assertThat(identity.toString()).contains("speaks for itself");
            }
        }
    }

    /** NTFS keeps tables in its first megabyte that nothing here can check; so it may not be enough, and is never wrong. */
    @Test
    void anOrderThatNtfsDoesNotShowIsRefused() throws Exception {
        Corpus.Case each = new Corpus(folder).get("imsm-r0-3d-128k");
        List<Disk> known = List.of(each.known(0), each.known(1), each.known(2));
        Path image = new VolumeImages(folder)
                .fileSystem("mkntfs -Q -q -F", each.volumes().getFirst().bytes());
        try (Rig rig = new Rig()) {
            rig.write(known, array -> Rig.copy(image, array, 0));
            String right = rig.digest(known, "v");
            for (List<Disk> order : Orders.of(List.of(each.unknown(0), each.unknown(1), each.unknown(2)), SEED)) {
                try {
                    assertThat(rig.digest(order, "v")).as("%s", order).isEqualTo(right);
                } catch (AssemblyRefused refused) {
                    assertThat(refused.candidates()).hasSizeGreaterThan(1);
                }
            }
        }
    }

    /**
     * Goal: serials that were mixed up do not pass for right. Method: two serials exchanged, on disks that carry a file system. Which of two
     * mirrors is which does not matter to a reader; in the RAID10 these are the disks 1 and 2, and 0 and 3.
     */
    @ParameterizedTest
    @CsvSource({
        "imsm-r0-2d-64k, 0, 1, true",
        "imsm-r0-3d-128k, 1, 2, true",
        "imsm-r5-3d-64k, 0, 2, true",
        "imsm-r10-4d-64k, 0, 2, true",
        "imsm-r10-4d-64k, 1, 3, true",
        "imsm-r10-4d-64k, 1, 2, false",
        "imsm-r1-2d, 0, 1, false"
    })
    void exchangedSerialsAreDoubted(String name, int one, int other, boolean matters) throws Exception {
        Corpus.Case each = new Corpus(folder).get(name);
        List<Disk> right = new ArrayList<>();
        for (int member = 0; member < each.images().size(); member++) {
            right.add(each.known(member));
        }
        List<Disk> wrong = new ArrayList<>(right);
        wrong.set(one, new Disk(right.get(one).location(), right.get(other).serial()));
        wrong.set(other, new Disk(right.get(other).location(), right.get(one).serial()));
        try (Rig rig = new Rig()) {
            Path image = new VolumeImages(folder)
                    .fileSystem("mkfs.ext4 -q -F", each.volumes().getFirst().bytes());
            rig.write(right, array -> Rig.copy(image, array, 0));
            assertThat(identity(rig, right)).isInstanceOf(Identity.Certain.class);
            if (!matters) {
                assertThat(identity(rig, wrong)).isInstanceOf(Identity.Certain.class);
                return;
            }
            assertThat(identity(rig, wrong)).isInstanceOf(Identity.Doubtful.class);
            assertThat(rig.digest(wrong, "v")).as("it is read all the same").hasSize(64);
            AssemblyRefused refused = org.assertj.core.api.Assertions.catchThrowableOfType(
                    AssemblyRefused.class, () -> writable(rig, wrong).close());
            assertThat(refused.reason()).isEqualTo(AssemblyRefused.Reason.WOULD_LOSE_DATA);
            assertThat(refused).hasMessageContaining("--trust-serials");
            writable(rig, wrong, Insistence.SERIALS).close();
        }
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

    private static AssembledContainer writable(Rig rig, List<Disk> disks, Insistence... insisted)
            throws AssemblyRefused {
        return rig.assembly.assemble(
                disks,
                Access.WRITE,
                AssemblyOptions.WRITABLE.insisting(java.util.Set.of(insisted)),
                rig.memory,
                rig.complaints::add);
    }
}
