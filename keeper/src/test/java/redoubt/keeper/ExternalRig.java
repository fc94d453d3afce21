package redoubt.keeper;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import redoubt.base.Extent;
import redoubt.base.Sectors;
import redoubt.block.BlockDevice;
import redoubt.block.IoMemory;
import redoubt.block.IoOperation;
import redoubt.block.IoRequestPool;
import redoubt.kernfs.Access;
import redoubt.kernfs.Errno;
import redoubt.kernfs.KernfsAttribute;
import redoubt.kernfs.KernfsDirectory;
import redoubt.kernfs.KernfsNode;
import redoubt.kernfs.NodeRefused;
import redoubt.kernfs.OpenFile;
import redoubt.kernfs.Outcome;
import redoubt.md.Array;
import redoubt.md.ArrayAttributes;
import redoubt.md.ArrayListener;
import redoubt.md.ArrayPlan;
import redoubt.md.ArrayView;
import redoubt.md.ContainerAttributes;
import redoubt.md.KeeperStores;
import redoubt.md.Level;
import redoubt.md.Mdstat;
import redoubt.md.MdstatEntry;
import redoubt.md.Member;
import redoubt.md.MemberState;
import redoubt.mdmon.SteppedMdmon;
import redoubt.metadata.BlockReader;
import redoubt.metadata.Candidate;
import redoubt.metadata.ConsistencyPolicy;
import redoubt.metadata.ContainerChoice;
import redoubt.metadata.ContainerMetadata;
import redoubt.metadata.ContainerPicture;
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
import redoubt.personality.ParityLayout;
import redoubt.personality.ParityRotation;
import redoubt.personality.Raid5Personality;
import redoubt.sim.SteppedTime;
import redoubt.sim.SteppedWorkers;
import redoubt.testkit.Asked;
import redoubt.testkit.Asker;
import redoubt.testkit.Comebacks;
import redoubt.testkit.Inspection;
import redoubt.testkit.PowerRail;
import redoubt.testkit.SimulatedMember;
import redoubt.workqueue.Workqueue;

/**
 * An IMSM container on simulated members whose metadata is kept outside, on a clock that is stepped. After every step the rig looks at the
 * members: the generation never falls on any of them.
 */
final class ExternalRig {

    /** What the container holds. */
    enum Shape {
        MIRROR(RaidLevel.RAID1, 2, 1, 8 << 20),
        TWO_MIRRORS(RaidLevel.RAID1, 2, 2, 14 << 20),
        PARITY(RaidLevel.RAID5, 3, 1, 8 << 20);

        final RaidLevel level;
        final int disks;
        final int volumes;
        final int diskBytes;

        Shape(RaidLevel level, int disks, int volumes, int diskBytes) {
            this.level = level;
            this.disks = disks;
            this.volumes = volumes;
            this.diskBytes = diskBytes;
        }

        DiskGeometry geometry() {
            return new DiskGeometry(diskBytes, 512);
        }
    }

    /** What the first volume was like before. */
    enum Found {
        CLEAN,
        /** It was not closed in good order. */
        DIRTY,
        /** None of its members is there. */
        BROKEN
    }

    /** How many a mirror has. */
    static final int DISKS = Shape.MIRROR.disks;

    static final long DEADLINE_NANOS = 200_000_000L;
    static final long MEMBER_LIMIT_NANOS = 400_000_000L;
    static final long IDLE_NANOS = 100_000_000L;

    private static final int CHUNK_BYTES = 65536;
    private static final long STEP_NANOS = 10_000_000L;
    private static final int STEPS_TO_REST = 2_000;

    final ImsmFormat format = new ImsmFormat();
    final SteppedTime time = new SteppedTime();
    final SteppedWorkers workers;
    final List<SimulatedMember> members = new ArrayList<>();
    final List<String> complaints = new ArrayList<>();
    final List<String> events = new ArrayList<>();
    final Shape shape;
    final Array array; // of the first volume
    final List<Array> arrays = new ArrayList<>();
    final ExternalKeeper keeper;
    final Asker clients; // of the first volume
    final List<Asker> askers = new ArrayList<>();
    final long seed;
    private final long deadlineNanos;
    private final List<IoRequestPool> pools = new ArrayList<>();
    private final List<IoMemory> memories = new ArrayList<>();
    private final Comebacks comebacks = new Comebacks();
    private final long[] generations;
    private final long[] writesSeen;

    ExternalRig(Inspection inspection, long seed, long deadlineNanos) throws Exception {
        this(inspection, seed, deadlineNanos, Shape.MIRROR);
    }

    ExternalRig(Inspection inspection, long seed, long deadlineNanos, Shape shape) throws Exception {
        this(inspection, seed, deadlineNanos, shape, Found.CLEAN);
    }

    /** After the test it is looked whether all came back once daemons are left alone, and nobody came into sync by himself. */
    ExternalRig(Inspection inspection, long seed, long deadlineNanos, Shape shape, Found found) throws Exception {
        this.seed = seed;
        this.deadlineNanos = deadlineNanos;
        this.shape = shape;
        this.generations = new long[shape.disks];
        this.writesSeen = new long[shape.disks];
        this.workers = new SteppedWorkers(seed);
        DiskGeometry geometry = shape.geometry();
        List<NewDisk> fresh = new ArrayList<>();
        List<OptionalInt> places = new ArrayList<>();
        List<byte[]> images = new ArrayList<>();
        for (int disk = 0; disk < shape.disks; disk++) {
            fresh.add(new NewDisk(disk, geometry, "SIM" + disk, 0));
            places.add(OptionalInt.of(disk));
            images.add(new byte[shape.diskBytes]);
        }
        ContainerMetadata created = format.create(fresh);
        for (int index = 0; index < shape.volumes; index++) {
            VolumePlan plan = new VolumePlan(
                    "volume" + index,
                    shape.level,
                    shape.level == RaidLevel.RAID1 ? OptionalInt.empty() : OptionalInt.of(CHUNK_BYTES),
                    OptionalLong.of(2048),
                    places,
                    ConsistencyPolicy.NONE,
                    true);
            created = format.addVolume(created, plan, new MetadataEvent.Seeds(42, Optional.of(1_700_000_000L)));
        }
        if (found != Found.CLEAN) {
            created = created.apply(new MetadataEvent.MarkDirty(0));
        }
        WriteRound round = created.write(Optional.empty());
        for (WriteRound.MemberWrites writes : round.members()) {
            for (WriteRound.Step step : writes.steps()) {
                if (step instanceof WriteRound.Step.Put put) {
                    put.bytes().copyTo(images.get(writes.disk()), (int) put.offsetBytes());
                }
            }
        }
        Workqueue queue = Workqueue.orderedMemReclaim("container", workers);
        for (int disk = 0; disk < shape.disks; disk++) {
            members.add(new SimulatedMember("SIM" + disk, images.get(disk), 512, PowerRail.steady(), seed + disk)
                    .servedBy(workers)
                    .withTimeLimit(MEMBER_LIMIT_NANOS, time));
        }
        for (VolumePicture volume : round.image().picture().volumes()) {
            arrays.add(array(volume, queue, volume.index() == 0 ? found : Found.CLEAN));
        }
        array = arrays.getFirst();
        List<BlockDevice> disks = List.copyOf(members);
        keeper = new ExternalKeeper(
                new ExternalKeeper.Terms("md127", deadlineNanos),
                format,
                round.image(),
                disks,
                queue,
                time,
                complaints::add);
        for (int index = 0; index < shape.volumes; index++) {
            Array each = arrays.get(index);
            each.start(keeper.volume(index, each, places));
            askers.add(new Asker(each).steppedBy(this::step));
        }
        clients = askers.getFirst();
        look();
        inspection
                .expect("all came back to the rig, seed " + seed, this::allCameBack)
                .expect("nobody comes into sync by himself, seed " + seed, comebacks::none);
    }

    /** Goes on a little without the daemons: the engine needs nobody for what it owes its clients. */
    private boolean allCameBack() {
        members.forEach(SimulatedMember::heal);
        if (deadlineNanos == 0) { // for ever is a long time
            keeper.current().ifPresent(Incarnation::leave);
        }
        for (int i = 0; i < STEPS_TO_REST && !isAtRest(); i++) {
            step();
        }
        return isAtRest();
    }

    private boolean isAtRest() {
        return pools.stream().allMatch(pool -> pool.free() == pool.total())
                && memories.stream().allMatch(memory -> memory.free() == memory.total())
                && arrays.stream().allMatch(each -> each.requestsInside() == 0);
    }

    private Array array(VolumePicture volume, Workqueue queue, Found found) {
        List<ArrayPlan.Occupant> occupants = new ArrayList<>();
        for (int disk = 0; disk < shape.disks; disk++) {
            occupants.add(new ArrayPlan.Occupant(
                    new Member(
                            disk,
                            "SIM" + disk,
                            members.get(disk),
                            Sectors.toBytes(volume.slots().get(disk).dataOffsetSectors())),
                    found == Found.BROKEN ? MemberState.FAULTY : MemberState.IN_SYNC));
        }
        ArrayPlan arrayPlan = new ArrayPlan(
                volume.name(),
                Sectors.toBytes(volume.componentSectors()),
                Sectors.toBytes(volume.sizeSectors()),
                512,
                occupants,
                found == Found.CLEAN,
                found != Found.CLEAN,
                false,
                IDLE_NANOS,
                ArrayPlan.MAX_READ_ERRORS);
        IoRequestPool pool = new IoRequestPool(64);
        IoMemory memory = new IoMemory(new IoMemory.Cut(4096, 64, 4), new IoMemory.Cut(CHUNK_BYTES, 16, 4));
        pools.add(pool);
        memories.add(memory);
        Array made = new Array(
                arrayPlan,
                host -> shape.level == RaidLevel.RAID5
                        ? new Raid5Personality(
                                host,
                                Level.RAID5,
                                new ParityLayout(
                                        shape.disks,
                                        CHUNK_BYTES,
                                        ParityRotation.ofNumber(volume.layout(), 1)
                                                .orElseThrow()))
                        : new CopiesPersonality(
                                host, Level.RAID1, new NearLayout(shape.disks, shape.disks, CHUNK_BYTES), CHUNK_BYTES),
                queue,
                time,
                pool,
                memory);
        made.addListener(new ArrayListener() {
            @Override
            public void viewChanged(ArrayView before, ArrayView after) {
                comebacks.look(before.inSyncSlots(), after.inSyncSlots());
            }

            @Override
            public void event(String word, String member) {
                if (made == arrays.getFirst()) {
                    events.add(word + (member.isEmpty() ? "" : " " + member));
                }
            }
        });
        return made;
    }

    /** Of a mirror's disks. */
    static DiskGeometry geometry() {
        return Shape.MIRROR.geometry();
    }

    /** A tree of the first array's attributes, in the name of whoever stores. */
    KernfsDirectory tree(KeeperStores stores) throws NodeRefused {
        KernfsDirectory root = KernfsDirectory.root();
        root.add(attributes(0, stores).directory());
        return root;
    }

    private ArrayAttributes attributes(int index, KeeperStores stores) {
        List<ArrayAttributes.MemberFacts> facts = new ArrayList<>();
        for (int disk = 0; disk < shape.disks; disk++) {
            facts.add(new ArrayAttributes.MemberFacts("sim" + disk, "sim:" + disk, "SIM" + disk));
        }
        return new ArrayAttributes(
                "md" + (126 - index),
                arrays.get(index),
                new ArrayAttributes.Facts("imsm", "", 0, 0, List.copyOf(facts)),
                () -> false,
                stores);
    }

    ScriptedDaemon daemon(String name) throws Exception {
        Incarnation incarnation = keeper.enter(name);
        return new ScriptedDaemon(this, incarnation, tree(incarnation.stores(0)));
    }

    /** The daemon of this house. */
    SteppedMdmon mdmon(String name) throws Exception {
        AtomicReference<Incarnation> came = new AtomicReference<>();
        KernfsDirectory root = KernfsDirectory.root();
        KernfsDirectory daemons = new KernfsDirectory("daemons");
        daemons.add(KernfsAttribute.writeOnly("enter", value -> {
            try {
                Incarnation daemon = keeper.enter(value.text());
                came.set(daemon);
                daemons.add(plant(daemon));
                return Outcome.OK;
            } catch (ExternalKeeper.Refused | NodeRefused refused) {
                return Outcome.refused(Errno.EEXIST, String.valueOf(refused.getMessage()));
            }
        }));
        root.add(daemons);
        return new SteppedMdmon(name, root, came::get, time);
    }

    private KernfsDirectory plant(Incarnation daemon) {
        List<KernfsNode> block = new ArrayList<>();
        List<MdstatEntry> entries = new ArrayList<>();
        for (int index = 0; index < shape.volumes; index++) {
            ArrayAttributes attributes = attributes(index, daemon.stores(index));
            block.add(attributes.directory());
            entries.add(attributes);
        }
        List<ContainerAttributes.DiskFacts> disks = new ArrayList<>();
        for (int disk = 0; disk < shape.disks; disk++) {
            Extent area = keeper.metadataArea(disk);
            disks.add(new ContainerAttributes.DiskFacts("sim" + disk, area.offset(), area.length()));
            String serial = "SIM" + disk;
            block.add(new KernfsDirectory(
                    "nvme" + disk + "n1",
                    new KernfsDirectory(
                            "device",
                            KernfsAttribute.readOnly(
                                    "serial", out -> out.append(serial).line()))));
        }
        ContainerAttributes container = new ContainerAttributes("md127", "imsm", disks);
        block.add(container.directory());
        entries.add(container);
        Mdstat mdstat = new Mdstat(entries);
        KernfsAttribute standing = KernfsAttribute.readOnly(
                "standing", out -> out.append(daemon.standing().word()).line());
        arrays.forEach(each -> each.addListener(mdstat));
        array.addListener(new ArrayListener() {
            @Override
            public void viewChanged(ArrayView before, ArrayView after) {}

            @Override
            public void event(String word, String member) {
                standing.notifyChange();
            }
        });
        return new KernfsDirectory(
                daemon.name(),
                standing,
                KernfsAttribute.writeOnly("leave", value -> {
                    daemon.leave();
                    return Outcome.OK;
                }),
                mdstat.attribute(),
                new KernfsDirectory("block", block.toArray(KernfsNode[]::new)));
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
    void step(SteppedDaemon daemon, SplittableRandom random) throws Exception {
        boolean did = random.nextBoolean() ? workers.runOne() || daemon.runOne() : daemon.runOne() || workers.runOne();
        if (!did) {
            time.pause(STEP_NANOS);
        }
        look();
    }

    /** Steps both until something holds, within so much time on the rig's clock. */
    void until(String what, SteppedDaemon daemon, SplittableRandom random, long limitNanos, Condition condition)
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
        return write(0, offset, fill);
    }

    Asked write(int volume, long offset, int fill) {
        byte[] bytes = new byte[4096];
        java.util.Arrays.fill(bytes, (byte) fill);
        return askers.get(volume).startWrite(offset, bytes, 0);
    }

    // ---------------------------------------------------------------------------------------------- what members say

    /** What a member carries; empty while it is being written. */
    Optional<Finding.Whole> whole(int disk) {
        return whole(members.get(disk)::content);
    }

    Optional<Finding.Whole> whole(byte[] image) {
        return whole((offset, length) -> java.util.Arrays.copyOfRange(image, (int) offset, (int) offset + length));
    }

    private Optional<Finding.Whole> whole(BlockReader reader) {
        return finding(reader) instanceof Finding.Whole found ? Optional.of(found) : Optional.empty();
    }

    private Finding finding(BlockReader reader) {
        try {
            return format.probe(shape.geometry(), reader);
        } catch (ReadFailed failed) {
            throw new IllegalStateException(failed);
        }
    }

    /** The container that the disks form when the power goes now; fails where they form none. */
    ContainerPicture afterPowerCut(SplittableRandom random) {
        List<byte[]> images = new ArrayList<>();
        members.forEach(member -> images.add(member.imageAfterPowerCut(random)));
        return chosen(images).picture();
    }

    /** The container that these images form. */
    ContainerMetadata chosen(List<byte[]> images) {
        List<Candidate> candidates = new ArrayList<>();
        for (int disk = 0; disk < shape.disks; disk++) {
            byte[] image = images.get(disk);
            Finding finding = finding(
                    (offset, length) -> java.util.Arrays.copyOfRange(image, (int) offset, (int) offset + length));
            candidates.add(new Candidate(disk, shape.geometry(), Optional.of("SIM" + disk), finding));
        }
        List<ContainerChoice> choices = format.choose(candidates);
        assertThat(choices)
                .as("the disks form a container, seed %d", seed)
                .hasSize(1)
                .allMatch(choice -> choice instanceof ContainerChoice.Chosen);
        return ((ContainerChoice.Chosen) choices.getFirst()).container();
    }

    long generation(int disk) {
        return whole(disk).orElseThrow().metadata().picture().generation();
    }

    VolumePicture volume(int disk) {
        return volume(disk, 0);
    }

    VolumePicture volume(int disk, int index) {
        return whole(disk).orElseThrow().metadata().picture().volumes().get(index);
    }

    byte[] metadataArea(int disk) {
        var place = format.usualPlaces(shape.geometry()).getFirst();
        return members.get(disk).content(place.offset(), (int) place.length());
    }

    private void look() {
        for (int disk = 0; disk < shape.disks; disk++) {
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

    /** What somebody is told who stores and is no daemon; null if it is taken. */
    @Nullable
    Errno storeInPlainTree(int index, String attribute, String value) throws NodeRefused {
        KernfsDirectory root = KernfsDirectory.root();
        ArrayAttributes attributes = attributes(index, keeper.onlooker(index));
        root.add(attributes.directory());
        try (OpenFile file =
                root.attribute(attributes.name() + "/md/" + attribute).open(Access.WRITE)) {
            ByteBuffer text = ByteBuffer.wrap(value.getBytes(StandardCharsets.UTF_8));
            return file.write(text) == OpenFile.REFUSED ? file.refusal().errno() : null;
        } finally {
            attributes.forget();
        }
    }

    /** Whether no member that counts is being written at the moment, and all say the same. */
    boolean survivorsAgree() {
        byte[] first = null;
        for (int disk = 0; disk < shape.disks; disk++) {
            if (array.view().inSync(disk)) {
                byte[] area = metadataArea(disk);
                first = first == null ? area : first;
                if (whole(disk).isEmpty() || !java.util.Arrays.equals(first, area)) {
                    return false;
                }
                for (int index = 0; index < shape.volumes; index++) {
                    for (int slot = 0; slot < shape.disks; slot++) {
                        boolean recorded =
                                volume(disk, index).slots().get(slot).state() == redoubt.metadata.SlotState.IN_SYNC;
                        if (recorded != arrays.get(index).view().inSync(slot)) {
                            return false;
                        }
                    }
                }
            }
        }
        return true;
    }

    /** The survivors agree, byte for byte, and none of them has forgotten a failure. */
    void expectSurvivorsAgree() {
        byte[] first = null;
        for (int disk = 0; disk < shape.disks; disk++) {
            if (array.view().inSync(disk)) {
                byte[] area = metadataArea(disk);
                if (first == null) {
                    first = area;
                }
                assertThat(area).as("disk %d agrees, seed %d", disk, seed).isEqualTo(first);
                for (int index = 0; index < shape.volumes; index++) {
                    expectFailuresRecorded(disk, index);
                }
            }
        }
    }

    private void expectFailuresRecorded(int disk, int index) {
        for (int slot = 0; slot < shape.disks; slot++) {
            boolean recordedSync = volume(disk, index).slots().get(slot).state() == redoubt.metadata.SlotState.IN_SYNC;
            assertThat(recordedSync)
                    .as("what disk %d says of slot %d of volume %d, seed %d", disk, slot, index, seed)
                    .isEqualTo(arrays.get(index).view().inSync(slot));
        }
    }
}
