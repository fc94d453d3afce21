package redoubt.block;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/**
 * One io_uring, owned by one thread: the thread that made it is the only one that touches it. Queue entries are put in with {@link #read} and
 * its like, sent and waited for with {@link #enter}, and taken out with {@link #next}. Nothing is allocated after construction.
 *
 * <p>Layouts from linux/io_uring.h; they are the same on all 64-bit machines.
 */
final class Ring implements AutoCloseable {

    private static final int SETUP_SUBMIT_ALL = 1 << 7;
    private static final int SETUP_SINGLE_ISSUER = 1 << 12;
    private static final int SETUP_DEFER_TASKRUN = 1 << 13;
    private static final int FEATURE_SINGLE_MMAP = 1;
    private static final int FEATURE_EXT_ARG = 1 << 8;
    private static final int REGISTER_FILES = 2;
    private static final int UNREGISTER_FILES = 3;
    private static final long OFFSET_SQES = 0x10000000L;

    // struct io_uring_params (120):
    //   0: sq_entries   4: cq_entries   8: flags   20: features
    //  40: sq_off (head 0, tail 4, ring_mask 8, array 24)   80: cq_off (head 0, tail 4, ring_mask 8, cqes 20)
    private static final long PARAMS_BYTES = 120;
    private static final long PARAMS_SQ_ENTRIES = 0;
    private static final long PARAMS_CQ_ENTRIES = 4;
    private static final long PARAMS_FLAGS = 8;
    private static final long PARAMS_FEATURES = 20;
    private static final long PARAMS_SQ_OFF = 40;
    private static final long PARAMS_CQ_OFF = 80;

    // struct io_uring_sqe (64): 0: opcode (1)   1: flags (1)   4: fd (4)   8: off (8)   16: addr (8)   24: len (4)
    //   28: operation's flags (4)   32: user_data (8)
    private static final int SQE_BYTES = 64;
    private static final int CQE_BYTES = 16; // 0: user_data (8)   8: res (4)

    private static final byte OP_FSYNC = 3;
    private static final byte OP_READ = 22;
    private static final byte OP_WRITE = 23;
    private static final byte FIXED_FILE = 1;
    private static final int FSYNC_DATASYNC = 1;
    private static final int RWF_DSYNC = 2;

    private static final VarHandle INT = ValueLayout.JAVA_INT.varHandle();

    private final Arena arena = Arena.ofConfined();
    private final int descriptor;
    private final MemorySegment rings;
    private final MemorySegment sqes;
    private final MemorySegment cqes;
    private final long sqHeadAt;
    private final long sqTailAt;
    private final long cqHeadAt;
    private final long cqTailAt;
    private final int sqMask;
    private final int cqMask;
    private final MemorySegment waitArgument;
    private int sqTail;
    private int cqHead;

    /**
     * Makes a ring over one file.
     *
     * @param entries a power of two; as many operations may be put in between two {@link #enter}s
     * @param file the descriptor that reads, writes and syncs go to
     * @throws UnsupportedOperationException if the kernel has no rings, or forbids them, or has too old ones
     */
    Ring(int entries, int file) {
        MemorySegment params = arena.allocate(PARAMS_BYTES, Long.BYTES);
        params.set(ValueLayout.JAVA_INT, PARAMS_FLAGS, SETUP_SUBMIT_ALL | SETUP_SINGLE_ISSUER | SETUP_DEFER_TASKRUN);
        descriptor = (int) Linux.ringSetup(entries, params);
        if (descriptor < 0) {
            throw new UnsupportedOperationException("io_uring: " + ErrorText.of(-descriptor));
        }
        boolean made = false;
        try {
            int features = params.get(ValueLayout.JAVA_INT, PARAMS_FEATURES);
            if ((features & FEATURE_SINGLE_MMAP) == 0 || (features & FEATURE_EXT_ARG) == 0) {
                throw new UnsupportedOperationException("io_uring is older than Linux 5.11");
            }
            int sqEntries = params.get(ValueLayout.JAVA_INT, PARAMS_SQ_ENTRIES);
            int cqEntries = params.get(ValueLayout.JAVA_INT, PARAMS_CQ_ENTRIES);
            long sqArrayAt = offset(params, PARAMS_SQ_OFF + 24);
            long cqesAt = offset(params, PARAMS_CQ_OFF + 20);
            long bytes = Math.max(sqArrayAt + (long) sqEntries * Integer.BYTES, cqesAt + (long) cqEntries * CQE_BYTES);
            rings = Linux.map(descriptor, 0, bytes);
            sqes = Linux.map(descriptor, OFFSET_SQES, (long) sqEntries * SQE_BYTES);
            cqes = rings.asSlice(cqesAt, (long) cqEntries * CQE_BYTES);
            sqHeadAt = offset(params, PARAMS_SQ_OFF);
            sqTailAt = offset(params, PARAMS_SQ_OFF + 4);
            cqHeadAt = offset(params, PARAMS_CQ_OFF);
            cqTailAt = offset(params, PARAMS_CQ_OFF + 4);
            sqMask = sqEntries - 1;
            cqMask = cqEntries - 1;
            for (int i = 0; i < sqEntries; i++) {
                rings.set(ValueLayout.JAVA_INT, sqArrayAt + (long) i * Integer.BYTES, i);
            }
            MemorySegment files = arena.allocateFrom(ValueLayout.JAVA_INT, file);
            if (Linux.ringRegister(descriptor, REGISTER_FILES, files, 1) < 0) {
                throw new UnsupportedOperationException("io_uring takes no file");
            }
            // struct io_uring_getevents_arg: 0: sigmask (8)   8: sigmask_sz (4)   16: ts (8); a timespec behind it
            waitArgument = arena.allocate(40, Long.BYTES);
            waitArgument.set(ValueLayout.JAVA_LONG, 16, waitArgument.address() + 24);
            made = true;
        } finally {
            if (!made) {
                Linux.close(descriptor);
            }
        }
    }

    private static long offset(MemorySegment params, long at) {
        return params.get(ValueLayout.JAVA_INT, at);
    }

    /** Puts in a read from the file. */
    void read(long address, int length, long offset, long tag) {
        put(OP_READ, FIXED_FILE, 0, offset, address, length, 0, tag);
    }

    /** Puts in a write to the file, durable or not. */
    void write(long address, int length, long offset, boolean durable, long tag) {
        put(OP_WRITE, FIXED_FILE, 0, offset, address, length, durable ? RWF_DSYNC : 0, tag);
    }

    /** Puts in a flush of the file. */
    void sync(long tag) {
        put(OP_FSYNC, FIXED_FILE, 0, 0, 0, 0, FSYNC_DATASYNC, tag);
    }

    /** Puts in a read of an eventfd's 8 bytes. */
    void readEvent(int event, long address, long tag) {
        put(OP_READ, (byte) 0, event, 0, address, Long.BYTES, 0, tag);
    }

    private void put(byte operation, byte flags, int file, long offset, long address, int length, int how, long tag) {
        long at = (long) (sqTail & sqMask) * SQE_BYTES;
        sqes.set(ValueLayout.JAVA_LONG, at, 0L);
        sqes.set(ValueLayout.JAVA_BYTE, at, operation);
        sqes.set(ValueLayout.JAVA_BYTE, at + 1, flags);
        sqes.set(ValueLayout.JAVA_INT, at + 4, file);
        sqes.set(ValueLayout.JAVA_LONG, at + 8, offset);
        sqes.set(ValueLayout.JAVA_LONG, at + 16, address);
        sqes.set(ValueLayout.JAVA_INT, at + 24, length);
        sqes.set(ValueLayout.JAVA_INT, at + 28, how);
        sqes.set(ValueLayout.JAVA_LONG, at + 32, tag);
        sqes.set(ValueLayout.JAVA_LONG, at + 40, 0L);
        sqes.set(ValueLayout.JAVA_LONG, at + 48, 0L);
        sqes.set(ValueLayout.JAVA_LONG, at + 56, 0L);
        sqTail++;
        INT.setRelease(rings, sqTailAt, sqTail);
    }

    /** How many operations the kernel has not taken yet. */
    int unsent() {
        return sqTail - (int) INT.getAcquire(rings, sqHeadAt);
    }

    /**
     * Sends what was put in, and waits for an operation to end.
     *
     * @param nanos the longest wait
     * @return negative if nothing was sent, and nothing ended or something is wrong
     */
    int enter(long nanos) {
        waitArgument.set(ValueLayout.JAVA_LONG, 24, nanos / 1_000_000_000L);
        waitArgument.set(ValueLayout.JAVA_LONG, 32, nanos % 1_000_000_000L);
        return Linux.ringEnter(descriptor, unsent(), 1, waitArgument.address());
    }

    /** Whether an operation has ended whose end was not taken out. */
    boolean hasNext() {
        return cqHead != (int) INT.getAcquire(rings, cqTailAt);
    }

    /** The tag of the operation that ended. */
    long nextTag() {
        return cqes.get(ValueLayout.JAVA_LONG, (long) (cqHead & cqMask) * CQE_BYTES);
    }

    /** Takes it out: bytes, or {@code -errno}. */
    int next() {
        int result = cqes.get(ValueLayout.JAVA_INT, (long) (cqHead & cqMask) * CQE_BYTES + 8);
        cqHead++;
        INT.setRelease(rings, cqHeadAt, cqHead);
        return result;
    }

    /** Ends the ring; nothing may be under way. The file is given back first, since the kernel takes its time with the rest. */
    @Override
    public void close() {
        long ignored = Linux.ringRegister(descriptor, UNREGISTER_FILES, MemorySegment.NULL, 0);
        Linux.unmap(sqes);
        Linux.unmap(rings);
        Linux.close(descriptor);
        arena.close();
    }
}
