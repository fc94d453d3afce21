package redoubt.cli;

import java.nio.ByteBuffer;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;
import redoubt.block.BlockDevice;
import redoubt.block.IoBuffer;
import redoubt.block.IoMemory;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoRequestPool;
import redoubt.block.IoStatus;

/**
 * Reads a device from start to end, several pieces ahead of whoever takes them, in order. A piece that cannot be read is tried again in
 * smaller and smaller parts, so that what is lost is known to the block.
 *
 * <p>For one control thread, which may wait; completions only let it go on.
 */
final class ArrayReader {

    private static final int PIECES_AHEAD = 8;

    /** Who takes the content. */
    interface Sink {
        /** The next bytes; valid during the call. */
        void piece(long offset, ByteBuffer content) throws java.io.IOException, Refused;

        /** These cannot be read; they follow as zeroes if this returns. */
        void lost(long offset, long length) throws java.io.IOException, Refused;
    }

    private static final class Ahead {
        private final Semaphore ended = new Semaphore(0);
        private @Nullable IoRequest request;
        private @Nullable IoBuffer buffer;
        private long offset;
        private int length;
    }

    private final BlockDevice device;
    private final IoMemory memory;
    private final ByteBuffer view;
    private final IoRequestPool pool = new IoRequestPool(PIECES_AHEAD);
    private final int pieceBytes;
    private final int blockBytes;

    ArrayReader(BlockDevice device, IoMemory memory) {
        this.device = device;
        this.memory = memory;
        this.view = memory.newView();
        this.blockBytes = device.limits().blockBytes();
        this.pieceBytes = Math.min(memory.largestBytes(), device.limits().maxTransferBytes());
    }

    /** Reads all of the device. */
    void readAll(Sink sink) throws java.io.IOException, Refused {
        long size = device.limits().sizeBytes();
        Ahead[] ring = new Ahead[PIECES_AHEAD];
        for (int i = 0; i < ring.length; i++) {
            ring[i] = new Ahead();
        }
        long next = 0;
        long taken = 0;
        long pieces = 0;
        for (long number = 0; taken < size; number++) {
            while (next < size && pieces < number + ring.length) {
                int length = (int) Math.min(pieceBytes, size - next);
                send(ring[(int) (pieces++ % ring.length)], next, length);
                next += length;
            }
            Ahead oldest = ring[(int) (number % ring.length)];
            boolean read = await(oldest).ok();
            try {
                if (read) {
                    sink.piece(oldest.offset, content(oldest));
                }
            } finally {
                free(oldest);
            }
            if (!read) {
                readInParts(oldest.offset, oldest.length, smaller(oldest.length), sink);
            }
            taken = oldest.offset + oldest.length;
        }
    }

    private void readInParts(long offset, long length, int partBytes, Sink sink) throws java.io.IOException, Refused {
        for (long done = 0; done < length; done += partBytes) {
            int part = (int) Math.min(partBytes, length - done);
            Ahead one = new Ahead();
            send(one, offset + done, part);
            boolean read = await(one).ok();
            try {
                if (read) {
                    sink.piece(one.offset, content(one));
                }
            } finally {
                free(one);
            }
            if (!read && part > blockBytes) {
                readInParts(offset + done, part, smaller(part), sink);
            } else if (!read) {
                sink.lost(offset + done, part);
            }
        }
    }

    private int smaller(int bytes) {
        return Math.max(blockBytes, bytes / 16 / blockBytes * blockBytes);
    }

    private void send(Ahead ahead, long offset, int length) {
        IoBuffer buffer = memory.take(length);
        if (buffer == null || !pool.reserve(1)) {
            throw new IllegalStateException("there is less memory than pieces that are read ahead");
        }
        ahead.buffer = buffer;
        ahead.offset = offset;
        ahead.length = length;
        ahead.request =
                pool.take().prepare(IoOperation.READ, offset, length, 0, buffer, 0, request -> ahead.ended.release());
        device.submit(ahead.request);
    }

    private static IoStatus await(Ahead ahead) {
        ahead.ended.acquireUninterruptibly();
        IoRequest request = ahead.request;
        return request == null ? IoStatus.GONE : request.status();
    }

    /** A read that met a hung member may have gone on in other memory: what counts is the request's buffer. */
    private ByteBuffer content(Ahead ahead) {
        IoRequest request = ahead.request;
        if (request == null) {
            throw new IllegalStateException("a piece without its request");
        }
        int position = request.buffer().position() + request.bufferOffset();
        return view.limit(position + ahead.length).position(position);
    }

    private static void free(Ahead ahead) {
        IoRequest request = ahead.request;
        IoBuffer buffer = ahead.buffer;
        ahead.request = null;
        ahead.buffer = null;
        if (request != null) {
            request.free();
        }
        if (buffer != null) {
            buffer.release();
        }
    }
}
