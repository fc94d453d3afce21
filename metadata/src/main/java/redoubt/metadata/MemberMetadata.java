package redoubt.metadata;

import java.util.List;
import java.util.Map;

/**
 * What one disk says in a format whose metadata names its own disk, and counts its writes in events: Linux md's. Each disk has a number in the
 * array that never changes, and each copy of the metadata has a table that gives the disk of every number its place. {@link MemberChoice}
 * makes arrays of them.
 */
public interface MemberMetadata extends DiskMetadata {

    /** What a table says of a disk. */
    sealed interface Place {

        /** Has a slot, in sync or being filled. */
        record Slot(int slot) implements Place {}

        /** Has none, and waits. */
        record Spare() implements Place {}

        /** Has failed, or is nobody's. */
        record Failed() implements Place {}

        /** Holds the journal. */
        record Journal() implements Place {}
    }

    /**
     * A disk in its place.
     *
     * @param disk the caller's number
     * @param geometry its size
     * @param said what it says of itself
     * @param place the place that the newest metadata gives it
     */
    record Seat(int disk, DiskGeometry geometry, MemberMetadata said, Place place) {}

    /** Identity of the array. */
    MdUuid array();

    /** Count of changes, unsigned. */
    long events();

    /** The number of this disk. */
    int number();

    /** The place that this copy gives to the disk of a number; one that is in no table is a spare. */
    Place placeOf(int number);

    /** The slots of all numbers that have one. */
    Map<Integer, Integer> slotOfNumber();

    /** Whether this disk is being made into a copy of the one that has the same slot. */
    boolean replaces();

    /** What two members of an array have in common: where it differs, they are of different times. */
    List<Object> shape();

    /**
     * The array as this copy, which is the newest, tells it.
     *
     * @param seats the disks that are there and belong to it
     */
    ContainerPicture together(List<Seat> seats);
}
