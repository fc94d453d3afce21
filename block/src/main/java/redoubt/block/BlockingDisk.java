package redoubt.block;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import redoubt.base.Extent;

/**
 * Reads and writes one disk for a thread that waits, one request at a time, each with a time limit. A disk that did not answer once
 * is not asked again: what it still holds stays in quarantine, and every later call fails at once.
 *
 * <p>For one control thread; nothing on the data path waits like this.
 */
public final class BlockingDisk {

    /** The disk did not do what it was asked; the message is a sentence. */
    public static final class Failed extends Exception {
        private static final long serialVersionUID = 1;

        Failed(String sentence) {
            super(sentence);
        }

        /** What went wrong. */
        public String sentence() {
            return String.valueOf(getMessage());
        }
    }

    /** The most that is moved at a time. */
    public static final int PIECE_BYTES = 1 << 20;

    private static final int PAIR_BYTES = 2 * Long.BYTES;

    private final String name;
    private final BlockDevice device;
    private final IoMemory memory;
    private final IoRequestPool pool = new IoRequestPool(2);
    private final long limitNanos;
    private boolean hung;

    /**
     * Makes the one who asks a disk.
     *
     * @param name how the user knows the disk, for complaints
     * @param memory holds a buffer as large as the longest request, at most {@link #PIECE_BYTES}, for each disk that is asked out of it, and
     *     one more
     * @param limitNanos how long an answer may take
     */
    public BlockingDisk(String name, BlockDevice device, IoMemory memory, long limitNanos) {
        this.name = name;
        this.device = device;
        this.memory = memory;
        this.limitNanos = limitNanos;
    }

    /** The bytes there; place and length are multiples of the disk's block. */
    public byte[] read(long offsetBytes, int lengthBytes) throws Failed {
        byte[] bytes = new byte[lengthBytes];
        read(offsetBytes, bytes);
        return bytes;
    }

    /** Fills the array from the disk; place and length are multiples of the disk's block. */
    public void read(long offset, byte[] into) throws Failed {
        for (int done = 0; done < into.length; ) {
            int piece = Math.min(into.length - done, PIECE_BYTES);
            move(IoOperation.READ, offset + done, into, done, piece);
            done += piece;
        }
    }

    /** Writes the array to the disk; place and length are multiples of the disk's block. */
    public void write(long offset, byte[] from) throws Failed {
        for (int done = 0; done < from.length; ) {
            int piece = Math.min(from.length - done, PIECE_BYTES);
            move(IoOperation.WRITE, offset + done, from, done, piece);
            done += piece;
        }
    }

    /**
     * Where there may be something else than zeroes: parts of the range in their order, all of it where the disk cannot tell.
     *
     * @throws Failed if the disk does not answer
     */
    public List<Extent> data(long offset, long length) throws Failed {
        List<Extent> data = new ArrayList<>();
        long end = offset + length;
        byte[] answer = new byte[PIECE_BYTES];
        ByteBuffer pairs = ByteBuffer.wrap(answer).order(ByteOrder.nativeOrder());
        for (long at = offset; at < end; ) {
            long count = hung ? 0 : ask(IoOperation.ALLOCATION, at, end - at, answer, 0, answer.length);
            if (count <= 0) {
                data.add(new Extent(at, end - at));
                return data;
            }
            for (int pair = 0; pair < count; pair++) {
                long run = Math.min(end - at, pairs.getLong(pair * PAIR_BYTES));
                if ((pairs.getLong(pair * PAIR_BYTES + Long.BYTES) & IoRequest.ALLOCATION_ZERO) == 0) {
                    data.add(new Extent(at, run));
                }
                at += run;
            }
        }
        return data;
    }

    /** Makes durable what was written. */
    public void flush() throws Failed {
        move(IoOperation.FLUSH, 0, new byte[0], 0, 0);
    }

    private void move(IoOperation operation, long offset, byte[] array, int at, int length) throws Failed {
        ask(operation, offset, length, array, at, length);
    }

    /**
     * Sends a request and waits for it.
     *
     * @param range how long the range is that it speaks of
     * @param length how many bytes of the array go with it, to the disk or back
     * @return what the disk answers as a number; -1 where it does not do such things
     */
    private long ask(IoOperation operation, long offset, long range, byte[] array, int at, int length) throws Failed {
        if (hung) {
            throw new Failed("%s did not answer within its time limit".formatted(name));
        }
        IoBuffer buffer = length == 0 ? null : memory.take(length);
        if ((length != 0 && buffer == null) || !pool.reserve(1)) {
            throw new IllegalStateException("no memory is left to read " + name);
        }
        if (buffer != null && operation == IoOperation.WRITE) {
            MemorySegment.copy(MemorySegment.ofArray(array), at, buffer.segment(), buffer.position(), length);
        }
        Wait wait = new Wait();
        IoRequest request = pool.take().prepare(operation, offset, range, 0, buffer, 0, wait::ended);
        device.submit(request);
        boolean answered = wait.await(limitNanos);
        IoStatus how = answered ? request.status() : IoStatus.TIMED_OUT;
        if (how.ok() && buffer != null && operation != IoOperation.WRITE) {
            IoBuffer filled = request.buffer(); // an array may have gone on in other memory
            long from = filled.position() + (long) request.bufferOffset();
            MemorySegment.copy(filled.segment(), ValueLayout.JAVA_BYTE, from, array, at, length);
        }
        long result = answered ? request.result : 0;
        if (answered) {
            request.free();
        }
        if (buffer != null) {
            buffer.release();
        }
        if (how == IoStatus.UNSUPPORTED && operation == IoOperation.ALLOCATION) {
            return -1;
        }
        if (!how.ok()) {
            hung = how == IoStatus.TIMED_OUT || how == IoStatus.GONE;
            throw new Failed(complaint(operation, offset, length, how));
        }
        return result;
    }

    private String complaint(IoOperation operation, long offset, int length, IoStatus how) {
        String what = operation == IoOperation.WRITE ? "write" : operation == IoOperation.READ ? "read" : "flush";
        String why = switch (how) {
            case TIMED_OUT, GONE -> "it did not answer within its time limit";
            case NO_SPACE -> "no space is left";
            case READ_ONLY -> "it is read-only";
            case OK, IO_ERROR, INVALID, UNSUPPORTED -> "I/O error";
        };
        return "%s: cannot %s %d bytes at byte %d: %s".formatted(name, what, length, offset, why);
    }

    /** One answer that is waited for, or given up: then whoever answers frees the request. */
    private static final class Wait {
        private final CountDownLatch answered = new CountDownLatch(1);
        private final AtomicReference<@Nullable Boolean> taken = new AtomicReference<>();

        void ended(IoRequest request) {
            if (taken.compareAndSet(null, Boolean.TRUE)) {
                answered.countDown();
            } else {
                request.free();
            }
        }

        boolean await(long limitNanos) {
            boolean interrupted = false;
            try {
                if (answered.await(limitNanos, TimeUnit.NANOSECONDS)) {
                    return true;
                }
            } catch (InterruptedException stop) {
                interrupted = true;
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
            return !taken.compareAndSet(null, Boolean.FALSE);
        }
    }
}
