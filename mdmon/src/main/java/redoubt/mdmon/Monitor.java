package redoubt.mdmon;

import java.io.EOFException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import redoubt.base.Clock;
import redoubt.control.AttributeRefused;
import redoubt.control.Attributes;
import redoubt.metadata.ContainerMetadata;
import redoubt.metadata.MetadataEvent;
import redoubt.metadata.MetadataRefused;
import redoubt.metadata.WriteRound;

/**
 * The one on whom writes wait: sleeps until an attribute of an array changes, looks at everything, makes the metadata say what it saw, and
 * answers the arrays.
 *
 * <p><b>The order is the point.</b> What is stored in an attribute lets writes go, so it is stored only when the metadata is on the disks, flushed:
 * {@code active} after the dirty mark, {@code -blocked} after the record of the failure. The other way round with {@code clean}: it is stored when
 * an array is idle, but the metadata is marked only when {@code clean} is read back, for a write may have come between. A store that is refused is
 * no error: something has changed meanwhile, and its notification is under way.
 *
 * <p>Where it departs from mdmon: a list of bad blocks is acknowledged when it is on the disks and not before; {@code broken} is not taken for
 * clean, since here it may follow a write in flight; an array of which redundancy is not known is not marked clean; a resync is recorded when
 * it begins, not when it is due; and it gives up where it cannot write to a member that the engine can, because members must agree.
 *
 * <p><b>Threads.</b> {@link #run} belongs to one thread. What others want comes by {@link #ask} and {@link #terminate}.
 */
final class Monitor {

    private static final long SLEEP_NANOS = 3_600_000_000_000L;
    private static final long RETRY_NANOS = 20_000_000L;

    /** How long a member may count that cannot be written to here. */
    private static final long DISAGREEMENT_NANOS = 2_000_000_000L;

    private static final String ARRAY_STATE = "array_state";
    private static final String SYNC_ACTION = "sync_action";
    private static final String SYNC_COMPLETED = "sync_completed";
    private static final String STATE = "state";
    private static final String BAD_BLOCKS = "bad_blocks";
    private static final String UNACKNOWLEDGED = "unacknowledged_bad_blocks";

    /** An array, and what was seen of it last. For the monitor's thread. */
    private static final class Watched {
        private final MemberArray array;
        private final Set<String> failed = new HashSet<>(); // names of devices
        private final Set<String> inSync = new HashSet<>();
        private final Set<String> gone = new HashSet<>();
        private final Map<String, Set<String>> badBlocks = new HashMap<>(); // by the attribute's path
        private String state = "";
        private String action = "idle";
        private long checkpointSectors;
        private boolean dirty;

        private Watched(MemberArray array) {
            this.array = array;
        }
    }

    /** What is to be stored once the metadata is on the disks. */
    private record Reply(String path, String value) {}

    private final Attributes attributes;
    private final MemberDisks disks;
    private final String standingPath;
    private final Clock clock;
    private final Consumer<String> complaints;
    private final ConcurrentLinkedQueue<Runnable> asked = new ConcurrentLinkedQueue<>();
    private final List<Watched> arrays = new ArrayList<>();
    private final List<CountDownLatch> looks = new ArrayList<>();
    private final Set<String> changed = new HashSet<>(); // paths, since the last look
    private ContainerMetadata image;
    private boolean certain; // whether every disk that is written carries the image already
    private boolean stopped; // an array ended
    private boolean standingKnown; // since it changed last
    private @Nullable Long disagreesSince;
    private volatile boolean terminating;
    private volatile boolean hurried;

    /**
     * Makes the monitor of a container.
     *
     * @param attributes the monitor's own way to them
     * @param image what the disks carry
     * @param standingPath the attribute that says whether this daemon may still write
     */
    Monitor(
            Attributes attributes,
            MemberDisks disks,
            ContainerMetadata image,
            String standingPath,
            Clock clock,
            Consumer<String> complaints) {
        this.attributes = attributes;
        this.disks = disks;
        this.image = image;
        this.standingPath = standingPath;
        this.clock = clock;
        this.complaints = complaints;
    }

    // ---------------------------------------------------------------------------------------------- for other threads

    /** An array is to be watched from now on. */
    void adopt(MemberArray array) {
        ask(() -> watch(array));
    }

    /** Ends when no array is dirty any more. */
    void terminate() {
        terminating = true;
        attributes.wake();
    }

    /** Ends with the present look, whatever is dirty. */
    void hurry() {
        hurried = true;
        terminate();
    }

    /** The latch opens when everything has been looked at once more. */
    void lookOnce(CountDownLatch latch) {
        ask(() -> looks.add(latch));
    }

    private void ask(Runnable what) {
        asked.add(what);
        attributes.wake();
    }

    // ---------------------------------------------------------------------------------------------- the loop

    /** Looks and sleeps until there is an end. */
    Mdmon.End run() {
        try {
            attributes.watch(standingPath);
            watch(Mdmon.ENGINE_STATE);
            while (true) {
                takeAsked();
                if (changed.contains(Mdmon.ENGINE_STATE) && engineStops()) {
                    return Mdmon.End.STOPPED;
                }
                if (isFenced()) {
                    return endsWithEngine() ? Mdmon.End.STOPPED : Mdmon.End.FENCED;
                }
                boolean again = look();
                looks.forEach(CountDownLatch::countDown);
                looks.clear();
                Optional<Mdmon.End> end = end();
                if (end.isPresent()) {
                    // Arrays of a tree that is gone look as if they were stopped.
                    boolean missed = end.get() == Mdmon.End.STOPPED
                            && !engineStops()
                            && read(standingPath).isEmpty();
                    return missed ? Mdmon.End.FENCED : end.get();
                }
                sleep(again || terminating ? RETRY_NANOS : SLEEP_NANOS);
            }
        } catch (EOFException engineEnded) {
            return stopped && arrays.isEmpty() ? Mdmon.End.STOPPED : Mdmon.End.ENGINE_GONE;
        } catch (IOException | AttributeRefused engineSilent) {
            complaints.accept(String.valueOf(engineSilent.getMessage()));
            return stopped && arrays.isEmpty() ? Mdmon.End.STOPPED : Mdmon.End.ENGINE_GONE;
        } finally {
            looks.forEach(CountDownLatch::countDown);
        }
    }

    void takeAsked() {
        Runnable next;
        while ((next = asked.poll()) != null) {
            next.run();
        }
    }

    private void sleep(long nanos) throws IOException {
        changed.clear();
        Optional<Attributes.Change> change = attributes.awaitChange(asked.isEmpty() ? nanos : 0);
        while (change.isPresent()) {
            changed.add(change.get().path());
            change = attributes.awaitChange(0);
        }
    }

    /** Whatever a fenced daemon does is refused; it need not try. Its tree is gone once another one has come. */
    private boolean isFenced() throws IOException {
        if (standingKnown && !changed.contains(standingPath)) {
            return false;
        }
        standingKnown = true;
        return read(standingPath).orElse(Mdmon.FENCED).equals(Mdmon.FENCED);
    }

    private boolean engineStops() throws IOException {
        return !read(Mdmon.ENGINE_STATE).orElse(Mdmon.ENGINE_SERVES).equals(Mdmon.ENGINE_SERVES);
    }

    /** Whoever stops an engine fences its daemons. Of a tree that is gone nothing can be said: then it was fenced long ago. */
    private boolean endsWithEngine() throws IOException {
        boolean over = engineStops();
        if (read(standingPath).isEmpty()) {
            return over;
        }
        for (Watched watched : arrays) {
            String state = read(watched.array.attribute(ARRAY_STATE)).orElse("clear");
            over |= state.equals("clear") || state.equals("inactive");
        }
        return over || (stopped && arrays.isEmpty());
    }

    private Optional<Mdmon.End> end() {
        if (stopped && arrays.isEmpty()) {
            return Optional.of(Mdmon.End.STOPPED);
        }
        if (terminating && (hurried || arrays.stream().noneMatch(array -> array.dirty))) {
            return Optional.of(Mdmon.End.LEFT);
        }
        Long since = disagreesSince;
        return since != null && clock.nanos() - since > DISAGREEMENT_NANOS
                ? Optional.of(Mdmon.End.CANNOT_WRITE)
                : Optional.empty();
    }

    private void watch(MemberArray array) {
        arrays.add(new Watched(array));
        watch(array.attribute(ARRAY_STATE));
        if (array.redundant()) {
            watch(array.attribute(SYNC_ACTION));
            watch(array.attribute(SYNC_COMPLETED));
        }
        for (MemberArray.Device device : array.devices()) {
            watch(array.attribute(device, STATE));
            watch(array.attribute(device, BAD_BLOCKS));
            watch(array.attribute(device, UNACKNOWLEDGED));
        }
    }

    /** What is gone before it could be watched is found gone when it is read. */
    private void watch(String path) {
        try {
            attributes.watch(path);
        } catch (AttributeRefused refused) {
            complaints.accept(refused.sentence());
        } catch (IOException engineGone) {
            complaints.accept(String.valueOf(engineGone.getMessage()));
        }
    }

    // ---------------------------------------------------------------------------------------------- a look

    /** Looks at all arrays once; answers whether it has to look again soon. */
    boolean look() throws IOException {
        boolean again = false;
        for (Watched array : List.copyOf(arrays)) {
            again |= lookAt(array);
        }
        spreadFailures();
        lookWhetherMembersDisagree();
        return again || disagreesSince != null;
    }

    private boolean lookAt(Watched watched) throws IOException {
        MemberArray array = watched.array;
        List<MetadataEvent> events = new ArrayList<>();
        List<Reply> replies = new ArrayList<>();
        String state = read(array.attribute(ARRAY_STATE)).orElse("clear");
        boolean resynced = !array.redundant()
                || read(array.attribute("resync_start")).orElse("").equals("none");
        boolean ended = false;
        String next = "";
        switch (state) {
            case "clear", "inactive" -> {
                ended = !watched.state.isEmpty();
                if (ended && resynced) {
                    events.add(new MetadataEvent.MarkClean(array.index()));
                }
            }
            case "write-pending" -> {
                events.add(new MetadataEvent.VolumeActivated(array.index()));
                events.add(new MetadataEvent.MarkDirty(array.index()));
                next = "active";
            }
            case "active", "suspended" -> events.add(new MetadataEvent.MarkDirty(array.index()));
            case "active-idle" -> next = "clean";
            case "clean" -> {
                if (resynced) {
                    events.add(new MetadataEvent.MarkClean(array.index()));
                }
            }
            case "readonly" -> next = activate(array, resynced, events);
            default -> {} // read-auto waits for a write, broken for a person
        }
        if (!ended) {
            followSync(watched, resynced, events);
        }
        boolean quiet = state.equals("readonly") || state.equals("read-auto") || state.equals("inactive");
        if (lookAtDevices(watched, quiet, events, replies) && state.equals("read-auto")) { // nothing is removed before
            events.add(new MetadataEvent.MarkDirty(array.index()));
            next = "active";
        }
        if (!record(events)) {
            return !ended; // nothing is stored over what is not on the disks
        }
        boolean taken = next.isEmpty() || store(new Reply(array.attribute(ARRAY_STATE), next));
        for (Reply reply : replies) {
            store(reply);
        }
        watched.state = state;
        watched.dirty = switch (state) {
            case "active", "write-pending", "active-idle", "suspended" -> true;
            default -> false;
        };
        if (ended) {
            arrays.remove(watched);
            stopped = true;
        }
        return !taken && state.equals("write-pending");
    }

    /** The state in which a readonly array may be written to; empty where somebody wants it to stay readonly. */
    private String activate(MemberArray array, boolean resynced, List<MetadataEvent> events) throws IOException {
        if (read(array.attribute("metadata_version")).orElse("external:-").startsWith("external:-")) {
            return "";
        }
        events.add(new MetadataEvent.VolumeActivated(array.index()));
        boolean whole = image.picture().volumes().get(array.index()).slots().stream()
                .allMatch(slot -> slot.state() == redoubt.metadata.SlotState.IN_SYNC);
        if (resynced && whole) {
            return "read-auto";
        }
        events.add(new MetadataEvent.MarkDirty(array.index()));
        return "active";
    }

    /** What a resync or a rebuild has done since. */
    private void followSync(Watched watched, boolean resynced, List<MetadataEvent> events) throws IOException {
        MemberArray array = watched.array;
        if (!array.redundant()) {
            return;
        }
        String action = read(array.attribute(SYNC_ACTION)).orElse("idle");
        if (action.equals("resync") && !watched.action.equals("resync")) {
            events.add(new MetadataEvent.ResyncStarted(array.index()));
            watched.checkpointSectors = 0;
        }
        long done = sectorsDone(read(array.attribute(SYNC_COMPLETED)).orElse("none"));
        if ((action.equals("resync") || action.equals("recover")) && done > watched.checkpointSectors) {
            watched.checkpointSectors = done;
            events.add(new MetadataEvent.SyncCheckpoint(array.index(), done));
        }
        if (watched.action.equals("resync") && action.equals("idle") && resynced) {
            events.add(new MetadataEvent.ResyncFinished(array.index()));
        }
        if (watched.action.equals("recover") && action.equals("idle")) {
            for (MemberArray.Device device : array.devices()) {
                boolean now =
                        words(read(array.attribute(device, STATE)).orElse("")).contains("in_sync");
                if (now && !watched.inSync.contains(device.name())) {
                    events.add(new MetadataEvent.RebuildFinished(array.index(), device.slot()));
                }
            }
        }
        watched.action = action;
    }

    /** {@code done / total}, or a word. */
    private static long sectorsDone(String completed) {
        String[] words = completed.split(" ", 2);
        return words[0].matches("[0-9]{1,18}") ? Long.parseLong(words[0]) : 0;
    }

    /** Answers whether a member has failed that is there. */
    private boolean lookAtDevices(Watched watched, boolean quiet, List<MetadataEvent> events, List<Reply> replies)
            throws IOException {
        MemberArray array = watched.array;
        boolean anyFailed = false;
        for (MemberArray.Device device : array.devices()) {
            Optional<String> shown =
                    watched.gone.contains(device.name()) ? Optional.empty() : read(array.attribute(device, STATE));
            if (shown.isEmpty()) {
                watched.gone.add(device.name());
                watched.inSync.remove(device.name());
                continue;
            }
            Set<String> words = words(shown.get());
            boolean blocked = words.contains("blocked");
            if (words.contains("in_sync")) {
                watched.inSync.add(device.name());
            }
            if (words.contains("faulty")) {
                watched.inSync.remove(device.name());
                watched.failed.add(device.name());
                anyFailed = true;
                events.add(new MetadataEvent.MemberFailed(array.index(), device.slot()));
                if (blocked) {
                    replies.add(new Reply(array.attribute(device, STATE), "-blocked"));
                } else if (!quiet) {
                    replies.add(new Reply(array.attribute(device, STATE), "remove"));
                }
            } else if (blocked && words.contains("external_bbl")) {
                recordBadBlocks(array, device, events, replies);
            }
            if (changed.contains(array.attribute(device, BAD_BLOCKS))) {
                forgetBadBlocks(watched, device, events);
            }
        }
        return anyFailed;
    }

    private static List<String> ranges(String list) {
        return list.lines()
                .filter(line -> line.matches("[0-9]{1,18} [0-9]{1,9}"))
                .toList();
    }

    private void recordBadBlocks(
            MemberArray array, MemberArray.Device device, List<MetadataEvent> events, List<Reply> replies)
            throws IOException {
        List<MetadataEvent> found = new ArrayList<>();
        List<Reply> acknowledged = new ArrayList<>();
        for (String range : ranges(read(array.attribute(device, UNACKNOWLEDGED)).orElse(""))) {
            String[] numbers = range.split(" ", -1);
            found.add(new MetadataEvent.BadBlocksFound(
                    array.index(), device.slot(), Long.parseLong(numbers[0]), Integer.parseInt(numbers[1])));
            acknowledged.add(new Reply(array.attribute(device, BAD_BLOCKS), range));
        }
        try {
            ContainerMetadata with = image;
            for (MetadataEvent each : found) {
                with = with.apply(each);
            }
        } catch (MetadataRefused full) {
            complaints.accept(full.sentence());
            replies.add(new Reply(array.attribute(device, STATE), "-external_bbl")); // the member is failed then
            return;
        }
        events.addAll(found);
        replies.addAll(acknowledged);
        replies.add(new Reply(array.attribute(device, STATE), "-blocked"));
    }

    /** Ranges that are not in the array's list any more can be read again. */
    private void forgetBadBlocks(Watched watched, MemberArray.Device device, List<MetadataEvent> events)
            throws IOException {
        String path = watched.array.attribute(device, BAD_BLOCKS);
        Set<String> now = new HashSet<>(ranges(read(path).orElse("")));
        for (String range : watched.badBlocks.getOrDefault(path, Set.of())) {
            if (!now.contains(range)) {
                String[] numbers = range.split(" ", -1);
                events.add(new MetadataEvent.BadBlocksCleared(
                        watched.array.index(),
                        device.slot(),
                        Long.parseLong(numbers[0]),
                        Integer.parseInt(numbers[1])));
            }
        }
        watched.badBlocks.put(path, now);
    }

    /** A disk is failed for the whole container. */
    private void spreadFailures() throws IOException {
        Set<String> serials = new HashSet<>();
        for (Watched watched : arrays) {
            for (MemberArray.Device device : watched.array.devices()) {
                if (watched.failed.contains(device.name()) && !device.serial().isEmpty()) {
                    serials.add(device.serial());
                }
            }
        }
        for (Watched watched : arrays) {
            for (MemberArray.Device device : watched.array.devices()) {
                if (serials.contains(device.serial())
                        && !watched.failed.contains(device.name())
                        && !watched.gone.contains(device.name())) {
                    store(new Reply(watched.array.attribute(device, STATE), "faulty"));
                }
            }
        }
    }

    /** A disk that cannot be written to here, and that an array counts on: told of, it would be failed by now. */
    private void lookWhetherMembersDisagree() throws IOException {
        List<String> lost = disks.lost();
        boolean disagree = false;
        for (Watched watched : arrays) {
            for (MemberArray.Device device : watched.array.devices()) {
                disagree |= lost.contains(device.serial()) && watched.inSync.contains(device.name());
            }
        }
        if (!disagree) {
            disagreesSince = null;
        } else if (disagreesSince == null) {
            disagreesSince = clock.nanos();
        }
    }

    // ---------------------------------------------------------------------------------------------- what it does

    /** Makes the metadata say what happened; answers whether it is on the disks. */
    private boolean record(List<MetadataEvent> events) {
        try {
            ContainerMetadata next = image;
            for (MetadataEvent event : events) {
                next = after(next, event);
            }
            if (next.sameOnDisk(image)) {
                return true;
            }
            WriteRound round = next.write(certain ? Optional.of(image) : Optional.empty());
            if (!disks.write(round)) {
                certain = false;
                standingKnown = false; // the fence may be why
                return false;
            }
            image = round.image();
            certain = true;
            return true;
        } catch (MetadataRefused refused) {
            complaints.accept(refused.sentence());
            return false;
        }
    }

    /** What cannot be recorded stands in nobody's way, unless a store says that it was. */
    private ContainerMetadata after(ContainerMetadata before, MetadataEvent event) throws MetadataRefused {
        boolean answered = event instanceof MetadataEvent.MarkDirty
                || event instanceof MetadataEvent.MemberFailed
                || event instanceof MetadataEvent.BadBlocksFound;
        try {
            return before.apply(event);
        } catch (MetadataRefused refused) {
            if (answered) {
                throw refused;
            }
            complaints.accept(refused.sentence());
            return before;
        }
    }

    private static Set<String> words(String list) {
        return new HashSet<>(List.of(list.split(",", -1)));
    }

    /** The value without its newline; empty where the attribute is gone. */
    private Optional<String> read(String path) throws IOException {
        try {
            String value = attributes.read(path);
            return Optional.of(value.endsWith("\n") ? value.substring(0, value.length() - 1) : value);
        } catch (AttributeRefused gone) {
            return Optional.empty();
        }
    }

    private boolean store(Reply reply) throws IOException {
        try {
            attributes.write(reply.path(), reply.value());
            return true;
        } catch (AttributeRefused refused) {
            return false;
        }
    }
}
