package redoubt.md;

import redoubt.base.ArrayState;
import redoubt.kernfs.AttributeValue;
import redoubt.kernfs.Outcome;

/**
 * What can be stored in the attributes of an array whose metadata is kept outside the engine, in the name of one who stores: the words by
 * which a keeper says what it has recorded. There is one of these for each tree that shows the array, so that a store is known by the tree it comes
 * through.
 *
 * <p>Any thread; never blocks. {@link #dirtyMarked}, {@link #cleanWanted} and {@link #failureRecorded} allocate nothing and wait for no step of the
 * array's queue.
 */
public interface KeeperStores {

    /** OK, or why nothing at all is taken in this name any more. */
    Outcome standing();

    /**
     * What {@code array_state} shows here for what it is: a daemon is not shown how an array ended in doubt, for it would take that for
     * consistent. Any thread; allocates nothing.
     */
    default ArrayState shown(ArrayState now) {
        return now;
    }

    /** {@code metadata_version}: {@code external:/mdN/I}, or with a '-' where nobody outside is to touch the array. */
    String metadataVersion();

    /** Somebody stores {@code metadata_version}: only its two forms are taken. */
    Outcome metadataVersion(AttributeValue value);

    /** {@code active} was stored in a readonly or read-auto array. */
    Outcome writingWanted();

    /** {@code active} was stored in a write-pending array: the metadata says dirty. */
    Outcome dirtyMarked();

    /** {@code clean} was stored in an active or active-idle array: taken if all data is durable and no write is in flight. */
    Outcome cleanWanted();

    /** {@code -blocked} was stored in the state of a member that failed: the metadata says so. */
    Outcome failureRecorded(int slot);
}
