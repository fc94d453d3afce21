package redoubt.personality;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import redoubt.block.BlockDevice;
import redoubt.block.BlockLimits;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoStatus;

/**
 * A disk in memory whose requests end in any order, on other threads or at once, and which can be told to fail: from some request on, for
 * good; by hanging, after which every request times out, while the call comes back much later and does its work then; or by not being able
 * to read some places.
 */
final class ShakyDisk implements BlockDevice {

    private static final int BLOCK = 512;
    private static final byte LATE = (byte) 0xEE;

    private final Shaker shaker;
    private final BlockLimits limits;
    private final MemorySegment content;
    private final AtomicInteger requests = new AtomicInteger();
    private final AtomicInteger reads = new AtomicInteger();
    private final AtomicInteger writes = new AtomicInteger();
    private final AtomicLong bytesRead = new AtomicLong();
    private final AtomicLong bytesWritten = new AtomicLong();
    private final List<IoRequest> hanging = new ArrayList<>();
    private volatile int failsFrom = Integer.MAX_VALUE;
    private volatile int failsWritesFrom = Integer.MAX_VALUE;
    private volatile int hangsFrom = Integer.MAX_VALUE;
    private volatile long unreadableFrom = Long.MAX_VALUE;
    private volatile long unreadableTo = Long.MAX_VALUE;

    ShakyDisk(Shaker shaker, long bytes) {
        this.shaker = shaker;
        this.limits = new BlockLimits(bytes, BLOCK, 4096, 1 << 25, false, true, true, false);
        this.content = Arena.ofAuto().allocate(bytes);
    }

    /** From this request on, counted from now, everything fails. */
    void failFrom(int request) {
        failsFrom = requests.get() + request;
    }

    /** From this request on, counted from now, every write fails. */
    void failWritesFrom(int request) {
        failsWritesFrom = requests.get() + request;
    }

    /** From this request on, counted from now, nothing comes back, until {@link #comeBack}. */
    void hangFrom(int request) {
        hangsFrom = requests.get() + request;
    }

    /** Reads of this place fail. */
    void cannotRead(long from, long to) {
        unreadableFrom = from;
        unreadableTo = to;
    }

    /** Starts counting anew. */
    void forgetCounts() {
        reads.set(0);
        writes.set(0);
        bytesRead.set(0);
        bytesWritten.set(0);
    }

    int reads() {
        return reads.get();
    }

    int writes() {
        return writes.get();
    }

    long bytesRead() {
        return bytesRead.get();
    }

    long bytesWritten() {
        return bytesWritten.get();
    }

    /** What is on the disk. */
    byte[] content() {
        return content.toArray(ValueLayout.JAVA_BYTE);
    }

    /** Puts something on the disk, past everybody. */
    void put(long offset, byte[] bytes) {
        MemorySegment.copy(bytes, 0, content, ValueLayout.JAVA_BYTE, offset, bytes.length);
    }

    @Override
    public BlockLimits limits() {
        return limits;
    }

    @Override
    public void submit(IoRequest request) {
        IoStatus wrong = limits.check(request);
        if (wrong != IoStatus.OK) {
            request.complete(wrong);
            return;
        }
        int number = requests.getAndIncrement();
        if (number >= hangsFrom) {
            hang(request);
            return;
        }
        shaker.later(() -> request.complete(number >= failsFrom ? IoStatus.IO_ERROR : perform(request, number)));
    }

    /** The call does not come back; somebody settles the request. */
    private void hang(IoRequest request) {
        synchronized (hanging) {
            hanging.add(request);
        }
        shaker.later(() -> request.settle(IoStatus.TIMED_OUT));
    }

    /** How many calls hang. */
    int hanging() {
        synchronized (hanging) {
            return hanging.size();
        }
    }

    /** The calls come back and do what they were asked, though nobody waits any more; what they read is not what anybody wants. */
    void comeBack() {
        List<IoRequest> back;
        synchronized (hanging) {
            back = new ArrayList<>(hanging);
            hanging.clear();
        }
        for (IoRequest request : back) {
            if (request.operation() == IoOperation.READ) {
                request.buffer()
                        .segment()
                        .asSlice(request.buffer().position() + request.bufferOffset(), request.length())
                        .fill(LATE);
            } else {
                perform(request, Integer.MIN_VALUE);
            }
            request.abandon();
        }
    }

    /** One at a time: a disk does not tear blocks. */
    private synchronized IoStatus perform(IoRequest request, int number) {
        long offset = request.offset();
        long length = request.length();
        switch (request.operation()) {
            case READ -> {
                reads.incrementAndGet();
                bytesRead.addAndGet(length);
                if (offset < unreadableTo && offset + length > unreadableFrom) {
                    return IoStatus.IO_ERROR;
                }
                MemorySegment.copy(content, offset, request.buffer().segment(), place(request), length);
            }
            case WRITE -> {
                writes.incrementAndGet();
                bytesWritten.addAndGet(length);
                if (number >= failsWritesFrom) {
                    // Half of it was done.
                    long half = length / BLOCK / 2 * BLOCK;
                    MemorySegment.copy(request.buffer().segment(), place(request), content, offset, half);
                    return IoStatus.IO_ERROR;
                }
                MemorySegment.copy(request.buffer().segment(), place(request), content, offset, length);
            }
            case TRIM, WRITE_ZEROES -> content.asSlice(offset, length).fill((byte) 0);
            case FLUSH -> {}
            case ALLOCATION -> {
                AllData.answer(request);
            }
        }
        return IoStatus.OK;
    }

    private static long place(IoRequest request) {
        return request.buffer().position() + (long) request.bufferOffset();
    }

    @Override
    public void close() {}
}
