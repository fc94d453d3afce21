package redoubt.assembly;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import java.util.concurrent.CopyOnWriteArrayList;
import redoubt.base.Heartbeat;
import redoubt.base.WorkerFactory;
import redoubt.block.IoMemory;
import redoubt.md.Array;
import redoubt.md.ArrayListener;
import redoubt.md.ArrayView;
import redoubt.metadata.BlockReader;
import redoubt.metadata.ConsistencyPolicy;
import redoubt.metadata.ContainerMetadata;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.Finding;
import redoubt.metadata.MetadataEvent;
import redoubt.metadata.NewDisk;
import redoubt.metadata.RaidLevel;
import redoubt.metadata.ReadFailed;
import redoubt.metadata.VolumePicture;
import redoubt.metadata.VolumePlan;
import redoubt.metadata.WriteRound;
import redoubt.metadata.imsm.ImsmFormat;
import redoubt.testkit.Comebacks;
import redoubt.testkit.PowerRail;
import redoubt.testkit.SimulatedMember;

/**
 * An IMSM container on simulated members: made by the codec, assembled by the production code, cut off from power, and assembled again from
 * what the members held. Disk {@code n} is in slot {@code n} and has the serial {@code SIM<n>}.
 */
final class SimulatedContainer implements AutoCloseable {

    static final int CHUNK_BYTES = 16 << 10;
    static final String NAME = "vol";
    static final String SECOND_NAME = "vol2";

    /** A disk on which a further volume has room. */
    static final int ROOMY_BYTES = 12 << 20;

    /** A geometry that tests run on. */
    enum Kind {
        RAID0(2, RaidLevel.RAID0),
        RAID1(2, RaidLevel.RAID1),
        RAID10(4, RaidLevel.RAID10),
        RAID5(3, RaidLevel.RAID5),
        /** Two volumes on the same disks. */
        MATRIX(2, RaidLevel.RAID1, RaidLevel.RAID0),
        TWO_MIRRORS(2, RaidLevel.RAID1, RaidLevel.RAID1);

        private static final long MEMBER_BYTES = 1 << 20;

        final int disks;
        final int diskBytes;

        @SuppressWarnings("ImmutableEnumChecker") // an unchangeable list
        final List<RaidLevel> levels;

        Kind(int disks, RaidLevel... levels) {
            this.disks = disks;
            this.diskBytes = levels.length == 1 ? 8 << 20 : ROOMY_BYTES;
            this.levels = List.of(levels);
        }

        List<String> names() {
            return levels.size() == 1 ? List.of(NAME) : List.of(NAME, SECOND_NAME);
        }
    }

    final List<SimulatedMember> members = new ArrayList<>();
    final List<String> complaints = new CopyOnWriteArrayList<>();
    private final Comebacks comebacks = new Comebacks();
    final IoMemory memory = new IoMemory(new IoMemory.Cut(16 << 10, 64, 16), new IoMemory.Cut(1 << 20, 8, 4));
    final AssembledContainer container;
    final PowerRail power;

    /** Images of a new, clean array whose members are all zero. */
    static List<byte[]> freshImages(Kind kind) throws Exception {
        return freshImages(kind, kind.diskBytes);
    }

    /** The same on disks of another size. */
    static List<byte[]> freshImages(Kind kind, int diskBytes) throws Exception {
        ImsmFormat format = new ImsmFormat();
        List<NewDisk> disks = new ArrayList<>();
        List<OptionalInt> slots = new ArrayList<>();
        List<byte[]> images = new ArrayList<>();
        for (int disk = 0; disk < kind.disks; disk++) {
            disks.add(new NewDisk(disk, new DiskGeometry(diskBytes, 512), "SIM" + disk, 0));
            slots.add(OptionalInt.of(disk));
            images.add(new byte[diskBytes]);
        }
        ContainerMetadata created = format.create(disks);
        for (int volume = 0; volume < kind.levels.size(); volume++) {
            RaidLevel level = kind.levels.get(volume);
            VolumePlan plan = new VolumePlan(
                    kind.names().get(volume),
                    level,
                    level == RaidLevel.RAID1 ? OptionalInt.empty() : OptionalInt.of(CHUNK_BYTES),
                    OptionalLong.of(Kind.MEMBER_BYTES / 512),
                    slots,
                    ConsistencyPolicy.NONE,
                    true);
            created = format.addVolume(created, plan, new MetadataEvent.Seeds(99, Optional.of(1_700_000_000L)));
        }
        for (WriteRound.MemberWrites writes : created.write(Optional.empty()).members()) {
            for (WriteRound.Step step : writes.steps()) {
                if (step instanceof WriteRound.Step.Put put) {
                    put.bytes().copyTo(images.get(writes.disk()), (int) put.offsetBytes());
                }
            }
        }
        return images;
    }

    /**
     * Assembles and starts.
     *
     * @param images what each disk holds; null for one that is not there
     * @param setUp what is done to each member before it is used
     */
    SimulatedContainer(
            List<byte[]> images,
            AssemblyOptions options,
            PowerRail power,
            Heartbeat heartbeat,
            java.util.function.UnaryOperator<SimulatedMember> setUp)
            throws AssemblyRefused {
        this.power = power;
        List<Disk> disks = new ArrayList<>();
        for (int disk = 0; disk < images.size(); disk++) {
            byte[] image = images.get(disk);
            if (image != null) {
                members.add(setUp.apply(new SimulatedMember("SIM" + disk, image, 512, power, disk)));
                disks.add(new Disk("sim:" + (members.size() - 1), Optional.of("SIM" + disk)));
            }
        }
        DiskOpener opener = (disk, access, limit) ->
                members.get(Integer.parseInt(disk.location().substring("sim:".length())));
        Assembly assembly = new Assembly(heartbeat, WorkerFactory.threads(), opener);
        Access access = options.writable() ? Access.WRITE : Access.LOOK;
        container = assembly.assemble(disks, access, options, memory, complaints::add);
        container.volumes().forEach(volume -> volume.array().addListener(new Lawfulness()));
        container.start(30_000_000_000L);
    }

    /** What the array itself does not refuse. */
    private final class Lawfulness implements ArrayListener {
        @Override
        public void viewChanged(ArrayView before, ArrayView after) {
            comebacks.look(before.inSyncSlots(), after.inSyncSlots());
        }

        @Override
        public void event(String word, String member) {}
    }

    Array array() {
        return array("");
    }

    Array array(String name) {
        return container.volume(name).orElseThrow().array();
    }

    /** What the members hold after the power went. */
    List<byte[]> imagesAfterPowerCut(long seed) {
        SplittableRandom choices = new SplittableRandom(seed);
        return members.stream()
                .map(member -> member.imageAfterPowerCut(choices))
                .toList();
    }

    /** The generation that each member's metadata has for good, whatever happens to the power; -1 where that block is torn. */
    List<Long> durableGenerations() {
        return members.stream()
                .map(member -> finding(member.limits().sizeBytes(), member::durable) instanceof Finding.Whole whole
                        ? whole.metadata().picture().generation()
                        : -1L)
                .toList();
    }

    /** What the members hold now, as reads see it. */
    List<byte[]> contents() {
        return members.stream().map(SimulatedMember::content).toList();
    }

    /** What the metadata of one image says of the volume; empty where the block is torn. */
    static Optional<VolumePicture> volumeIn(byte[] image) {
        return findingIn(image) instanceof Finding.Whole whole
                ? Optional.of(whole.metadata().picture().volumes().getFirst())
                : Optional.empty();
    }

    /** What the codec finds on one image. */
    static Finding findingIn(byte[] image) {
        return finding(
                image.length,
                (offset, length) -> java.util.Arrays.copyOfRange(image, (int) offset, (int) offset + length));
    }

    private static Finding finding(long diskBytes, BlockReader reader) {
        try {
            return new ImsmFormat().probe(new DiskGeometry(diskBytes, 512), reader);
        } catch (ReadFailed failed) {
            throw new IllegalStateException(failed);
        }
    }

    /** For the end: all came back, and nobody came into sync by himself. */
    void expectNothingLeaks() {
        assertThat(comebacks.seen()).isEmpty();
        redoubt.testkit.Waiting.until("every buffer is back", () -> memory.free() == memory.total());
        for (VolumePicture volume : container.picture().volumes()) {
            assertThat(array(volume.name()).requestsInside())
                    .as("requests inside %s", volume.name())
                    .isZero();
        }
    }

    @Override
    public void close() {
        container.close();
    }
}
