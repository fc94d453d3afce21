package redoubt.keeper;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import redoubt.base.ArrayState;
import redoubt.base.Extent;
import redoubt.block.BlockDevice;
import redoubt.kernfs.AttributeValue;
import redoubt.kernfs.Errno;
import redoubt.kernfs.Outcome;
import redoubt.md.KeeperStores;
import redoubt.workqueue.WorkItem;

/**
 * One run of an external daemon, from its first look to the end of its right: the doors through which it reaches the members, and the stores it
 * makes. Doors and the tree of attributes are given to this run and to no other, so that whatever it does late comes by a way that is known to
 * be its own, and is refused there.
 *
 * <p>Any thread may ask it anything; only the keeper changes its standing.
 */
public final class Incarnation {

    static final long NEVER_READ = -1;
    static final long NO_EPOCH = -1;

    private static final Outcome NOT_YET = Outcome.refused(
            Errno.EBUSY,
            "somebody else keeps the metadata; read it again through the doors, and wait until this one is current");
    private static final Outcome FENCED = Outcome.refused(
            Errno.EBUSY, "this daemon missed its deadline or left, and what it remembers is stale; start another one");

    private final ExternalKeeper keeper;
    private final String name;
    private final List<Door> doors = new ArrayList<>();
    private final AtomicReference<Standing> standing = new AtomicReference<>(Standing.NEWCOMER);
    private final WorkItem leaveStep;
    private final long cameNanos;
    private volatile boolean seen; // at a door
    private volatile long epoch = NO_EPOCH;

    Incarnation(
            ExternalKeeper keeper, String name, List<BlockDevice> disks, ExternalKeeper.Places places, long cameNanos) {
        this.cameNanos = cameNanos;
        this.keeper = keeper;
        this.name = name;
        this.leaveStep = new WorkItem(() -> keeper.left(this));
        for (int disk = 0; disk < disks.size(); disk++) {
            List<Extent> usual = places.usual(disk);
            doors.add(new Door(this, disk, disks.get(disk), usual, places.anchor(disk)));
        }
    }

    /** What it calls itself: never used twice. */
    public String name() {
        return name;
    }

    /** What it may do at this moment. */
    public Standing standing() {
        return standing.get();
    }

    /** The door to a disk of the container, by its number. */
    public Door door(int disk) {
        return doors.get(disk);
    }

    /** How many doors there are. */
    public int doors() {
        return doors.size();
    }

    /** It ends: the engine takes over at once if it was the current one. Any thread; never blocks, and allocates nothing. */
    public void leave() {
        if (standing.get() != Standing.FENCED) {
            keeper.queue(leaveStep);
        }
    }

    /** What can be stored in its name in the attributes of a volume. */
    public KeeperStores stores(int volume) {
        return new Stores(keeper.volume(volume));
    }

    // ---------------------------------------------------------------------------------------------- for the keeper

    /** On the queue. */
    boolean makeCurrent(long ofEpoch) {
        epoch = ofEpoch;
        return standing.compareAndSet(Standing.NEWCOMER, Standing.CURRENT);
    }

    /** On the queue; from here on no write begins at any door. */
    void fence() {
        standing.set(Standing.FENCED);
    }

    /** Any thread. A newcomer that came then, or before, and has been at no door is given up: it has nothing, so nothing has to be taken from it. */
    void giveUpUnlessSeen(long thenNanos) {
        if (!seen && cameNanos - thenNanos <= 0) {
            standing.compareAndSet(Standing.NEWCOMER, Standing.FENCED);
        }
    }

    /** It has come to a door: from here on its end is seen there. */
    void cameToADoor() {
        seen = true;
    }

    int writesInside() {
        int inside = 0;
        for (Door door : doors) {
            inside += door.writesInside();
        }
        return inside;
    }

    /** Whether it has seen, at the doors of all these disks, how new the metadata is now. */
    boolean hasReadAll(long disks, long changes) {
        for (int disk = 0; disk < doors.size(); disk++) {
            if ((disks >>> disk & 1) != 0 && doors.get(disk).readAt() != changes) {
                return false;
            }
        }
        return true;
    }

    long changes() {
        return keeper.changes();
    }

    void lost(int disk) {
        keeper.lost(disk);
    }

    void hasRead() {
        if (standing.get() == Standing.NEWCOMER) {
            keeper.newcomerHasRead();
        }
    }

    void doorEmptied() {
        keeper.doorEmptied();
    }

    private final class Stores implements KeeperStores {
        private final ExternalVolume volume;

        Stores(ExternalVolume volume) {
            this.volume = volume;
        }

        @Override
        public Outcome standing() {
            return switch (Incarnation.this.standing()) {
                case NEWCOMER -> NOT_YET;
                case CURRENT -> Outcome.OK;
                case FENCED -> FENCED;
            };
        }

        @Override
        public ArrayState shown(ArrayState now) {
            return volume.shownToDaemons(now);
        }

        @Override
        public String metadataVersion() {
            return volume.versionShownToDaemons();
        }

        @Override
        public Outcome metadataVersion(AttributeValue value) {
            return volume.metadataVersion(value);
        }

        @Override
        public Outcome writingWanted() {
            return volume.writingWanted(epoch);
        }

        @Override
        public Outcome dirtyMarked() {
            return volume.dirtyMarked(epoch);
        }

        @Override
        public Outcome cleanWanted() {
            return volume.cleanWanted(epoch);
        }

        @Override
        public Outcome failureRecorded(int slot) {
            return volume.failureRecorded(epoch, slot);
        }
    }
}
