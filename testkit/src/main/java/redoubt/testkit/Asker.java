package redoubt.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import redoubt.block.BlockDevice;
import redoubt.block.IoBuffer;
import redoubt.block.IoMemory;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoRequestPool;
import redoubt.block.IoStatus;

/**
 * Somebody who asks a device, for tests: bytes in, bytes out, with requests and memory of its own. Closing it demands that all of them
 * came back, so every test that uses one also tests that nothing leaks.
 *
 * <p>Where the device completes on another thread, waiting parks; where a scheduler completes that the test steps, the asker steps it
 * instead: {@link #steppedBy}. A wait of more than {@link #PATIENCE} fails the test.
 */
public final class Asker implements AutoCloseable {

    /** The longest wait for one answer. */
    public static final Duration PATIENCE = Duration.ofSeconds(30);

    private static final int SMALL_BYTES = 16 << 10;
    private static final int LARGE_BYTES = 1 << 20;

    private final BlockDevice device;
    private final IoMemory memory;
    private final IoRequestPool pool;
    private final List<Asked> asked = new ArrayList<>();
    private @Nullable BooleanSupplier step;

    /** Asks this device, with 128 requests, 64 buffers of 16 KiB and 4 of 1 MiB. */
    public Asker(BlockDevice device) {
        this.device = device;
        this.memory = new IoMemory(new IoMemory.Cut(SMALL_BYTES, 64, 0), new IoMemory.Cut(LARGE_BYTES, 4, 0));
        this.pool = new IoRequestPool(128);
    }

    /** Makes the asker step while it waits. The step answers whether it did anything; when it did not, the wait has failed. */
    public Asker steppedBy(BooleanSupplier step) {
        this.step = step;
        return this;
    }

    /** The memory the requests carry. */
    public IoMemory memory() {
        return memory;
    }

    /** The pool the requests are of. */
    public IoRequestPool pool() {
        return pool;
    }

    /** Starts a request; a buffer of {@code length} goes with it where the operation has one, filled with {@code content}. */
    public Asked start(IoOperation operation, long offset, long length, int flags, byte @Nullable [] content) {
        assertThat(pool.reserve(1)).as("a request is free").isTrue();
        IoRequest request = pool.take();
        IoBuffer buffer = null;
        if (operation.movesBytes() || operation == IoOperation.ALLOCATION) {
            long wanted = operation == IoOperation.ALLOCATION ? SMALL_BYTES : length;
            int room = Math.clamp(wanted, 1, LARGE_BYTES);
            buffer = memory.take(room);
            assertThat(buffer).as("a buffer of %d bytes is free", room).isNotNull();
        }
        if (content != null && buffer != null) {
            MemorySegment.copy(content, 0, buffer.segment(), ValueLayout.JAVA_BYTE, buffer.position(), content.length);
        }
        Asked handle = new Asked(this, request, buffer, length);
        asked.add(handle);
        request.prepare(operation, offset, length, flags, buffer, 0, handle);
        device.submit(request);
        return handle;
    }

    /** Starts a read. */
    public Asked startRead(long offset, int length) {
        return start(IoOperation.READ, offset, length, 0, null);
    }

    /** Starts a write. */
    public Asked startWrite(long offset, byte[] content, int flags) {
        return start(IoOperation.WRITE, offset, content.length, flags, content);
    }

    /** Starts a flush. */
    public Asked startFlush() {
        return start(IoOperation.FLUSH, 0, 0, 0, null);
    }

    /** Reads, and fails the test unless that goes well. */
    public byte[] read(long offset, int length) {
        Asked read = startRead(offset, length);
        assertThat(read.await()).as("read of %d at %d", length, offset).isEqualTo(IoStatus.OK);
        byte[] content = read.content();
        read.free();
        return content;
    }

    /** Writes, and answers how that went. */
    public IoStatus write(long offset, byte[] content) {
        return ask(IoOperation.WRITE, offset, content.length, 0, content);
    }

    /** Writes durably, and answers how that went. */
    public IoStatus writeFua(long offset, byte[] content) {
        return ask(IoOperation.WRITE, offset, content.length, IoRequest.FUA, content);
    }

    /** Flushes, and answers how that went. */
    public IoStatus flush() {
        return ask(IoOperation.FLUSH, 0, 0, 0, null);
    }

    /** Starts a request, waits for its end, frees it. */
    public IoStatus ask(IoOperation operation, long offset, long length, int flags, byte @Nullable [] content) {
        Asked one = start(operation, offset, length, flags, content);
        IoStatus status = one.await();
        one.free();
        return status;
    }

    /** Waits for something that another thread will bring about. */
    public void awaitThat(String what, BooleanSupplier condition) {
        Waiting.until(what, condition, step);
    }

    /** Every request that was started, freed or not. */
    public List<Asked> asked() {
        return List.copyOf(asked);
    }

    @Nullable
    BooleanSupplier step() {
        return step;
    }

    /** Frees what was answered, and fails the test if a request or a buffer does not come back. */
    @Override
    public void close() {
        for (Asked one : asked) {
            one.await();
            one.free();
        }
        awaitThat("all requests are back", () -> pool.free() == pool.total());
        awaitThat("all buffers are back", () -> memory.free() == memory.total());
        for (Asked one : asked) {
            assertThat(one.timesSettled()).as("%s was settled once", one).isEqualTo(1);
        }
        memory.close();
    }
}
