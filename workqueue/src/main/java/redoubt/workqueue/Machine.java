package redoubt.workqueue;

import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import redoubt.base.Clock;
import redoubt.base.WorkerFactory;

/**
 * What queues and pools are given from outside.
 *
 * @param timers absent for a queue without a heartbeat, which has no delayed work
 * @param reports who is told what went wrong; called from any thread, must not block
 */
record Machine(Clock clock, @Nullable Timers timers, WorkerFactory workers, Consumer<Report> reports) {

    /** For every wait that the room itself makes: no thread of ours is silent for longer. */
    static final long REHEARSAL_LIMIT_NANOS = 30_000_000_000L;
}
