package redoubt.md;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import redoubt.base.ArrayState;
import redoubt.base.Threads;
import redoubt.block.IoBuffer;
import redoubt.block.IoMemory;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoRequestPool;
import redoubt.block.IoStatus;
import redoubt.sim.SteppedTime;
import redoubt.sim.SteppedWorkers;
import redoubt.workqueue.Workqueue;

/** Two mirrors that hold their requests, a keeper that holds its answers, time and workers that are stepped. */
final class ArrayRig implements ArrayListener {

    static final int SLOTS = 2;
    private static final long STOP_NANOS = 60_000_000_000L;

    final SteppedTime time = new SteppedTime();
    final SteppedWorkers workers = new SteppedWorkers(1);
    final HeldDevice[] disks = {new HeldDevice(), new HeldDevice()};
    final HeldKeeper keeper = new HeldKeeper();
    final IoMemory memory = new IoMemory(new IoMemory.Cut(4096, 8, 2));
    final IoRequestPool own = new IoRequestPool(16);
    final IoRequestPool children;
    final List<String> events = new ArrayList<>();
    final List<String> unlawful = new ArrayList<>();
    final Array array;

    ArrayRig(boolean readOnly, int childCount) {
        this(readOnly, childCount, true);
    }

    ArrayRig(boolean readOnly, int childCount, boolean redundancyKnown) {
        this(readOnly, childCount, redundancyKnown, Level.RAID1, null);
    }

    /** As md was: flushes go through a queue of its own; {@code clean} or found dirty. */
    static ArrayRig ofOldMd(boolean clean, @Nullable FlushQueue flushes) {
        return new ArrayRig(false, 8, clean, Level.RAID1, flushes);
    }

    /** Members that hold the content only together. */
    static ArrayRig withoutRedundancy() {
        return of(Level.RAID0);
    }

    /** Members that pass for those of this level. */
    static ArrayRig of(Level level) {
        return new ArrayRig(false, 8, true, level, null);
    }

    private ArrayRig(
            boolean readOnly, int childCount, boolean redundancyKnown, Level level, @Nullable FlushQueue flushes) {
        children = new IoRequestPool(childCount);
        List<ArrayPlan.Occupant> occupants = new ArrayList<>();
        for (int slot = 0; slot < SLOTS; slot++) {
            occupants.add(new ArrayPlan.Occupant(new Member(slot, "disk" + slot, disks[slot], 0), MemberState.IN_SYNC));
        }
        ArrayPlan plan = new ArrayPlan(
                "twins",
                1 << 20,
                1 << 20,
                512,
                occupants,
                redundancyKnown,
                !redundancyKnown,
                readOnly,
                ArrayPlan.IMSM_SAFE_MODE_DELAY_NANOS,
                ArrayPlan.MAX_READ_ERRORS);
        Workqueue queue = Workqueue.orderedMemReclaim("twins", workers);
        array = new Array(
                plan, host -> new TwinPersonality(host, SLOTS, level), queue, time, children, memory, flushes);
        array.addListener(this);
        array.start(readOnly ? null : keeper);
    }

    /** Sends a request and answers it; its end is seen in {@link Asked#ended}. */
    Asked ask(IoOperation operation) {
        return ask(operation, 0);
    }

    Asked ask(IoOperation operation, int flags) {
        return ask(operation, flags, 0);
    }

    /** A read that the first disk cannot do and the second one can. */
    void readAroundFirst(long offset) {
        Asked read = ask(IoOperation.READ, 0, offset);
        disks[0].end(IoStatus.IO_ERROR);
        disks[1].end(IoStatus.OK);
        if (!read.ended || !read.how.ok()) {
            throw new AssertionError("the read at " + offset + " was not answered from the second disk");
        }
    }

    private Asked ask(IoOperation operation, int flags, long offset) {
        Asked asked = new Asked();
        IoBuffer buffer = operation.movesBytes() ? memory.take(4096) : null;
        if (!own.reserve(1)) {
            throw new IllegalStateException("the test asks more than it has requests");
        }
        IoRequest request = own.take();
        long length = operation == IoOperation.FLUSH ? 0 : 4096;
        request.prepare(operation, offset, length, flags, buffer, 0, asked::completed);
        if (buffer != null) {
            buffer.release();
        }
        array.submit(request);
        return asked;
    }

    void run() {
        workers.runAll(1000);
    }

    /** Lets the safe-mode delay go by. */
    void becomeIdle() {
        time.advance(1);
        time.advance(ArrayPlan.IMSM_SAFE_MODE_DELAY_NANOS + 1);
        run();
    }

    /** Stops the array, within a minute of its own time, while the keeper answers everything so; answers what the stop said. */
    boolean stop(boolean durable) {
        AtomicBoolean good = new AtomicBoolean();
        CountDownLatch ended = new CountDownLatch(1);
        Threads.start("stopper", () -> {
            good.set(array.stop(STOP_NANOS));
            ended.countDown();
        });
        while (ended.getCount() != 0) {
            time.advance(8);
            if (array.requestsInside() != 0) {
                time.advance(STOP_NANOS);
            }
            run();
            while (array.view().state() == ArrayState.INACTIVE && !keeper.waiting.isEmpty()) {
                keeper.answer(durable);
                run();
            }
            Thread.onSpinWait();
        }
        return good.get();
    }

    /** Nothing is left open anywhere, and the array showed no state that may not follow the one before. */
    boolean clean() {
        return own.free() == own.total()
                && children.free() == children.total()
                && memory.free() == memory.total()
                && array.requestsInside() == 0
                && unlawful.isEmpty();
    }

    @Override
    public void viewChanged(ArrayView before, ArrayView after) {
        if (!before.state().mayBecome(after.state())) {
            unlawful.add(before.state() + " became " + after.state());
        }
        if (before.state() != after.state()) {
            events.add(after.state().word());
        }
    }

    @Override
    public void event(String word, String member) {
        events.add(word + (member.isEmpty() ? "" : " " + member));
    }

    /** A request that the test asked. */
    static final class Asked {
        IoStatus how = IoStatus.OK;
        boolean ended;
        boolean inOtherMemory;

        void completed(IoRequest request) {
            how = request.status();
            ended = true;
            request.free();
        }
    }

    /** A keeper that answers when the test says so. */
    static final class HeldKeeper implements MetadataKeeper {
        final List<String> asked = new ArrayList<>();
        final List<Answer> waiting = new ArrayList<>();

        @Override
        public void markDirty(Answer answer) {
            asked.add("dirty");
            waiting.add(answer);
        }

        @Override
        public void markClean(Answer answer) {
            asked.add("clean");
            waiting.add(answer);
        }

        @Override
        public void recordFailure(int slot, Answer answer) {
            asked.add("failed " + slot);
            waiting.add(answer);
        }

        void answer(boolean durable) {
            waiting.removeFirst().recorded(durable);
        }
    }
}
