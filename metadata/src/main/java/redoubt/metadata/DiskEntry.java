package redoubt.metadata;

import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * A disk as a container knows it.
 *
 * @param index place in the container's table; spares that are in no table have none
 * @param serial the serial by which the metadata knows it, raw: print it through {@link Printable}; empty in a format that
 *     {@linkplain MetadataFormat#namesItsMembers names its members} itself
 * @param sizeSectors size that the metadata states, in 512-byte sectors
 * @param states what holds of it
 * @param disk the caller's number of the physical disk that stands for it, where one does
 */
public record DiskEntry(
        OptionalInt index, Optional<String> serial, long sizeSectors, Set<DiskState> states, OptionalInt disk) {

    /** Takes an unchangeable copy of the states. */
    public DiskEntry {
        states = Set.copyOf(states);
    }

    /** Whether the entry can serve a slot: neither failed nor missing. */
    public boolean active() {
        return !states.contains(DiskState.FAILED) && !states.contains(DiskState.MISSING);
    }
}
