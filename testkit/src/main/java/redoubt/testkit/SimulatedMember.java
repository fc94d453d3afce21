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
import java.util.function.Consumer;
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

    /** What a read brings that comes back after it was given up. */
    private static final byte LATE = (byte) 0xEE;

    private final String name;
    private BlockLimits limits;
    private final PowerRail power;
    private final ReentrantLock lock = new ReentrantLock();
    private final SplittableRandom random;
    private final byte[] durable;
    private final byte[] current;
    private final Map<Integer, List<byte[]>> cached = new HashMap<>(); // sector: the contents since it was durable
    private final List<PlannedFault> faults = new ArrayList<>();
    private final List<IoRequest> waiting = new ArrayList<>();
    private final List<Kept> kept = new ArrayList<>();
    private final Map<IoOperation, Long> served = new HashMap<>();
    private final Map<IoOperation, Long> servedBytes = new HashMap<>();
    private boolean cacheless;
    private @Nullable Consumer<Runnable> impatience;
    private @Nullable Worker worker;
    private @Nullable Heartbeat heartbeat;
    private long limitNanos = Long.MAX_VALUE;
    private boolean abandoned;
    private final Beat beat = this::beat;

    private static final class PlannedFault {
        final Fault fault;
        int met;

        PlannedFault(Fault fault) {
            this.fault = fault;
        }
    }

    /** A call that is delayed, or that hangs, until {@code dueNanos} or until the disk is healed. */
    private static final class Kept {
        final IoRequest request;
        final long dueNanos;
        final Fault fault;
        boolean givenUp;

        Kept(IoRequest request, long dueNanos, Fault fault) {
            this.request = request;
            this.dueNanos = dueNanos;
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
        return timedBy(beats);
    }

    /**
     * Has somebody else decide when what hangs is given up.
     *
     * @param decides handed, for each request that hangs, what gives it up as a time limit does, to be run whenever
     */
    public SimulatedMember givenUpBy(Consumer<Runnable> decides) {
        impatience = decides;
        return this;
    }

    /** Gets a sense of time, so that a {@link Fault} may delay. Once. */
    public SimulatedMember timedBy(Heartbeat beats) {
        heartbeat = beats;
        beats.register(beat);
        return this;
    }

    /** Says that distance on it costs time; the simulation itself takes none. Before it is used. */
    public SimulatedMember rotational() {
        limits = new BlockLimits(
                limits.sizeBytes(),
                limits.blockBytes(),
                limits.preferredBytes(),
                limits.maxTransferBytes(),
                limits.readOnly(),
                limits.trims(),
                limits.fastZeroes(),
                true);
        return this;
    }

    /** Makes every write durable at once; for long work to which power cuts do not matter. */
    public SimulatedMember withoutCache() {
        cacheless = true;
        return this;
    }

    /** From now on this goes wrong. */
    public void inject(Fault fault) {
        lock.lock();
        try {
            if (heartbeat == null && fault.delayNanos() > 0 && !fault.hangs()) {
                throw new IllegalStateException(name + " has no sense of time; see timedBy");
            }
            faults.add(new PlannedFault(fault));
        } finally {
            lock.unlock();
        }
    }

    /**
     * Nothing goes wrong any more, and calls that hang return: those that were given up do their work late, and what they read is not what
     * anybody wants.
     */
    public void heal() {
        List<Kept> back;
        lock.lock();
        try {
            faults.clear();
            back = List.copyOf(kept);
            kept.clear();
        } finally {
            lock.unlock();
        }
        back.forEach(this::comeBack);
    }

    private void comeBack(Kept one) {
        IoRequest request = one.request;
        if (!one.givenUp) {
            request.complete(answer(request, one.fault));
        } else {
            if (request.operation() == IoOperation.READ) {
                long place = request.buffer().position() + (long) request.bufferOffset();
                request.buffer().segment().asSlice(place, request.length()).fill(LATE);
            } else {
                answer(request, one.fault);
            }
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

    /** How many bytes these operations were asked for. */
    public long servedBytes(IoOperation operation) {
        lock.lock();
        try {
            return servedBytes.getOrDefault(operation, 0L);
        } finally {
            lock.unlock();
        }
    }

    /** Counts anew from here on. */
    public void forgetCounts() {
        lock.lock();
        try {
            served.clear();
            servedBytes.clear();
        } finally {
            lock.unlock();
        }
    }

    /** Whether calls hang that nobody waits for any more. */
    public boolean holdsQuarantine() {
        lock.lock();
        try {
            return kept.stream().anyMatch(one -> one.givenUp);
        } finally {
            lock.unlock();
        }
    }

    /** What reads see at this moment. */
    public byte[] content() {
        return content(0, current.length);
    }

    /** What reads of a part see at this moment. */
    public byte[] content(long offset, int length) {
        lock.lock();
        try {
            return Arrays.copyOfRange(current, (int) offset, (int) offset + length);
        } finally {
            lock.unlock();
        }
    }

    /** What a part of the disk holds for good: without what is only in the cache. */
    public byte[] durable(long offset, int length) {
        lock.lock();
        try {
            return Arrays.copyOfRange(durable, (int) offset, (int) offset + length);
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
                if (worker != null) {
                    waiting.add(request);
                }
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
            chosen = waiting.remove(random.nextInt(waiting.size()));
        } finally {
            lock.unlock();
        }
        serve(chosen);
        return true;
    }

    private void serve(IoRequest request) {
        Fault fault;
        lock.lock();
        try {
            served.merge(request.operation(), 1L, Long::sum);
            servedBytes.merge(request.operation(), request.length(), Long::sum);
            fault = faultFor(request);
            if (fault != null && fault.delayNanos() > 0) {
                Heartbeat beats = heartbeat;
                long due = beats == null || fault.hangs() ? 0 : beats.clock().nanos() + fault.delayNanos();
                kept.add(new Kept(request, due, fault));
            }
        } finally {
            lock.unlock();
        }
        if (fault == null || fault.delayNanos() == 0) {
            request.complete(answer(request, fault));
        } else if (fault.hangs() && impatience != null) {
            impatience.accept(this::giveUp);
        }
    }

    private void giveUp() {
        List<IoRequest> late = new ArrayList<>();
        List<IoRequest> never = new ArrayList<>();
        lock.lock();
        try {
            giveUp(late, never);
        } finally {
            lock.unlock();
        }
        late.forEach(request -> request.settle(IoStatus.TIMED_OUT));
        never.forEach(request -> request.complete(IoStatus.GONE));
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

    private IoStatus answer(IoRequest request, @Nullable Fault fault) {
        if (fault == null || fault.how() == IoStatus.OK) {
            return perform(request);
        }
        lock.lock();
        try {
            if (power.isCut()) {
                return IoStatus.GONE;
            }
            if (fault.tears() && request.operation() == IoOperation.WRITE) {
                int half = (int) (request.length() / limits.blockBytes() / 2) * limits.blockBytes();
                put((int) request.offset(), payload(request, half));
            }
            return fault.how();
        } finally {
            lock.unlock();
        }
    }

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
            if (request.changesForGood()) {
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
            case WRITE -> put(at, payload(request, length));
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

    private static byte[] payload(IoRequest request, int length) {
        byte[] bytes = new byte[length];
        long place = request.buffer().position() + (long) request.bufferOffset();
        MemorySegment.copy(request.buffer().segment(), ValueLayout.JAVA_BYTE, place, bytes, 0, length);
        return bytes;
    }

    private void put(int at, byte[] bytes) {
        System.arraycopy(bytes, 0, current, at, bytes.length);
        if (cacheless) {
            System.arraycopy(bytes, 0, durable, at, bytes.length);
            return;
        }
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
        List<Kept> back = new ArrayList<>();
        List<IoRequest> late = new ArrayList<>();
        List<IoRequest> never = new ArrayList<>();
        lock.lock();
        try {
            kept.removeIf(one -> !one.fault.hangs() && one.dueNanos - nowNanos <= 0 && back.add(one));
            if (isAnyTooOld(nowNanos)) {
                giveUp(late, never);
            }
        } finally {
            lock.unlock();
        }
        back.forEach(this::comeBack);
        late.forEach(request -> request.settle(IoStatus.TIMED_OUT));
        never.forEach(request -> request.complete(IoStatus.GONE));
    }

    private void giveUp(List<IoRequest> late, List<IoRequest> never) {
        abandoned = true;
        never.addAll(waiting);
        waiting.clear();
        for (Kept one : kept) {
            if (!one.givenUp) {
                one.givenUp = true;
                late.add(one.request);
            }
        }
    }

    private boolean isAnyTooOld(long nowNanos) {
        for (Kept one : kept) {
            if (!one.givenUp && nowNanos - one.request.acceptedNanos >= limitNanos) {
                return true;
            }
        }
        for (IoRequest request : waiting) {
            if (nowNanos - request.acceptedNanos >= limitNanos) {
                return true;
            }
        }
        return false;
    }

    /** Calls that are delayed come back at once; those that hang are given up, since nobody looks at their age any more. */
    @Override
    public void close() {
        List<IoRequest> never = new ArrayList<>();
        List<Kept> back = new ArrayList<>();
        List<IoRequest> late = new ArrayList<>();
        lock.lock();
        try {
            kept.removeIf(one -> !one.fault.hangs() && back.add(one));
            giveUp(late, never);
        } finally {
            lock.unlock();
        }
        never.forEach(request -> request.complete(IoStatus.GONE));
        back.forEach(this::comeBack);
        late.forEach(request -> request.settle(IoStatus.TIMED_OUT));
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
