package redoubt.md;

import java.util.List;
import redoubt.kernfs.AttributeText;
import redoubt.kernfs.KernfsAttribute;
import redoubt.kernfs.Outcome;

/** The {@code mdstat} attribute: all arrays of a process in the shape of {@code /proc/mdstat}; notified when any of them changes. */
public final class Mdstat implements ArrayListener {

    private static final int CAPACITY_BYTES = 32 << 10;

    private final List<ArrayAttributes> arrays;
    private final KernfsAttribute attribute = KernfsAttribute.large("mdstat", CAPACITY_BYTES, this::show);

    /** Of these arrays; to be added to each as a listener. */
    public Mdstat(List<ArrayAttributes> arrays) {
        this.arrays = List.copyOf(arrays);
    }

    /** The attribute; to be put into a tree once. */
    public KernfsAttribute attribute() {
        return attribute;
    }

    private Outcome show(AttributeText out) {
        out.append("Personalities : [raid0] [raid1] [raid5] [raid10]").line();
        for (ArrayAttributes each : arrays) {
            each.appendMdstat(out);
        }
        return out.append("unused devices: <none>").line();
    }

    @Override
    public void viewChanged(ArrayView before, ArrayView after) {
        attribute.notifyChange();
    }

    @Override
    public void event(String word, String member) {
        // Every event comes with a new view.
    }
}
