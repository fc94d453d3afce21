package redoubt.assembly;

import redoubt.kernfs.KernfsOptions;
import redoubt.workqueue.WaitGraph;
import redoubt.workqueue.Waits;

/**
 * What the parts of a running engine may wait for, and who waits for them while memory is short: the declaration of everything between a
 * write and the disks. It is checked whenever an assembly is made, before there is a thread, and in the tests. Who adds a queue to the
 * engine, or a wait to a part, adds it here; if that closes a circle, the engine does not start.
 */
final class EngineWaits {

    static final String WRITE = "write";
    static final String DIRTY_MARK = "dirty mark";
    static final String FAILURE_RECORD = "record of a failure";
    static final String CONTAINER_QUEUE = "container queue";
    static final String LANE = "lane of a member";
    static final String HEARTBEAT = "heartbeat";
    static final String MEMORY = "memory";

    /** An item of a container's queue is a step, and waits for nothing. */
    static final Waits OF_CONTAINER_QUEUE = Waits.forNothing().neededBy(WRITE, DIRTY_MARK, FAILURE_RECORD);

    private EngineWaits() {}

    /**
     * All of them.
     *
     * @throws IllegalStateException if they form a circle
     */
    static WaitGraph graph() {
        WaitGraph graph = new WaitGraph();
        // A beat looks and marks; whoever it wakes does the rest.
        graph.declare(HEARTBEAT, Waits.forNothing());
        // A call into the kernel that does not come back is given up by the beat, so a lane ends when that does.
        graph.declare(LANE, Waits.on(HEARTBEAT).neededBy(WRITE));
        graph.declare(CONTAINER_QUEUE, OF_CONTAINER_QUEUE);
        // A daemon outside is not in the graph, although marks may be asked of it: it may wait for anything, a write
        // among it, and the
        // beat ends the wait for it at the deadline. Only a user who gives it no deadline has Linux' circle.
        graph.declare(DIRTY_MARK, Waits.on(CONTAINER_QUEUE, LANE, HEARTBEAT).neededBy(WRITE));
        graph.declare(FAILURE_RECORD, Waits.on(CONTAINER_QUEUE, LANE, HEARTBEAT).neededBy(WRITE));
        // Who mounts the attribute tree allocates with its lock in hand, and memory may be given back by a write only:
        // so no
        // write may ever wait for what is told from kernfs_wq, rescuer or not.
        graph.declare(MEMORY, Waits.on(WRITE));
        graph.declare(KernfsOptions.SUPERS_LOCK, Waits.on(MEMORY));
        graph.declare(KernfsOptions.QUEUE, KernfsOptions.queuePlan().waits());
        return graph;
    }
}
