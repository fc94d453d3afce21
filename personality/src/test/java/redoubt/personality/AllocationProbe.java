package redoubt.personality;

import com.sun.management.ThreadMXBean;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import redoubt.base.ThreadHeartbeat;
import redoubt.base.WorkerFactory;
import redoubt.block.BlockDevice;
import redoubt.block.BlockLimits;
import redoubt.block.IoBuffer;
import redoubt.block.IoCompletion;
import redoubt.block.IoMemory;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoRequestPool;
import redoubt.block.IoStatus;
import redoubt.block.MemoryDevice;
import redoubt.md.Array;
import redoubt.md.ArrayPlan;
import redoubt.md.Layout;
import redoubt.md.Level;
import redoubt.md.Member;
import redoubt.md.MemberState;
import redoubt.md.Personality;
import redoubt.md.PersonalityHost;
import redoubt.workqueue.Workqueue;

/**
 * Counts what a request to an array allocates, in a virtual machine of its own, whose flags the test chooses. Prints a line for each
 * array and operation: name, operation, bytes. Members are memory, so everything happens on the asking thread.
 */
final class AllocationProbe implements IoCompletion {

    private static final int CHUNK = 64 << 10;
    private static final int COMPONENT = 1 << 20;
    private static final int REPETITIONS = 40;
    private static final int PARKED = 8;
    private static final int LARGE = 384 << 10;

    /** For what is slow in the interpreter. */
    private static final int SMALLER = 96 << 10;

    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private final IoMemory memory = new IoMemory(new IoMemory.Cut(4096, 8, 1), new IoMemory.Cut(512 << 10, 8, 1));
    private final IoRequestPool own = new IoRequestPool(PARKED + 4);
    private final ThreadHeartbeat heartbeat = new ThreadHeartbeat(20_000_000);
    private final Workqueue queue = Workqueue.orderedMemReclaim("probe", WorkerFactory.threads());
    private int settled;

    private AllocationProbe() {}

    /** Argument: how many requests. */
    public static void main(String[] arguments) {
        int count = Integer.parseInt(arguments[0]);
        AllocationProbe probe = new AllocationProbe();
        probe.parity(count);
        ParityLayout parity = new ParityLayout(4, CHUNK, ParityRotation.LEFT_ASYMMETRIC);
        probe.array("raid5", parity, host -> new Raid5Personality(host, Level.RAID5, parity), 0, LARGE, count);
        probe.array("raid5-degraded", parity, host -> new Raid5Personality(host, Level.RAID5, parity), 2, LARGE, count);
        ParityLayout two = new ParityLayout(5, 2, CHUNK, ParityRotation.LEFT_SYMMETRIC);
        probe.array("raid6", two, host -> new Raid5Personality(host, Level.RAID6, two), 0, SMALLER, count / 4);
        probe.array("raid6-degraded", two, host -> new Raid5Personality(host, Level.RAID6, two), 6, SMALLER, count / 4);
        NearLayout near = new NearLayout(4, 2, CHUNK);
        probe.array("raid10", near, host -> new CopiesPersonality(host, Level.RAID10, near, CHUNK), 0, LARGE, count);
        probe.array(
                "raid10-degraded",
                near,
                host -> new CopiesPersonality(host, Level.RAID10, near, CHUNK),
                5,
                LARGE,
                count);
        probe.parked(near, count / 10);
        System.exit(0);
    }

    private void parity(int count) {
        Parity parity = new Parity();
        MemorySegment all = Arena.global().allocate(5 * 4096, 64);
        long[] sources = new long[4];
        for (int i = 0; i < 4; i++) {
            sources[i] = all.address() + i * 4096L;
        }
        long target = all.address() + 4 * 4096;
        long least = Long.MAX_VALUE;
        for (int repetition = 0; repetition < REPETITIONS && least != 0; repetition++) {
            long before = threads.getCurrentThreadAllocatedBytes();
            long measuring = threads.getCurrentThreadAllocatedBytes() - before;
            before = threads.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < count; i++) {
                parity.add(target, sources[0], 4096);
                parity.add(target, sources[0], sources[1], 4096);
                for (int sourceCount = 1; sourceCount <= 4; sourceCount++) {
                    parity.gather(target, sources, sourceCount, 4096 - 24);
                }
            }
            least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before - measuring);
        }
        System.out.println("parity XOR " + least);
    }

    private void array(
            String name,
            Layout layout,
            Function<PersonalityHost, Personality> level,
            long missing,
            int large,
            int count) {
        List<ArrayPlan.Occupant> occupants = new ArrayList<>();
        for (int slot = 0; slot < layout.slots(); slot++) {
            boolean gone = (missing >>> slot & 1) != 0;
            Member member = gone ? null : new Member(slot, "memory" + slot, new MemoryDevice(COMPONENT, 512), 0);
            occupants.add(new ArrayPlan.Occupant(member, gone ? MemberState.MISSING : MemberState.IN_SYNC));
        }
        ArrayPlan plan =
                new ArrayPlan(name, COMPONENT, layout.capacity(COMPONENT), 512, occupants, true, true, false, 0, 20);
        Array array = new Array(plan, level, queue, heartbeat, new IoRequestPool(512), memory);
        array.start(null);
        measure(name, array, IoOperation.WRITE, 4096, count);
        measure(name, array, IoOperation.READ, 4096, count);
        measure(name + "-large", array, IoOperation.WRITE, large, count / 10);
        measure(name + "-large", array, IoOperation.READ, large, count / 10);
        int several = Math.min(2 * large, 512 << 10); // stripes
        measure(name, array, IoOperation.WRITE_ZEROES, several, count / 10);
        measure(name, array, IoOperation.TRIM, several, count / 10);
        measure(name, array, IoOperation.FLUSH, 0, count / 10);
        array.stop(1_000_000_000L);
    }

    /** Writes that overlap one which is held: they are parked, and carried on when it ends. */
    private void parked(NearLayout layout, int count) {
        List<ArrayPlan.Occupant> occupants = new ArrayList<>();
        HeldDevice held = new HeldDevice(new MemoryDevice(COMPONENT, 512));
        for (int slot = 0; slot < layout.slots(); slot++) {
            BlockDevice device = slot == 0 ? held : new MemoryDevice(COMPONENT, 512);
            occupants.add(new ArrayPlan.Occupant(new Member(slot, "memory" + slot, device, 0), MemberState.IN_SYNC));
        }
        ArrayPlan plan = new ArrayPlan(
                "parked", COMPONENT, layout.capacity(COMPONENT), 512, occupants, true, true, false, 0, 20);
        Array array = new Array(
                plan,
                host -> new CopiesPersonality(host, Level.RAID10, layout, CHUNK),
                queue,
                heartbeat,
                new IoRequestPool(512),
                memory);
        array.start(null);
        park(array, held, Math.max(50, count / 4));
        long least = Long.MAX_VALUE;
        for (int repetition = 0; repetition < REPETITIONS && least != 0; repetition++) {
            long before = threads.getCurrentThreadAllocatedBytes();
            long measuring = threads.getCurrentThreadAllocatedBytes() - before;
            before = threads.getCurrentThreadAllocatedBytes();
            park(array, held, count);
            least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before - measuring);
        }
        System.out.println("raid10-parked WRITE " + least);
        array.stop(1_000_000_000L);
    }

    private void park(Array array, HeldDevice held, int count) {
        IoBuffer buffer = memory.take(32 << 10);
        for (int i = 0; i < count; i++) {
            held.hold();
            int settledBefore = settled;
            for (int each = 0; each < PARKED; each++) {
                if (!own.reserve(1)) {
                    throw new IllegalStateException("a request leaks");
                }
                int length = each % 2 == 0 ? 4096 : 32 << 10;
                array.submit(own.take().prepare(IoOperation.WRITE, 0, length, 0, buffer, 0, this));
            }
            if (settled != settledBefore) {
                throw new IllegalStateException("a write did not wait for its turn");
            }
            held.letGo();
            if (settled != settledBefore + PARKED) {
                throw new IllegalStateException("a write stayed parked");
            }
        }
        if (buffer != null) {
            buffer.release();
        }
    }

    /** Keeps one request back. */
    private static final class HeldDevice implements BlockDevice {
        private final BlockDevice device;
        private boolean holds;
        private @Nullable IoRequest kept;

        HeldDevice(BlockDevice device) {
            this.device = device;
        }

        void hold() {
            holds = true;
        }

        void letGo() {
            IoRequest request = kept;
            kept = null;
            holds = false;
            if (request != null) {
                device.submit(request);
            }
        }

        @Override
        public BlockLimits limits() {
            return device.limits();
        }

        @Override
        public void submit(IoRequest request) {
            if (holds && kept == null) {
                kept = request;
            } else {
                device.submit(request);
            }
        }

        @Override
        public void close() {
            device.close();
        }
    }

    private void measure(String name, Array array, IoOperation operation, int length, int count) {
        ask(array, operation, length, Math.max(20, count / 4));
        // Compiling and de-optimizing leave a few bytes now and then; what a request allocates is there in every
        // repetition.
        long least = Long.MAX_VALUE;
        for (int repetition = 0; repetition < REPETITIONS && least != 0; repetition++) {
            long before = threads.getCurrentThreadAllocatedBytes();
            long measuring = threads.getCurrentThreadAllocatedBytes() - before;
            before = threads.getCurrentThreadAllocatedBytes();
            ask(array, operation, length, count);
            least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before - measuring);
        }
        System.out.println(name + " " + operation + " " + least);
    }

    private void ask(Array array, IoOperation operation, int length, int count) {
        long places = length == 0 ? 1 : (array.limits().sizeBytes() - length) / 4096 + 1;
        for (int i = 0; i < count; i++) {
            IoBuffer buffer = operation.movesBytes() ? memory.take(length) : null;
            if (!own.reserve(1)) {
                throw new IllegalStateException("a request leaks");
            }
            long offset = length == 0 ? 0 : i * 37L % places * 4096;
            int settledBefore = settled;
            array.submit(own.take().prepare(operation, offset, length, 0, buffer, 0, this));
            if (buffer != null) {
                buffer.release();
            }
            if (settled == settledBefore) {
                throw new IllegalStateException(operation + " was not settled at once");
            }
        }
    }

    @Override
    public void completed(IoRequest request) {
        if (request.status() != IoStatus.OK) {
            throw new IllegalStateException(request.operation() + " ended " + request.status());
        }
        settled++;
        request.free();
    }
}
