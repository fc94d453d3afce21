package redoubt.explore;

import java.util.ArrayList;
import java.util.List;

/**
 * One setting of all switches: a machine of the story.
 *
 * @param queue from which queue subscribers of the attribute tree are told, and pollers where their wake-up is deferred
 * @param wake who wakes those who poll an attribute
 * @param supers whether a task that mounts holds the supers lock while it allocates
 * @param creation what becomes of a request for a worker
 * @param daemon how the metadata daemon outside fares
 * @param flush how a flush reaches the array
 * @param keeper who keeps the metadata
 */
public record Cell(
        Queue queue, Wake wake, Supers supers, Creation creation, Daemon daemon, Flush flush, Keeper keeper) {

    /** From which queue. */
    public enum Queue {
        /** The system's, which has no rescuer: Linux. */
        SYSTEM,
        /** One of its own without a rescuer. */
        OWN,
        /** One of its own with a rescuer: the patch of 2023, and Redoubt. */
        RESCUER
    }

    /** Who wakes pollers. */
    public enum Wake {
        /** The queue's item: Linux 3.16 to 4.20. */
        DEFERRED,
        /** The notifier itself: Linux since 5.0, and Redoubt. */
        INLINE
    }

    /** The supers lock. */
    public enum Supers {
        /** Nobody mounts. */
        FREE,
        /** A task mounts, and allocates with the lock in hand. */
        HELD
    }

    /** Worker creation. */
    public enum Creation {
        /** There is always a thread to be had. */
        WORKS,
        /** There is none, for ever. */
        FAILS,
        /** The daemon that makes threads is in reclaim itself, and answers when that is over. */
        HANGS
    }

    /** The metadata daemon. */
    public enum Daemon {
        /** It locks its memory and waits for nothing but the attributes and its disks. */
        WELL,
        /** It allocates when it is woken. */
        ALLOCATES,
        /** On its way back to user space it takes a lock whose holder waits for memory. */
        HELD,
        /** It does not run any more. */
        STOPPED
    }

    /** The flush of a log write. */
    public enum Flush {
        /** By an item of md's own queue, which has a rescuer: Linux before 6.12. */
        OWN_QUEUE,
        /** By whoever asks for it. */
        PASS_THROUGH
    }

    /** The keeper of the metadata. */
    public enum Keeper {
        /** The daemon, waited for without limit: Linux. */
        EXTERNAL,
        /** The daemon, as long as it meets its deadline. */
        DEADLINE,
        /** The engine itself, in Intel's format. */
        NATIVE
    }

    /** The story as it was told. */
    public static Cell ofTheStory() {
        return new Cell(
                Queue.SYSTEM,
                Wake.DEFERRED,
                Supers.FREE,
                Creation.HANGS,
                Daemon.WELL,
                Flush.OWN_QUEUE,
                Keeper.EXTERNAL);
    }

    /** Every setting, in the order of the switches. */
    public static List<Cell> all() {
        List<Cell> all = new ArrayList<>();
        for (Keeper keeper : Keeper.values()) {
            for (Daemon daemon : Daemon.values()) {
                for (Wake wake : Wake.values()) {
                    for (Queue queue : Queue.values()) {
                        for (Supers supers : Supers.values()) {
                            for (Creation creation : Creation.values()) {
                                for (Flush flush : Flush.values()) {
                                    all.add(new Cell(queue, wake, supers, creation, daemon, flush, keeper));
                                }
                            }
                        }
                    }
                }
            }
        }
        return all;
    }

    /**
     * The cell that stands for this one and for all that differ from it only in a switch that cannot matter: how the daemon fares, and who wakes pollers,
     * where there is no daemon; who wakes pollers, where the only one is stopped; and by what the daemon is held, since an allocation and a lock whose holder
     * allocates are the same wait for memory.
     */
    public Cell representative() {
        Daemon seen = keeper == Keeper.NATIVE ? Daemon.WELL : daemon == Daemon.HELD ? Daemon.ALLOCATES : daemon;
        boolean polled = keeper != Keeper.NATIVE && seen != Daemon.STOPPED;
        return new Cell(queue, polled ? wake : Wake.INLINE, supers, creation, seen, flush, keeper);
    }
}
