package redoubt.nbd;

import java.nio.ByteBuffer;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import redoubt.block.BlockLimits;
import redoubt.block.IoBuffer;
import redoubt.block.IoCompletion;
import redoubt.block.IoMemory;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoRequestPool;
import redoubt.block.IoStatus;

/**
 * By what an {@link NbdClient} knows its export again: the first and the last {@value #USUAL_BYTES} bytes of it, where metadata and file systems say
 * who they are. They are read when the client is opened, kept current by its own changes, and read and compared over each new connection
 * before anything else is asked: a name and a size are soon those of an older copy, or of an empty disk.
 *
 * <p>A landmark is known while it is certain what the export holds there. It is not after a change there that failed, and after two at once,
 * whose order nobody knows; then it is read anew when no change is under way there. What is not known cannot be compared, so the
 * loss of the connection is the end then.
 *
 * <p>Belongs to the client's thread, and allocates nothing after construction.
 */
final class Landmarks {

    static final int COUNT = 2;

    private static final int USUAL_BYTES = 8192;

    private final IoRequestPool requests = new IoRequestPool(COUNT);
    private final MemoryView memory = new MemoryView();
    private final Landmark[] landmarks;

    /** Whether the export was compared, or read for the first time, so that there has been something to recognize since. */
    private boolean acquainted;

    /** Whether the readings under way decide on the present connection. */
    private boolean confirming = true;

    /** Whether the export is found to be another. */
    private boolean strange;

    Landmarks(BlockLimits limits) {
        long size = limits.sizeBytes();
        int block = limits.blockBytes();
        int transfer = Math.max(block, Math.min(Math.max(USUAL_BYTES, block), limits.maxTransferBytes()) & -block);
        int bytes = (int) Math.min(size, transfer);
        landmarks = new Landmark[bytes == 0 ? 0 : COUNT];
        if (bytes > 0) {
            int room = (bytes + IoMemory.ALIGNMENT_BYTES - 1) & -IoMemory.ALIGNMENT_BYTES;
            IoMemory read = new IoMemory(new IoMemory.Cut(room, COUNT, 0));
            landmarks[0] = new Landmark(0, bytes, read);
            landmarks[1] = new Landmark(size - bytes, bytes, read);
        }
    }

    // ---- Readings. ----

    /** There is a connection: nothing may be asked over it until {@link #confirmed}. */
    void connected() {
        confirming = true;
        strange = false;
        for (Landmark landmark : landmarks) {
            landmark.wanted = true;
        }
    }

    /** Whether everything may be asked over the present connection; not to be asked when it is {@link #strange}. */
    boolean confirmed() {
        if (confirming) {
            for (Landmark landmark : landmarks) {
                if (landmark.wanted || landmark.reading) {
                    return false;
                }
            }
            confirming = false;
            acquainted = true;
        }
        return true;
    }

    /** Whether what answers under this name is not what was there before. */
    boolean strange() {
        return strange;
    }

    /** Whether the export could not be recognized if the connection were lost now. */
    boolean unrecognizable() {
        boolean unknown = false;
        for (Landmark landmark : landmarks) {
            unknown |= !landmark.known;
        }
        return unknown && acquainted;
    }

    /** The request for this landmark, below {@link #COUNT}, if it is to be read now. */
    @Nullable
    IoRequest toRead(int which, long now) {
        if (which >= landmarks.length || !landmarks[which].wanted || landmarks[which].changes > 0) {
            return null;
        }
        return landmarks[which].read(now);
    }

    // ---- Changes. ----

    /** The flight's command, which changes data, goes out. */
    void changeBegins(Flight flight) {
        flight.changing = true;
        for (Landmark landmark : landmarks) {
            if (landmark.meets(flight)) {
                landmark.changes++;
                landmark.disturbed = true;
                if (landmark.changes > 1) {
                    landmark.known = false;
                }
            }
        }
    }

    /** The flight's command has been answered, if it changed data; well or not. */
    void changeEnds(Flight flight, boolean well) {
        if (!flight.changing) {
            return;
        }
        flight.changing = false;
        for (Landmark landmark : landmarks) {
            if (landmark.meets(flight)) {
                landmark.changes--;
                landmark.known &= well;
                if (landmark.known) {
                    landmark.take(flight);
                } else if (landmark.changes == 0) {
                    landmark.wanted = true;
                }
            }
        }
    }

    private final class Landmark implements IoCompletion {

        private final long begin;
        private final long end;

        /** What the export holds there, while that is known. */
        private final ByteBuffer held;

        private boolean known;

        private final IoBuffer buffer;
        private final ByteBuffer answer;

        /** Whether it is to be read. */
        private boolean wanted = true;

        private boolean reading;

        /** Whether a change began while it was read. */
        private boolean disturbed;

        /** Changes under way here. */
        private int changes;

        Landmark(long begin, int bytes, IoMemory memory) {
            this.begin = begin;
            this.end = begin + bytes;
            held = ByteBuffer.allocateDirect(bytes);
            buffer = Objects.requireNonNull(memory.take(bytes));
            answer = memory.newView().slice(buffer.position(), bytes);
        }

        private static long from(Flight flight) {
            return flight.carried().offset() + flight.done;
        }

        boolean meets(Flight flight) {
            return from(flight) < end && from(flight) + flight.step > begin;
        }

        /** What the flight has changed is held now. */
        void take(Flight flight) {
            long from = Math.max(begin, from(flight));
            int length = (int) (Math.min(end, from(flight) + flight.step) - from);
            int at = (int) (from - begin);
            IoRequest request = flight.carried();
            if (request.operation() == IoOperation.WRITE_ZEROES) {
                for (int i = 0; i < length; i++) {
                    held.put(at + i, (byte) 0);
                }
            } else {
                IoBuffer source = request.buffer();
                int place = source.position() + request.bufferOffset() + (int) (from - request.offset());
                held.put(at, memory.of(source), place, length);
            }
        }

        @Nullable
        IoRequest read(long now) {
            if (reading || !requests.reserve(1)) {
                return null;
            }
            wanted = false;
            reading = true;
            disturbed = false;
            IoRequest request = requests.take();
            request.prepare(IoOperation.READ, begin, end - begin, 0, buffer, 0, this);
            request.acceptedNanos = now;
            return request;
        }

        @Override
        public void completed(IoRequest request) {
            boolean well = request.status() == IoStatus.OK;
            request.free();
            reading = false;
            if (confirming && acquainted) {
                strange |= !well || held.clear().mismatch(answer.clear()) >= 0;
            } else if (well && !disturbed) {
                held.put(0, answer, 0, held.capacity());
                known = true;
            }
        }
    }
}
