package redoubt.cli;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import redoubt.block.BlockLimits;
import redoubt.block.IoBuffer;
import redoubt.block.IoMemory;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoRequestPool;
import redoubt.block.IoStatus;
import redoubt.nbd.NbdClient;
import redoubt.nbd.NbdClientOptions;
import redoubt.nbd.NbdUri;

/**
 * An export of an NBD server that an array is copied to, with several writes under way at a time. Runs of zeroes are written as such, which
 * servers do quickly; where the server says that all of the export reads as zeroes before the copy begins, they are left out.
 *
 * <p>For one control thread, which may wait; every request is settled within the client's time limit. The content comes in order, so it is
 * gathered to whole buffers: an export may have larger blocks than the array.
 */
final class ExportTarget implements CopyTarget {

    private static final int BUFFERS = 8;
    private static final int BUFFER_BYTES = 1 << 20;

    /** A run of zeroes shorter than this is written as data. */
    private static final int RUN_BYTES = 64 << 10;

    /** Most requests that one buffer can become: runs of data and of zeroes in turn. */
    private static final int REQUESTS = BUFFERS * (BUFFER_BYTES / RUN_BYTES + 1);

    private static final MemorySegment ZEROES = MemorySegment.ofArray(new byte[RUN_BYTES]);

    /** The first thing that went wrong. */
    private record Failure(IoOperation operation, long offset, IoStatus status) {}

    private final NbdUri uri;
    private final NbdClient client;
    private final BlockLimits limits;
    private final IoMemory memory = new IoMemory(new IoMemory.Cut(BUFFER_BYTES, BUFFERS, 0));
    private final ByteBuffer view = memory.newView();
    private final IoRequestPool pool = new IoRequestPool(REQUESTS);
    private final Semaphore places = new Semaphore(REQUESTS);
    private final AtomicReference<@Nullable Failure> failure = new AtomicReference<>();
    private boolean zeroAlready;

    /** What was gathered, and where it begins. */
    private @Nullable IoBuffer gathered;

    private long gatheredAt;
    private int gatheredBytes;

    private long zeroesAt;
    private long zeroesBytes;

    private ExportTarget(NbdUri uri, NbdClient client) {
        this.uri = uri;
        this.client = client;
        this.limits = client.limits();
    }

    /**
     * Connects, and looks whether the array fits.
     *
     * @param size of the array
     * @param overwrite whether an export that holds something is written over
     */
    static ExportTarget open(NbdUri uri, boolean overwrite, long timeLimitNanos, long size)
            throws Refused, IOException {
        NbdClientOptions options = NbdClientOptions.DEFAULTS
                // A copy serves nobody, so it cannot wait for itself.
                .withOwnServerToo(true)
                .withTimeLimitNanos(timeLimitNanos);
        ExportTarget target = new ExportTarget(uri, NbdClient.open(uri, options));
        boolean fits = false;
        try {
            target.refuseIfItDoesNotFit(size);
            target.zeroAlready = target.readsAsZeroes(size);
            if (!target.zeroAlready && !overwrite) {
                throw new Refused(
                        ExitCode.REFUSED,
                        uri + " may hold something already; insist with --overwrite, or name another DEST");
            }
            fits = true;
            return target;
        } finally {
            if (!fits) {
                target.client.close();
            }
        }
    }

    private void refuseIfItDoesNotFit(long size) throws Refused {
        if (limits.readOnly()) {
            throw new Refused(ExitCode.USAGE, uri + " is read-only; name another DEST");
        }
        if (limits.sizeBytes() < size) {
            throw new Refused(
                    ExitCode.USAGE,
                    "%s is too small: it has %d bytes, and the array %d".formatted(uri, limits.sizeBytes(), size));
        }
        if (size % limits.blockBytes() != 0) {
            throw new Refused(
                    ExitCode.USAGE,
                    "%s takes blocks of %d bytes only, and the array's %d bytes do not end with one"
                            .formatted(uri, limits.blockBytes(), size));
        }
    }

    /** Whether the server says that there is nothing but zeroes in the range that will be written. */
    private boolean readsAsZeroes(long size) throws Refused {
        long at = 0;
        while (at < size) {
            long known = zeroesFrom(at, size);
            if (known == 0) {
                return false;
            }
            at += known;
        }
        return true;
    }

    /** How many bytes from here on the server says to be zeroes. */
    private long zeroesFrom(long offset, long size) throws Refused {
        IoBuffer buffer = freshBuffer();
        long asked = Math.min(size - offset, limits.maxTransferBytes());
        long zeroes = 0;
        Semaphore ended = new Semaphore(0);
        places.acquireUninterruptibly();
        pool.reserve(1);
        IoRequest request =
                pool.take().prepare(IoOperation.ALLOCATION, offset, asked, 0, buffer, 0, settled -> ended.release());
        client.submit(request);
        ended.acquireUninterruptibly();
        if (request.status().ok()) {
            ByteBuffer pairs = view.order(ByteOrder.nativeOrder()).clear();
            boolean zero = true;
            for (int i = 0; i < request.result && zero; i++) {
                int at = buffer.position() + 16 * i;
                zero = (pairs.getLong(at + 8) & IoRequest.ALLOCATION_ZERO) != 0;
                zeroes += zero ? pairs.getLong(at) : 0;
            }
        }
        request.free();
        buffer.release();
        places.release();
        return zeroes;
    }

    @Override
    public void write(long offset, ByteBuffer content) throws Refused {
        long at = offset;
        while (content.hasRemaining()) {
            IoBuffer buffer = placeFor(at);
            int now = Math.min(content.remaining(), BUFFER_BYTES - gatheredBytes);
            view.clear().put(buffer.position() + gatheredBytes, content, content.position(), now);
            content.position(content.position() + now);
            gatheredBytes += now;
            at += now;
            sendIfFull();
        }
    }

    @Override
    public void zeroes(long offset, long length) throws Refused {
        write(offset, ByteBuffer.allocate(Math.toIntExact(length)));
    }

    /** The buffer that is being gathered; a new one begins at {@code offset}. */
    private IoBuffer placeFor(long offset) throws Refused {
        IoBuffer present = gathered;
        if (present == null) {
            present = freshBuffer();
            gathered = present;
            gatheredAt = offset;
            gatheredBytes = 0;
        }
        return present;
    }

    private void sendIfFull() throws Refused {
        if (gatheredBytes == BUFFER_BYTES) {
            sendGathered();
        }
    }

    /** Makes runs of what was gathered, and sends them. */
    private void sendGathered() throws Refused {
        IoBuffer buffer = gathered;
        if (buffer == null) {
            return;
        }
        gathered = null;
        int dataFrom = 0;
        for (int at = 0; at < gatheredBytes; at += RUN_BYTES) {
            int length = Math.min(RUN_BYTES, gatheredBytes - at);
            MemorySegment run = buffer.segment().asSlice(buffer.position() + (long) at, length);
            if (run.mismatch(ZEROES.asSlice(0, length)) < 0) {
                sendData(buffer, dataFrom, at);
                addZeroes(gatheredAt + at, length);
                dataFrom = at + length;
            }
        }
        sendData(buffer, dataFrom, gatheredBytes);
        buffer.release();
    }

    private void sendData(IoBuffer buffer, int from, int to) throws Refused {
        for (int at = from; at < to; ) {
            sendZeroes();
            int length = Math.min(to - at, limits.maxTransferBytes());
            send(IoOperation.WRITE, gatheredAt + at, length, buffer, at);
            at += length;
        }
    }

    private void addZeroes(long offset, long length) {
        if (zeroesBytes == 0) {
            zeroesAt = offset;
        }
        zeroesBytes += length;
    }

    private void sendZeroes() throws Refused {
        if (zeroesBytes > 0 && !zeroAlready) {
            send(IoOperation.WRITE_ZEROES, zeroesAt, zeroesBytes, null, 0);
        }
        zeroesBytes = 0;
    }

    private void send(IoOperation operation, long offset, long length, @Nullable IoBuffer buffer, int at)
            throws Refused {
        places.acquireUninterruptibly();
        if (failure.get() != null) {
            places.release(); // the place of a request that is never sent
            refuseAfterFailure();
        }
        if (!pool.reserve(1)) {
            throw new IllegalStateException("there are fewer requests than places");
        }
        client.submit(pool.take().prepare(operation, offset, length, 0, buffer, at, this::settled));
    }

    private void settled(IoRequest request) {
        if (!request.status().ok()) {
            failure.compareAndSet(null, new Failure(request.operation(), request.offset(), request.status()));
        }
        request.free();
        places.release();
    }

    /** A buffer, as soon as the server has taken one. */
    private IoBuffer freshBuffer() throws Refused {
        refuseAfterFailure();
        while (true) {
            IoBuffer buffer = memory.take(BUFFER_BYTES);
            if (buffer != null) {
                return buffer;
            }
            // Each settled request brings a place and perhaps a buffer: wait for the next one.
            drain(1);
            refuseAfterFailure();
        }
    }

    /** Waits until at most so many requests are under way as there are now, less {@code fewer}. */
    private void drain(int fewer) {
        int wanted = Math.min(REQUESTS, places.availablePermits() + fewer);
        places.acquireUninterruptibly(wanted);
        places.release(wanted);
    }

    @Override
    public void finish() throws Refused {
        sendGathered();
        sendZeroes();
        drain(REQUESTS);
        refuseAfterFailure();
        send(IoOperation.FLUSH, 0, 0, null, 0);
        drain(REQUESTS);
        refuseAfterFailure();
    }

    private void refuseAfterFailure() throws Refused {
        Failure first = failure.get();
        if (first == null) {
            return;
        }
        String why = switch (first.status) {
            case NO_SPACE -> "it has no room left";
            case TIMED_OUT, GONE -> "its server does not answer, or broke off";
            case READ_ONLY -> "it is read-only";
            case OK, IO_ERROR, INVALID, UNSUPPORTED -> "its server could not do it";
        };
        String what = first.operation == IoOperation.FLUSH
                ? "%s cannot be flushed: %s; what was copied may not last".formatted(uri, why)
                : "%s cannot be written at byte %d: %s; the copy is not whole".formatted(uri, first.offset, why);
        throw new Refused(ExitCode.IO, what);
    }

    @Override
    public void close() {
        client.close();
        // Whatever was under way is settled by the closing.
        drain(REQUESTS);
    }
}
