package redoubt.keeper;

import com.sun.management.ThreadMXBean;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import redoubt.base.ArrayState;
import redoubt.base.Extent;
import redoubt.base.Sectors;
import redoubt.base.ThreadHeartbeat;
import redoubt.base.WorkerFactory;
import redoubt.block.BlockDevice;
import redoubt.block.IoBuffer;
import redoubt.block.IoCompletion;
import redoubt.block.IoMemory;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoRequestPool;
import redoubt.block.IoStatus;
import redoubt.block.MemoryDevice;
import redoubt.kernfs.Access;
import redoubt.kernfs.KernfsDirectory;
import redoubt.kernfs.OpenFile;
import redoubt.md.Array;
import redoubt.md.ArrayAttributes;
import redoubt.md.ArrayPlan;
import redoubt.md.Level;
import redoubt.md.Member;
import redoubt.md.MemberState;
import redoubt.metadata.ConsistencyPolicy;
import redoubt.metadata.ContainerMetadata;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.MetadataEvent;
import redoubt.metadata.NewDisk;
import redoubt.metadata.RaidLevel;
import redoubt.metadata.VolumePicture;
import redoubt.metadata.VolumePlan;
import redoubt.metadata.WriteRound;
import redoubt.metadata.imsm.ImsmFormat;
import redoubt.personality.CopiesPersonality;
import redoubt.personality.NearLayout;
import redoubt.workqueue.Workqueue;

/**
 * Counts what a daemon's requests at its doors and its stores allocate on the thread that brings them, in a virtual machine of its own,
 * whose flags the test chooses: a write that waits at the gate waits for them. Prints a line for each: name and bytes.
 */
final class KeeperAllocationProbe implements IoCompletion {

    private static final int DISKS = 2;
    private static final int DISK_BYTES = 8 << 20;
    private static final int BLOCK = 512;
    private static final int REPETITIONS = 40;
    private static final long DELAY_NANOS = 1_000_000L;

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private final IoMemory memory = new IoMemory(new IoMemory.Cut(4096, 16, 4), new IoMemory.Cut(65536, 8, 2));
    private final IoRequestPool pool = new IoRequestPool(8);
    private final int rounds;
    private final Array array;
    private final Incarnation daemon;
    private final OpenFile state;
    private final ByteBuffer word = ByteBuffer.allocateDirect(16);
    private volatile IoStatus how = IoStatus.OK;
    private volatile boolean ended;

    private KeeperAllocationProbe(int rounds) throws Exception {
        this.rounds = rounds;
        ImsmFormat format = new ImsmFormat();
        DiskGeometry geometry = new DiskGeometry(DISK_BYTES, BLOCK);
        List<BlockDevice> disks = new ArrayList<>();
        List<NewDisk> fresh = new ArrayList<>();
        List<OptionalInt> places = new ArrayList<>();
        for (int disk = 0; disk < DISKS; disk++) {
            disks.add(new MemoryDevice(DISK_BYTES, BLOCK));
            fresh.add(new NewDisk(disk, geometry, "MEM" + disk, 0));
            places.add(OptionalInt.of(disk));
        }
        ContainerMetadata created = format.addVolume(
                format.create(fresh),
                new VolumePlan(
                        "volume0",
                        RaidLevel.RAID1,
                        OptionalInt.empty(),
                        OptionalLong.of(2048),
                        places,
                        ConsistencyPolicy.NONE,
                        true),
                new MetadataEvent.Seeds(42, Optional.of(1_700_000_000L)));
        WriteRound round = created.write(Optional.empty());
        for (WriteRound.MemberWrites writes : round.members()) {
            for (WriteRound.Step step : writes.steps()) {
                if (step instanceof WriteRound.Step.Put put) {
                    put(disks.get(writes.disk()), put);
                }
            }
        }
        VolumePicture volume = round.image().picture().volumes().getFirst();
        Workqueue queue = Workqueue.orderedMemReclaim("container", WorkerFactory.threads());
        ThreadHeartbeat heartbeat = new ThreadHeartbeat(DELAY_NANOS);
        array = array(volume, disks, queue, heartbeat);
        ExternalKeeper keeper = new ExternalKeeper(
                new ExternalKeeper.Terms("md127", 0), format, round.image(), disks, queue, heartbeat, sentence -> {});
        array.start(keeper.volume(0, array, places));
        daemon = keeper.enter("one");
        for (int disk = 0; disk < DISKS; disk++) {
            Extent anchor = keeper.places().anchor(disk);
            ask(daemon.door(disk), IoOperation.READ, anchor.offset(), (int) anchor.length(), 0);
        }
        await(() -> daemon.standing() == Standing.CURRENT);
        List<ArrayAttributes.MemberFacts> facts = List.of(
                new ArrayAttributes.MemberFacts("a", "a", "MEM0"), new ArrayAttributes.MemberFacts("b", "b", "MEM1"));
        KernfsDirectory tree = KernfsDirectory.root();
        tree.add(new ArrayAttributes(
                        "md126",
                        array,
                        new ArrayAttributes.Facts("imsm", "", 0, 0, facts),
                        () -> false,
                        daemon.stores(0))
                .directory());
        state = tree.attribute("md126/md/array_state").open(Access.READ_WRITE);
        store("read-auto");
        await(() -> array.view().state() == ArrayState.READ_AUTO);
    }

    private static Array array(
            VolumePicture volume, List<BlockDevice> disks, Workqueue queue, ThreadHeartbeat heartbeat) {
        List<ArrayPlan.Occupant> occupants = new ArrayList<>();
        for (int disk = 0; disk < DISKS; disk++) {
            long offset = Sectors.toBytes(volume.slots().get(disk).dataOffsetSectors());
            occupants.add(new ArrayPlan.Occupant(
                    new Member(disk, "MEM" + disk, disks.get(disk), offset), MemberState.IN_SYNC));
        }
        ArrayPlan plan = new ArrayPlan(
                volume.name(),
                Sectors.toBytes(volume.componentSectors()),
                Sectors.toBytes(volume.sizeSectors()),
                BLOCK,
                occupants,
                true,
                false,
                false,
                DELAY_NANOS,
                ArrayPlan.MAX_READ_ERRORS);
        return new Array(
                plan,
                host -> new CopiesPersonality(host, Level.RAID1, new NearLayout(DISKS, DISKS, 65536), 65536),
                queue,
                heartbeat,
                new IoRequestPool(64),
                new IoMemory(new IoMemory.Cut(4096, 64, 4), new IoMemory.Cut(65536, 16, 4)));
    }

    /** Arguments: rounds. */
    public static void main(String[] arguments) throws Exception {
        new KeeperAllocationProbe(Integer.parseInt(arguments[0])).run();
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }

    private interface Act {
        void once();
    }

    private void run() {
        Door door = daemon.door(0);
        long anchor = DISK_BYTES - 1024;
        long zeroes = DISK_BYTES - 8192; // far before what is used of the area
        measure("read", IoStatus.OK, () -> ask(door, IoOperation.READ, anchor, BLOCK, 0));
        measure("write", IoStatus.OK, () -> ask(door, IoOperation.WRITE, zeroes, BLOCK, 0));
        measure("write-fua", IoStatus.OK, () -> ask(door, IoOperation.WRITE, zeroes, BLOCK, IoRequest.FUA));
        measure("flush", IoStatus.OK, () -> ask(door, IoOperation.FLUSH, 0, 0, 0));
        measure("write-into-data", IoStatus.IO_ERROR, () -> ask(door, IoOperation.WRITE, 0, BLOCK, 0));
        measureStores();
        daemon.fence();
        measure("write-of-a-fenced-one", IoStatus.IO_ERROR, () -> ask(door, IoOperation.WRITE, zeroes, BLOCK, 0));
    }

    private void measure(String name, IoStatus expected, Act act) {
        long least = Long.MAX_VALUE;
        for (int repetition = 0; repetition < REPETITIONS && least != 0; repetition++) {
            long before = THREADS.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < rounds; i++) {
                act.once();
            }
            least = Math.min(least, THREADS.getCurrentThreadAllocatedBytes() - before);
            if (how != expected) {
                throw new IllegalStateException(name + " ended " + how);
            }
        }
        System.out.println(name + " " + least);
    }

    /** A write that waits, {@code active}; its end and the pause after it, {@code clean}. */
    private void measureStores() {
        long active = Long.MAX_VALUE;
        long clean = Long.MAX_VALUE;
        for (int repetition = 0; repetition < REPETITIONS && (active != 0 || clean != 0); repetition++) {
            ended = false;
            submit(array, IoOperation.WRITE, 4096L * (repetition % 8), 4096, 0);
            await(() -> array.view().state() == ArrayState.WRITE_PENDING);
            long before;
            boolean taken;
            do {
                before = THREADS.getCurrentThreadAllocatedBytes();
                taken = store("active"); // refused until it is asked for, which a daemon is told of
            } while (!taken);
            active = Math.min(active, THREADS.getCurrentThreadAllocatedBytes() - before);
            await(() -> ended);
            if (how != IoStatus.OK) {
                throw new IllegalStateException("the write ended " + how);
            }
            await(() -> array.view().state() == ArrayState.ACTIVE_IDLE);
            while (array.view().state() != ArrayState.CLEAN) {
                before = THREADS.getCurrentThreadAllocatedBytes();
                taken = store("clean"); // refused while the members are flushed
                if (taken) {
                    clean = Math.min(clean, THREADS.getCurrentThreadAllocatedBytes() - before);
                }
                LockSupport.parkNanos(DELAY_NANOS);
            }
        }
        System.out.println("active " + active);
        System.out.println("clean " + clean);
    }

    private boolean store(String value) {
        word.clear();
        for (int i = 0; i < value.length(); i++) {
            word.put((byte) value.charAt(i));
        }
        word.flip();
        return state.write(word) != OpenFile.REFUSED;
    }

    private static void await(BooleanSupplier condition) {
        long since = System.nanoTime();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - since > 60_000_000_000L) {
                throw new IllegalStateException("it does not come");
            }
            LockSupport.parkNanos(DELAY_NANOS);
        }
    }

    private void ask(BlockDevice device, IoOperation operation, long offset, int length, int flags) {
        ended = false;
        submit(device, operation, offset, length, flags);
        if (!ended) {
            throw new IllegalStateException("memory answers at once");
        }
    }

    private void submit(BlockDevice device, IoOperation operation, long offset, int length, int flags) {
        IoBuffer buffer = operation.movesBytes() ? memory.take(length) : null;
        if (!pool.reserve(1)) {
            throw new IllegalStateException("a request leaks");
        }
        device.submit(pool.take().prepare(operation, offset, length, flags, buffer, 0, this));
        if (buffer != null) {
            buffer.release();
        }
    }

    private void put(BlockDevice disk, WriteRound.Step.Put put) {
        IoBuffer buffer = memory.take(put.bytes().length());
        MemorySegment.copy(
                MemorySegment.ofArray(put.bytes().toArray()),
                ValueLayout.JAVA_BYTE,
                0,
                buffer.segment(),
                ValueLayout.JAVA_BYTE,
                buffer.position(),
                put.bytes().length());
        if (!pool.reserve(1)) {
            throw new IllegalStateException("a request leaks");
        }
        disk.submit(pool.take()
                .prepare(IoOperation.WRITE, put.offsetBytes(), put.bytes().length(), 0, buffer, 0, this));
        buffer.release();
    }

    @Override
    public void completed(IoRequest request) {
        how = request.status();
        request.free();
        ended = true;
    }
}
