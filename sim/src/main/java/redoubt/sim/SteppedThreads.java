package redoubt.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Semaphore;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import redoubt.base.Parking;
import redoubt.base.Step;
import redoubt.base.Threads;
import redoubt.base.Worker;
import redoubt.base.WorkerFactory;

/**
 * Stepped workers whose steps may block: each has a thread, but only one thread of all runs at a time, chosen from a seed. The baton goes
 * back to the driver when a step ends or when it waits in {@link #parking()} or {@link #hold}, so a run is repeated exactly by its seed.
 *
 * <p>The factory may refuse ({@link #allow}) or hang ({@link #hangCreation}); then the worker that asks for another one stands still inside
 * the call, as the manager of a pool does when the daemon that makes threads is itself stuck.
 *
 * <p>One thread drives. What the threads share needs no lock: the semaphores that pass the baton order everything.
 */
public final class SteppedThreads implements WorkerFactory, AutoCloseable {

    private final SplittableRandom random;
    private final SteppedTime time;
    private final Thread driver = Thread.currentThread();
    private final Semaphore drive = new Semaphore(0);
    private final List<Place> places = new ArrayList<>();
    private int startable = Integer.MAX_VALUE;
    private int refused;
    private boolean hanging;
    private boolean ended;
    private @Nullable Throwable fault; // what a step threw: the driver throws it on

    /** Unwinds a thread that still waits when the simulation is closed. */
    private static final class Ended extends Error {
        Ended() {
            super("the simulation is over", null, false, false);
        }
    }

    /** Makes a scheduler whose choices follow from the seed; limits of waits are measured on {@code time}. */
    public SteppedThreads(long seed, SteppedTime time) {
        random = new SplittableRandom(seed);
        this.time = time;
    }

    @Override
    public Worker start(String name, Step step) {
        if (hanging) {
            hold(() -> !hanging);
        }
        if (startable == 0) {
            refused++;
            throw new OutOfMemoryError("there is no thread to give, says the test");
        }
        startable--;
        return place(name, step, false);
    }

    /** A thread from outside that does one thing, for instance flush a queue. */
    public void spawn(String name, Runnable body) {
        place(
                        name,
                        () -> {
                            body.run();
                            return false;
                        },
                        true)
                .ready = true;
    }

    private Place place(String name, Step step, boolean once) {
        Place place = new Place(name, step, once);
        places.add(place);
        place.thread = Threads.start("stepped-" + name, place::run);
        return place;
    }

    @Override
    public Parking parking() {
        return (until, nanos) -> {
            long now = time.nanos();
            long deadline = nanos > Long.MAX_VALUE - now ? Long.MAX_VALUE : now + nanos;
            hold(() -> until.getAsBoolean() || time.nanos() >= deadline);
        };
    }

    /** Stands still until {@code until} is true; on the driver's thread, drives the others until it is. */
    public void hold(BooleanSupplier until) {
        Place self = current();
        if (self != null) {
            self.hold(until);
            return;
        }
        while (!until.getAsBoolean()) {
            if (!runOne() && !until.getAsBoolean()) {
                throw new IllegalStateException("nothing is left to run, and what is awaited has not come");
            }
        }
    }

    private @Nullable Place current() {
        Thread thread = Thread.currentThread();
        if (thread == driver) {
            return null;
        }
        for (Place place : places) {
            if (thread.equals(place.thread)) {
                return place;
            }
        }
        throw new IllegalStateException("a thread that is not stepped waits for stepped ones: " + thread.getName());
    }

    /** From now on only so many more workers can be started. */
    public void allow(int more) {
        startable = more;
    }

    /** How often somebody asked for a worker in vain. */
    public int refused() {
        return refused;
    }

    /** Whether from now on whoever asks for a worker stands still until this is taken back. */
    public void hangCreation(boolean hang) {
        hanging = hang;
    }

    /** How many workers were started and not closed. */
    public int open() {
        int open = 0;
        for (Place place : places) {
            if (!place.closed && !place.once) {
                open++;
            }
        }
        return open;
    }

    /** Lets one thread go on: one step, or what is left of a step that waited. */
    public boolean runOne() {
        List<Place> able = new ArrayList<>();
        for (Place place : places) {
            if (place.able()) {
                able.add(place);
            }
        }
        while (!able.isEmpty()) {
            Place place = able.remove(random.nextInt(able.size()));
            boolean waited = place.until != null;
            place.turn.release();
            drive.acquireUninterruptibly();
            if (fault != null) {
                Throwable thrown = fault;
                fault = null;
                throw new AssertionError("a step of " + place.name + " threw", thrown);
            }
            if (waited || place.once || place.ready || place.until != null) {
                return true;
            }
        }
        return false;
    }

    /**
     * Runs until nobody can go on.
     *
     * @param limit steps after which something is going round in circles
     */
    public void runAll(int limit) {
        for (int steps = 0; runOne(); steps++) {
            if (steps > limit) {
                throw new IllegalStateException("workers are still busy after " + limit + " steps");
            }
        }
    }

    /** Time goes on in small pieces, with one beat behind each, and everybody goes on after it. */
    public void advance(long nanos, long pieceNanos) {
        runAll(1_000_000);
        for (long gone = 0; gone < nanos; gone += pieceNanos) {
            time.pause(Math.min(pieceNanos, nanos - gone));
            runAll(1_000_000);
        }
    }

    /** Ends every thread, also those that wait. */
    @Override
    public void close() {
        ended = true;
        for (Place place : places) {
            place.turn.release();
        }
    }

    private final class Place implements Worker {
        private final String name;
        private final Step step;
        private final boolean once;
        private final Semaphore turn = new Semaphore(0);
        private @Nullable Thread thread;
        private boolean ready;
        private boolean inStep;
        private boolean closed;
        private @Nullable BooleanSupplier until; // set while it waits inside a step

        Place(String name, Step step, boolean once) {
            this.name = name;
            this.step = step;
            this.once = once;
        }

        boolean able() {
            BooleanSupplier awaited = until;
            return awaited != null ? awaited.getAsBoolean() : ready && !closed;
        }

        void run() {
            while (true) {
                turn.acquireUninterruptibly();
                if (ended) {
                    return;
                }
                ready = false;
                inStep = true;
                try {
                    if (step.run()) {
                        ready = true;
                    }
                } catch (Ended over) {
                    return;
                } catch (RuntimeException | Error thrown) {
                    fault = thrown;
                } finally {
                    inStep = false;
                }
                if (once) {
                    closed = true;
                }
                drive.release();
            }
        }

        void hold(BooleanSupplier awaited) {
            if (ended) {
                throw new Ended();
            }
            if (awaited.getAsBoolean()) {
                return;
            }
            until = awaited;
            drive.release();
            turn.acquireUninterruptibly();
            until = null;
            if (ended) {
                throw new Ended();
            }
        }

        @Override
        public void wake() {
            ready = true;
        }

        @Override
        public boolean isCurrent() {
            return inStep && Thread.currentThread().equals(thread);
        }

        @Override
        public void close() {
            closed = true;
        }
    }
}
