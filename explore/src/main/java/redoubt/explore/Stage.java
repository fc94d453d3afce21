package redoubt.explore;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import redoubt.base.Parking;
import redoubt.base.Step;
import redoubt.base.Worker;
import redoubt.base.WorkerFactory;

/**
 * Where the tasks of a scenario run, one at a time and only when they are told: workers of the production rooms, made through the seam in
 * {@code redoubt.base}, and tasks of the scenario itself. Whoever drives sees who is able to go on and says who does; that one runs until its
 * step ends, or until it stands still in {@link #hold}, which is also where every wait of the production rooms ends up.
 *
 * <p>A wait that looks again by itself after some time (all of them do) is here one that looks when there is something to see, and its limit is
 * never over. So a wake-up that is lost is not found here; and none is needed for a verdict.
 *
 * <p>A step has a virtual thread of its own, which is why code that asks who it is is answered as in production. The semaphores that pass the
 * turn order everything, so nothing here needs a lock. One thread drives.
 */
final class Stage implements WorkerFactory, AutoCloseable {

    /** Unwinds a task that stands still when the scenario is over. */
    private static final class Over extends Error {
        private static final long serialVersionUID = 1;

        Over() {
            super("the scenario is over", null, false, false);
        }
    }

    private static final int FIRST_PID = 101;
    private static final int SETTLE_LIMIT = 100_000;

    private final Thread driver = Thread.currentThread();
    private final Semaphore driversTurn = new Semaphore(0);
    private final List<Task> tasks = new ArrayList<>();
    private final List<String> notes = new ArrayList<>();
    private WorkerCreation creation = new WorkerCreation();
    private boolean over;
    private @Nullable Throwable fault;

    /** What becomes of a request for a worker: as a class, so that a scenario can say it. */
    static class WorkerCreation {
        /** Returns when there is a thread to be had; throws if there is none. */
        void await() {}
    }

    /** From now on this is what becomes of requests for workers. */
    void creation(WorkerCreation becomes) {
        creation = becomes;
    }

    @Override
    public Worker start(String name, Step step) {
        creation.await();
        return add(new Task(name, FIRST_PID + tasks.size(), step, false));
    }

    /** A task of the scenario, which does one thing and ends. */
    Task spawn(String name, int pid, Runnable body) {
        Task task = add(new Task(
                name,
                pid,
                () -> {
                    body.run();
                    return false;
                },
                true));
        task.ready = true;
        return task;
    }

    private Task add(Task task) {
        tasks.add(task);
        return task;
    }

    @Override
    public Parking parking() {
        return (until, nanos) -> hold("", until);
    }

    /** All tasks there are, in the order in which they were made. */
    List<Task> tasks() {
        return tasks;
    }

    /** Who could go on. */
    List<Task> able() {
        List<Task> able = new ArrayList<>();
        for (Task task : tasks) {
            if (task.isAble()) {
                able.add(task);
            }
        }
        return able;
    }

    /** Who runs just now; null for the driver. */
    @Nullable
    Task current() {
        Thread thread = Thread.currentThread();
        for (Task task : tasks) {
            if (task.thread == thread) {
                return task;
            }
        }
        return null;
    }

    /**
     * Stands still until {@code until} is true.
     *
     * @param what what is waited for, in words; empty where the code that waits is the answer
     */
    void hold(String what, BooleanSupplier until) {
        if (!until.getAsBoolean()) {
            standStill(what, until);
        }
    }

    /** Lets others go first. */
    void pause() {
        standStill("", () -> true);
    }

    private void standStill(String what, BooleanSupplier until) {
        Task self = current();
        if (self == null) {
            settleUntil(until);
            return;
        }
        if (over) {
            throw new Over();
        }
        self.waitsFor = what;
        self.until = until;
        self.place = place();
        driversTurn.release();
        self.turn.acquireUninterruptibly();
        self.until = null;
        self.waitsFor = "";
        self.place = 0;
        if (over) {
            throw new Over();
        }
    }

    /** Where the calling task stands: every frame of ours, and the instruction in it, as a number. */
    private static int place() {
        return StackWalker.getInstance()
                .walk(frames -> frames.filter(frame -> frame.getClassName().startsWith("redoubt."))
                        .map(frame -> frame.getClassName() + frame.getMethodName() + frame.getByteCodeIndex())
                        .toList())
                .hashCode();
    }

    /** On the driver's thread: lets everybody go on, in turn, until something is true. */
    void settleUntil(BooleanSupplier until) {
        for (int steps = 0; !until.getAsBoolean(); steps++) {
            List<Task> able = able();
            if (able.isEmpty() || steps > SETTLE_LIMIT) {
                throw new IllegalStateException("nobody can go on, and what is awaited has not come");
            }
            step(able.get(steps % able.size()));
        }
    }

    /** Lets everybody go on until nobody can. */
    void settle() {
        settleUntil(() -> able().isEmpty());
    }

    /** Says what happened, for those who read the schedule. */
    void note(String what) {
        notes.add(what);
    }

    /** What was said since the last call. */
    List<String> takeNotes() {
        List<String> taken = List.copyOf(notes);
        notes.clear();
        return taken;
    }

    /** Lets one task go on: a step, or what is left of it, up to its end or to where it stands still. On the driver's thread. */
    void step(Task task) {
        if (Thread.currentThread() != driver) {
            throw new IllegalStateException("only one thread drives");
        }
        if (task.until == null) {
            task.ready = false;
            task.thread =
                    Thread.ofVirtual() // tidy: a stage is no data path, and its threads stand still by the thousand
                            .unstarted(() -> run(task));
            task.thread.start();
        } else {
            task.turn.release();
        }
        driversTurn.acquireUninterruptibly();
        Throwable thrown = fault;
        if (thrown != null) {
            fault = null;
            throw new IllegalStateException("a step of " + task.name() + " threw", thrown);
        }
    }

    private void run(Task task) {
        try {
            if (task.step.run()) {
                task.ready = true;
            }
        } catch (Over expected) {
            // it stood still when the scenario ended
        } catch (RuntimeException | Error thrown) {
            fault = over ? null : thrown;
        } finally {
            task.thread = null;
            task.closed |= task.once;
            driversTurn.release();
        }
    }

    /** Ends all that stands still. */
    @Override
    public void close() {
        over = true;
        for (Task task : List.copyOf(tasks)) {
            while (task.thread != null) {
                task.turn.release();
                driversTurn.acquireUninterruptibly();
            }
        }
    }

    /** One that runs: a worker, or an actor of the scenario. */
    static final class Task implements Worker {
        private final String name;
        private final int pid;
        private final Step step;
        private final boolean once;
        private final Semaphore turn = new Semaphore(0);
        private boolean ready;
        private boolean closed;
        private @Nullable BooleanSupplier until; // while it stands still
        private String waitsFor = "";

        @SuppressWarnings("UnusedVariable") // by the fingerprint
        private int place; // where it stands still

        private @Nullable Thread thread; // while it is in a step

        Task(String name, int pid, Step step, boolean once) {
            this.name = name;
            this.pid = pid;
            this.step = step;
            this.once = once;
        }

        String name() {
            return name;
        }

        int pid() {
            return pid;
        }

        /** What it waits for, if the scenario said so. */
        String waitsFor() {
            return waitsFor;
        }

        boolean isAble() {
            BooleanSupplier awaited = until;
            return awaited != null ? awaited.getAsBoolean() : ready && !closed;
        }

        /** Whether it stands still within a step. */
        boolean standsStill() {
            return until != null;
        }

        /** Whether it has done what it was there for. */
        boolean isOver() {
            return closed;
        }

        /** Where it stands, innermost first, in our own code; empty between two steps. What is of the stage, or below it, is left out. */
        List<StackTraceElement> frames() {
            Thread inside = thread;
            if (inside == null) {
                return List.of();
            }
            List<StackTraceElement> frames = new ArrayList<>();
            for (StackTraceElement frame : inside.getStackTrace()) {
                String type = frame.getClassName();
                if (type.startsWith("redoubt.") && !type.startsWith(Stage.class.getName())) {
                    frames.add(frame);
                }
            }
            return frames;
        }

        @Override
        public void wake() {
            ready = true;
        }

        @Override
        public boolean isCurrent() {
            return Thread.currentThread() == thread;
        }

        @Override
        public void close() {
            closed = true;
        }
    }
}
