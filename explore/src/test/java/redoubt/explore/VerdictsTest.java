package redoubt.explore;

import static org.assertj.core.api.Assertions.assertThat;
import static redoubt.explore.Verdict.Kind.ALWAYS_FINISHES;
import static redoubt.explore.Verdict.Kind.CAN_HANG;

import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import redoubt.explore.Cell.Creation;
import redoubt.explore.Cell.Daemon;
import redoubt.explore.Cell.Flush;
import redoubt.explore.Cell.Keeper;
import redoubt.explore.Cell.Queue;
import redoubt.explore.Cell.Supers;
import redoubt.explore.Cell.Wake;

/** What is found about the cells that the story and its repairs are about. Nothing here is known to the search. */
@Tag("slow")
class VerdictsTest {

    private static Verdict explored(Cell cell) throws InterruptedException {
        return Explorer.explore(cell, Bounds.usual());
    }

    private static Verdict.Kind verdict(
            Queue queue, Wake wake, Supers supers, Creation creation, Daemon daemon, Keeper keeper)
            throws InterruptedException {
        return explored(new Cell(queue, wake, supers, creation, daemon, Flush.OWN_QUEUE, keeper))
                .kind();
    }

    /** Goal: the hang of 2023 is found, as it was told: its two stacks, and the circle closed. */
    @Test
    void theStoryHangsWithTheTwoStacksOfTheMail() throws InterruptedException {
        Verdict verdict = explored(Cell.ofTheStory());

        assertThat(verdict.kind()).isEqualTo(CAN_HANG);
        Trace trace = verdict.trace().orElseThrow();
        assertThat(trace.tasks()).anySatisfy(task -> {
            assertThat(task.task()).isEqualTo("kthreadd");
            assertThat(task.frames())
                    .containsSubsequence(
                            "WorkItem.flush",
                            "Story.Filesystem.forceLog",
                            "Story.Filesystem.reclaimInodes",
                            "Story.Memory.reclaim");
        });
        assertThat(trace.tasks()).anySatisfy(task -> {
            assertThat(task.task()).isEqualTo("md");
            assertThat(task.frames())
                    .containsSubsequence("Story.FlushWork.writeStart", "PoolWorker.runOne", "Rescuer.rescueOne");
        });
        List<String> waits = trace.chain().stream()
                .map(link -> link.who() + " " + link.waits())
                .toList();
        assertThat(waits.getFirst()).contains("the log write", "gate of md126");
        assertThat(waits).anyMatch(link -> link.contains("queued on 'events', which has no rescuer"));
        assertThat(waits).anyMatch(link -> link.contains("waits for kthreadd"));
        assertThat(waits.getLast()).contains("md's flush work", "waits for the log write to end");
    }

    @Test
    void aQueueOfItsOwnWithoutRescuerHangsToo() throws InterruptedException {
        assertThat(verdict(Queue.OWN, Wake.DEFERRED, Supers.FREE, Creation.HANGS, Daemon.WELL, Keeper.EXTERNAL))
                .isEqualTo(CAN_HANG);
    }

    @ParameterizedTest
    @EnumSource
    void withARescuerItFinishesUnlessTheSupersLockIsHeldByAnAllocator(Supers supers) throws InterruptedException {
        assertThat(verdict(Queue.RESCUER, Wake.DEFERRED, supers, Creation.HANGS, Daemon.WELL, Keeper.EXTERNAL))
                .isEqualTo(supers == Supers.HELD ? CAN_HANG : ALWAYS_FINISHES);
    }

    @ParameterizedTest
    @EnumSource
    void wokenInlineTheDaemonDoesNotDependOnTheQueueNorOnTheLock(Queue queue) throws InterruptedException {
        for (Supers supers : Supers.values()) {
            assertThat(verdict(queue, Wake.INLINE, supers, Creation.HANGS, Daemon.WELL, Keeper.EXTERNAL))
                    .as("supers lock %s", supers)
                    .isEqualTo(ALWAYS_FINISHES);
        }
    }

    @ParameterizedTest
    @EnumSource
    void creationThatFailsIsAsBadAsOneThatHangs(Creation creation) throws InterruptedException {
        assertThat(verdict(Queue.SYSTEM, Wake.DEFERRED, Supers.FREE, creation, Daemon.WELL, Keeper.EXTERNAL))
                .isEqualTo(creation == Creation.WORKS ? ALWAYS_FINISHES : CAN_HANG);
    }

    @ParameterizedTest
    @EnumSource
    void aDaemonThatIsNotWellHangsTheWriteWhateverTheQueueAndTheWake(Daemon daemon) throws InterruptedException {
        assertThat(verdict(Queue.RESCUER, Wake.INLINE, Supers.FREE, Creation.HANGS, daemon, Keeper.EXTERNAL))
                .isEqualTo(daemon == Daemon.WELL ? ALWAYS_FINISHES : CAN_HANG);
    }

    @ParameterizedTest
    @EnumSource
    void withADeadlineItFinishesHoweverTheDaemonFares(Daemon daemon) throws InterruptedException {
        for (Creation creation : List.of(Creation.FAILS, Creation.HANGS)) {
            assertThat(verdict(Queue.SYSTEM, Wake.DEFERRED, Supers.HELD, creation, daemon, Keeper.DEADLINE))
                    .as("creation %s", creation)
                    .isEqualTo(ALWAYS_FINISHES);
        }
    }

    @ParameterizedTest
    @EnumSource
    void keptByTheEngineItFinishes(Creation creation) throws InterruptedException {
        for (Supers supers : Supers.values()) {
            assertThat(verdict(Queue.SYSTEM, Wake.INLINE, supers, creation, Daemon.WELL, Keeper.NATIVE))
                    .as("supers lock %s", supers)
                    .isEqualTo(ALWAYS_FINISHES);
        }
    }

    @Test
    void theStoryHangsWithASecondWriteAndWithTimersAtAnyMomentToo() throws InterruptedException {
        assertThat(Explorer.explore(Cell.ofTheStory(), new Bounds(2, 1, 1, 20_000))
                        .kind())
                .isEqualTo(CAN_HANG);
    }

    /** A search that is cut off says so, and promises nothing. */
    @Test
    void aSearchThatIsCutOffDoesNotSayAlways() throws InterruptedException {
        Cell cell = new Cell(
                Queue.RESCUER, Wake.INLINE, Supers.FREE, Creation.HANGS, Daemon.WELL, Flush.OWN_QUEUE, Keeper.EXTERNAL);
        assertThat(Explorer.explore(cell, new Bounds(1, 1, 0, 5)).kind()).isEqualTo(Verdict.Kind.NO_HANG_FOUND);
    }
}
