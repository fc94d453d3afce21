package redoubt.keeper;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import redoubt.base.Sectors;
import redoubt.block.BlockDevice;
import redoubt.block.IoMemory;
import redoubt.block.IoOperation;
import redoubt.block.IoRequestPool;
import redoubt.kernfs.KernfsDirectory;
import redoubt.kernfs.NodeRefused;
import redoubt.md.Array;
import redoubt.md.ArrayAttributes;
import redoubt.md.ArrayListener;
import redoubt.md.ArrayPlan;
import redoubt.md.ArrayView;
import redoubt.md.KeeperStores;
import redoubt.md.Level;
import redoubt.md.Member;
import redoubt.md.MemberState;
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
import redoubt.personality.CopiesPersonality;
import redoubt.personality.NearLayout;
import redoubt.sim.SteppedTime;
import redoubt.sim.SteppedWorkers;
import redoubt.testkit.Asked;
import redoubt.testkit.Asker;
import redoubt.testkit.PowerRail;
import redoubt.testkit.SimulatedMember;
import redoubt.workqueue.Workqueue;

/**
 * An IMSM mirror on simulated members whose metadata is kept outside, on a clock that is stepped. After every step the rig looks at the members:
 * the generation never falls on any of them.
 */
final class ExternalRig {

    static final int DISKS = 2;
    static final long DEADLINE_NANOS = 200_000_000L;
    static final long MEMBER_LIMIT_NANOS = 400_000_000L;
    static final long IDLE_NANOS = 100_000_000L;

    private static final int DISK_BYTES = 8 << 20;
    private static final long STEP_NANOS = 10_000_000L;

    final ImsmFormat format = new ImsmFormat();
    final SteppedTime time = new SteppedTime();
    final SteppedWorkers workers;
    final List<SimulatedMember> members = new ArrayList<>();
    final List<String> complaints = new ArrayList<>();
    final List<String> events = new ArrayList<>();
    final Array array;
    final ExternalKeeper keeper;
    final Asker clients;
    final long seed;
    private final long[] generations = new long[DISKS];
    private final long[] writesSeen = new long[DISKS];

    ExternalRig(long seed, long deadlineNanos) throws Exception {
        this.seed = seed;
        this.workers = new SteppedWorkers(seed);
        DiskGeometry geometry = geometry();
        List<NewDisk> fresh = new ArrayList<>();
        List<OptionalInt> places = new ArrayList<>();
        List<byte[]> images = new ArrayList<>();
        for (int disk = 0; disk < DISKS; disk++) {
            fresh.add(new NewDisk(disk, geometry, "SIM" + disk, 0));
            places.add(OptionalInt.of(disk));
            images.add(new byte[DISK_BYTES]);
        }
        VolumePlan plan = new VolumePlan(
                "twins",
                RaidLevel.RAID1,
                OptionalInt.empty(),
                OptionalLong.of(2048),
                places,
                ConsistencyPolicy.NONE,
                true);
        ContainerMetadata created =
                format.addVolume(format.create(fresh), plan, new MetadataEvent.Seeds(42, Optional.of(1_700_000_000L)));
        WriteRound round = created.write(Optional.empty());
        for (WriteRound.MemberWrites writes : round.members()) {
            for (WriteRound.Step step : writes.steps()) {
                if (step instanceof WriteRound.Step.Put put) {
                    put.bytes().copyTo(images.get(writes.disk()), (int) put.offsetBytes());
                }
            }
        }
        VolumePicture volume = round.image().picture().volumes().getFirst();
        Workqueue queue = Workqueue.orderedMemReclaim("container", workers);
        List<ArrayPlan.Occupant> occupants = new ArrayList<>();
        for (int disk = 0; disk < DISKS; disk++) {
            SimulatedMember member = new SimulatedMember(
                            "SIM" + disk, images.get(disk), 512, PowerRail.steady(), seed + disk)
                    .servedBy(workers)
                    .withTimeLimit(MEMBER_LIMIT_NANOS, time);
            members.add(member);
            occupants.add(new ArrayPlan.Occupant(
                    new Member(
                            disk,
                            "SIM" + disk,
                            member,
                            Sectors.toBytes(volume.slots().get(disk).dataOffsetSectors())),
                    MemberState.IN_SYNC));
        }
        ArrayPlan arrayPlan = new ArrayPlan(
                "twins",
                Sectors.toBytes(volume.componentSectors()),
                Sectors.toBytes(volume.sizeSectors()),
                512,
                occupants,
                true,
                false,
                false,
                IDLE_NANOS,
                ArrayPlan.MAX_READ_ERRORS);
        array = new Array(
                arrayPlan,
                host -> new CopiesPersonality(host, Level.RAID1, new NearLayout(DISKS, DISKS, 65536), 65536),
                queue,
                time,
                new IoRequestPool(64),
                new IoMemory(new IoMemory.Cut(4096, 16, 4)));
        array.addListener(new ArrayListener() {
            @Override
            public void viewChanged(ArrayView before, ArrayView after) {}

            @Override
            public void event(String word, String member) {
                events.add(word + (member.isEmpty() ? "" : " " + member));
            }
        });
        List<BlockDevice> disks = List.copyOf(members);
        keeper = new ExternalKeeper(
                new ExternalKeeper.Terms("md127", deadlineNanos),
                format,
                round.image(),
                disks,
                queue,
                time,
                complaints::add);
        array.start(keeper.volume(0, array, places));
        clients = new Asker(array).steppedBy(this::step);
        look();
    }

    static DiskGeometry geometry() {
        return new DiskGeometry(DISK_BYTES, 512);
    }

    /** A tree of the array's attributes, in the name of whoever stores. */
    KernfsDirectory tree(KeeperStores stores) throws NodeRefused {
        KernfsDirectory root = KernfsDirectory.root();
        List<ArrayAttributes.MemberFacts> facts = new ArrayList<>();
        for (int disk = 0; disk < DISKS; disk++) {
            facts.add(new ArrayAttributes.MemberFacts("sim" + disk, "sim:" + disk, "SIM" + disk));
        }
        ArrayAttributes attributes = new ArrayAttributes(
                "md126", array, new ArrayAttributes.Facts("imsm", "", 0, 0, List.copyOf(facts)), () -> false, stores);
        root.add(attributes.directory());
        return root;
    }

    ScriptedDaemon daemon(String name) throws Exception {
        Incarnation incarnation = keeper.enter(name);
        return new ScriptedDaemon(this, incarnation, tree(incarnation.stores(0)));
    }

    /** Does one thing of the engine's, if there is one; else lets a little time go by. */
    boolean step() {
        if (!workers.runOne()) {
            time.pause(STEP_NANOS);
        }
        look();
        return true;
    }

    /** The same, with a daemon beside it: each does what it does when the seed says so. */
    void step(ScriptedDaemon daemon, SplittableRandom random) throws Exception {
        boolean did = random.nextBoolean() ? workers.runOne() || daemon.runOne() : daemon.runOne() || workers.runOne();
        if (!did) {
            time.pause(STEP_NANOS);
        }
        look();
    }

    /** Steps both until something holds, within so much time on the rig's clock. */
    void until(String what, ScriptedDaemon daemon, SplittableRandom random, long limitNanos, Condition condition)
            throws Exception {
        long from = time.nanos();
        while (!condition.holds()) {
            step(daemon, random);
            assertThat(time.nanos() - from)
                    .as("%s within %d ns, seed %d; %s %s", what, limitNanos, seed, events, complaints)
                    .isLessThanOrEqualTo(limitNanos);
        }
    }

    interface Condition {
        boolean holds() throws Exception;
    }

    Asked write(long offset, int fill) {
        byte[] bytes = new byte[4096];
        java.util.Arrays.fill(bytes, (byte) fill);
        return clients.startWrite(offset, bytes, 0);
    }

    // ---------------------------------------------------------------------------------------------- what members say

    /** What a member carries; empty while it is being written. */
    Optional<Finding.Whole> whole(int disk) {
        return whole(members.get(disk).content());
    }

    Optional<Finding.Whole> whole(byte[] image) {
        BlockReader reader =
                (offset, length) -> java.util.Arrays.copyOfRange(image, (int) offset, (int) offset + length);
        try {
            return format.probe(geometry(), reader) instanceof Finding.Whole found
                    ? Optional.of(found)
                    : Optional.empty();
        } catch (ReadFailed failed) {
            throw new IllegalStateException(failed);
        }
    }

    long generation(int disk) {
        return whole(disk).orElseThrow().metadata().picture().generation();
    }

    VolumePicture volume(int disk) {
        return whole(disk).orElseThrow().metadata().picture().volumes().getFirst();
    }

    byte[] metadataArea(int disk) {
        var place = format.usualPlaces(geometry()).getFirst();
        return java.util.Arrays.copyOfRange(members.get(disk).content(), (int) place.offset(), (int) place.end());
    }

    private void look() {
        for (int disk = 0; disk < DISKS; disk++) {
            long writes = members.get(disk).served(IoOperation.WRITE);
            if (writes == writesSeen[disk]) {
                continue;
            }
            writesSeen[disk] = writes;
            Optional<Finding.Whole> found = whole(disk);
            if (found.isEmpty()) {
                continue;
            }
            long generation = found.get().metadata().picture().generation();
            assertThat(generation)
                    .as("generation on disk %d, seed %d", disk, seed)
                    .isGreaterThanOrEqualTo(generations[disk]);
            generations[disk] = generation;
        }
    }

    /** The survivors agree, byte for byte, and none of them has forgotten a failure. */
    void expectSurvivorsAgree() {
        byte[] first = null;
        for (int disk = 0; disk < DISKS; disk++) {
            if (array.view().inSync(disk)) {
                byte[] area = metadataArea(disk);
                if (first == null) {
                    first = area;
                }
                assertThat(area).as("disk %d agrees, seed %d", disk, seed).isEqualTo(first);
                for (int slot = 0; slot < DISKS; slot++) {
                    boolean recordedSync = volume(disk).slots().get(slot).state() == redoubt.metadata.SlotState.IN_SYNC;
                    assertThat(recordedSync)
                            .as("what disk %d says of slot %d, seed %d", disk, slot, seed)
                            .isEqualTo(array.view().inSync(slot));
                }
            }
        }
    }
}
