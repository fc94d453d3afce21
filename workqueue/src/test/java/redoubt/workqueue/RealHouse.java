package redoubt.workqueue;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import redoubt.base.ThreadHeartbeat;
import redoubt.base.WorkerFactory;

/** Workqueues with real threads, on two processors, and a heartbeat of two milliseconds. */
final class RealHouse implements AutoCloseable {

    static final long PERIOD_NANOS = 2_000_000L;

    final ThreadHeartbeat heartbeat = new ThreadHeartbeat(PERIOD_NANOS);
    final List<Report> reports = new CopyOnWriteArrayList<>();
    final Workqueues queues;

    RealHouse() {
        this(WorkerFactory.threads());
    }

    RealHouse(WorkerFactory workers) {
        queues = new Workqueues(heartbeat, workers, WorkqueuesOptions.of(2, reports::add));
    }

    @Override
    public void close() {
        queues.close();
        heartbeat.close();
    }
}
