package redoubt.kernfs;

import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicInteger;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Validate;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Reading and notifying in many interleavings of single steps: a file whose poll does not fire has shown the last value that was notified. That
 * a show which begins before the events are noted would be found out is shown by {@link PlantedMutantsTest}.
 */
public class PollLincheckTest {

    private final AtomicInteger stored = new AtomicInteger();
    private final AtomicInteger shown = new AtomicInteger();
    private final KernfsAttribute attribute = KernfsAttribute.readOnly("n", out -> {
                shown.set(stored.get());
                return out.append('x').line();
            })
            .preallocated();
    private final ByteBuffer target = ByteBuffer.allocate(8);
    private final OpenFile file;

    /** One file on one attribute. */
    public PollLincheckTest() throws NodeRefused {
        KernfsDirectory.root().add(attribute);
        file = attribute.open(Access.READ);
    }

    /** Stores, then notifies. */
    @Operation
    public void change() {
        stored.incrementAndGet();
        attribute.notifyChange();
    }

    /** Reads from the start. */
    @Operation(nonParallelGroup = "reader")
    public int read() {
        target.clear();
        return file.read(0, target);
    }

    /** 5. */
    @Validate
    public void noChangeIsLost() {
        if (!KernfsInvariants.fires(file) && shown.get() != stored.get()) {
            throw new IllegalStateException("5: shown " + shown + ", stored " + stored + ", and poll does not fire");
        }
    }

    @Test
    @Tag("slow")
    @Timeout(300)
    void inv5NoInterleavingLosesAChange() {
        new ModelCheckingOptions()
                .iterations(8)
                .invocationsPerIteration(500)
                .threads(2)
                .actorsPerThread(1)
                .actorsBefore(1)
                .actorsAfter(0)
                .check(PollLincheckTest.class);
    }
}
