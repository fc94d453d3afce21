package redoubt.base;

import java.util.concurrent.atomic.AtomicIntegerArray;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Validate;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Goal: nothing is given to two, and nothing is lost. Method: many interleavings of single steps of threads that take one or two and give them back
 * in either order, so that a head goes away and comes back while somebody else looks at it. Whoever has something writes that down.
 */
public class IndexStackLincheckTest {

    private static final int COUNT = 3;

    private final IndexStack stack = new IndexStack(COUNT);
    private final AtomicIntegerArray holders = new AtomicIntegerArray(COUNT);

    private int take() {
        int index = stack.pop();
        if (index != IndexStack.NONE && holders.incrementAndGet(index) != 1) {
            throw new IllegalStateException(index + " was given to two");
        }
        return index;
    }

    private void giveBack(int index) {
        if (index != IndexStack.NONE) {
            holders.decrementAndGet(index);
            stack.push(index);
        }
    }

    /** One. */
    @Operation
    public void one() {
        giveBack(take());
    }

    /** Two, of which the first that was taken is the next that somebody takes. */
    @Operation
    public void two() {
        int first = take();
        int second = take();
        giveBack(second);
        giveBack(first);
    }

    /** Two, the other way round. */
    @Operation
    public void crossed() {
        int first = take();
        int second = take();
        giveBack(first);
        giveBack(second);
    }

    /** When all have given back what they had. */
    @Validate
    public void allAreThereOnce() {
        int[] found = new int[COUNT];
        for (int i = 0; i < COUNT; i++) {
            found[i] = take();
            if (found[i] == IndexStack.NONE) {
                throw new IllegalStateException("lost: " + (COUNT - i));
            }
        }
        if (stack.any() || stack.pop() != IndexStack.NONE) {
            throw new IllegalStateException("more than there were");
        }
        for (int index : found) {
            giveBack(index);
        }
    }

    @Test
    @Tag("slow")
    void noInterleavingGivesOneThingToTwo() {
        new ModelCheckingOptions()
                .iterations(10)
                .invocationsPerIteration(500)
                .threads(3)
                .actorsPerThread(2)
                .check(IndexStackLincheckTest.class);
    }
}
