package redoubt.assembly;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import redoubt.md.Array;
import redoubt.metadata.RaidLevel;
import redoubt.metadata.VolumeState;
import redoubt.metadata.imsm.ImsmFormat;
import redoubt.testkit.Waiting;

/** A container with two volumes: a disk is a member of both, and what happens to it happens to both. */
class TwoVolumesTest {

    private static final int DISK_BYTES = 24 << 20;
    private static final long PATIENCE_NANOS = 30_000_000_000L;

    @TempDir
    Path folder;

    private final Rig rig = new Rig();
    private final List<Disk> disks = new ArrayList<>();

    private void make(RaidLevel level, int count) throws Exception {
        for (int number = 0; number < count; number++) {
            Path path = folder.resolve("disk" + number);
            try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
                file.setLength(DISK_BYTES);
            }
            disks.add(new Disk(path.toString(), Optional.of("SER-" + number)));
        }
        for (String name : List.of("v0", "v1")) {
            OptionalLong size = name.equals("v0") ? OptionalLong.of(6 << 20) : OptionalLong.empty();
            Creation.Wish wish = new Creation.Wish(
                    name,
                    level,
                    OptionalInt.empty(),
                    size,
                    disks.stream().map(Optional::of).toList(),
                    List.of(),
                    false,
                    false);
            try (Creation creation = Creation.open(
                    wish,
                    new ImsmFormat(),
                    new FileDisks(rig.heartbeat),
                    PATIENCE_NANOS,
                    new Random(11),
                    1_700_000_000L)) {
                creation.write(bytes -> {});
            }
        }
    }

    private AssembledContainer serve() throws AssemblyRefused {
        AssembledContainer container =
                rig.assembly.assemble(disks, Access.WRITE, AssemblyOptions.WRITABLE, rig.memory, rig.complaints::add);
        container.start(PATIENCE_NANOS);
        return container;
    }

    /** Goal: what one volume loses the other one does not call healthy, and it keeps the last disk from a command. */
    @Test
    void aDiskThatFailsInOneVolumeIsOutOfTheOther() throws Exception {
        make(RaidLevel.RAID1, 2);
        byte[] data = new byte[4096];
        new Random(5).nextBytes(data);
        try (AssembledContainer container = serve()) {
            Array first = container.volume("v0").orElseThrow().array();
            Array second = container.volume("v1").orElseThrow().array();
            first.failMember(1);
            Waiting.until(
                    "the other volume has lost it too", () -> !second.view().inSync(1));
            assertThat(second.view().broken()).isFalse();
            assertThat(second.failMemberIfSurvived(0)).isFalse();
            new DiskReads("v1", second, rig.memory, PATIENCE_NANOS).write(0, data);
            assertThat(container.stop(PATIENCE_NANOS)).isTrue();
        }
        assertThat(rig.complaints).isEmpty();
        Scan scan = rig.assembly.scan(disks, PATIENCE_NANOS);
        assertThat(scan.disks().get(1).role()).isEqualTo(ScannedDisk.Role.STALE);
        assertThat(scan.containers().getFirst().volumes())
                .allMatch(volume -> volume.picture().recorded() == VolumeState.DEGRADED
                        && !volume.picture().dirty());
    }

    /**
     * Goal: a disk whose block was cut and is not believed has no say in which disk is which, so the order of names means nothing. Method: a failure in
     * the second volume, cut behind the extension on one disk, whole and unaware on the other, and nobody's serial known.
     */
    @Test
    void aTornBlockThatIsNotBelievedHasNoSay() throws Exception {
        make(RaidLevel.RAID1, 2);
        byte[] first = Files.readAllBytes(folder.resolve("disk0"));
        byte[] second = Files.readAllBytes(folder.resolve("disk1"));
        try (AssembledContainer container = serve()) {
            container.volume("v1").orElseThrow().array().failMember(1);
            assertThat(container.stop(PATIENCE_NANOS)).isTrue();
        }
        int extension = DISK_BYTES - 3 * 512;
        byte[] after = Files.readAllBytes(folder.resolve("disk0"));
        assertThat(Arrays.mismatch(after, extension, extension + 512, first, extension, extension + 512))
                .isNotNegative();
        System.arraycopy(after, extension, first, extension, 512);
        // Copies, since serials are kept beside the files.
        Files.write(folder.resolve("copy0"), first);
        Files.write(folder.resolve("copy1"), second);
        List<Disk> unknown = Stream.of("copy0", "copy1")
                .map(name -> new Disk(folder.resolve(name).toString(), Optional.empty()))
                .toList();

        for (List<Disk> order : List.of(unknown, unknown.reversed())) {
            Scan scan = rig.assembly.scan(order, PATIENCE_NANOS);
            assertThat(scan.containers().getFirst().volumes())
                    .hasSize(2)
                    .allMatch(volume -> volume.identity() instanceof Identity.Indifferent)
                    .allMatch(volume -> volume.picture().recorded() == VolumeState.NORMAL);
        }
    }
}
