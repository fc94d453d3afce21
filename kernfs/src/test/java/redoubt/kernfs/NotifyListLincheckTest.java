package redoubt.kernfs;

import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Validate;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The list in many interleavings of single steps: a node is on it once at most, and what was stored before a node was found on it is seen by
 * who takes it off. Whether the processor's memory keeps the order is for {@link SubscriberTest}.
 */
public class NotifyListLincheckTest {

    private final KernfsNode[] nodes = {new KernfsDirectory("a"), new KernfsDirectory("b")};
    private final AtomicIntegerArray stored = new AtomicIntegerArray(2);
    private final AtomicIntegerArray seen = new AtomicIntegerArray(2);
    private final NotifyList list = new NotifyList();
    private KernfsNode batch = NotifyList.END; // the worker's

    /** Stores, then puts the first node on the list. */
    @Operation
    public void notifyFirst() {
        stored.incrementAndGet(0);
        list.push(nodes[0]);
    }

    /** The same with the second. */
    @Operation
    public void notifySecond() {
        stored.incrementAndGet(1);
        list.push(nodes[1]);
    }

    /** What the worker does for one node. */
    @Operation(nonParallelGroup = "worker")
    public void tell() {
        if (batch == NotifyList.END) {
            batch = list.takeAll();
        }
        if (batch != NotifyList.END) {
            KernfsNode node = batch;
            batch = NotifyList.release(node);
            int at = node == nodes[0] ? 0 : 1;
            seen.set(at, stored.get(at));
        }
    }

    /** 3: and no telling is lost. */
    @Validate
    public void whatIsNotOnTheListWasTold() {
        Set<KernfsNode> listed = new HashSet<>();
        KernfsNode head = list.takeAll();
        for (KernfsNode first : new KernfsNode[] {batch, head}) {
            KernfsNode node = first;
            while (node != NotifyList.END) {
                if (node == null || !listed.add(node)) {
                    throw new IllegalStateException("3: on the list twice: " + node);
                }
                node = node.link;
            }
        }
        for (int i = 0; i < 2; i++) {
            if (listed.contains(nodes[i]) != (nodes[i].link != null)) {
                throw new IllegalStateException("3: linked and not on the list, or the other way round: " + nodes[i]);
            }
            if (!listed.contains(nodes[i]) && seen.get(i) != stored.get(i)) {
                throw new IllegalStateException("3: told of " + seen + " when " + stored + " was stored");
            }
        }
        batch = head;
    }

    @Test
    @Tag("slow")
    @Timeout(300)
    void inv3NoInterleavingPutsANodeOnTheListTwiceOrLosesATelling() {
        new ModelCheckingOptions()
                .iterations(5)
                .invocationsPerIteration(300)
                .threads(3)
                .actorsPerThread(2)
                .check(NotifyListLincheckTest.class);
    }
}
