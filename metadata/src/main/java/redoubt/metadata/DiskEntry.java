package redoubt.metadata;

import java.util.OptionalInt;
import java.util.Set;

/**
 * A disk as a container knows it.
 *
 * @param index place in the container's table; spares that are in no table have none
 * @param identity what tells this disk from the others, as the format writes it (IMSM: the serial), raw: print it through
 *     {@link Printable}
 * @param sizeSectors size that the metadata states, in 512-byte sectors
 * @param states what holds of it
 * @param disk the caller's number of the physical disk that stands for it, where one does
 */
public record DiskEntry(OptionalInt index, String identity, long sizeSectors, Set<DiskState> states, OptionalInt disk) {

    /** Takes an unchangeable copy of the states. */
    public DiskEntry {
        states = Set.copyOf(states);
    }

    /** Whether the entry can serve a slot: neither failed nor missing. */
    public boolean active() {
        return !states.contains(DiskState.FAILED) && !states.contains(DiskState.MISSING);
    }
}
