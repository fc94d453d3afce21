package redoubt.md;

import java.util.concurrent.atomic.AtomicInteger;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Validate;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import redoubt.block.IoRequest;
import redoubt.block.IoRequestPool;

/**
 * Writes and a flush of the members in many interleavings of single steps: where nobody is inside, the number that the flush was begun at comes again
 * only if it covered all that was written. The turnstile is shut meanwhile, as while clean is being judged, so writes are turned away
 * half inside; afterwards it is open again, and somebody writes.
 */
public class TurnstileLincheckTest {

    private final Turnstile turnstile = new Turnstile(false, request -> {});
    private final IoRequestPool pool = new IoRequestPool(2);
    private final IoRequest early = taken();
    private final IoRequest late = taken();
    private final AtomicInteger written = new AtomicInteger();
    private long flushedAt = -1;
    private int covered;

    private IoRequest taken() {
        return pool.reserve(1) ? pool.take() : null;
    }

    /** A write that is turned away, or not. */
    @Operation(nonParallelGroup = "writer")
    public void write() {
        write(early);
    }

    private void write(IoRequest request) {
        if (turnstile.enter(request)) {
            written.incrementAndGet();
            turnstile.leave();
        }
    }

    /** As a keeper outside begins to flush the members. */
    @Operation(nonParallelGroup = "flusher")
    public void flush() {
        flushedAt = turnstile.entriesIfEmpty();
        covered = written.get();
    }

    /** Another write comes, and then somebody asks whether the flush will do. */
    @Validate
    public void aFlushIsCreditedToNoWriteThatItDidNotCover() {
        turnstile.open();
        write(late);
        if (flushedAt != -1 && turnstile.entriesIfEmpty() == flushedAt && covered != written.get()) {
            throw new IllegalStateException("%d of %d writes were flushed".formatted(covered, written.get()));
        }
    }

    @Test
    @Tag("slow")
    @Timeout(300)
    void noInterleavingCreditsAFlushToAWriteThatItDidNotCover() {
        new ModelCheckingOptions()
                .iterations(8)
                .invocationsPerIteration(500)
                .threads(2)
                .actorsPerThread(1)
                .actorsBefore(0)
                .actorsAfter(0)
                .check(TurnstileLincheckTest.class);
    }
}
