package redoubt.md;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import redoubt.base.Bug;
import redoubt.block.IoBuffer;
import redoubt.block.IoCompletion;
import redoubt.block.IoMemory;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoRequestPool;
import redoubt.block.IoStatus;

/**
 * Reads that nobody can do whole, done piece by piece.
 *
 * <p>A read that meets a bad place is done again without that member. Where members have bad places that do not meet, each block can be
 * read somewhere, and still the whole nowhere. Such a read comes here before it is given up: it is asked for again 4 KiB at a time, and
 * where that cannot be read either, block by block, each piece with a choice of members of its own (as Linux does for a page,
 * drivers/md/raid1.c, fix_read_error). The first block that nobody can read ends it.
 *
 * <p>A narrower carries one read at a time and one piece of it at a time; reads that come meanwhile are parked. A piece is a request of this
 * array like any other, so a member that hangs costs its time limit, once. If one did, the memory it was given may still be written
 * into: the read begins again in other memory.
 *
 * <p>No locks. Field legend. A: any thread, atomically; B: whoever made {@code busy} true, and after that whoever the turn of the piece
 * hands it to.
 */
final class NarrowReads {

    private static final Bug TWO_PIECES = Bug.of("a narrower has more than one piece under way");
    private static final Bug NO_READ = Bug.of("a piece of a read without that read");
    private static final Bug NO_PIECE = Bug.of("a piece of a read is taken, and none has ended");

    private static final int NARROWERS = 4;
    private static final int PIECE_BYTES = 4096;

    private static final int SENDING = 0;
    private static final int AWAITED = 1;
    private static final int ENDED = 2;

    private final Array array;
    private final IoMemory memory;
    private final IoRequestPool pieces = new IoRequestPool(NARROWERS);
    private final int blockBytes;
    private final Narrower[] narrowers = new Narrower[NARROWERS];

    NarrowReads(Array array, IoMemory memory, int blockBytes) {
        this.array = array;
        this.memory = memory;
        this.blockBytes = blockBytes;
        for (int i = 0; i < NARROWERS; i++) {
            narrowers[i] = new Narrower();
        }
    }

    /** Whether the read, which found nobody to do it whole, is done piece by piece from here on. Its end is settled by this. */
    boolean take(IoRequest read) {
        boolean metBadPlaces = (read.avoidedSlots | read.failedSlots()) != 0;
        if (!metBadPlaces || read.length() <= blockBytes || read.attachment instanceof Narrower) {
            return false;
        }
        narrowers[(int) (read.offset() >>> 20) & NARROWERS - 1].enter(read);
        return true;
    }

    /** Lets go of those that are parked: nobody waits any more. */
    void releaseParked() {
        for (Narrower narrower : narrowers) {
            array.settleAll(narrower.parked);
        }
    }

    private final class Narrower {
        private final AtomicReference<@Nullable IoRequest> parked = new AtomicReference<>(); // A
        private final AtomicBoolean busy = new AtomicBoolean(); // A
        private final AtomicInteger turn = new AtomicInteger(); // A
        private final IoCompletion pieceEnded = this::pieceEnded;
        private @Nullable IoRequest line; // B: oldest first
        private @Nullable IoRequest read; // B
        private long done; // B: bytes
        private long narrowUntil; // B: up to here block by block
        private @Nullable IoRequest ended; // B

        void enter(IoRequest whole) {
            Turnstile.push(parked, whole);
            if (busy.compareAndSet(false, true)) {
                carry();
            }
        }

        /** Goes on until a piece has to be waited for, or there is nothing to do. */
        private void carry() {
            while (true) {
                IoRequest whole = read == null ? next() : read;
                if (whole == null) {
                    busy.set(false);
                    // Somebody may have been parked since, and found this narrower busy.
                    if (parked.get() == null || !busy.compareAndSet(false, true)) {
                        return;
                    }
                    continue;
                }
                turn.set(SENDING);
                send(whole);
                if (turn.compareAndSet(SENDING, AWAITED)) {
                    return;
                }
                takePiece(whole);
            }
        }

        private @Nullable IoRequest next() {
            if (line == null) {
                line = Turnstile.oldestFirst(parked.getAndSet(null));
            }
            IoRequest first = line;
            if (first != null) {
                line = first.next;
                first.next = null;
                begin(first);
            }
            return first;
        }

        private void begin(IoRequest whole) {
            read = whole;
            done = 0;
            narrowUntil = whole.length() <= PIECE_BYTES ? whole.length() : 0;
        }

        private void send(IoRequest whole) {
            long at = whole.offset() + done;
            long unit = done < narrowUntil ? blockBytes : Math.max(blockBytes, PIECE_BYTES);
            long length = Math.min(whole.length() - done, unit - at % unit);
            if (!pieces.reserve(1)) {
                throw TWO_PIECES;
            }
            IoRequest piece = pieces.take()
                    .prepare(
                            IoOperation.READ,
                            at,
                            length,
                            0,
                            whole.buffer(),
                            whole.bufferOffset() + (int) done,
                            pieceEnded);
            piece.attachment = this;
            array.beginInside(piece);
        }

        private void pieceEnded(IoRequest piece) {
            ended = piece;
            if (!turn.compareAndSet(SENDING, ENDED)) {
                IoRequest whole = read;
                if (whole == null) {
                    throw NO_READ;
                }
                takePiece(whole);
                carry();
            }
        }

        private void takePiece(IoRequest whole) {
            IoRequest piece = ended;
            if (piece == null) {
                throw NO_PIECE;
            }
            ended = null;
            IoStatus how = piece.status();
            long length = piece.length();
            boolean doubt = piece.memoryInDoubt || piece.buffer() != whole.buffer();
            piece.free();
            if (array.gaveUp()) {
                settle(whole, IoStatus.GONE);
            } else if (doubt) {
                beginInOtherMemory(whole);
            } else if (how.ok()) {
                done += length;
                if (done == whole.length()) {
                    settle(whole, IoStatus.OK);
                }
            } else if (how == IoStatus.IO_ERROR && length > blockBytes) {
                narrowUntil = done + length;
            } else {
                settle(whole, how);
            }
        }

        private void beginInOtherMemory(IoRequest whole) {
            IoBuffer fresh = memory.takeReserved((int) whole.length());
            if (fresh == null) {
                settle(whole, IoStatus.IO_ERROR);
                return;
            }
            whole.replaceBuffer(fresh, 0);
            fresh.release();
            begin(whole);
        }

        private void settle(IoRequest whole, IoStatus how) {
            read = null;
            array.leave(whole, how);
        }
    }
}
