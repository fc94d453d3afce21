package redoubt.personality;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import redoubt.base.Step;
import redoubt.base.Worker;
import redoubt.base.WorkerFactory;
import redoubt.testkit.PowerRail;
import redoubt.testkit.SimulatedMember;

/**
 * The other threads, for tests: takes what disks have to do and does it in a random order, some of it inside the call. The randomness is
 * seeded; the order in which threads come is not. As a factory of workers it runs one step for each wake, several at once if it comes to
 * that, which a {@link SimulatedMember} allows.
 */
final class Shaker implements WorkerFactory, AutoCloseable {

    private final Random random;
    private final List<Runnable> todo = new ArrayList<>();
    private final List<Thread> threads = new ArrayList<>();
    private final int inlinePercent;
    private boolean closed;
    private boolean held;

    /**
     * Starts the threads.
     *
     * @param inlinePercent how many of a hundred are done inside the call
     */
    Shaker(long seed, int threadCount, int inlinePercent) {
        this.random = new Random(seed);
        this.inlinePercent = inlinePercent;
        for (int i = 0; i < threadCount; i++) {
            Thread thread = Thread.ofPlatform().name("shaker-" + i).daemon(true).unstarted(this::run);
            threads.add(thread);
            thread.start();
        }
    }

    /** A disk of zeroes whose requests end in any order; what hangs there is given up soon. */
    SimulatedMember disk(long bytes) {
        return disk(new byte[(int) bytes]);
    }

    /** The same, with this on it. */
    SimulatedMember disk(byte[] image) {
        long seed;
        synchronized (this) {
            seed = random.nextLong();
        }
        return new SimulatedMember("disk", image, Rig.BLOCK, PowerRail.steady(), seed)
                .withoutCache()
                .servedBy(this)
                .givenUpBy(this::later);
    }

    @Override
    public Worker start(String name, Step step) {
        return new Worker() {
            @Override
            public void wake() {
                later(step::run);
            }

            @Override
            public boolean isCurrent() {
                return false;
            }

            @Override
            public void close() {}
        };
    }

    /** Does it, now or later, here or there. */
    void later(Runnable what) {
        synchronized (this) {
            if (held || random.nextInt(100) >= inlinePercent) {
                todo.add(what);
                notifyAll();
                return;
            }
        }
        what.run();
    }

    /** Nothing is done from here on, until {@link #letGo}. */
    synchronized void hold() {
        held = true;
    }

    /** Undoes {@link #hold}. */
    synchronized void letGo() {
        held = false;
        notifyAll();
    }

    /** How much waits to be done. */
    synchronized int waiting() {
        return todo.size();
    }

    private void run() {
        while (true) {
            Runnable what;
            synchronized (this) {
                while (held || todo.isEmpty()) {
                    if (closed) {
                        return;
                    }
                    try {
                        wait();
                    } catch (InterruptedException interrupted) {
                        return;
                    }
                }
                what = todo.remove(random.nextInt(todo.size()));
            }
            what.run();
        }
    }

    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            held = false;
            notifyAll();
        }
        for (Thread thread : threads) {
            try {
                thread.join(5000);
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
