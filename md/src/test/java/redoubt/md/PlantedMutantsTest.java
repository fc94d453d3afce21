package redoubt.md;

import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;

import java.lang.classfile.Opcode;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;
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
        mutant.mustFail(
                ArrayTest.class,
                "invW1TheFirstWriteAfterCleanWaitsForTheDirtyMark",
                "INV-W1: what a member is asked before the dirty mark is durable");
    }

    @Test
    void invW2AGateThatShutsWithoutLookingWhoIsInsideIsCaught() {
        mutant.always(WriteGate.class, "shutIfEmpty", true);
        mutant.mustFail(ArrayTest.class, "invW2AWriteInFlightKeepsTheArrayDirty", "INV-W2: while a write is in flight");
    }

    @Test
    void anAnswerBeforeTheFailureIsRecordedIsCaught() {
        mutant.always(MemberFailures.class, "allRecorded", true);
        mutant.mustFail(
                ArrayTest.class,
                "noWriteAndNoFlushIsAnsweredWhileAFailureIsBeingRecorded",
                "answered while a failure is being recorded");
    }

    @Test
    void aNumberOfWritesThatIsReadInTwoHalvesIsCaught() {
        ClassDesc turnstile = ClassDesc.of(Turnstile.class.getName());
        mutant.instead(Turnstile.class, "entriesIfEmpty", code -> {
            code.aload(0).invokevirtual(turnstile, "entries", MethodTypeDesc.of(CD_long));
            code.aload(0).invokevirtual(turnstile, "inside", MethodTypeDesc.of(CD_int));
            code.ifThenElse(
                    Opcode.IFEQ,
                    none -> none.lreturn(),
                    some -> some.pop2().loadConstant(Turnstile.NOT_EMPTY).lreturn());
        });
        mutant.mustFail(
                TurnstileLincheckTest.class,
                "noInterleavingCreditsAFlushToAWriteThatItDidNotCover",
                "0 of 1 writes were flushed");
    }
}
