package redoubt.mdmon;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import redoubt.base.Clock;
import redoubt.base.Threads;
import redoubt.block.BlockDevice;
import redoubt.control.AttributeRefused;
import redoubt.control.Attributes;
import redoubt.metadata.ContainerMetadata;
import redoubt.metadata.MetadataFormat;
import redoubt.metadata.SlotPicture;

/**
 * The metadata daemon of one container, from its coming to its end. It enters the engine under a name of its own ({@code daemons/enter}), which
 * gives it a tree of attributes and a door to each disk, and has no other way to anything.
 *
 * <p><b>Coming.</b> It reads the metadata at its doors until the engine calls it current; then nobody else writes, and what it reads once
 * more is what it goes on with. As long as another one keeps the metadata it waits and reads again, so it can stand by to follow.
 *
 * <p><b>Going.</b> Told to end, it has the arrays become clean as fast as they can ({@code safe_mode_delay}), leaves when none of them is dirty, and
 * says so, so that no write has to wait for the deadline. An array that is kept busy keeps it for so long and no longer. A daemon that was fenced is
 * no daemon any more: what it remembers is stale, and another one has to be started.
 *
 * <p><b>Threads.</b> {@link #run} is the manager; it starts the {@link Monitor}, on whom writes wait, and a thread for the command socket. {@link
 * #terminate} may be called by any. Under a shortage of memory nothing is promised here: the engine's deadline is the promise.
 */
public final class Mdmon {

    /** How a daemon ended. */
    public enum End {
        /** It was told to, and left with nothing dirty, or with its time over. */
        LEFT,
        /** Its arrays were stopped, or the engine is about to stop them: that does not need a daemon for it. */
        STOPPED,
        /** It missed its deadline: the engine keeps the metadata, until another daemon comes. Its tree may be gone by then. */
        FENCED,
        /** The engine does not answer any more. */
        ENGINE_GONE,
        /** It cannot write to a member that the engine counts on, and leaves the metadata to the engine. */
        CANNOT_WRITE
    }

    /** Why a daemon did not begin. */
    public static final class Refused extends Exception {
        private static final long serialVersionUID = 1;

        Refused(String sentence) {
            super(sentence);
        }

        /** The reason. */
        public String sentence() {
            return String.valueOf(getMessage());
        }
    }

    /**
     * What it is to keep.
     *
     * @param container its name in the tree, such as md127
     * @param name what this run of the daemon calls itself: never used before
     * @param runDirectory where its pid file and its command socket are; made if it is not there
     * @param busyNanos how long a busy array may keep it from leaving
     */
    public record Terms(String container, String name, Path runDirectory, long busyNanos) {}

    /** Ways to the engine. */
    public interface Engine {
        /** A way to its attributes, for one thread. */
        Attributes attributes() throws IOException;

        /** The door of a daemon to a disk, by the disk's number. */
        BlockDevice door(String daemon, int disk) throws IOException;
    }

    static final String FENCED = "fenced";
    static final String CURRENT = "current";

    /** What becomes of the engine, and what it says until it is stopped. */
    static final String ENGINE_STATE = "serve/state";

    static final String ENGINE_SERVES = "serving";

    private static final Pattern DISK = Pattern.compile("nvme([0-9]{1,3})n1");
    private static final long READ_AGAIN_NANOS = 200_000_000L;
    private static final long SLEEP_NANOS = 3_600_000_000_000L;
    private static final long MONITOR_LIMIT_NANOS = 120_000_000_000L;
    private static final int TRIES = 50;
    private static final String LEAVE = "/leave";
    private static final long SAFE_MODE_LEAST_MILLIS = 50;
    private static final String SAFE_MODE_DELAY = "safe_mode_delay";
    private static final String SAFE_MODE_USUAL = "5.000";
    private static final String SAFE_MODE_SHORTEST = "0.001";

    private final Terms terms;
    private final Engine engine;
    private final Clock clock;
    private final Consumer<String> complaints;
    private final String root;
    private final Attributes attributes; // the manager's
    private final MemberDisks disks;
    private final List<MemberArray> adopted = new ArrayList<>(); // the manager's
    private final TreeMap<String, String> delays = new TreeMap<>(); // the manager's: to be put back, by path
    private final java.util.concurrent.ConcurrentLinkedQueue<CountDownLatch> manageAsked =
            new java.util.concurrent.ConcurrentLinkedQueue<>();
    private final AtomicReference<@Nullable Monitor> monitor = new AtomicReference<>();
    private final AtomicReference<@Nullable End> ended = new AtomicReference<>(); // what the monitor says
    private volatile boolean terminating;

    private Mdmon(
            Terms terms,
            Engine engine,
            Attributes attributes,
            MemberDisks disks,
            Clock clock,
            Consumer<String> complaints) {
        this.terms = terms;
        this.engine = engine;
        this.attributes = attributes;
        this.disks = disks;
        this.clock = clock;
        this.complaints = complaints;
        this.root = root(terms);
    }

    private static String root(Terms terms) {
        return "daemons/" + terms.name();
    }

    /**
     * Comes in: from here on the engine knows of it. Nothing is kept by it before {@link #run}.
     *
     * @param complaints is told, in sentences, what does not go as it should; any thread
     * @throws Refused if the engine does not let it in, or its container is not there
     */
    public static Mdmon enter(
            Terms terms, MetadataFormat format, Engine engine, Clock clock, Consumer<String> complaints)
            throws Refused, IOException {
        Attributes attributes = engine.attributes();
        boolean known = false;
        boolean in = false;
        List<MemberDisks.Door> doors = new ArrayList<>();
        try {
            attributes.write("daemons/enter", terms.name());
            known = true;
            String container = root(terms) + "/block/" + terms.container() + "/md";
            String version = line(attributes.read(container + "/metadata_version"));
            if (!version.equals("external:" + format.name())) {
                throw new Refused("'%s' carries '%s' and not %s; name its container"
                        .formatted(terms.container(), version, format.name()));
            }
            Map<Integer, String> serials = serials(attributes, root(terms) + "/block");
            for (int disk = 0; disk < serials.size(); disk++) {
                doors.add(new MemberDisks.Door(engine.door(terms.name(), disk), serials.getOrDefault(disk, "")));
            }
            Mdmon daemon =
                    new Mdmon(terms, engine, attributes, new MemberDisks(format, doors, complaints), clock, complaints);
            in = true;
            return daemon;
        } catch (AttributeRefused refused) {
            throw new Refused("the engine does not let a daemon in: " + refused.sentence());
        } finally {
            if (!in) {
                if (known) {
                    leave(attributes, terms, complaints); // who has no door yet is missed by nobody
                }
                doors.forEach(door -> door.device().close());
                attributes.close();
            }
        }
    }

    private static void leave(Attributes attributes, Terms terms, Consumer<String> complaints) {
        try {
            attributes.write(root(terms) + LEAVE, "1");
        } catch (IOException | AttributeRefused gone) {
            complaints.accept(String.valueOf(gone.getMessage()));
        }
    }

    /** A daemon finds the container's disks under NVMe's names, by number, each with its serial. */
    private static Map<Integer, String> serials(Attributes attributes, String block)
            throws IOException, AttributeRefused {
        Map<Integer, String> serials = new TreeMap<>();
        for (Attributes.Entry entry : attributes.list(block)) {
            Matcher disk = DISK.matcher(entry.name());
            if (disk.matches()) {
                String serial = line(attributes.read(block + '/' + entry.name() + "/device/serial"));
                serials.put(Integer.valueOf(disk.group(1)), serial);
            }
        }
        return serials;
    }

    /** Ends as soon as no array is dirty. Any thread; does not wait. */
    public void terminate() {
        terminating = true;
        attributes.wake();
    }

    /**
     * Keeps the metadata until there is an end.
     *
     * @param keeping called once, when it is the one who keeps it
     * @throws Refused if it is not needed here: another one with this run directory answers
     */
    public End run(Runnable keeping) throws Refused, IOException {
        boolean over = false;
        try {
            End end = keepWithFiles(keeping);
            over = true;
            return end;
        } finally {
            if (!over) {
                leave(attributes, terms, complaints);
            }
            disks.close();
            attributes.close();
        }
    }

    private End keepWithFiles(Runnable keeping) throws Refused, IOException {
        try (RunFiles files = RunFiles.make(terms.runDirectory(), terms.container());
                CommandSocket _ = CommandSocket.open(files.socket(), new CommandSocket.Commands() {
                    @Override
                    public boolean awaitMonitor(long limitNanos) {
                        return Mdmon.this.awaitMonitor(limitNanos);
                    }

                    @Override
                    public boolean awaitManager(long limitNanos) {
                        return Mdmon.this.awaitManager(limitNanos);
                    }
                })) {
            return keep(keeping);
        }
    }

    private End keep(Runnable keeping) throws IOException {
        try (Attributes ownWay = engine.attributes()) {
            Optional<Monitor> begun = begin(ownWay);
            if (begun.isEmpty()) {
                return left(terminating ? End.LEFT : End.FENCED);
            }
            Monitor watching = begun.get();
            CountDownLatch over = new CountDownLatch(1);
            Threads.start("mdmon-monitor", () -> {
                try {
                    ended.set(watching.run());
                } finally {
                    over.countDown();
                    attributes.wake();
                }
            });
            keeping.run();
            manageUntil(over, watching);
            End end = ended.get();
            return left(end == null ? End.CANNOT_WRITE : end);
        } catch (AttributeRefused refused) {
            complaints.accept(refused.sentence());
            return End.ENGINE_GONE;
        }
    }

    /**
     * Becomes the one who keeps the metadata, however long that takes, and looks for the arrays.
     *
     * @param ownWay for the monitor
     * @return the monitor, not started; empty if it was fenced, or told to end, before that
     */
    Optional<Monitor> begin(Attributes ownWay) throws IOException, AttributeRefused {
        Optional<ContainerMetadata> loaded = load();
        if (loaded.isPresent()) {
            monitor.set(new Monitor(ownWay, disks, loaded.get(), standing(), clock, complaints));
            manage();
        }
        return Optional.ofNullable(monitor.get());
    }

    // ---------------------------------------------------------------------------------------------- coming

    /** What the disks carry, once nobody else writes; empty if it was fenced, or told to end, before that. */
    private Optional<ContainerMetadata> load() throws IOException, AttributeRefused {
        attributes.watch(standing());
        int tries = 0;
        while (!terminating) {
            Optional<ContainerMetadata> read = disks.load();
            String now = line(attributes.read(standing()));
            if (now.equals(FENCED)) {
                return Optional.empty();
            }
            if (now.equals(CURRENT)) {
                read = disks.load(); // what was read before may have been read too early
                if (read.isPresent() && holdsAllMembers(read.get())) {
                    return read;
                }
                tries++;
                if (tries == TRIES) {
                    complaints.accept("the disks do not carry what the arrays say of them");
                    attributes.write(root + LEAVE, "1");
                    return Optional.empty();
                }
            }
            attributes.awaitChange(READ_AGAIN_NANOS);
        }
        return Optional.empty();
    }

    private String standing() {
        return root + "/standing";
    }

    /** Whether the disk of each member that counts was found: who was not read would be taken for missing. */
    private boolean holdsAllMembers(ContainerMetadata image) throws IOException, AttributeRefused {
        for (MemberArray array : find()) {
            List<SlotPicture> slots =
                    image.picture().volumes().get(array.index()).slots();
            for (MemberArray.Device device : array.devices()) {
                boolean counts = List.of(line(attributes.read(array.attribute(device, "state")))
                                .split(",", -1))
                        .contains("in_sync");
                if (counts
                        && (device.slot() >= slots.size()
                                || slots.get(device.slot()).disk().isEmpty())) {
                    return false;
                }
            }
        }
        return true;
    }

    // ---------------------------------------------------------------------------------------------- the manager

    private void manageUntil(CountDownLatch over, Monitor watching) throws IOException {
        Long since = null;
        while (over.getCount() > 0) {
            try {
                attributes.awaitChange(since == null ? SLEEP_NANOS : READ_AGAIN_NANOS);
                manage();
            } catch (AttributeRefused arrayGone) {
                complaints.accept(arrayGone.sentence());
            } catch (IOException engineGone) {
                awaitEnd(over); // the monitor meets the same, and says what it is
                return;
            }
            answerAsked();
            if (terminating && since == null) {
                since = clock.nanos();
                becomeCleanSoon();
                watching.terminate();
            }
            if (since != null && clock.nanos() - since > terms.busyNanos()) {
                complaints.accept("an array is busy, and dirty still; the engine takes it over");
                watching.hurry();
                awaitEnd(over);
                return;
            }
        }
    }

    /** The monitor ends when whatever it asks at a door is answered, or given up. */
    private static void awaitEnd(CountDownLatch over) throws IOException {
        try {
            if (!over.await(MONITOR_LIMIT_NANOS, TimeUnit.NANOSECONDS)) {
                throw new IOException("the monitor does not end");
            }
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Looks for arrays that nobody watches yet. */
    private void manage() throws IOException, AttributeRefused {
        if (adopted.isEmpty()) {
            attributes.watch(root + "/mdstat");
        }
        Monitor watching = monitor.get();
        for (MemberArray array : find()) {
            boolean known = adopted.stream().anyMatch(each -> each.name().equals(array.name()));
            if (!known && !terminating && watching != null) {
                adopted.add(array);
                keepSafeModeUsual(array);
                watching.adopt(array);
            }
        }
    }

    /** The arrays of this container that can be dirty. */
    private List<MemberArray> find() throws IOException, AttributeRefused {
        List<MemberArray> found = new ArrayList<>();
        for (MdstatLine line : MdstatLine.parse(attributes.read(root + "/mdstat"))) {
            boolean redundant = !line.level().equals("raid0") && !line.level().equals("linear");
            if (line.container().equals(terms.container()) && redundant) {
                String path = root + "/block/" + line.name() + "/md";
                found.add(new MemberArray(line.name(), path, line.index(), redundant, devices(path)));
            }
        }
        return found;
    }

    private List<MemberArray.Device> devices(String path) throws IOException, AttributeRefused {
        List<MemberArray.Device> devices = new ArrayList<>();
        for (Attributes.Entry entry : attributes.list(path)) {
            if (entry.name().startsWith("dev-") && entry.kind() == Attributes.Kind.DIRECTORY) {
                device(path, entry.name()).ifPresent(devices::add);
            }
        }
        return devices;
    }

    /** A member, unless it goes at this moment. */
    private Optional<MemberArray.Device> device(String path, String entry) throws IOException {
        String device = path + '/' + entry;
        try {
            String slot = line(attributes.read(device + "/slot"));
            return slot.matches("[0-9]{1,3}")
                    ? Optional.of(new MemberArray.Device(
                            entry.substring("dev-".length()),
                            Integer.parseInt(slot),
                            line(attributes.read(device + "/serial"))))
                    : Optional.empty();
        } catch (AttributeRefused gone) {
            return Optional.empty();
        }
    }

    /** A daemon that ended may have left the delay that it ends with. */
    private void keepSafeModeUsual(MemberArray array) throws IOException, AttributeRefused {
        String path = array.attribute(SAFE_MODE_DELAY);
        if (millis(line(attributes.read(path))) < SAFE_MODE_LEAST_MILLIS) {
            attributes.write(path, SAFE_MODE_USUAL);
        }
    }

    private static long millis(String seconds) {
        return seconds.matches("[0-9]{1,9}\\.[0-9]{3}") ? Long.parseLong(seconds.replace(".", "")) : 0;
    }

    private void becomeCleanSoon() throws IOException {
        for (MemberArray array : adopted) {
            String path = array.attribute(SAFE_MODE_DELAY);
            try {
                String before = line(attributes.read(path));
                attributes.write(path, SAFE_MODE_SHORTEST);
                delays.put(path, before);
            } catch (AttributeRefused gone) {
                complaints.accept(gone.sentence());
            }
        }
    }

    // ---------------------------------------------------------------------------------------------- going

    /** Puts back what it changed, and says that it goes. */
    private End left(End end) {
        if (end == End.LEFT || end == End.STOPPED || end == End.CANNOT_WRITE) {
            try {
                for (var delay : delays.entrySet()) {
                    attributes.write(delay.getKey(), delay.getValue());
                }
                attributes.write(root + LEAVE, "1");
            } catch (IOException | AttributeRefused gone) {
                complaints.accept(String.valueOf(gone.getMessage()));
            }
        }
        return end;
    }

    // ---------------------------------------------------------------------------------------------- for the command
    // socket

    private boolean awaitMonitor(long limitNanos) {
        Monitor watching = monitor.get();
        if (watching == null) {
            return true;
        }
        CountDownLatch looked = new CountDownLatch(1);
        watching.lookOnce(looked);
        return await(looked, limitNanos);
    }

    private boolean awaitManager(long limitNanos) {
        if (monitor.get() == null) {
            return true;
        }
        CountDownLatch managed = new CountDownLatch(1);
        manageAsked.add(managed);
        attributes.wake();
        return await(managed, limitNanos);
    }

    private void answerAsked() {
        CountDownLatch next;
        while ((next = manageAsked.poll()) != null) {
            next.countDown();
        }
    }

    private static boolean await(CountDownLatch latch, long limitNanos) {
        try {
            return latch.await(limitNanos, TimeUnit.NANOSECONDS);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private static String line(String value) {
        return value.endsWith("\n") ? value.substring(0, value.length() - 1) : value;
    }
}
