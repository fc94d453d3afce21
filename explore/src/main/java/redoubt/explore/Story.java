package redoubt.explore;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import redoubt.base.Sectors;
import redoubt.block.BlockDevice;
import redoubt.block.IoBuffer;
import redoubt.block.IoMemory;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoRequestPool;
import redoubt.keeper.ExternalKeeper;
import redoubt.keeper.Incarnation;
import redoubt.keeper.NativeKeeper;
import redoubt.kernfs.KernfsAttribute;
import redoubt.kernfs.KernfsDirectory;
import redoubt.kernfs.KernfsNode;
import redoubt.kernfs.KernfsOptions;
import redoubt.kernfs.KernfsTree;
import redoubt.kernfs.NodeRefused;
import redoubt.kernfs.Subscriber;
import redoubt.md.Array;
import redoubt.md.ArrayAttributes;
import redoubt.md.ArrayListener;
import redoubt.md.ArrayPlan;
import redoubt.md.ArrayView;
import redoubt.md.Level;
import redoubt.md.Member;
import redoubt.md.MemberState;
import redoubt.metadata.ConsistencyPolicy;
import redoubt.metadata.ContainerMetadata;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.MetadataEvent;
import redoubt.metadata.MetadataRefused;
import redoubt.metadata.NewDisk;
import redoubt.metadata.RaidLevel;
import redoubt.metadata.VolumePicture;
import redoubt.metadata.VolumePlan;
import redoubt.metadata.WriteRound;
import redoubt.metadata.imsm.ImsmFormat;
import redoubt.personality.CopiesPersonality;
import redoubt.personality.NearLayout;
import redoubt.sim.SteppedTime;
import redoubt.workqueue.ReclaimScope;
import redoubt.workqueue.SystemQueue;
import redoubt.workqueue.Waits;
import redoubt.workqueue.WorkItem;
import redoubt.workqueue.Workqueue;
import redoubt.workqueue.WorkqueueFlag;
import redoubt.workqueue.WorkqueuePlan;
import redoubt.workqueue.Workqueues;
import redoubt.workqueue.WorkqueuesOptions;

/**
 * The machine of November 2023: workqueues, the attribute tree, a mirror with Intel metadata and its keeper, all of them the production classes; and
 * around them what is modelled, which is little. A task is in reclaim and waits for the log of a file system; another writes; another changes an attribute
 * that has nothing to do with it; one mounts the tree; a daemon keeps the metadata. Memory is short until the log write has ended, and whoever
 * allocates until then waits for that.
 *
 * <p><b>Where a task can stand</b> within a step, and what its local variables are there. In {@link Memory#allocate}, in {@link Threads}, in a pause of
 * {@link Mdmon} and in the waits of {@link Filesystem}, {@link FlushWork} and {@link Application}: nothing but what the fields of these objects hold. In the
 * production rooms: in the factory, called by a pool's manager (the pool, and a name that follows from it); before the supers lock (the node that is told of,
 * which its subscribers do not care for); in a flush (the barrier, which is in a list of the pool until it is over). So the frames and the fields say it all.
 */
final class Story implements AutoCloseable {

    static final String ARRAY = "md126";
    static final long ROUND_NANOS = 1_000_000_000L;
    static final long DEADLINE_NANOS = ROUND_NANOS;

    private static final int KTHREADD_PID = 2;
    private static final int KSWAPD_PID = 57;
    private static final int APPLICATION_PID = 2301;
    private static final int MOUNT_PID = 2302;
    private static final int UDEV_PID = 331;
    private static final int DISKS = 2;
    private static final int CHUNK_BYTES = 65536;
    private static final int WRITE_BYTES = 4096;
    private static final long FOR_EVER_NANOS = Long.MAX_VALUE / 4;
    private static final DiskGeometry GEOMETRY = new DiskGeometry(8 << 20, 512);

    /** What is on the disks when the story begins. */
    private record Begin(ContainerMetadata image, List<Map<Long, byte[]>> blocks) {
        static final Begin OF_ALL = make();

        private static Begin make() {
            ImsmFormat format = new ImsmFormat();
            List<NewDisk> fresh = new ArrayList<>();
            List<OptionalInt> places = new ArrayList<>();
            List<Map<Long, byte[]>> blocks = new ArrayList<>();
            for (int disk = 0; disk < DISKS; disk++) {
                fresh.add(new NewDisk(disk, GEOMETRY, "DISK" + disk, 0));
                places.add(OptionalInt.of(disk));
                blocks.add(new TreeMap<>());
            }
            try {
                VolumePlan plan = new VolumePlan(
                        "root",
                        RaidLevel.RAID1,
                        OptionalInt.empty(),
                        OptionalLong.of(2048),
                        places,
                        ConsistencyPolicy.NONE,
                        true);
                MetadataEvent.Seeds seeds = new MetadataEvent.Seeds(42, Optional.of(1_700_000_000L));
                WriteRound round =
                        format.addVolume(format.create(fresh), plan, seeds).write(Optional.empty());
                for (WriteRound.MemberWrites writes : round.members()) {
                    for (WriteRound.Step step : writes.steps()) {
                        if (step instanceof WriteRound.Step.Put(long offset, var bytes)) {
                            StoryDisk.put(blocks.get(writes.disk()), offset, bytes.toArray());
                        }
                    }
                }
                return new Begin(round.image(), blocks);
            } catch (MetadataRefused impossible) {
                throw new IllegalStateException("the metadata of the story cannot be made", impossible);
            }
        }
    }

    private final Cell cell;
    private final Bounds bounds;
    private final SteppedTime time = new SteppedTime();
    private final Stage stage = new Stage();
    private final Memory memory = new Memory();
    private final Workqueues queues;
    private final Workqueue notifyQueue;
    private final KernfsTree tree;
    private final Array array;
    private final IoMemory buffers = new IoMemory(new IoMemory.Cut(WRITE_BYTES, 8, 1));
    private final IoRequestPool requests = new IoRequestPool(4);
    private final Asked logWrite = new Asked("the log write", 0);
    private final Asked applicationsWrite = new Asked("the application's write", 1);
    private final @Nullable Mdmon mdmon;
    private int earlyRounds;

    Story(Cell cell, Bounds bounds) {
        this.cell = cell;
        this.bounds = bounds;
        time.pause(Fingerprint.EPOCH_NANOS);
        queues = new Workqueues(time, stage, new WorkqueuesOptions(1, 1, false, 0, 0, report -> {}));
        notifyQueue = switch (cell.queue()) {
            case SYSTEM -> queues.system(SystemQueue.PERCPU);
            case OWN ->
                queues.create(WorkqueuePlan.named(KernfsOptions.QUEUE).declaring(Waits.on(KernfsOptions.SUPERS_LOCK)));
            case RESCUER -> queues.create(KernfsOptions.queuePlan());
        };
        KernfsOptions options = KernfsOptions.on(notifyQueue);
        tree = new KernfsTree(cell.wake() == Cell.Wake.DEFERRED ? options.deferringPollWake() : options);

        Workqueue containers = Workqueue.orderedMemReclaim("md127", stage);
        List<BlockDevice> disks = new ArrayList<>();
        List<OptionalInt> slotOfDisk = new ArrayList<>();
        for (int disk = 0; disk < DISKS; disk++) {
            disks.add(new StoryDisk(GEOMETRY.sizeBytes(), Begin.OF_ALL.blocks().get(disk)));
            slotOfDisk.add(OptionalInt.of(disk));
        }
        array = array(disks, containers);
        array.addListener(new Herald(stage));
        KernfsAttribute uevent = KernfsAttribute.readOnly("uevent", out -> out.line());
        try {
            tree.root().add(uevent);
            tree.mount(new Udev());
            mdmon = cell.keeper() == Cell.Keeper.NATIVE
                    ? withNativeKeeper(disks, slotOfDisk, containers)
                    : withDaemon(disks, slotOfDisk, containers);
        } catch (NodeRefused | ExternalKeeper.Refused impossible) {
            throw new IllegalStateException("the machine of the story cannot be made", impossible);
        }
        Filesystem filesystem = new Filesystem(md());
        stage.settle();
        queues.system(SystemQueue.PERCPU).queue(new WorkItem(memory::allocateInItem));
        stage.settle();
        stage.takeNotes();
        stage.creation(new Threads());
        if (mdmon != null) {
            mdmon.fare(cell.daemon());
        }
        boolean kthreadd = cell.creation() == Cell.Creation.HANGS;
        stage.spawn(
                kthreadd ? "kthreadd" : "kswapd0",
                kthreadd ? KTHREADD_PID : KSWAPD_PID,
                () -> memory.reclaim(filesystem));
        if (bounds.writes() > 1) {
            Application application = new Application();
            stage.spawn("postgres", APPLICATION_PID, application::write);
        }
        if (bounds.notifies() > 0) {
            stage.spawn("systemd-udevd", UDEV_PID, () -> {
                stage.note("changes an attribute that has nothing to do with the array");
                uevent.notifyChange();
            });
        }
        if (cell.supers() == Cell.Supers.HELD) {
            stage.spawn("mount", MOUNT_PID, () -> tree.mount(new Mounting()));
        }
    }

    private Array array(List<BlockDevice> disks, Workqueue containers) {
        VolumePicture volume = Begin.OF_ALL.image().picture().volumes().getFirst();
        List<ArrayPlan.Occupant> occupants = new ArrayList<>();
        for (int disk = 0; disk < DISKS; disk++) {
            long dataOffset = Sectors.toBytes(volume.slots().get(disk).dataOffsetSectors());
            occupants.add(new ArrayPlan.Occupant(
                    new Member(disk, "DISK" + disk, disks.get(disk), dataOffset), MemberState.IN_SYNC));
        }
        ArrayPlan plan = new ArrayPlan(
                ARRAY,
                Sectors.toBytes(volume.componentSectors()),
                Sectors.toBytes(volume.sizeSectors()),
                512,
                occupants,
                true,
                false,
                false,
                0,
                ArrayPlan.MAX_READ_ERRORS);
        return new Array(
                plan,
                host -> new CopiesPersonality(
                        host, Level.RAID1, new NearLayout(DISKS, DISKS, CHUNK_BYTES), CHUNK_BYTES),
                containers,
                time,
                new IoRequestPool(16),
                buffers);
    }

    private ArrayAttributes.Facts facts() {
        List<ArrayAttributes.@Nullable MemberFacts> members = new ArrayList<>();
        for (int disk = 0; disk < DISKS; disk++) {
            members.add(new ArrayAttributes.MemberFacts("disk" + disk, "disk" + disk, "DISK" + disk));
        }
        return new ArrayAttributes.Facts("imsm", "", 0, 0, members);
    }

    private @Nullable Mdmon withNativeKeeper(
            List<BlockDevice> disks, List<OptionalInt> slotOfDisk, Workqueue containers) throws NodeRefused {
        NativeKeeper keeper = new NativeKeeper(Begin.OF_ALL.image(), disks, containers, complaint -> {});
        tree.root().add(new ArrayAttributes(ARRAY, array, facts(), () -> false).directory());
        array.start(keeper.volume(0, array, slotOfDisk));
        return null;
    }

    private Mdmon withDaemon(List<BlockDevice> disks, List<OptionalInt> slotOfDisk, Workqueue containers)
            throws NodeRefused, ExternalKeeper.Refused {
        long deadline = cell.keeper() == Cell.Keeper.DEADLINE ? DEADLINE_NANOS : 0;
        ExternalKeeper keeper = new ExternalKeeper(
                new ExternalKeeper.Terms("md127", deadline),
                new ImsmFormat(),
                Begin.OF_ALL.image(),
                disks,
                containers,
                time,
                stage::note);
        array.start(keeper.volume(0, array, slotOfDisk));
        Incarnation incarnation = keeper.enter("mdmon");
        KernfsDirectory attributes =
                new ArrayAttributes(ARRAY, array, facts(), () -> false, incarnation.stores(0)).directory();
        tree.root().add(attributes);
        return new Mdmon(stage, memory, keeper, tree.root(), incarnation, Begin.OF_ALL.image());
    }

    private @Nullable FlushWork md() {
        if (cell.flush() == Cell.Flush.PASS_THROUGH) {
            return null;
        }
        return new FlushWork(queues.create(
                WorkqueuePlan.named("md", WorkqueueFlag.MEM_RECLAIM).declaring(Waits.on(ARRAY))));
    }

    // ---------------------------------------------------------------------------------------------- for the search

    Stage stage() {
        return stage;
    }

    Workqueues queues() {
        return queues;
    }

    Workqueue notifyQueue() {
        return notifyQueue;
    }

    Array array() {
        return array;
    }

    @Nullable
    Mdmon mdmon() {
        return mdmon;
    }

    Cell cell() {
        return cell;
    }

    /** Whether the log of the file system is on the disks. */
    boolean logWritten() {
        return memory.enough;
    }

    /**
     * Whether the log write has come back, and the other one too if it was asked for by then. One that is asked for later finds the gate open, which it stays within
     * the bounds, and is carried to the disks by its asker.
     */
    boolean isDone() {
        return logWrite.answered && (applicationsWrite.answered || !applicationsWrite.asked);
    }

    /** Whether time may go on now: when nobody else can, or as often as the bounds say. */
    boolean timeMayGoOn(boolean anybodyAble) {
        return !anybodyAble || earlyRounds < bounds.earlyRounds();
    }

    /** A round of timers: every one that is due goes off. */
    void timeGoesOn(boolean anybodyAble) {
        if (anybodyAble) {
            earlyRounds++;
        }
        time.pause(ROUND_NANOS);
    }

    Fingerprint.Print print(Fingerprint reading) {
        return reading.of(this, time.nanos());
    }

    @Override
    public void close() {
        stage.close();
    }

    // ---------------------------------------------------------------------------------------------- the actors

    /** Memory, short until the log of the file system is on the disks. */
    final class Memory {
        private boolean enough;

        /** What a task does that needs a page: it reclaims, that is, it waits for the log. */
        void allocate() {
            stage.hold("memory", () -> enough);
        }

        /** Somebody's item of the system queue, which has come to that before the story begins. */
        void allocateInItem() {
            Workqueue.blocking("memory", this::allocate);
        }

        void reclaim(Filesystem filesystem) {
            try (ReclaimScope _ = ReclaimScope.enter()) {
                filesystem.reclaimInodes();
            }
            enough = true;
        }
    }

    /** Who makes threads: well, or has none, or is in reclaim. */
    private final class Threads extends Stage.WorkerCreation {
        @Override
        void await() {
            switch (cell.creation()) {
                case WORKS -> {}
                case FAILS -> throw new OutOfMemoryError("there is no thread to be had");
                case HANGS -> stage.hold("kthreadd", () -> memory.enough);
            }
        }
    }

    /** The file system, of which reclaim wants an inode whose log is not on the disks. */
    final class Filesystem {
        private final @Nullable FlushWork work;

        Filesystem(@Nullable FlushWork work) {
            this.work = work;
        }

        void reclaimInodes() {
            forceLog();
        }

        private void forceLog() {
            if (work == null) {
                ask(logWrite);
                stage.hold(ARRAY, () -> logWrite.answered);
            } else {
                work.flush();
            }
        }
    }

    /** md's item, which takes a flush with data to the array, and which the asker waits for. */
    final class FlushWork {
        private final Workqueue queue;
        private final WorkItem item = new WorkItem(this::submitFlushData);

        FlushWork(Workqueue queue) {
            this.queue = queue;
        }

        void flush() {
            stage.note("queues md's flush work");
            queue.queue(item);
            try {
                item.flush(FOR_EVER_NANOS);
            } catch (InterruptedException | TimeoutException impossible) {
                throw new IllegalStateException("the wait for md's flush work ended", impossible);
            }
        }

        private void submitFlushData() {
            Workqueue.blocking(ARRAY, this::writeStart);
        }

        private void writeStart() {
            ask(logWrite);
            stage.hold(ARRAY, () -> logWrite.answered);
        }
    }

    /** One that writes, and is not in reclaim. */
    final class Application {
        void write() {
            ask(applicationsWrite);
            stage.hold(ARRAY, () -> applicationsWrite.answered);
        }
    }

    /** A write, asked for once. */
    private static final class Asked {
        private final String what;
        private final int place;
        private boolean asked;
        private boolean answered;

        Asked(String what, int place) {
            this.what = what;
            this.place = place;
        }
    }

    private void ask(Asked asked) {
        IoBuffer buffer = buffers.take(WRITE_BYTES);
        if (buffer == null || !requests.reserve(1)) {
            throw new IllegalStateException("there are as many as there are writes");
        }
        MemorySegment content = buffer.segment().asSlice(buffer.position(), WRITE_BYTES);
        content.fill((byte) (1 + asked.place));
        asked.asked = true;
        stage.note("asks for " + asked.what);
        IoRequest request = requests.take()
                .prepare(
                        IoOperation.WRITE,
                        (long) asked.place * WRITE_BYTES,
                        WRITE_BYTES,
                        IoRequest.FUA,
                        buffer,
                        0,
                        settled -> {
                            if (!settled.status().ok()) {
                                throw new IllegalStateException(asked.what + " ended " + settled.status());
                            }
                            stage.note(asked.what + " is on the disks");
                            settled.free();
                            asked.answered = true;
                        });
        buffer.release();
        array.submit(request);
    }

    /** One who watches files of the tree, as udev does, and has met none of its nodes. */
    private static class Udev implements Subscriber {
        @Override
        public boolean knows(KernfsNode node) {
            return false;
        }

        @Override
        public void modified(KernfsAttribute attribute, @Nullable KernfsDirectory parent, String name) {}
    }

    /** One who mounts the tree, and allocates with the lock in hand. */
    private final class Mounting extends Udev {
        @Override
        public void mounted() {
            stage.note("holds the supers lock, and allocates");
            memory.allocate();
        }
    }

    /** Says what becomes of the array. */
    private record Herald(Stage stage) implements ArrayListener {
        @Override
        public void viewChanged(ArrayView before, ArrayView after) {
            if (before.state() != after.state()) {
                stage.note(ARRAY + " is " + after.state().word());
            }
        }

        @Override
        public void event(String word, String member) {
            stage.note(word + " " + member);
        }
    }
}
