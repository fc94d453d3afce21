package redoubt.md;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import redoubt.base.ArrayState;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoStatus;
import redoubt.sim.SteppedThreads;
import redoubt.sim.SteppedTime;
import redoubt.workqueue.Report;
import redoubt.workqueue.WaitGraph;
import redoubt.workqueue.Waits;
import redoubt.workqueue.Workqueue;
import redoubt.workqueue.Workqueues;
import redoubt.workqueue.WorkqueuesOptions;

/** md's flush through a queue of its own, as before Linux 6.12, and what that did in 2023; beside it, the same without. */
class FlushQueueTest {

    private static final long SEED = 11;
    private static final long MILLI = 1_000_000L;
    private static final long MINUTE = 60_000_000_000L;

    private final SteppedTime time = new SteppedTime();
    private final SteppedThreads threads = new SteppedThreads(SEED, time);
    private final List<Report> reports = new ArrayList<>();
    private final Workqueues queues = new Workqueues(time, threads, WorkqueuesOptions.of(1, reports::add));
    private final Workqueue md = queues.create(FlushQueue.plan());
    private final FlushQueue asBefore = new FlushQueue(md, threads.parking());

    @AfterEach
    void end() {
        queues.close();
        threads.close();
    }

    private void advance(long nanos, ArrayRig... rigs) {
        for (long gone = 0; gone < nanos; gone += 10 * MILLI) {
            threads.advance(10 * MILLI, 10 * MILLI);
            for (ArrayRig rig : rigs) {
                rig.run();
            }
        }
    }

    private static void endAll(ArrayRig rig) {
        rig.disks[0].endAll();
        rig.disks[1].endAll();
    }

    /** The methods that the rescuer of md's queue is in, innermost first, as "Class.method"; empty if it is not in an item. */
    private static List<String> stackOfTheRescuer() {
        return Thread.getAllStackTraces().entrySet().stream()
                .filter(each -> each.getKey().getName().equals("stepped-" + FlushQueue.NAME))
                .flatMap(each -> Arrays.stream(each.getValue()))
                .map(frame -> frame.getClassName().replaceAll(".*\\.", "") + "." + frame.getMethodName())
                .filter(frame -> frame.matches("(QueuedFlushes|PoolWorker|Rescuer)\\.(?!lambda).*"))
                .distinct()
                .toList();
    }

    /**
     * Goal: the second stack of the report of 2023, and what it holds up, can occur with the queue and cannot without. Method: no thread can be
     * made. A file system's log write comes to a clean array whose daemon does not answer; then somebody flushes another array, which is active
     * and has nothing to wait for.
     */
    @ParameterizedTest(name = "through a queue of its own: {0}")
    @ValueSource(booleans = {true, false})
    void aWriteThatWaitsForItsDaemonHoldsUpTheFlushesOfOthersOnlyThroughAQueueOfItsOwn(boolean queued) {
        ArrayRig waits = ArrayRig.ofOldMd(true, queued ? asBefore : null);
        ArrayRig other = ArrayRig.ofOldMd(false, queued ? asBefore : null);
        threads.runAll(1000);
        threads.allow(0);

        ArrayRig.Asked log = waits.ask(IoOperation.WRITE, IoRequest.FUA);
        advance(20 * MILLI, waits, other);
        endAll(waits); // the flush before the write
        advance(200 * MILLI, waits, other);
        assertThat(waits.array.view().state()).isEqualTo(ArrayState.WRITE_PENDING);
        assertThat(waits.keeper.asked).containsExactly("dirty");

        ArrayRig.Asked flush = other.ask(IoOperation.FLUSH);
        advance(MINUTE, waits, other);
        if (queued) {
            assertThat(stackOfTheRescuer())
                    .containsExactly(
                            "QueuedFlushes.writeStart",
                            "QueuedFlushes.submitFlushData",
                            "PoolWorker.runOne",
                            "PoolWorker.runScheduled",
                            "Rescuer.run",
                            "Rescuer.rescueOne",
                            "Rescuer.step");
            assertThat(other.disks[0].asked)
                    .as("the members of the other array")
                    .isEmpty();
            assertThat(reports)
                    .as("the wait for the dirty mark is declared")
                    .noneMatch(Report.UndeclaredWait.class::isInstance);
            waits.keeper.answer(true);
            advance(200 * MILLI, waits, other);
        } else {
            assertThat(stackOfTheRescuer()).isEmpty();
        }
        assertThat(other.disks[0].asked).containsExactly(IoOperation.FLUSH);
        endAll(other);
        advance(200 * MILLI, waits, other);
        assertThat(flush.ended).isTrue();
        if (!queued) {
            assertThat(log.ended).isFalse(); // a slot, and nobody's thread
            waits.keeper.answer(true);
            advance(20 * MILLI, waits, other);
        }
        endAll(waits);
        assertThat(log.ended).isTrue();
        assertThat(log.how).isEqualTo(IoStatus.OK);
        assertThat(waits.clean()).isTrue();
        assertThat(other.clean()).isTrue();
    }

    /** One flush at a time; who comes before it begins is served by it, who comes later by the next one. */
    @Test
    void whoComesBeforeAFlushBeginsIsServedByIt() {
        ArrayRig rig = ArrayRig.ofOldMd(false, asBefore);
        List<ArrayRig.Asked> early = List.of(rig.ask(IoOperation.FLUSH), rig.ask(IoOperation.FLUSH));
        advance(20 * MILLI, rig);
        ArrayRig.Asked late = rig.ask(IoOperation.FLUSH);
        advance(20 * MILLI, rig);
        assertThat(rig.disks[0].asked).hasSize(1);
        endAll(rig);
        advance(20 * MILLI, rig);
        assertThat(early).allMatch(asked -> asked.ended);
        assertThat(late.ended).isFalse();
        assertThat(rig.disks[0].asked).hasSize(2);
        endAll(rig);
        advance(20 * MILLI, rig);
        assertThat(late.ended).isTrue();
        assertThat(rig.clean()).isTrue();
    }

    /** The data comes after the flush, and a flush that fails on all members is the end of the write behind it. */
    @Test
    void theDataOfALogWriteFollowsItsFlush() {
        ArrayRig rig = ArrayRig.ofOldMd(false, asBefore);
        ArrayRig.Asked log = rig.ask(IoOperation.WRITE, IoRequest.FUA);
        advance(20 * MILLI, rig);
        assertThat(rig.disks[0].asked).containsExactly(IoOperation.FLUSH);
        endAll(rig);
        advance(20 * MILLI, rig);
        assertThat(rig.disks[0].asked).containsExactly(IoOperation.FLUSH, IoOperation.WRITE);
        endAll(rig);
        assertThat(log.ended).isTrue();
        assertThat(rig.clean()).isTrue();
    }

    /** Goal: nobody waits for an array that was given up. Method: members that do not answer; a flush that waits for the one that is with them. */
    @Test
    void aFlushThatHasNotBegunIsLetGoWhenTheArrayIsGivenUp() {
        ArrayRig rig = ArrayRig.ofOldMd(false, asBefore);
        ArrayRig.Asked early = rig.ask(IoOperation.FLUSH);
        advance(20 * MILLI, rig);
        ArrayRig.Asked late = rig.ask(IoOperation.FLUSH);
        ArrayRig.Asked log = rig.ask(IoOperation.WRITE, IoRequest.FUA);
        advance(20 * MILLI, rig);
        assertThat(rig.disks[0].asked).containsExactly(IoOperation.FLUSH);
        assertThat(rig.stop(true)).isFalse();
        assertThat(late.ended).isTrue();
        assertThat(late.how).isEqualTo(IoStatus.GONE);
        assertThat(log.ended).isTrue();
        assertThat(log.how).isEqualTo(IoStatus.GONE);
        assertThat(early.ended).as("its memory is with the members").isFalse();
        endAll(rig);
        advance(20 * MILLI, rig);
        assertThat(early.ended).isTrue();
        assertThat(rig.clean()).isTrue();
    }

    /** What the queue declares, put beside a daemon that needs memory, is the circle of 2023; and an engine is not started with that. */
    @Test
    void theQueueBesideADaemonIsACircleThatIsRefused() {
        WaitGraph graph = new WaitGraph();
        graph.declare(FlushQueue.NAME, FlushQueue.plan().waits());
        graph.declare("daemon", Waits.on("memory"));
        graph.declare("memory", Waits.on("write"));
        assertThatThrownBy(() -> graph.declare(FlushQueue.DIRTY_MARK, Waits.on("daemon")))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("daemon -> memory -> write -> md -> dirty mark");
    }
}
