package redoubt.block;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import org.jspecify.annotations.Nullable;

/**
 * The blocking calls on one file or block device: what the threads of its lane do.
 *
 * <p>Each thread has a channel of its own. One channel for all would put a small lock (NativeThreadSet) in every call, and closing it
 * while a call hangs in it hangs too (measured). {@code descriptor} is shared, for the calls that Java has no word for; raw
 * descriptors have no such lock.
 *
 * <p>Fields: {@code channels[t]} and {@code views[t]} are touched by thread t only; all else is fixed.
 */
final class FileCalls implements ThreadLane.Work {

    /** Stands for "no descriptor", where there is no Linux. */
    static final int NO_DESCRIPTOR = -1;

    private static final int BOUNCE_BYTES = 1 << 17;

    private final FileChannel[] channels;
    private final Views[] views;
    private final int descriptor;
    private final int direct;
    private final boolean blockDevice;
    private final BlockLimits limits;
    private final WriteBehind behind;
    private final DurableCalls durable;
    private final NoSpaceText noSpace = new NoSpaceText();
    private final boolean sizeCanChange;
    private final Runnable left;

    /**
     * Takes over what was opened.
     *
     * @param channels one for each thread
     * @param descriptor opened for reading, and for writing unless the limits say read-only; or {@link #NO_DESCRIPTOR}
     * @param direct opened in the same way, past the page cache; or {@link #NO_DESCRIPTOR} to go through it
     * @param behind what this disk has yet to make durable
     * @param left told when the last channel is closed
     */
    FileCalls(
            FileChannel[] channels,
            int descriptor,
            int direct,
            boolean blockDevice,
            BlockLimits limits,
            WriteBehind behind,
            Runnable left) {
        this.channels = channels;
        this.descriptor = descriptor;
        this.direct = direct;
        this.blockDevice = blockDevice;
        this.limits = limits;
        this.behind = behind;
        this.durable = new DurableCalls(channels.length, behind);
        this.sizeCanChange = !blockDevice;
        this.left = left;
        this.views = new Views[channels.length];
        for (int i = 0; i < channels.length; i++) {
            views[i] = new Views(direct != NO_DESCRIPTOR);
        }
    }

    @Override
    public IoStatus perform(int thread, IoRequest request, Call call) {
        try {
            FileChannel channel = channels[thread];
            IoStatus status = switch (request.operation()) {
                case READ ->
                    direct == NO_DESCRIPTOR
                            ? read(channel, views[thread], request, call)
                            : transfer(false, channel, views[thread], request, call);
                case WRITE ->
                    direct == NO_DESCRIPTOR
                            ? write(thread, request, call)
                            : transfer(true, channel, views[thread], request, call);
                case FLUSH -> force(thread, call);
                case TRIM -> trim(thread, request, call);
                case WRITE_ZEROES -> writeZeroes(thread, request, call);
                case ALLOCATION -> allocation(request);
            };
            return status == IoStatus.OK && request.changesForGood() ? force(thread, call) : status;
        } catch (IOException failed) {
            return noSpace.says(failed) ? IoStatus.NO_SPACE : IoStatus.IO_ERROR;
        }
    }

    private IoStatus force(int thread, Call call) {
        long bytes = behind.notForced();
        boolean well = false;
        durable.begin(thread);
        try {
            channels[thread].force(false);
            well = true;
        } catch (IOException failed) {
            behind.lose();
        } finally {
            durable.end(thread, well);
        }
        behind.forced(bytes);
        return durable.awaitVerdict(thread, call);
    }

    private static IoStatus read(FileChannel channel, Views views, IoRequest request, Call call) throws IOException {
        ByteBuffer view = views.of(request);
        long at = request.offset();
        while (view.hasRemaining()) {
            int moved = channel.read(view, at);
            if (moved <= 0) {
                return IoStatus.IO_ERROR; // the file has shrunk
            }
            at += moved;
            if (!call.wanted()) {
                return IoStatus.TIMED_OUT;
            }
        }
        return IoStatus.OK;
    }

    private IoStatus write(int thread, IoRequest request, Call call) throws IOException {
        FileChannel channel = channels[thread];
        if (shrunk(channel, request)) {
            return IoStatus.IO_ERROR;
        }
        ByteBuffer view = views[thread].of(request);
        long at = request.offset();
        while (view.hasRemaining()) {
            int moved = channel.write(view, at);
            if (moved <= 0) {
                return IoStatus.IO_ERROR;
            }
            at += moved;
            if (!call.wanted()) {
                return IoStatus.TIMED_OUT; // what a hung call left undone must not be done an hour later
            }
        }
        return behind.wrote(request.length()) ? force(thread, call) : IoStatus.OK;
    }

    /**
     * Past the page cache, which Java's channels can only do in units of the file system's block. Memory that is not aligned goes by way of
     * a buffer that is.
     */
    private IoStatus transfer(boolean write, FileChannel channel, Views views, IoRequest request, Call call)
            throws IOException {
        if (write && shrunk(channel, request)) {
            return IoStatus.IO_ERROR;
        }
        boolean aligned = (request.address() & (limits.blockBytes() - 1)) == 0;
        MemorySegment memory = request.buffer().segment();
        long inMemory = request.buffer().position() + (long) request.bufferOffset();
        long done = 0;
        while (done < request.length()) {
            long piece = aligned ? request.length() - done : Math.min(request.length() - done, BOUNCE_BYTES);
            if (write && !aligned) {
                MemorySegment.copy(memory, inMemory + done, views.bounce, 0, piece);
            }
            long address = aligned ? request.address() + done : views.bounce.address();
            long moved = Linux.transfer(write, direct, address, piece, request.offset() + done);
            if (moved < 0) {
                moved = Linux.transferAgain(views.reason, write, direct, address, piece, request.offset() + done);
            }
            if (moved <= 0 && moved != -Linux.EINTR) {
                return moved == -Linux.ENOSPC || moved == -Linux.EDQUOT ? IoStatus.NO_SPACE : IoStatus.IO_ERROR;
            }
            if (!write && !aligned && moved > 0) {
                MemorySegment.copy(views.bounce, 0, memory, inMemory + done, moved);
            }
            done += Math.max(moved, 0);
            if (!call.wanted()) {
                return IoStatus.TIMED_OUT;
            }
        }
        return IoStatus.OK;
    }

    /**
     * Whether the file does not reach so far any more. Writing there would make it longer again, and what it has lost would from then on
     * read as zeroes, which nobody could tell from data.
     */
    private boolean shrunk(FileChannel channel, IoRequest request) throws IOException {
        return sizeCanChange && channel.size() < request.offset() + request.length();
    }

    private IoStatus trim(int thread, IoRequest request, Call call) throws IOException {
        if (!limits.trims()) {
            return IoStatus.OK; // nothing done, as the limits say
        }
        // Not a discard, which promises nothing: a hole reads as zeroes, on a block device too, or the call fails.
        int mode = Linux.FALLOC_PUNCH_HOLE | Linux.FALLOC_KEEP_SIZE;
        IoStatus status =
                outcome(Linux.fallocate(views[thread].reason, descriptor, mode, request.offset(), request.length()));
        // A disk may say only now that it cannot; the limits have promised zeroes.
        return status == IoStatus.UNSUPPORTED ? zeroed(thread, request, call) : status;
    }

    private IoStatus writeZeroes(int thread, IoRequest request, Call call) throws IOException {
        if (shrunk(channels[thread], request)) {
            return IoStatus.IO_ERROR;
        }
        boolean noHole = (request.flags() & IoRequest.NO_HOLE) != 0;
        boolean onlyIfFast = (request.flags() & IoRequest.FAST_ZERO) != 0;
        if (descriptor != NO_DESCRIPTOR && !(blockDevice && noHole && onlyIfFast)) {
            // On a block device, punching fails where it would have to write, and zeroing writes if it must.
            int mode = noHole ? Linux.FALLOC_ZERO_RANGE : Linux.FALLOC_PUNCH_HOLE;
            int result = Linux.fallocate(
                    views[thread].reason,
                    descriptor,
                    mode | Linux.FALLOC_KEEP_SIZE,
                    request.offset(),
                    request.length());
            IoStatus status = outcome(result);
            if (status != IoStatus.UNSUPPORTED) {
                return status;
            }
        }
        return onlyIfFast ? IoStatus.UNSUPPORTED : zeroed(thread, request, call);
    }

    private IoStatus zeroed(int thread, IoRequest request, Call call) throws IOException {
        FileChannel channel = channels[thread];
        ByteBuffer zeroes = views[thread].zeroes;
        long at = request.offset();
        long end = at + request.length();
        while (at < end) {
            zeroes.position(0).limit((int) Math.min(end - at, Zeroes.BYTES));
            int moved = channel.write(zeroes, at);
            if (moved <= 0) {
                return IoStatus.IO_ERROR;
            }
            at += moved;
            if (!call.wanted()) {
                return IoStatus.TIMED_OUT;
            }
            if (behind.wrote(moved) && force(thread, call) != IoStatus.OK) {
                return IoStatus.IO_ERROR;
            }
        }
        return IoStatus.OK;
    }

    private static IoStatus outcome(int result) {
        return switch (-result) {
            case 0 -> IoStatus.OK;
            case Linux.EOPNOTSUPP, Linux.EINVAL, Linux.ENOSYS -> IoStatus.UNSUPPORTED;
            case Linux.ENOSPC, Linux.EDQUOT -> IoStatus.NO_SPACE;
            default -> IoStatus.IO_ERROR;
        };
    }

    /**
     * Walks data and holes from the start of the range until it ends or the buffer is full. Ends are rounded so that what is called a hole
     * is one in whole blocks.
     */
    private IoStatus allocation(IoRequest request) {
        IoBuffer buffer = request.buffer();
        long out = buffer.position() + (long) request.bufferOffset();
        int room = (buffer.capacity() - request.bufferOffset()) / (2 * Long.BYTES);
        long at = request.offset();
        long end = at + request.length();
        int pairs = 0;
        while (at < end && pairs < room) {
            long data = descriptor == NO_DESCRIPTOR ? at : Linux.seek(descriptor, at, Linux.SEEK_DATA);
            long next;
            long flags;
            // No data from here on, if this is in a hole: a file that cannot tell would not know that either.
            if (data < 0 && Linux.seek(descriptor, at, Linux.SEEK_HOLE) == at) {
                next = end;
                flags = IoRequest.ALLOCATION_HOLE | IoRequest.ALLOCATION_ZERO;
            } else if (data > at && down(data) > at) {
                next = Math.min(end, down(data));
                flags = IoRequest.ALLOCATION_HOLE | IoRequest.ALLOCATION_ZERO;
            } else {
                long hole = descriptor == NO_DESCRIPTOR || data < 0
                        ? end // it cannot be told: call it data
                        : Linux.seek(descriptor, Math.max(at, data), Linux.SEEK_HOLE);
                next = hole < 0 ? end : Math.min(end, Math.max(up(hole), at + limits.blockBytes()));
                flags = 0;
            }
            buffer.segment().set(ValueLayout.JAVA_LONG_UNALIGNED, out, next - at);
            buffer.segment().set(ValueLayout.JAVA_LONG_UNALIGNED, out + Long.BYTES, flags);
            out += 2 * Long.BYTES;
            pairs++;
            at = next;
        }
        request.result = pairs;
        return IoStatus.OK;
    }

    private long down(long offset) {
        return offset & -limits.blockBytes();
    }

    private long up(long offset) {
        return down(offset + limits.blockBytes() - 1);
    }

    @Override
    public void leave(int thread) {
        try {
            channels[thread].close();
        } catch (IOException nothingLeftToLose) {
            // What was to be durable was flushed before; the descriptor is gone either way.
        }
    }

    @Override
    public void leaveLast() {
        left.run();
    }

    /**
     * One thread's views of the memories that requests come with: a view is made when a memory is first seen, which allocates, and kept.
     * There are few memories in a process; should there be more than places, the oldest view is made anew.
     */
    private static final class Views {
        private static final int PLACES = 8;
        private final @Nullable IoMemory[] memories = new IoMemory[PLACES];
        private final ByteBuffer[] kept = new ByteBuffer[PLACES];
        private int nextPlace;
        final ByteBuffer zeroes = Zeroes.newView();

        final MemorySegment bounce;

        /** Where a call of this thread says why it failed. */
        final MemorySegment reason = Linux.available() ? Linux.newReason() : MemorySegment.NULL;

        Views(boolean direct) {
            bounce = direct ? Arena.ofAuto().allocate(BOUNCE_BYTES, IoMemory.ALIGNMENT_BYTES) : MemorySegment.NULL;
            for (int i = 0; i < PLACES; i++) {
                kept[i] = zeroes;
            }
        }

        ByteBuffer of(IoRequest request) {
            IoBuffer buffer = request.buffer();
            ByteBuffer view = of(buffer.memory());
            int from = buffer.position() + request.bufferOffset();
            return view.clear().position(from).limit(from + (int) request.length());
        }

        private ByteBuffer of(IoMemory memory) {
            for (int i = 0; i < PLACES; i++) {
                if (memories[i] == memory) {
                    return kept[i];
                }
            }
            ByteBuffer view = memory.newView();
            memories[nextPlace] = memory;
            kept[nextPlace] = view;
            nextPlace = (nextPlace + 1) % PLACES;
            return view;
        }
    }

    /**
     * Recognizes "no space" in an IOException, which carries the C library's words in the language of the process and no number. The
     * words are asked for once, when the device is opened.
     */
    private static final class NoSpaceText {
        private final String full = ErrorText.of(Linux.ENOSPC, "No space left on device");
        private final String quota = ErrorText.of(Linux.EDQUOT, "Disk quota exceeded");

        boolean says(IOException failed) {
            String text = failed.getMessage();
            return text != null
                    && (text.contains(full)
                            || text.contains(quota)
                            || text.contains("not enough space on the disk")); // Windows
        }
    }
}
