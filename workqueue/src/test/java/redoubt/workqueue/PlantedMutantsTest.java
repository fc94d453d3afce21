package redoubt.workqueue;

import static java.lang.constant.ConstantDescs.CD_boolean;
import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_void;

import java.lang.classfile.CodeElement;
import java.lang.classfile.Opcode;
import java.lang.classfile.instruction.BranchInstruction;
import java.lang.classfile.instruction.FieldInstruction;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import redoubt.sim.Mutant;

/**
 * Goal: each invariant has a test that can fail, and fails for the mistake it is there to find. Method: the mistake is put into the class files
 * of the room ({@link Mutant}), and the test that is named after the invariant, and passes on the room as it is, must fail on that one.
 */
@Tag("slow")
class PlantedMutantsTest {

    private static final ClassDesc BARRIER = ClassDesc.of("redoubt.workqueue.Barrier");
    private static final ClassDesc ITEM = ClassDesc.of("redoubt.workqueue.WorkItem");
    private static final ClassDesc VAR_HANDLE = ClassDesc.of("java.lang.invoke.VarHandle");
    private static final ClassDesc JOINT = ClassDesc.of("redoubt.workqueue.PoolWorkqueue");

    private final Mutant mutant = new Mutant();

    @Test
    void inv2bPendingThatIsClearedAfterTheFunctionIsCaught() {
        mutant.after(PoolWorker.class, "runOne", "unclaim", "run");
        mutant.mustFail(
                NonReentrancyTest.class,
                "inv2bPendingIsClearedBeforeTheFunctionRuns",
                "INV-2b: PENDING while the function runs");
    }

    @Test
    void inv1AnInactiveItemThatStaysWhereItIsWhenItIsTakenBackIsCaught() {
        mutant.without(WorkerPool.class, "steal", "remove");
        mutant.mustFail(
                CancelTest.class, "aCancelledItemNeverRunsWhereverItWaits", "INV-1: an inactive item is not pending");
    }

    /** In the words of TEST-2: the barrier on either side. */
    @Test
    void inv2bAClaimWithoutAFenceIsCaught() {
        mutant.without(WorkItem.class, "claim", "fullFence");
        mutant.mustFail(
                PendingOrderingTest.class,
                "inv2bARefusedCallerIsSeenByTheRunThatPendingWasClearedFor",
                "INV-2b: stores of refused callers that the run did not see");
    }

    @Test
    void inv2bPendingThatIsClearedWithoutAFenceIsCaught() {
        mutant.instead(
                WorkItem.class,
                "unclaim",
                code -> code.getstatic(ITEM, "WORD", VAR_HANDLE)
                        .aload(0)
                        .iconst_0()
                        .invokevirtual(VAR_HANDLE, "set", MethodTypeDesc.of(CD_void, ITEM, CD_int))
                        .return_());
        mutant.mustFail(
                PendingOrderingTest.class,
                "inv2bARefusedCallerIsSeenByTheRunThatPendingWasClearedFor",
                "INV-2b: stores of refused callers that the run did not see");
    }

    @Test
    void inv3AWorkerThatRunsAnItemWhichRunsAlreadyIsCaught() {
        mutant.without(WorkerPool.class, "assign", "executing");
        mutant.mustFail(
                NonReentrancyTest.class,
                "inv3ACollidingItemIsRunByTheWorkerThatRunsIt",
                "INV-3: who runs one item at once");
    }

    @Test
    void inv4aASecondManagerIsCaught() {
        mutant.replacing(
                Manager.class,
                "begin",
                element -> reads(element, "active"),
                (code, element) -> code.pop().aconst_null());
        mutant.mustFail(
                WorkersTest.class,
                "inv4aAnd4bOneManagerAtATimeAndNobodyWorksBeforeThereIsOne",
                "INV-4a: who finds a manager works");
    }

    /** The room has an assertion for this, which would be first. */
    @Test
    void inv4bAWorkerThatLeavesNobodyBehindIsCaught() {
        mutant.withoutAssertions().always(Manager.class, "begin", false);
        mutant.mustFail(
                WorkersTest.class,
                "inv4aAnd4bOneManagerAtATimeAndNobodyWorksBeforeThereIsOne",
                "INV-4b: who leaves nobody idle behind manages");
    }

    /** The room's assertion finds it; and without that, the test. */
    @Test
    void inv4cABoundPoolThatRunsAllAtOnceIsCaught() {
        runsAllAtOnce();
        mutant.mustFail(WorkersTest.class, "inv4cOneComputesAtATimeAndTwoWhenOneGoesOn", "INV-4c: 2 run at once", 1L);
    }

    @Test
    void inv4cABoundPoolThatRunsAllAtOnceAndDoesNotAssertIsCaught() {
        runsAllAtOnce();
        mutant.withoutAssertions();
        mutant.mustFail(
                WorkersTest.class, "inv4cOneComputesAtATimeAndTwoWhenOneGoesOn", "INV-4c: none went on yet", 1L);
    }

    private void runsAllAtOnce() {
        mutant.replacing(
                WorkerPool.class,
                "needMoreWorker",
                element -> reads(element, "running"),
                (code, element) -> code.pop().iconst_0());
    }

    @Test
    void inv4dWakingTheOneThatWasIdleLongestIsCaught() {
        for (String method : new String[] {"kick", "mayLeaveIdle"}) {
            mutant.replacing(
                    WorkerPool.class,
                    method,
                    element -> reads(element, "firstIdle"),
                    (code, element) -> code.getfield(
                            ClassDesc.of("redoubt.workqueue.WorkerPool"),
                            "lastIdle",
                            ClassDesc.of("redoubt.workqueue.PoolWorker")));
        }
        mutant.mustFail(
                WorkersTest.class, "inv4dIdleWorkersAreWokenLastInFirstOut", "INV-4d: the last in is the first out");
    }

    /** The rehearsal finds it before there is a queue that anybody could trust. */
    @Test
    void inv5aARescuerThatIsNeverWokenIsCaught() {
        mutant.without(Rescuer.class, "call", "wake");
        mutant.mustFail(
                RescuerTest.class, "inv5aARescuerRunsItsQueueWhileCreationHangs", "redoubt.workqueue.Rehearsal.await");
    }

    /** And without the rehearsal, the invariant does. */
    @Test
    void inv5aARescuerThatIsNeverWokenAndWasNotRehearsedIsCaught() {
        mutant.without(Rescuer.class, "call", "wake").nothing(Rescuer.class, "rehearse");
        mutant.mustFail(
                RescuerTest.class,
                "inv5aARescuerRunsItsQueueWhileCreationHangs",
                "INV-5a: rescued while creation hangs");
    }

    @Test
    void inv5aAManagerThatNeverCallsForHelpIsCaught() {
        mutant.without(Manager.class, "beat", "callForHelp");
        mutant.mustFail(
                RescuerTest.class,
                "inv5aARescuerRunsItsQueueWhileCreationHangs",
                "INV-5a: rescued while creation hangs");
    }

    @Test
    void inv5bARescuerThatTakesWhatIsNotItsQueuesIsCaught() {
        mutant.replacing(
                Rescuer.class,
                "take",
                element -> element instanceof BranchInstruction branch && branch.opcode() == Opcode.IF_ACMPNE,
                (code, element) -> code.pop().ifnull(((BranchInstruction) element).target()));
        mutant.mustFail(RescuerTest.class, "inv5bARescuerRunsItsOwnQueueOnly", "INV-5b: who ran whose items");
    }

    @Test
    void inv5cARescuerThatDoesNotKickThePoolIsCaught() {
        mutant.without(Rescuer.class, "step", "kick");
        mutant.mustFail(
                RescuerTest.class, "inv5cThePoolIsKickedAfterTheRescue", "INV-5c: run by an idle worker of the pool");
    }

    @Test
    void inv5dAJointThatCallsTwiceIsCaught() {
        mutant.replacing(
                Rescuer.class,
                "enlist",
                element -> reads(element, "inDistress"),
                (code, element) -> code.pop().iconst_0());
        mutant.mustFail(RescuerTest.class, "inv5dAJointCallsAtMostOnce", "INV-5d: a joint calls for help twice");
    }

    @Test
    void inv6ALimitThatIsNotKeptIsCaught() {
        mutant.always(ActiveLimit.class, "obtain", true);
        mutant.mustFail(ActiveLimitTest.class, "inv6ExactlyAsManyStartAsAreAllowed", "INV-6: what is active", false);
    }

    /** The room has an assertion for this too, which would be first. */
    @Test
    void inv7aABarrierThatCountsAsActiveIsCaught() {
        mutant.first(PoolWorkqueue.class, "insertBarrier", code -> {
            code.aload(1).iconst_0().putfield(BARRIER, "inactive", CD_boolean);
            code.aload(0).dup().getfield(JOINT, "active", CD_int).iconst_1().iadd();
            code.putfield(JOINT, "active", CD_int);
        });
        mutant.withoutAssertions();
        mutant.mustFail(FlushTest.class, "inv7aABarrierHoldsNoActiveSlot", "INV-7a: slots that are held");
    }

    @Test
    void inv7bAFlushThatWaitsForWhatIsQueuedLaterIsCaught() {
        mutant.nothing(PoolWorkqueue.class, "colour");
        mutant.mustFail(
                FlushTest.class,
                "inv7bAFlushDoesNotWaitForWhatIsQueuedLater",
                "INV-7b: the flush ends while an item queues itself");
    }

    @Test
    void inv8ACancelThatDoesNotWaitForTheRunIsCaught() {
        mutant.nothing(WorkItem.class, "awaitRun");
        mutant.mustFail(
                CancelTest.class,
                "inv8DisableAndWaitReturnsWhenTheRunIsOver",
                "INV-8: who waits for a run that goes on");
    }

    private static boolean reads(CodeElement element, String field) {
        return element instanceof FieldInstruction read
                && read.opcode() == Opcode.GETFIELD
                && read.name().equalsString(field);
    }
}
