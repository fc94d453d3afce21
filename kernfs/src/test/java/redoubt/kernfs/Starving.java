package redoubt.kernfs;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import redoubt.base.Step;
import redoubt.base.ThreadHeartbeat;
import redoubt.base.Worker;
import redoubt.base.WorkerFactory;
import redoubt.workqueue.Report;
import redoubt.workqueue.Workqueues;
import redoubt.workqueue.WorkqueuesOptions;

/** Workqueues with real threads on one processor, until there are no more threads to give. */
final class Starving implements WorkerFactory, AutoCloseable {

    private final ThreadHeartbeat heartbeat = new ThreadHeartbeat(2_000_000);
    final List<Report> reports = new CopyOnWriteArrayList<>();
    private volatile boolean famine;
    final Workqueues queues = new Workqueues(heartbeat, this, WorkqueuesOptions.of(1, reports::add));

    void begin() {
        famine = true;
    }

    void end() {
        famine = false;
    }

    @Override
    public Worker start(String name, Step step) {
        if (famine) {
            throw new OutOfMemoryError("unable to create native thread, says the test");
        }
        return WorkerFactory.threads().start(name, step);
    }

    @Override
    public void close() {
        queues.close();
        heartbeat.close();
    }
}
