package redoubt.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import redoubt.base.Parking;
import redoubt.base.Step;
import redoubt.base.Worker;
import redoubt.base.WorkerFactory;

/**
 * Workers without threads: whoever drives the simulation runs their steps, one at a time, in an order that comes from a seed. One thread
 * drives; a {@link Worker#wake} only says that a worker may have something to do.
 */
public final class SteppedWorkers implements WorkerFactory {

    private final SplittableRandom random;
    private final List<SteppedWorker> workers = new ArrayList<>();
    private int startable = Integer.MAX_VALUE;
    private long stepsTaken;

    /** Makes a scheduler whose choices follow from the seed. */
    public SteppedWorkers(long seed) {
        random = new SplittableRandom(seed);
    }

    @Override
    public Worker start(String name, Step step) {
        if (startable == 0) {
            throw new OutOfMemoryError("there is no thread to give, says the test");
        }
        startable--;
        SteppedWorker worker = new SteppedWorker(name, step);
        workers.add(worker);
        return worker;
    }

    /** Whoever waits drives the workers meanwhile; when they have nothing left to do, what is awaited will never come. */
    @Override
    public Parking parking() {
        return (until, nanos) -> {
            while (!until.getAsBoolean()) {
                if (!runOne() && !until.getAsBoolean()) {
                    throw new IllegalStateException(
                            "no worker has anything left to do, and what is awaited has not come");
                }
            }
        };
    }

    /** From now on only so many more workers can be started: a famine of threads. */
    public void allow(int more) {
        startable = more;
    }

    /** How many pieces of work were done so far; together with the seed it names a moment of a run. */
    public long stepsTaken() {
        return stepsTaken;
    }

    /** How many workers were started and not closed. */
    public int open() {
        int open = 0;
        for (SteppedWorker worker : workers) {
            if (!worker.closed) {
                open++;
            }
        }
        return open;
    }

    /**
     * Runs one step of one worker that was woken.
     *
     * @return whether any worker had something to do
     */
    public boolean runOne() {
        List<SteppedWorker> ready = new ArrayList<>();
        for (SteppedWorker worker : workers) {
            if (worker.ready && !worker.closed) {
                ready.add(worker);
            }
        }
        while (!ready.isEmpty()) {
            SteppedWorker worker = ready.remove(random.nextInt(ready.size()));
            worker.ready = false;
            worker.running = true;
            try {
                if (worker.step.run()) {
                    worker.ready = true;
                    stepsTaken++;
                    return true;
                }
            } finally {
                worker.running = false;
            }
        }
        return false;
    }

    /**
     * Runs steps until no worker has anything left to do.
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

    private static final class SteppedWorker implements Worker {
        private final String name;
        private final Step step;
        private volatile boolean ready;
        private boolean running;
        private volatile boolean closed;

        SteppedWorker(String name, Step step) {
            this.name = name;
            this.step = step;
        }

        @Override
        public void wake() {
            ready = true;
        }

        @Override
        public boolean isCurrent() {
            return running;
        }

        @Override
        public void close() {
            closed = true;
        }

        @Override
        public String toString() {
            return name;
        }
    }
}
