package redoubt.assembly;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import redoubt.workqueue.WaitGraph;
import redoubt.workqueue.Waits;

/** What the production parts declare has no circle, and a circle would be found. */
class EngineWaitsTest {

    @Test
    void theDeclaredWaitsOfTheEngineFormNoCircle() {
        assertThat(EngineWaits.graph().waits())
                .contains(
                        "write -> dirty mark",
                        "write -> record of a failure",
                        "dirty mark -> container queue",
                        "lane of a member -> heartbeat")
                .noneMatch(wait -> wait.startsWith(EngineWaits.CONTAINER_QUEUE + " ->"))
                .noneMatch(wait -> wait.startsWith(EngineWaits.HEARTBEAT + " ->"));
    }

    /** The hang of 2023: the container's queue waits for a daemon, and the daemon for memory that a write would free. */
    @Test
    void aStepThatWaitedForADaemonWouldBeRefused() {
        WaitGraph graph = EngineWaits.graph();
        graph.declare("daemon", Waits.on("memory"));
        graph.declare("memory", Waits.on(EngineWaits.WRITE));
        assertThatThrownBy(() -> graph.declare(EngineWaits.CONTAINER_QUEUE, Waits.on("daemon")))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("container queue -> daemon -> memory -> write");
    }

    /** A daemon that is woken from the queue of the attribute tree: a rescuer does not help, because who mounts may hold it up. */
    @Test
    void aWriteMayNotDependOnTheQueueOfTheAttributeTree() {
        WaitGraph graph = EngineWaits.graph();
        assertThatThrownBy(() -> graph.declare(EngineWaits.DIRTY_MARK, Waits.on("kernfs_wq")))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("kernfs_wq -> supers lock -> memory -> write");
    }

    /** And so is a queue without a rescuer on the way of a write. */
    @Test
    void aWriteMayNotDependOnASystemQueue() {
        WaitGraph graph = EngineWaits.graph();
        graph.declare("events", Waits.forNothing(), false);
        assertThatThrownBy(() -> graph.declare(EngineWaits.DIRTY_MARK, Waits.on("events")))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("without a rescuer");
    }
}
