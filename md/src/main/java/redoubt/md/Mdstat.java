package redoubt.md;

import java.util.List;
import redoubt.kernfs.AttributeText;
import redoubt.kernfs.KernfsAttribute;
import redoubt.kernfs.Outcome;

/**
 * The {@code mdstat} attribute: all arrays of a process in the shape of {@code /proc/mdstat}. Its event counter rises when one of them is
 * started, stopped or broken, and when a member fails or goes; not when an array becomes dirty or clean (Linux, drivers/md/md.c, md_new_event).
 */
public final class Mdstat implements ArrayListener {

    /** The first line, which names the levels. */
    public static final String PERSONALITIES =
            "Personalities : [linear] [raid0] [raid1] [raid6] [raid5] [raid4] [raid10]";

    /** The last line. */
    public static final String UNUSED = "unused devices: <none>";

    private static final int CAPACITY_BYTES = 32 << 10;

    private final List<MdstatEntry> arrays;
    private final KernfsAttribute attribute = KernfsAttribute.large("mdstat", CAPACITY_BYTES, this::show);

    /** Of these arrays; to be added to each as a listener. */
    public Mdstat(List<? extends MdstatEntry> arrays) {
        this.arrays = List.copyOf(arrays);
    }

    /** The attribute; to be put into a tree once. */
    public KernfsAttribute attribute() {
        return attribute;
    }

    private Outcome show(AttributeText out) {
        out.append(PERSONALITIES).line();
        for (MdstatEntry each : arrays) {
            each.appendMdstat(out);
        }
        return out.append(UNUSED).line();
    }

    @Override
    public void viewChanged(ArrayView before, ArrayView after) {
        boolean startedOrStopped = before.broken() != after.broken()
                || before.state().isRunning() != after.state().isRunning();
        if (startedOrStopped || membersDiffer(before, after)) {
            attribute.notifyChange();
        }
    }

    private static boolean membersDiffer(ArrayView before, ArrayView after) {
        for (int slot = 0; slot < after.slots(); slot++) {
            if (before.memberState(slot) != after.memberState(slot)) {
                return true;
            }
        }
        return false;
    }

    @Override
    public void event(String word, String member) {
        // Every event comes with a new view.
    }
}
