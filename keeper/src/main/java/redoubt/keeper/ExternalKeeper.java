package redoubt.keeper;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SequencedSet;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import redoubt.base.Beat;
import redoubt.base.Extent;
import redoubt.base.Heartbeat;
import redoubt.block.BlockDevice;
import redoubt.block.BlockLimits;
import redoubt.kernfs.AttributeValue;
import redoubt.kernfs.Errno;
import redoubt.kernfs.Outcome;
import redoubt.md.Array;
import redoubt.md.KeeperStores;
import redoubt.md.MetadataKeeper;
import redoubt.metadata.ContainerMetadata;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.MetadataFormat;
import redoubt.workqueue.WorkItem;
import redoubt.workqueue.Workqueue;

/**
 * Leaves the metadata of a container to a daemon outside, as md leaves IMSM to mdmon, with what md never had: a deadline, and a fence.
 *
 * <p><b>Who owns the metadata.</b> First nobody inside: the arrays start readonly and wait for a daemon. Each run of one is an
 * {@link Incarnation}, which comes as a newcomer and becomes the current one when it has seen, through its doors, the metadata that is on the
 * disks now. When a demand of an array (the dirty mark, the record of a failure, the clean mark) is not met within the deadline, the current incarnation is
 * fenced for good, the epoch goes up by one, and the engine takes over ({@link Takeover}); what waited goes on. From then on the engine keeps
 * the metadata itself, by a {@link NativeKeeper}, until another newcomer has read what is on the disks.
 *
 * <p><b>Epochs</b> are counted by the fences. One epoch has at most one current incarnation; what it stores is matched with demands of its
 * epoch only, and what it writes through a door after the end of its epoch is refused there.
 *
 * <p><b>Threads.</b> Ownership changes in steps of the container's ordered queue; nothing blocks. Field legend. V: written by steps, read by all;
 * A: any thread, atomically; Q: the queue only; C: control threads, under their lock.
 */
public final class ExternalKeeper {

    /** How many daemons may be there at once. */
    static final int PRESENT_LIMIT = 8;

    /** How many names are remembered, so that they are not used again: those that came last. */
    static final int NAMES_LIMIT = 4096;

    /** How long a newcomer may take for the way to its first door while others want its place. */
    static final long ENTRY_NANOS = 30_000_000_000L;

    private static final Outcome KEPT_BY_A_DAEMON = Outcome.refused(
            Errno.EBUSY,
            "a daemon keeps the metadata, and says this through a tree of its own; store 'read-auto' to let writes ask it");

    /**
     * What of the container stays the same.
     *
     * @param container what the container is called in the tree, such as md127
     * @param deadlineNanos how long a demand may wait; 0 for ever, as Linux does
     */
    public record Terms(String container, long deadlineNanos) {}

    /** Why a daemon was not let in. */
    public static final class Refused extends Exception {
        private static final long serialVersionUID = 1;

        Refused(String sentence) {
            super(sentence);
        }
    }

    /** Where metadata may lie on the disks. */
    record Places(List<DiskGeometry> geometries, List<List<Extent>> places, List<Extent> anchors) {
        static Places of(MetadataFormat format, List<BlockDevice> disks, int sectorBytes) {
            List<DiskGeometry> geometries = new ArrayList<>();
            List<List<Extent>> places = new ArrayList<>();
            List<Extent> anchors = new ArrayList<>();
            for (BlockDevice disk : disks) {
                BlockLimits limits = disk.limits();
                DiskGeometry geometry = new DiskGeometry(limits.sizeBytes(), sectorBytes);
                geometries.add(geometry);
                places.add(format.usualPlaces(geometry));
                anchors.add(format.anchor(geometry));
            }
            return new Places(geometries, places, anchors);
        }

        DiskGeometry geometry(int disk) {
            return geometries.get(disk);
        }

        List<Extent> usual(int disk) {
            return places.get(disk);
        }

        Extent anchor(int disk) {
            return anchors.get(disk);
        }
    }

    private enum Owner {
        OUTSIDE,
        TAKING,
        INSIDE
    }

    private final Terms terms;
    private final MetadataFormat format;
    private final List<BlockDevice> disks;
    private final Places places;
    private final Workqueue queue;
    private final Heartbeat heartbeat;
    private final Consumer<String> complaints;
    private final List<ExternalVolume> volumes = new CopyOnWriteArrayList<>(); // before the arrays are started
    private final AtomicLong lost = new AtomicLong(); // A: disks
    private final AtomicLong changes = new AtomicLong(); // A: odd while the engine writes metadata
    private final WorkItem overdueStep = new WorkItem(this::takeOverIfOverdue);
    private final WorkItem doorStep = new WorkItem(this::lookAtDoors);
    private final WorkItem newcomerStep = new WorkItem(this::promote);
    private final Beat beat = this::beat;

    private final ReentrantLock entrance = new ReentrantLock();
    private final SequencedSet<String> names = new LinkedHashSet<>(); // C: oldest first
    private final List<Incarnation> incarnations = new CopyOnWriteArrayList<>(); // V: those that are not forgotten

    private volatile Owner owner = Owner.OUTSIDE; // V
    private final AtomicLong epoch = new AtomicLong(1); // A: raised by steps
    private volatile ContainerMetadata known; // V: what was on the disks when the engine last knew it
    private volatile @Nullable NativeKeeper inside; // V
    private volatile @Nullable Incarnation current; // V
    private boolean epochTaken; // Q: somebody is, or was, the current one of this epoch
    private @Nullable Takeover takeover; // Q
    private List<Runnable> later = new ArrayList<>(); // Q: what came too late for the takeover's round
    private final List<CountDownLatch> awaitingEnd = new ArrayList<>(); // Q
    private final List<Runnable> awaitingDoors =
            new ArrayList<>(); // Q: until no write of a daemon that was fenced is on its way

    /**
     * Makes the keeper of a container.
     *
     * @param onDisk what the disks carry now
     * @param disks the container's disks, by the number under which {@code onDisk} knows them; at most 64
     * @param queue the ordered queue that the container's arrays share
     * @param complaints is told, in a sentence, what could not be recorded
     */
    public ExternalKeeper(
            Terms terms,
            MetadataFormat format,
            ContainerMetadata onDisk,
            List<BlockDevice> disks,
            Workqueue queue,
            Heartbeat heartbeat,
            Consumer<String> complaints) {
        this.terms = terms;
        this.format = format;
        this.known = onDisk;
        this.disks = List.copyOf(disks);
        this.places = Places.of(format, this.disks, onDisk.picture().sectorBytes());
        this.queue = queue;
        this.heartbeat = heartbeat;
        this.complaints = complaints;
        if (terms.deadlineNanos() > 0) {
            heartbeat.register(beat);
        }
    }

    /** The keeper of one volume; see {@link NativeKeeper#volume}. */
    public MetadataKeeper volume(int index, Array array, List<OptionalInt> slotOfDisk) {
        ExternalVolume volume = new ExternalVolume(this, index, array, slotOfDisk);
        volumes.add(volume);
        return volume;
    }

    // ---------------------------------------------------------------------------------------------- daemons

    /**
     * A daemon comes. For control threads.
     *
     * <p>A newcomer that dies on the way to its first door is missed by nobody. So when places are short those that have not come to one for
     * {@link #ENTRY_NANOS} lose theirs.
     *
     * @param name what it calls itself, such as its pid and the time of its start: not used by any of the last {@link #NAMES_LIMIT}
     * @throws Refused if the name was used, or too many are here
     */
    public Incarnation enter(String name) throws Refused {
        entrance.lock();
        try {
            boolean isHere = incarnations.stream().anyMatch(each -> each.name().equals(name)); // for however long
            if (isHere || names.contains(name)) {
                throw new Refused("a daemon called '" + name + "' was here before, and what it remembers may be stale");
            }
            forgetGone();
            if (incarnations.size() >= PRESENT_LIMIT) {
                long now = nowNanos();
                incarnations.forEach(each -> each.giveUpUnlessSeen(now - ENTRY_NANOS));
                forgetGone();
            }
            if (incarnations.size() >= PRESENT_LIMIT) {
                throw new Refused(
                        "too many daemons are here; end those that are not needed, or try again in half a minute");
            }
            Incarnation newcomer = new Incarnation(this, name, disks, places, nowNanos());
            if (names.size() == NAMES_LIMIT) {
                names.removeFirst();
            }
            names.add(name);
            incarnations.add(newcomer);
            return newcomer;
        } finally {
            entrance.unlock();
        }
    }

    private void forgetGone() {
        incarnations.removeIf(each -> each.standing() == Standing.FENCED && each.writesInside() == 0);
    }

    /** Who keeps the metadata now; empty where the engine does, or nobody. */
    public Optional<Incarnation> current() {
        return Optional.ofNullable(current);
    }

    /** What can be stored by anybody who is no daemon: nothing of what a daemon says. */
    public KeeperStores onlooker(int index) {
        ExternalVolume volume = volume(index);
        return new KeeperStores() {
            @Override
            public Outcome standing() {
                return Outcome.OK;
            }

            @Override
            public String metadataVersion() {
                return volume.metadataVersion();
            }

            @Override
            public Outcome metadataVersion(AttributeValue value) {
                return volume.metadataVersion(value);
            }

            @Override
            public Outcome writingWanted() {
                return KEPT_BY_A_DAEMON;
            }

            @Override
            public Outcome dirtyMarked() {
                return KEPT_BY_A_DAEMON;
            }

            @Override
            public Outcome cleanWanted() {
                return KEPT_BY_A_DAEMON;
            }

            @Override
            public Outcome failureRecorded(int slot) {
                return KEPT_BY_A_DAEMON;
            }
        };
    }

    /** Where on a disk the metadata lies, and a daemon may write. */
    public Extent metadataArea(int disk) {
        return places.usual(disk).getFirst();
    }

    ExternalVolume volume(int index) {
        for (ExternalVolume volume : volumes) {
            if (volume.index() == index) {
                return volume;
            }
        }
        throw new IllegalArgumentException("no volume has the number " + index);
    }

    /** The metadata as the engine last knew it; while a daemon keeps it, the disks may say something newer. Any thread. */
    public ContainerMetadata metadata() {
        NativeKeeper keeping = inside;
        return keeping == null ? known : keeping.metadata();
    }

    /** Rises with every fence. Any thread. */
    public long epoch() {
        return epoch.get();
    }

    // ---------------------------------------------------------------------------------------------- ownership, on the
    // queue

    private void beat(long nowNanos) {
        if (owner != Owner.OUTSIDE) {
            return;
        }
        for (ExternalVolume volume : volumes) {
            if (volume.isOverdue(nowNanos, terms.deadlineNanos())) {
                queue.queue(overdueStep);
                return;
            }
        }
    }

    private void takeOverIfOverdue() {
        long now = heartbeat.clock().nanos();
        for (ExternalVolume volume : volumes) {
            if (owner == Owner.OUTSIDE && volume.isOverdue(now, terms.deadlineNanos())) {
                takeOver("the daemon missed its deadline");
            }
        }
    }

    /** Fences whoever keeps the metadata, and begins to take it over. On the queue. */
    void takeOver(String because) {
        if (owner != Owner.OUTSIDE) {
            return;
        }
        Incarnation fenced = current;
        if (fenced != null) {
            fenced.fence();
        }
        current = null;
        owner = Owner.TAKING;
        epoch.incrementAndGet();
        epochTaken = false;
        takeover = new Takeover(this, new MemberWriter(disks, queue, this::lost, disksOut(), changes), this::taken);
        String whom = fenced == null ? "" : fenced.name();
        tell("KeeperFenced", whom);
        complaints.accept("The engine keeps the metadata of %s now: %s.".formatted(terms.container(), because));
        lookAtDoors();
    }

    private void tell(String word, String whom) {
        for (ExternalVolume volume : volumes) {
            volume.array().event(word, whom);
        }
    }

    private void lookAtDoors() {
        int writes = 0;
        for (Incarnation each : incarnations) {
            if (each.standing() == Standing.FENCED) {
                writes += each.writesInside();
            }
        }
        Takeover underWay = takeover;
        if (underWay != null) {
            underWay.lookAtDoors(writes);
        }
        if (writes == 0) {
            List<Runnable> waited = List.copyOf(awaitingDoors);
            awaitingDoors.clear();
            waited.forEach(Runnable::run);
        }
    }

    private void taken(ContainerMetadata image, boolean durable, List<MetadataKeeper.Answer> answers) {
        takeover = null;
        known = image;
        NativeKeeper keeping = new NativeKeeper(image, disks, queue, complaints, disksOut(), changes);
        for (ExternalVolume volume : volumes) {
            keeping.volume(volume.index(), volume.array(), volume.slotOfDisk());
        }
        inside = keeping;
        owner = Owner.INSIDE;
        volumes.forEach(volume -> volume.spreadFailures(image));
        tell("KeeperTakenOver", "");
        answers.forEach(answer -> answer.recorded(durable));
        List<Runnable> waited = later;
        later = new ArrayList<>();
        waited.forEach(Runnable::run);
        for (ExternalVolume volume : volumes) {
            volume.array().tellStateAgain();
        }
        awaitingEnd.forEach(CountDownLatch::countDown);
        awaitingEnd.clear();
        newcomerHasRead(); // where there was nothing to be written, what somebody read meanwhile holds still
    }

    /** The metadata goes to a newcomer who has seen, at the door of every disk in use, what is on the disks now. */
    private void promote() {
        NativeKeeper keeping = inside;
        boolean free =
                owner == Owner.OUTSIDE ? !epochTaken : owner == Owner.INSIDE && keeping != null && keeping.isIdle();
        long seen = changes.get();
        if (!free || seen % 2 != 0) {
            return;
        }
        long needed = disksInUse();
        for (Incarnation each : incarnations) {
            if (each.standing() == Standing.NEWCOMER
                    && each.hasReadAll(needed, seen)
                    && each.makeCurrent(epoch.get())) {
                known = metadata();
                inside = null;
                epochTaken = true;
                current = each;
                owner = Owner.OUTSIDE;
                tell("KeeperEntered", each.name());
                volumes.forEach(volume -> volume.array().tellStateAgain());
                return;
            }
        }
    }

    /** On the queue. */
    void left(Incarnation who) {
        boolean kept = who.standing() == Standing.CURRENT;
        who.fence();
        if (kept) {
            takeOver("the daemon left");
        }
    }

    /** Nothing that waits for a takeover is to go past it. Answers whether it was put aside. On the queue. */
    boolean handOn(Runnable demand) {
        Takeover underWay = takeover;
        if (underWay != null && underWay.isComposed()) {
            later.add(demand);
            return true;
        }
        return false;
    }

    /** The same, of what no takeover does. */
    boolean handOnAlways(Runnable demand) {
        if (takeover != null) {
            later.add(demand);
            return true;
        }
        return false;
    }

    /**
     * Lets no daemon write any more, and waits until what was on its way to a member has ended and everything is recorded that was asked for. For control
     * threads, once the arrays are stopped.
     *
     * @return whether it is
     */
    public boolean close(long limitNanos) throws InterruptedException {
        long deadline = System.nanoTime() + limitNanos;
        heartbeat.unregister(beat);
        CountDownLatch ended = new CountDownLatch(1);
        queueStep(() -> {
            incarnations.forEach(Incarnation::fence);
            awaitingDoors.add(() -> {
                if (takeover == null) {
                    ended.countDown();
                } else {
                    awaitingEnd.add(ended);
                }
            });
            lookAtDoors();
        });
        if (!ended.await(limitNanos, TimeUnit.NANOSECONDS)) {
            return false;
        }
        NativeKeeper keeping = inside;
        return keeping == null || keeping.awaitIdle(deadline - System.nanoTime());
    }

    // ---------------------------------------------------------------------------------------------- for the parts

    boolean isOutside() {
        return owner == Owner.OUTSIDE;
    }

    @Nullable
    NativeKeeper inside() {
        return owner == Owner.INSIDE ? inside : null;
    }

    ContainerMetadata known() {
        return known;
    }

    String container() {
        return terms.container();
    }

    MetadataFormat format() {
        return format;
    }

    List<BlockDevice> disks() {
        return disks;
    }

    Places places() {
        return places;
    }

    List<ExternalVolume> volumes() {
        return volumes;
    }

    long nowNanos() {
        return heartbeat.clock().nanos();
    }

    long changes() {
        return changes.get();
    }

    /** A disk did not do what it was asked: it is failed in every volume. Any thread. */
    void lost(int disk) {
        long seen;
        do {
            seen = lost.get();
        } while (!lost.compareAndSet(seen, seen | 1L << disk));
        for (int i = 0; i < volumes.size(); i++) { // an answer comes here, and an iterator is an object
            volumes.get(i).diskLost(disk);
        }
    }

    /** The disks with a member that counts in some volume, and that have done all they were asked. */
    private long disksInUse() {
        long inUse = 0;
        for (int i = 0; i < volumes.size(); i++) { // a store comes here, and an iterator is an object
            inUse |= volumes.get(i).disksInUse();
        }
        return inUse & ~lost.get();
    }

    /** The disks of which nothing is asked any more: who is out of all its volumes may hang, and nothing on it counts. */
    long disksOut() {
        long ofVolumes = 0;
        for (int i = 0; i < volumes.size(); i++) { // a store comes here, and an iterator is an object
            ofVolumes |= volumes.get(i).disks();
        }
        return (ofVolumes & ~disksInUse()) | lost.get();
    }

    void complain(String sentence) {
        complaints.accept(sentence);
    }

    void queue(WorkItem step) {
        queue.queue(step);
    }

    void queueStep(Runnable step) {
        queue.queue(new WorkItem(step));
    }

    void newcomerHasRead() {
        queue.queue(newcomerStep);
    }

    void doorEmptied() {
        queue.queue(doorStep);
    }
}
