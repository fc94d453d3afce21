package redoubt.testkit;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import redoubt.base.Beat;
import redoubt.base.Heartbeat;
import redoubt.base.Sectors;
import redoubt.base.Worker;
import redoubt.base.WorkerFactory;
import redoubt.block.BlockDevice;
import redoubt.block.BlockLimits;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoStatus;

/**
 * A disk in memory with a volatile cache, that fails as real disks fail.
 *
 * <p><b>What is survivable, and must be survived.</b> A power cut: of every sector written since the last flush, the disk may hold the durable
 * content or any of the contents written since, each sector for itself, so writes are dropped, reordered and torn at sector size. A
 * flush, or a write with FUA, that was answered holds. Errors (EIO, ENOSPC), delays, and calls that never return, of any operation. What
 * is <em>not</em> simulated, because no level of redundancy without checksums survives it: a write that lands elsewhere, a read that gives
 * wrong bytes and calls them right, a flush that lies.
 *
 * <p><b>When requests are done.</b> At once, inside {@link #submit}; or, made with {@link #servedBy}, one by one in an order that comes from the
 * seed, by a worker which the test may step.
 *
 * <p>One lock guards everything; completions run outside it.
 */
public final class SimulatedMember implements BlockDevice {

    private static final int MAX_TRANSFER_BYTES = 1 << 25;

    private final String name;
    private final BlockLimits limits;
    private final PowerRail power;
    private final ReentrantLock lock = new ReentrantLock();
    private final SplittableRandom random;
    private final byte[] durable;
    private final byte[] current;
    private final Map<Integer, List<byte[]>> cached = new HashMap<>(); // sector: the contents since it was durable
    private final List<PlannedFault> faults = new ArrayList<>();
    private final List<IoRequest> waiting = new ArrayList<>();
    private final List<IoRequest> hung = new ArrayList<>();
    private final List<IoRequest> forgotten = new ArrayList<>(); // hung and given up
    private final Map<IoOperation, Long> served = new HashMap<>();
    private @Nullable Worker worker;
    private @Nullable Heartbeat heartbeat;
    private long limitNanos;
    private boolean abandoned;
    private final Beat beat = this::beat;

    private static final class PlannedFault {
        final Fault fault;
        int met;

        PlannedFault(Fault fault) {
            this.fault = fault;
        }
    }

    /**
     * Makes a disk.
     *
     * @param image what it holds, durable; its length is the disk's size
     * @param blockBytes 512 or 4096
     * @param seed of the order of its work
     */
    public SimulatedMember(String name, byte[] image, int blockBytes, PowerRail power, long seed) {
        this.name = name;
        this.durable = image.clone();
        this.current = image.clone();
        this.power = power;
        this.random = new SplittableRandom(seed);
        this.limits = new BlockLimits(image.length, blockBytes, 4096, MAX_TRANSFER_BYTES, false, true, true, false);
    }

    /** Lets a worker do the work, in an order of the seed's choosing, instead of doing it inside {@link #submit}. */
    public SimulatedMember servedBy(WorkerFactory workers) {
        worker = workers.start(name, this::serveOne);
        return this;
    }

    /** Gives up requests of this age, as a lane does: settles them, and takes nothing more. */
    public SimulatedMember withTimeLimit(long nanos, Heartbeat beats) {
        limitNanos = nanos;
        heartbeat = beats;
        beats.register(beat);
        return this;
    }

    /** From now on this goes wrong. */
    public void inject(Fault fault) {
        lock.lock();
        try {
            faults.add(new PlannedFault(fault));
        } finally {
            lock.unlock();
        }
    }

    /** Nothing goes wrong any more, and calls that hang return: those that were given up do their work late. */
    public void heal() {
        List<IoRequest> back;
        List<IoRequest> late;
        lock.lock();
        try {
            faults.clear();
            back = List.copyOf(hung);
            hung.clear();
            late = List.copyOf(forgotten);
            forgotten.clear();
        } finally {
            lock.unlock();
        }
        for (IoRequest request : back) {
            request.complete(perform(request));
        }
        for (IoRequest request : late) {
            perform(request);
            request.abandon();
        }
    }

    /** How many of these operations the disk has done or failed. */
    public long served(IoOperation operation) {
        lock.lock();
        try {
            return served.getOrDefault(operation, 0L);
        } finally {
            lock.unlock();
        }
    }

    /** Whether calls hang that nobody waits for any more. */
    public boolean holdsQuarantine() {
        lock.lock();
        try {
            return !forgotten.isEmpty();
        } finally {
            lock.unlock();
        }
    }

    /** What reads see at this moment. */
    public byte[] content() {
        lock.lock();
        try {
            return current.clone();
        } finally {
            lock.unlock();
        }
    }

    /**
     * What the disk holds after the power went: of every sector in the cache the durable content or any of those written since.
     *
     * @param choices decides for each sector
     */
    public byte[] imageAfterPowerCut(SplittableRandom choices) {
        lock.lock();
        try {
            byte[] image = durable.clone();
            cached.entrySet().stream().sorted(Map.Entry.comparingByKey()).forEach(entry -> {
                int choice = choices.nextInt(entry.getValue().size() + 1);
                if (choice > 0) {
                    byte[] content = entry.getValue().get(choice - 1);
                    System.arraycopy(content, 0, image, entry.getKey() * Sectors.BYTES, Sectors.BYTES);
                }
            });
            return image;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public BlockLimits limits() {
        return limits;
    }

    @Override
    public void submit(IoRequest request) {
        IoStatus refused = limits.check(request);
        if (refused != IoStatus.OK) {
            request.complete(refused);
            return;
        }
        lock.lock();
        try {
            Heartbeat beats = heartbeat;
            if (abandoned || power.isCut()) {
                refused = IoStatus.GONE;
            } else {
                request.acceptedNanos = beats == null ? 0 : beats.clock().nanos();
                waiting.add(request);
            }
        } finally {
            lock.unlock();
        }
        if (refused != IoStatus.OK) {
            request.complete(refused);
        } else if (worker != null) {
            worker.wake();
        } else {
            serve(request);
        }
    }

    private boolean serveOne() {
        IoRequest chosen;
        lock.lock();
        try {
            if (waiting.isEmpty()) {
                return false;
            }
            chosen = waiting.get(random.nextInt(waiting.size()));
        } finally {
            lock.unlock();
        }
        serve(chosen);
        return true;
    }

    private void serve(IoRequest request) {
        IoStatus how = IoStatus.OK;
        lock.lock();
        try {
            if (!waiting.remove(request)) {
                return; // given up meanwhile
            }
            served.merge(request.operation(), 1L, Long::sum);
            Fault fault = faultFor(request);
            if (fault != null && fault.hangs()) {
                hung.add(request);
                return;
            }
            if (power.isCut()) {
                how = IoStatus.GONE;
            } else if (fault != null) {
                how = fault.how();
            }
        } finally {
            lock.unlock();
        }
        request.complete(how == IoStatus.OK ? perform(request) : how);
    }

    private @Nullable Fault faultFor(IoRequest request) {
        for (PlannedFault planned : faults) {
            if (planned.fault.meets(request)) {
                int met = planned.met++;
                if (met >= planned.fault.after() && met - planned.fault.after() < planned.fault.times()) {
                    return planned.fault;
                }
            }
        }
        return null;
    }

    // ---------------------------------------------------------------------------------------------- the medium

    private IoStatus perform(IoRequest request) {
        lock.lock();
        try {
            boolean boundary = request.operation().changesData() || request.operation() == IoOperation.FLUSH;
            boolean powerGoes = boundary && power.reached();
            if (powerGoes && request.operation() == IoOperation.FLUSH) {
                return IoStatus.GONE;
            }
            if (power.isCut() && !powerGoes) {
                return IoStatus.GONE;
            }
            IoStatus how = act(request);
            if (powerGoes) {
                return IoStatus.GONE;
            }
            if (request.fua() && request.operation().changesData()) {
                makeDurable((int) (request.offset() / Sectors.BYTES), (int) (request.length() / Sectors.BYTES));
            }
            return how;
        } finally {
            lock.unlock();
        }
    }

    private IoStatus act(IoRequest request) {
        int at = (int) request.offset();
        int length = (int) request.length();
        switch (request.operation()) {
            case READ ->
                MemorySegment.copy(
                        MemorySegment.ofArray(current),
                        ValueLayout.JAVA_BYTE,
                        at,
                        request.buffer().segment(),
                        ValueLayout.JAVA_BYTE,
                        request.buffer().position() + (long) request.bufferOffset(),
                        length);
            case WRITE -> {
                byte[] bytes = new byte[length];
                MemorySegment.copy(
                        request.buffer().segment(),
                        ValueLayout.JAVA_BYTE,
                        request.buffer().position() + (long) request.bufferOffset(),
                        bytes,
                        0,
                        length);
                put(at, bytes);
            }
            case TRIM, WRITE_ZEROES -> put(at, new byte[length]);
            case FLUSH -> makeDurable(0, current.length / Sectors.BYTES);
            case ALLOCATION -> {
                long place = request.buffer().position() + (long) request.bufferOffset();
                request.buffer().segment().set(ValueLayout.JAVA_LONG_UNALIGNED, place, request.length());
                request.buffer().segment().set(ValueLayout.JAVA_LONG_UNALIGNED, place + Long.BYTES, 0L);
                request.result = 1;
            }
        }
        return IoStatus.OK;
    }

    private void put(int at, byte[] bytes) {
        System.arraycopy(bytes, 0, current, at, bytes.length);
        for (int done = 0; done < bytes.length; done += Sectors.BYTES) {
            cached.computeIfAbsent((at + done) / Sectors.BYTES, sector -> new ArrayList<>())
                    .add(Arrays.copyOfRange(bytes, done, done + Sectors.BYTES));
        }
    }

    private void makeDurable(int fromSector, int sectors) {
        cached.keySet().removeIf(sector -> {
            if (sector < fromSector || sector >= fromSector + sectors) {
                return false;
            }
            System.arraycopy(current, sector * Sectors.BYTES, durable, sector * Sectors.BYTES, Sectors.BYTES);
            return true;
        });
    }

    // ---------------------------------------------------------------------------------------------- giving up

    private void beat(long nowNanos) {
        List<IoRequest> late = new ArrayList<>();
        List<IoRequest> never = new ArrayList<>();
        lock.lock();
        try {
            boolean old = false;
            for (IoRequest request : hung) {
                old |= nowNanos - request.acceptedNanos >= limitNanos;
            }
            for (IoRequest request : waiting) {
                old |= nowNanos - request.acceptedNanos >= limitNanos;
            }
            if (!old) {
                return;
            }
            abandoned = true;
            late.addAll(hung);
            forgotten.addAll(hung);
            hung.clear();
            never.addAll(waiting);
            waiting.clear();
        } finally {
            lock.unlock();
        }
        late.forEach(request -> request.settle(IoStatus.TIMED_OUT));
        never.forEach(request -> request.complete(IoStatus.GONE));
    }

    @Override
    public void close() {
        List<IoRequest> never;
        lock.lock();
        try {
            abandoned = true;
            never = List.copyOf(waiting);
            waiting.clear();
        } finally {
            lock.unlock();
        }
        never.forEach(request -> request.complete(IoStatus.GONE));
        Heartbeat beats = heartbeat;
        if (beats != null) {
            beats.unregister(beat);
        }
        Worker mine = worker;
        if (mine != null) {
            mine.close();
        }
    }

    @Override
    public String toString() {
        return name;
    }
}
