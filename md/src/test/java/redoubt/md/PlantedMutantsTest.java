package redoubt.md;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import redoubt.sim.Mutant;

/**
 * Goal: what an array promises has a test that can fail, and fails for the mistake it is there to find. Method: the mistake is put into the
 * class files of the room ({@link Mutant}), and the test that passes on the room as it is must fail on that one.
 */
@Tag("slow")
class PlantedMutantsTest {

    private final Mutant mutant = new Mutant();

    @Test
    void invW1AGateThatLetsAWritePassBeforeTheMarkIsDurableIsCaught() {
        mutant.always(WriteGate.class, "enter", true);
        mutant.mustFail(ArrayTest.class, "invW1TheFirstWriteAfterCleanWaitsForTheDirtyMark", "AssertionFailedError");
    }

    @Test
    void invW2AGateThatShutsWithoutLookingWhoIsInsideIsCaught() {
        mutant.always(WriteGate.class, "shutIfEmpty", true);
        mutant.mustFail(ArrayTest.class, "invW2AWriteInFlightKeepsTheArrayDirty", "AssertionFailedError");
    }

    @Test
    void anAnswerBeforeTheFailureIsRecordedIsCaught() {
        mutant.always(MemberFailures.class, "allRecorded", true);
        mutant.mustFail(
                ArrayTest.class, "noWriteAndNoFlushIsAnsweredWhileAFailureIsBeingRecorded", "AssertionFailedError");
    }
}
