package redoubt.block;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import redoubt.base.Heartbeat;
import redoubt.base.ReclaimSafe;
import redoubt.base.Threads;

/**
 * A lane that is an io_uring and one thread: for disks past the page cache, where many requests are under way at a time. READ, WRITE and FLUSH
 * go through it.
 *
 * <p>The thread takes what waits, puts it into the ring, and sends it all with the one call that also waits for an end. It sleeps in that call;
 * a submitter wakes it by an eventfd that the ring reads, and only if {@code asleep} says that it sleeps or is about to: the thread sets
 * {@code asleep} and then looks at the queue once more, the submitter puts in and then looks at {@code asleep}.
 *
 * <p>When the lane is abandoned, the thread goes on taking out the ends of what hangs, lets go of each, and closes the ring after the last.
 */
final class RingLane extends Lane {

    /** How many requests can be with the kernel at a time. */
    static final int DEPTH = 64;

    private static final long NOTHING = Long.MIN_VALUE;
    private static final long WAKE_TAG = -1;
    private static final long PROBE_TAG = -2;
    private static final long SLEEP_LIMIT_NANOS = 100_000_000L;
    private static final long START_LIMIT_SECONDS = 10;

    private final int file;
    private final boolean sizeCanChange;
    private final Runnable left;
    private final AtomicBoolean asleep = new AtomicBoolean();
    private final CountDownLatch started = new CountDownLatch(1);
    private volatile @Nullable UnsupportedOperationException refusal;

    // Touched by the lane's thread only.
    private final @Nullable IoRequest[] requests = new IoRequest[DEPTH];
    private final int[] done = new int[DEPTH];
    private final boolean[] held = new boolean[DEPTH];
    private int heldCount;
    private final int[] free = new int[DEPTH];
    private int freeCount = DEPTH;

    private boolean wakeArmed = true;

    /**
     * Descriptors of lanes that ended, for the next one. They are never closed: a submitter that was about to wake a lane which has just
     * ended must not write into whatever file has the number by then. To wake somebody for nothing does no harm.
     */
    private static final ConcurrentLinkedQueue<Integer> SPARE_EVENTS = new ConcurrentLinkedQueue<>();

    private final int event;
    private final int probeBytes;
    private final WriteBehind behind;
    private final DurableCalls durable;
    private final Arena arena = Arena.ofAuto();
    private final MemorySegment one = arena.allocate(Long.BYTES, Long.BYTES);
    private final MemorySegment eventAnswer = arena.allocate(Long.BYTES, Long.BYTES);
    private final MemorySegment probe = arena.allocate(IoMemory.ALIGNMENT_BYTES, IoMemory.ALIGNMENT_BYTES);

    /**
     * Makes the lane and starts its thread.
     *
     * @param file opened with O_DIRECT, open until {@code left} is called
     * @param sizeCanChange whether it is a regular file
     * @param probeBytes how much of the file to read, to see that it goes, up to 4096; 0 to believe it
     * @param behind what the disk has yet to make durable
     * @param left told when the ring is closed
     * @throws UnsupportedOperationException if the kernel has no rings or forbids them; {@code left} was told
     */
    RingLane(
            String name,
            int file,
            boolean sizeCanChange,
            int probeBytes,
            WriteBehind behind,
            Runnable left,
            long limitNanos,
            int queueCapacity,
            Heartbeat heartbeat) {
        super(limitNanos, queueCapacity, DEPTH, 1, heartbeat);
        this.file = file;
        this.sizeCanChange = sizeCanChange;
        this.probeBytes = probeBytes;
        this.behind = behind;
        this.durable = new DurableCalls(DEPTH, behind);
        this.left = left;
        Integer spare = SPARE_EVENTS.poll();
        this.event = spare != null ? spare : Linux.eventDescriptor();
        one.set(ValueLayout.JAVA_LONG, 0, 1L);
        for (int i = 0; i < DEPTH; i++) {
            free[i] = i;
        }
        Threads.start(name, this::run);
        awaitStart();
        startBeat();
    }

    private void awaitStart() {
        try {
            if (!started.await(START_LIMIT_SECONDS, TimeUnit.SECONDS)) {
                close();
                throw new UnsupportedOperationException("io_uring does not start");
            }
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            close();
            throw new UnsupportedOperationException("interrupted while io_uring started", interrupted);
        }
        UnsupportedOperationException refused = refusal;
        if (refused != null) {
            throw refused;
        }
    }

    private void run() {
        try (Ring ring = new Ring(2 * DEPTH, file)) {
            if (probeBytes > 0) {
                probe(ring);
            }
            ring.readEvent(event, eventAnswer.address(), WAKE_TAG);
            started.countDown();
            while (open() || freeCount < DEPTH) {
                try {
                    turn(ring);
                } catch (RuntimeException | Error fault) {
                    fault(fault);
                }
            }
            endWake(ring);
        } catch (UnsupportedOperationException refused) {
            refusal = refused;
            close();
        } finally {
            started.countDown();
            threadLeft();
        }
    }

    private void probe(Ring ring) {
        ring.read(probe.address(), probeBytes, 0, PROBE_TAG);
        while (!ring.hasNext()) {
            int ignored = ring.enter(SLEEP_LIMIT_NANOS);
        }
        int result = ring.next();
        if (result != probeBytes) {
            throw new UnsupportedOperationException(
                    "io_uring cannot read here: " + (result < 0 ? ErrorText.of(-result) : "only " + result + " bytes"));
        }
    }

    @ReclaimSafe
    private void turn(Ring ring) {
        fill(ring);
        asleep.set(true);
        if (queue.oldestNanos(NOTHING) != NOTHING && freeCount > 0) {
            asleep.set(false);
            return;
        }
        boolean idle = ring.enter(SLEEP_LIMIT_NANOS) < 0;
        asleep.set(false);
        if (idle && ring.unsent() > 0) {
            LockSupport.parkNanos(this, 1_000_000); // the kernel is short of something: let it breathe
        }
        reap(ring);
    }

    private void fill(Ring ring) {
        while (freeCount > 0) {
            IoRequest request = queue.take();
            if (request == null) {
                return;
            }
            int slot = free[freeCount - 1];
            if (!begin(calls[slot], request)) {
                continue;
            }
            freeCount--;
            requests[slot] = request;
            done[slot] = 0;
            if (abandoned()) {
                finish(slot, IoStatus.GONE);
            } else if (sizeCanChange && shrunk(request)) {
                finish(slot, IoStatus.IO_ERROR);
            } else {
                if (request.promisesDurability()) {
                    durable.begin(slot);
                }
                send(ring, slot, request);
            }
        }
    }

    /** Writing behind the end of a file that has become shorter would bring back what it lost as zeroes. */
    private boolean shrunk(IoRequest request) {
        return request.operation() == IoOperation.WRITE && Linux.size(file) < request.offset() + request.length();
    }

    private void send(Ring ring, int slot, IoRequest request) {
        int already = done[slot];
        switch (request.operation()) {
            case READ ->
                ring.read(
                        request.address() + already,
                        (int) request.length() - already,
                        request.offset() + already,
                        slot);
            case WRITE ->
                ring.write(
                        request.address() + already,
                        (int) request.length() - already,
                        request.offset() + already,
                        request.fua(),
                        slot);
            case FLUSH -> ring.sync(slot);
            case TRIM, WRITE_ZEROES, ALLOCATION -> finish(slot, IoStatus.UNSUPPORTED);
        }
    }

    private void reap(Ring ring) {
        while (ring.hasNext()) {
            long tag = ring.nextTag();
            int result = ring.next();
            if (tag == WAKE_TAG) {
                if (open()) {
                    ring.readEvent(event, eventAnswer.address(), WAKE_TAG);
                } else {
                    wakeArmed = false;
                }
            } else {
                ended(ring, (int) tag, result);
            }
        }
        if (heldCount > 0) {
            answerHeld();
        }
    }

    /** Answers the flushes that came back and may be answered now. */
    private void answerHeld() {
        for (int slot = 0; slot < DEPTH; slot++) {
            IoStatus verdict = held[slot] ? durable.verdict(slot) : null;
            if (verdict != null) {
                held[slot] = false;
                heldCount--;
                finish(slot, verdict);
            }
        }
    }

    private void ended(Ring ring, int slot, int result) {
        IoRequest request = requests[slot];
        if (request == null) {
            return;
        }
        if (result == -Linux.EAGAIN || result == -Linux.EINTR) {
            again(ring, slot, request);
        } else if (result < 0) {
            failed(slot, request, result == -Linux.ENOSPC || result == -Linux.EDQUOT);
        } else if (request.operation() == IoOperation.FLUSH) {
            durable.end(slot, true);
            held[slot] = true;
            heldCount++;
        } else {
            done[slot] += result;
            if (done[slot] == request.length()) {
                finish(slot, IoStatus.OK);
            } else if (result == 0) {
                finish(slot, IoStatus.IO_ERROR); // the file has shrunk
            } else {
                again(ring, slot, request);
            }
        }
    }

    private void failed(int slot, IoRequest request, boolean full) {
        boolean flush = request.operation() == IoOperation.FLUSH;
        // A durable write may have been told of other data than its own.
        if (flush || (durable.runs(slot) && !full && behind.notForced() > 0)) {
            behind.lose();
        }
        if (durable.runs(slot)) {
            durable.end(slot, full && !flush);
        }
        finish(slot, full && !flush ? IoStatus.NO_SPACE : IoStatus.IO_ERROR);
    }

    private void again(Ring ring, int slot, IoRequest request) {
        if (calls[slot].wanted()) {
            send(ring, slot, request);
        } else {
            finish(slot, IoStatus.TIMED_OUT);
        }
    }

    private void finish(int slot, IoStatus status) {
        IoRequest request = requests[slot];
        if (durable.runs(slot)) {
            durable.end(slot, status == IoStatus.OK);
        }
        requests[slot] = null;
        free[freeCount++] = slot;
        if (request != null) {
            end(calls[slot], request, status);
        }
    }

    /** The ring still reads the eventfd: gives it something, so that nothing is under way when it is closed. */
    private void endWake(Ring ring) {
        while (wakeArmed) {
            Linux.signal(event, one.address());
            int ignored = ring.enter(SLEEP_LIMIT_NANOS);
            reap(ring);
        }
    }

    @Override
    void wake() {
        if (asleep.get() && asleep.compareAndSet(true, false)) {
            Linux.signal(event, one.address());
        }
    }

    @Override
    void wakeAll() {
        Linux.signal(event, one.address());
    }

    @Override
    void release() {
        SPARE_EVENTS.add(event);
        left.run();
    }
}
