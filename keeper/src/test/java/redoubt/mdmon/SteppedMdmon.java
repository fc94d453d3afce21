package redoubt.mdmon;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import redoubt.base.Clock;
import redoubt.base.Threads;
import redoubt.block.BlockDevice;
import redoubt.block.BlockLimits;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoStatus;
import redoubt.control.AttributeRefused;
import redoubt.control.Attributes;
import redoubt.keeper.Incarnation;
import redoubt.keeper.SteppedDaemon;
import redoubt.kernfs.KernfsDirectory;
import redoubt.metadata.imsm.ImsmFormat;
import redoubt.testkit.Asked;
import redoubt.testkit.Asker;
import redoubt.testkit.TreeAttributes;

/**
 * The daemon itself, in steps. It runs on a thread of its own, which goes on only when it is given its turn, before everything that it does: a
 * read or a store of an attribute, a request at a door. Whoever gives the turns waits until it asks for the next one, so only one of the two
 * ever runs.
 */
public final class SteppedMdmon implements SteppedDaemon {

    /** Thrown into the daemon when the test is over. */
    private static final class Over extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    private static final Duration END_LIMIT = Duration.ofSeconds(60);

    private final Semaphore daemonsTurn = new Semaphore(0);
    private final Semaphore testsTurn = new Semaphore(0);
    private final KernfsDirectory tree;
    private final Supplier<Incarnation> incarnation;
    private final Clock clock;
    private final Thread thread;
    private final List<Asker> askers = new ArrayList<>();
    public final List<String> did = new ArrayList<>();
    public final List<String> complaints = new ArrayList<>();
    private BooleanSupplier ready = () -> true; // what it waits for
    private volatile boolean over;
    private boolean ended;
    private Mdmon.@Nullable End end;
    private @Nullable Throwable failure;
    private int actions;
    private int stopAfter = Integer.MAX_VALUE;

    /**
     * Starts it, up to its first action.
     *
     * @param tree with {@code daemons/enter}, which plants the daemon's own tree
     * @param incarnation what the engine has made of it, once it has come in
     */
    public SteppedMdmon(String name, KernfsDirectory tree, Supplier<Incarnation> incarnation, Clock clock) {
        this.tree = tree;
        this.incarnation = incarnation;
        this.clock = clock;
        thread = Threads.start("stepped-mdmon", () -> live(name));
        testsTurn.acquireUninterruptibly();
    }

    private void live(String name) {
        try {
            Mdmon daemon = Mdmon.enter(
                    new Mdmon.Terms("md127", name, Path.of("none"), Long.MAX_VALUE),
                    new ImsmFormat(),
                    new Mdmon.Engine() {
                        @Override
                        public Attributes attributes() {
                            return new Turns();
                        }

                        @Override
                        public BlockDevice door(String daemonName, int disk) {
                            return new Door(incarnation.get().door(disk));
                        }
                    },
                    clock,
                    complaints::add);
            Optional<Monitor> monitor = daemon.begin(new Turns());
            end = monitor.isPresent() ? monitor.get().run() : Mdmon.End.FENCED;
        } catch (Over testIsOver) {
            end = null;
        } catch (Mdmon.Refused | IOException | AttributeRefused | RuntimeException unexpected) {
            failure = unexpected;
        } finally {
            ended = true;
            testsTurn.release();
        }
    }

    /** Waits for a turn, and until the condition holds. On the daemon's thread. */
    private void turn(BooleanSupplier until) {
        if (!over) {
            ready = until;
            testsTurn.release();
            daemonsTurn.acquireUninterruptibly();
        }
        if (over) { // again and again, where it wants to leave in good order
            throw new Over();
        }
    }

    private void action(String what) {
        turn(() -> true);
        did.add(what);
    }

    // ---------------------------------------------------------------------------------------------- for the test

    /** How it ended; null as long as it lives. */
    public Mdmon.@Nullable End end() {
        return end;
    }

    @Override
    public Incarnation incarnation() {
        return incarnation.get();
    }

    @Override
    public void stopAfter(int count) {
        stopAfter = count;
    }

    @Override
    public void goOn() {
        stopAfter = Integer.MAX_VALUE;
    }

    @Override
    public int actions() {
        return actions;
    }

    @Override
    public boolean runOne() throws Exception {
        Throwable unexpected = failure;
        if (unexpected != null) {
            throw new AssertionError("the daemon failed", unexpected);
        }
        if (ended || actions >= stopAfter || !ready.getAsBoolean()) {
            return false;
        }
        actions++;
        daemonsTurn.release();
        testsTurn.acquireUninterruptibly();
        return true;
    }

    @Override
    public void close() {
        over = true;
        if (!ended) {
            daemonsTurn.release();
        }
        try {
            if (!thread.join(END_LIMIT)) {
                throw new AssertionError("the daemon's thread does not end, and keeps all that it sees");
            }
        } catch (InterruptedException e) {
            throw new AssertionError("the test was interrupted", e);
        }
    }

    // ---------------------------------------------------------------------------------------------- its world

    /** Attributes, each read and each store of which takes a turn. */
    private final class Turns implements Attributes {
        private final TreeAttributes attributes = new TreeAttributes(tree);
        private Optional<Change> pending = Optional.empty();

        @Override
        public String read(String path) throws AttributeRefused {
            action("read " + path);
            return attributes.read(path);
        }

        @Override
        public void write(String path, String value) throws AttributeRefused {
            action("store " + value);
            attributes.write(path, value);
        }

        @Override
        public List<Entry> list(String path) throws AttributeRefused {
            return attributes.list(path);
        }

        @Override
        public String readlink(String path) throws AttributeRefused {
            return attributes.readlink(path);
        }

        @Override
        public void watch(String path) throws AttributeRefused {
            attributes.watch(path);
        }

        @Override
        public Optional<Change> awaitChange(long limitNanos) {
            long deadline = limitNanos >= Long.MAX_VALUE - clock.nanos() ? Long.MAX_VALUE : clock.nanos() + limitNanos;
            if (!changed() && limitNanos > 0) {
                turn(() -> changed() || clock.nanos() >= deadline);
            }
            Optional<Change> change = pending;
            pending = Optional.empty();
            return change;
        }

        private boolean changed() {
            if (pending.isEmpty()) {
                pending = attributes.changeNow();
            }
            return pending.isPresent() || attributes.wasWoken();
        }

        @Override
        public void wake() {
            attributes.wake();
        }

        @Override
        public void close() {
            attributes.close();
        }
    }

    /** A door, each request at which takes a turn, and its end another. */
    private final class Door implements BlockDevice {
        private final BlockDevice device;
        private final Asker asker;

        private Door(BlockDevice device) {
            this.device = device;
            this.asker = new Asker(device);
            askers.add(asker);
        }

        @Override
        public BlockLimits limits() {
            return device.limits();
        }

        @Override
        public void submit(IoRequest request) {
            action(request.operation() + " at a door");
            int length = (int) request.length();
            byte[] content = null;
            if (request.operation() == IoOperation.WRITE) {
                content = new byte[length];
                MemorySegment.copy(
                        request.buffer().segment(),
                        ValueLayout.JAVA_BYTE,
                        request.buffer().position(),
                        content,
                        0,
                        length);
            }
            Asked asked = asker.start(request.operation(), request.offset(), length, request.flags(), content);
            while (!asked.settled()) {
                turn(asked::settled);
            }
            IoStatus how = asked.await();
            if (how.ok() && request.operation() == IoOperation.READ) {
                byte[] came = asked.content();
                MemorySegment.copy(
                        came,
                        0,
                        request.buffer().segment(),
                        ValueLayout.JAVA_BYTE,
                        request.buffer().position(),
                        length);
            }
            asked.free();
            request.complete(how);
        }

        @Override
        public void close() {}
    }
}
