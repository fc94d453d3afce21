package redoubt.testkit;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import redoubt.block.IoBuffer;
import redoubt.block.IoCompletion;
import redoubt.block.IoRequest;
import redoubt.block.IoStatus;

/** One request of an {@link Asker}: on its way, settled, or freed. One thread waits for it; any may settle it. */
public final class Asked implements IoCompletion {

    private final Asker asker;
    private final IoRequest request;
    private final @Nullable IoBuffer buffer;
    private final long length;
    private final String description;
    private final AtomicInteger timesSettled = new AtomicInteger();
    private IoStatus status = IoStatus.OK;
    private int result;
    private @Nullable Thread settler;
    private volatile boolean settled;
    private boolean freed;

    Asked(Asker asker, IoRequest request, @Nullable IoBuffer buffer, long length) {
        this.asker = asker;
        this.request = request;
        this.buffer = buffer;
        this.length = length;
        this.description = "request of " + length + " bytes";
    }

    @Override
    public void completed(IoRequest ended) {
        status = ended.status();
        result = ended.result;
        settler = Thread.currentThread();
        timesSettled.incrementAndGet();
        settled = true;
    }

    /** The request itself, until {@link #free}. */
    public IoRequest request() {
        return request;
    }

    /** Whether it has been settled. */
    public boolean settled() {
        return settled;
    }

    /** How often it was settled; anything but 1 in the end is a bug. */
    public int timesSettled() {
        return timesSettled.get();
    }

    /** The thread that settled it. */
    public @Nullable Thread settler() {
        return settler;
    }

    /** Waits for the end. */
    public IoStatus await() {
        Waiting.until(description + " is settled", this::settled, asker.step());
        return status;
    }

    /** {@link IoRequest#result} at the end. */
    public int result() {
        return result;
    }

    /** What stands in the request's memory, which may be other memory than it began with; before {@link #free}. */
    public byte[] content() {
        byte[] copy = new byte[(int) length];
        MemorySegment.copy(memory(), ValueLayout.JAVA_BYTE, place(), copy, 0, copy.length);
        return copy;
    }

    /** A long of the request's memory, in native order; before {@link #free}. */
    public long longAt(int index) {
        return memory().get(ValueLayout.JAVA_LONG_UNALIGNED, place() + (long) index * Long.BYTES);
    }

    private MemorySegment memory() {
        if (buffer == null || freed) {
            throw new IllegalStateException("there is no buffer to read");
        }
        return request.buffer().segment();
    }

    private long place() {
        return request.buffer().position() + (long) request.bufferOffset();
    }

    /** Lets go of the request and the buffer; once settled; a second time does nothing. */
    public void free() {
        if (freed) {
            return;
        }
        freed = true;
        request.free();
        if (buffer != null) {
            buffer.release();
        }
    }

    @Override
    public String toString() {
        return description + (settled ? ", " + status : ", open");
    }
}
