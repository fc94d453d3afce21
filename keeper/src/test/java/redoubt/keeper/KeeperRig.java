package redoubt.keeper;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.function.BiFunction;
import redoubt.base.Heartbeat;
import redoubt.base.Sectors;
import redoubt.base.WorkerFactory;
import redoubt.block.BlockDevice;
import redoubt.block.IoBuffer;
import redoubt.block.IoMemory;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoRequestPool;
import redoubt.block.IoStatus;
import redoubt.block.MemoryDevice;
import redoubt.md.Array;
import redoubt.md.ArrayListener;
import redoubt.md.ArrayPlan;
import redoubt.md.ArrayView;
import redoubt.md.Level;
import redoubt.md.Member;
import redoubt.md.MemberState;
import redoubt.md.MetadataKeeper;
import redoubt.metadata.BlockReader;
import redoubt.metadata.ConsistencyPolicy;
import redoubt.metadata.ContainerMetadata;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.Finding;
import redoubt.metadata.MetadataEvent;
import redoubt.metadata.NewDisk;
import redoubt.metadata.RaidLevel;
import redoubt.metadata.VolumePicture;
import redoubt.metadata.VolumePlan;
import redoubt.metadata.WriteRound;
import redoubt.metadata.imsm.ImsmFormat;
import redoubt.personality.CopiesPersonality;
import redoubt.personality.NearLayout;
import redoubt.sim.SteppedTime;
import redoubt.sim.SteppedWorkers;
import redoubt.testkit.Comebacks;
import redoubt.testkit.Inspection;
import redoubt.workqueue.Workqueue;

/** An IMSM mirror on memory disks, kept by the native keeper, with time and workers that are stepped, unless threads are wanted. */
final class KeeperRig implements ArrayListener {

    private static final long DISK_BYTES = 64L << 20;
    private static final int WRITTEN_BYTES = 64 << 10;

    private final SteppedTime time; // stands still where threads are real
    private final SteppedWorkers workers;
    private final List<String> order = Collections.synchronizedList(new ArrayList<>());
    private final List<LoggedDisk> disks = new ArrayList<>();
    private final List<MemoryDevice> contents = new ArrayList<>();
    private final IoMemory memory = new IoMemory(new IoMemory.Cut(4096, 16, 4));
    private final IoRequestPool own = new IoRequestPool(32);
    private final IoRequestPool children = new IoRequestPool(32);
    private final Workqueue queue;
    private final Array array;
    private final NativeKeeper keeper;
    private final ImsmFormat format = new ImsmFormat();
    private final Comebacks comebacks = new Comebacks();

    /** With so many disks; after the test it is looked whether all came back, the copies agree and nobody came into sync by himself. */
    KeeperRig(int slots, Inspection inspection) throws Exception {
        this(slots, inspection, new SteppedTime(), new SteppedWorkers(7));
    }

    private KeeperRig(int slots, Inspection inspection, SteppedTime time, SteppedWorkers workers) throws Exception {
        this(slots, inspection, time, workers, time, workers, (kept, queue) -> kept);
    }

    /**
     * The same with real time and real threads.
     *
     * @param between what stands between the array and its keeper, given the queue that the keeper is called on
     */
    static KeeperRig onThreads(
            int slots,
            Inspection inspection,
            Heartbeat heartbeat,
            WorkerFactory factory,
            BiFunction<MetadataKeeper, Workqueue, MetadataKeeper> between)
            throws Exception {
        return new KeeperRig(slots, inspection, new SteppedTime(), new SteppedWorkers(7), heartbeat, factory, between);
    }

    private KeeperRig(
            int slots,
            Inspection inspection,
            SteppedTime time,
            SteppedWorkers workers,
            Heartbeat heartbeat,
            WorkerFactory factory,
            BiFunction<MetadataKeeper, Workqueue, MetadataKeeper> between)
            throws Exception {
        this.time = time;
        this.workers = workers;
        DiskGeometry geometry = new DiskGeometry(DISK_BYTES, 512);
        List<NewDisk> fresh = new ArrayList<>();
        List<OptionalInt> places = new ArrayList<>();
        for (int disk = 0; disk < slots; disk++) {
            fresh.add(new NewDisk(disk, geometry, "DISK" + disk, 0));
            places.add(OptionalInt.of(disk));
        }
        VolumePlan plan = new VolumePlan(
                "twins",
                RaidLevel.RAID1,
                OptionalInt.empty(),
                OptionalLong.empty(),
                places,
                ConsistencyPolicy.NONE,
                true);
        ContainerMetadata created =
                format.addVolume(format.create(fresh), plan, new MetadataEvent.Seeds(42, Optional.of(1_700_000_000L)));
        WriteRound round = created.write(Optional.empty());
        VolumePicture volume = round.image().picture().volumes().getFirst();
        long metadataFrom = Sectors.toBytes(volume.componentSectors());
        for (int disk = 0; disk < slots; disk++) {
            contents.add(new MemoryDevice(DISK_BYTES, 512));
            disks.add(new LoggedDisk(disk, contents.get(disk), metadataFrom, order));
        }
        for (WriteRound.MemberWrites member : round.members()) {
            for (WriteRound.Step step : member.steps()) {
                if (step instanceof WriteRound.Step.Put put) {
                    direct(
                            contents.get(member.disk()),
                            put.offsetBytes(),
                            put.bytes().toArray());
                }
            }
        }
        queue = Workqueue.orderedMemReclaim("container", factory);
        List<ArrayPlan.Occupant> occupants = new ArrayList<>();
        List<OptionalInt> slotOfDisk = new ArrayList<>();
        for (int slot = 0; slot < slots; slot++) {
            slotOfDisk.add(OptionalInt.of(slot));
            occupants.add(
                    new ArrayPlan.Occupant(new Member(slot, "DISK" + slot, disks.get(slot), 0), MemberState.IN_SYNC));
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
                ArrayPlan.IMSM_SAFE_MODE_DELAY_NANOS,
                ArrayPlan.MAX_READ_ERRORS);
        array = new Array(
                arrayPlan,
                host -> new CopiesPersonality(host, Level.RAID1, new NearLayout(slots, slots, 65536), 65536),
                queue,
                heartbeat,
                children,
                memory);
        List<BlockDevice> devices = List.copyOf(disks);
        keeper = new NativeKeeper(round.image(), devices, queue, complaint -> {});
        array.addListener(this);
        array.start(between.apply(keeper.volume(0, array, slotOfDisk), queue));
        inspection
                .watch("those who ask", own)
                .watch("the array", children)
                .watch("the rig", memory)
                .expect("nothing is inside the array", () -> array.requestsInside() == 0)
                .expect("nobody comes into sync by himself", comebacks::none)
                .expect("copies agree that are in sync and known to be", this::copiesAgree);
    }

    @Override
    public void viewChanged(ArrayView before, ArrayView after) {
        comebacks.look(before.inSyncSlots(), after.inSyncSlots());
    }

    @Override
    public void event(String word, String member) {}

    /** What tests write lies in the first bytes. */
    private boolean copiesAgree() {
        ArrayView view = array.view();
        List<byte[]> copies = new ArrayList<>();
        for (int disk = 0; disk < disks.size(); disk++) {
            if (view.inSync(disk)) {
                copies.add(read(contents.get(disk), 0, WRITTEN_BYTES));
            }
        }
        return !view.redundancyKnown() || copies.stream().allMatch(copy -> Arrays.equals(copy, copies.getFirst()));
    }

    /** Where threads are real: whether the array stopped in good order. */
    boolean stop(long limitNanos) {
        boolean good = array.stop(limitNanos);
        queue.close();
        return good;
    }

    Array array() {
        return array;
    }

    NativeKeeper keeper() {
        return keeper;
    }

    LoggedDisk disk(int disk) {
        return disks.get(disk);
    }

    List<String> asked(int disk) {
        return disks.get(disk).asked();
    }

    List<String> order() {
        return order;
    }

    void forgetOrder() {
        order.clear();
    }

    void run() {
        workers.runAll(10_000);
    }

    void becomeIdle() {
        time.advance(1);
        time.advance(ArrayPlan.IMSM_SAFE_MODE_DELAY_NANOS + 1);
    }

    Asked write(long offset, int length) {
        Asked asked = new Asked();
        IoBuffer buffer = memory.take(length);
        if (buffer == null || !own.reserve(1)) {
            throw new IllegalStateException("the test has enough of both");
        }
        IoRequest request = own.take().prepare(IoOperation.WRITE, offset, length, 0, buffer, 0, asked::completed);
        buffer.release();
        array.submit(request);
        return asked;
    }

    /** What the metadata on one disk says of the volume. */
    VolumePicture volumeOn(int disk) {
        return whole(disk).metadata().picture().volumes().getFirst();
    }

    long generationOn(int disk) {
        return whole(disk).metadata().picture().generation();
    }

    private Finding.Whole whole(int disk) {
        BlockReader reader = (offset, length) -> read(contents.get(disk), offset, length);
        try {
            if (format.probe(new DiskGeometry(DISK_BYTES, 512), reader) instanceof Finding.Whole whole) {
                return whole;
            }
        } catch (redoubt.metadata.ReadFailed failed) {
            throw new IllegalStateException(failed);
        }
        throw new IllegalStateException("disk " + disk + " carries no whole metadata");
    }

    private static void direct(MemoryDevice device, long offset, byte[] bytes) {
        transfer(device, IoOperation.WRITE, offset, bytes);
    }

    private static byte[] read(MemoryDevice device, long offset, int length) {
        byte[] bytes = new byte[length];
        transfer(device, IoOperation.READ, offset, bytes);
        return bytes;
    }

    private static void transfer(MemoryDevice device, IoOperation operation, long offset, byte[] bytes) {
        IoMemory memory = new IoMemory(new IoMemory.Cut(128 * 1024, 1, 0));
        IoRequestPool pool = new IoRequestPool(1);
        IoBuffer buffer = memory.take(bytes.length);
        if (buffer == null || !pool.reserve(1)) {
            throw new IllegalStateException("more than a buffer: " + bytes.length);
        }
        var window = buffer.segment().asSlice(buffer.position(), bytes.length);
        if (operation == IoOperation.WRITE) {
            window.copyFrom(java.lang.foreign.MemorySegment.ofArray(bytes));
        }
        List<IoStatus> ended = new ArrayList<>();
        IoRequest request = pool.take().prepare(operation, offset, bytes.length, 0, buffer, 0, settled -> {
            ended.add(settled.status());
            settled.free();
        });
        device.submit(request);
        assertThat(ended).containsExactly(IoStatus.OK);
        java.lang.foreign.MemorySegment.ofArray(bytes).copyFrom(window);
        buffer.release();
        memory.close();
    }

    /** A write that the test asked. */
    static final class Asked {
        IoStatus how = IoStatus.GONE;
        volatile boolean ended;
        private Runnable whenEnded = () -> {};

        void whenEnded(Runnable action) {
            whenEnded = action;
        }

        void completed(IoRequest request) {
            how = request.status();
            request.free();
            ended = true;
            whenEnded.run();
        }
    }
}
