package redoubt.md;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import redoubt.base.ArrayState;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoStatus;

/** The gate, the records and the failures of an array, step by step. */
class ArrayTest {

    /** No data write reaches a member before the dirty mark is durable. */
    @Test
    void invW1TheFirstWriteAfterCleanWaitsForTheDirtyMark() {
        ArrayRig rig = new ArrayRig(false, 8);
        ArrayRig.Asked write = rig.ask(IoOperation.WRITE);
        rig.run();
        assertThat(rig.disks[0].asked)
                .as("INV-W1: what a member is asked before the dirty mark is durable")
                .isEmpty();
        assertThat(rig.array.view().state()).isEqualTo(ArrayState.WRITE_PENDING);
        assertThat(rig.keeper.asked).containsExactly("dirty");

        rig.keeper.answer(true);
        rig.run();
        assertThat(rig.array.view().state()).isEqualTo(ArrayState.ACTIVE);
        assertThat(rig.disks[0].asked).containsExactly(IoOperation.WRITE);
        assertThat(write.ended).isFalse();
        rig.disks[0].endAll();
        rig.disks[1].endAll();
        assertThat(write.ended).isTrue();
        assertThat(write.how).isEqualTo(IoStatus.OK);
        assertThat(rig.clean()).isTrue();
    }

    @Test
    void aReadNeedsNoMark() {
        ArrayRig rig = new ArrayRig(false, 8);
        ArrayRig.Asked read = rig.ask(IoOperation.READ);
        rig.disks[0].endAll();
        assertThat(read.how).isEqualTo(IoStatus.OK);
        assertThat(rig.array.view().state()).isEqualTo(ArrayState.CLEAN);
        assertThat(rig.clean()).isTrue();
    }

    @Test
    void quietArrayBecomesCleanAfterTheDelayAndNotBefore() {
        ArrayRig rig = activeRig();
        rig.time.advance(1);
        rig.time.advance(ArrayPlan.IMSM_SAFE_MODE_DELAY_NANOS - 2);
        rig.run();
        assertThat(rig.array.view().state()).isEqualTo(ArrayState.ACTIVE);
        rig.time.advance(2);
        rig.run();
        assertThat(rig.keeper.asked).containsExactly("dirty", "clean");
        assertThat(rig.array.view().state())
                .as("the members do not say clean yet")
                .isEqualTo(ArrayState.ACTIVE_IDLE);
        rig.keeper.answer(true);
        assertThat(rig.array.view().state()).isEqualTo(ArrayState.CLEAN);
        assertThat(rig.clean()).isTrue();
    }

    /** What could not be recorded is asked again after another delay; writes pass meanwhile. */
    @Test
    void anArrayThatCouldNotBeMarkedCleanIsActive() {
        ArrayRig rig = activeRig();
        rig.becomeIdle();
        rig.keeper.answer(false);
        assertThat(rig.array.view().state()).isEqualTo(ArrayState.ACTIVE);
        ArrayRig.Asked write = rig.ask(IoOperation.WRITE);
        rig.disks[0].endAll();
        rig.disks[1].endAll();
        assertThat(write.ended).isTrue();
        rig.becomeIdle();
        assertThat(rig.keeper.asked).containsExactly("dirty", "clean", "clean");
        rig.keeper.answer(true);
        assertThat(rig.array.view().state()).isEqualTo(ArrayState.CLEAN);
    }

    /** The write asks for the dirty mark before the clean mark is answered. */
    @Test
    void aWriteThatComesWhileTheCleanMarkIsMadeWaitsForTheNextDirtyMark() {
        for (boolean durable : new boolean[] {true, false}) {
            ArrayRig rig = activeRig();
            rig.becomeIdle();
            ArrayRig.Asked write = rig.ask(IoOperation.WRITE);
            rig.run();
            assertThat(rig.keeper.asked).containsExactly("dirty", "clean", "dirty");
            rig.keeper.answer(durable);
            rig.run();
            assertThat(rig.disks[0].asked).isEmpty();
            rig.keeper.answer(true);
            rig.run();
            assertThat(rig.array.view().state()).isEqualTo(ArrayState.ACTIVE);
            rig.disks[0].endAll();
            rig.disks[1].endAll();
            assertThat(write.how).isEqualTo(IoStatus.OK);
            assertThat(rig.clean()).isTrue();
        }
    }

    /** A member tells of lost data once, to whoever flushes it first: a client, and then not the keeper. */
    @Test
    void cleanIsNotAskedForWhileAFlushIsInFlight() {
        ArrayRig rig = activeRig();
        ArrayRig.Asked flush = rig.ask(IoOperation.FLUSH);
        rig.becomeIdle();
        assertThat(rig.keeper.asked).containsExactly("dirty");
        rig.disks[0].end(IoStatus.IO_ERROR);
        rig.disks[1].endAll();
        rig.becomeIdle();
        assertThat(rig.keeper.asked).containsExactly("dirty", "failed 0");
        rig.keeper.answer(true);
        rig.run();
        rig.disks[1].endAll();
        assertThat(flush.how).isEqualTo(IoStatus.OK);
        rig.becomeIdle();
        assertThat(rig.keeper.asked).containsExactly("dirty", "failed 0", "clean");
        rig.keeper.answer(true);
        assertThat(rig.clean()).isTrue();
    }

    @Test
    void cleanIsNotAskedForBeforeTheFailureOfAFlushIsRecorded() {
        ArrayRig rig = activeRig();
        rig.time.advance(1);
        ArrayRig.Asked flush = rig.ask(IoOperation.FLUSH);
        rig.time.advance(ArrayPlan.IMSM_SAFE_MODE_DELAY_NANOS + 1); // queues the clean step
        rig.disks[0].end(IoStatus.IO_ERROR); // queues the failure step behind it
        rig.disks[1].endAll();
        rig.run();
        assertThat(rig.keeper.asked).containsExactly("dirty", "failed 0");
        assertThat(flush.ended).isFalse();
    }

    @Test
    void aFlushThatComesWhileTheCleanMarkIsMadeWaitsForIt() {
        ArrayRig rig = activeRig();
        rig.becomeIdle();
        ArrayRig.Asked flush = rig.ask(IoOperation.FLUSH);
        assertThat(rig.disks[0].asked).isEmpty();
        rig.keeper.answer(true);
        rig.disks[0].endAll();
        rig.disks[1].endAll();
        assertThat(flush.how).isEqualTo(IoStatus.OK);
        assertThat(rig.clean()).isTrue();
    }

    /** No clean while a write is inside. */
    @Test
    void invW2AWriteInFlightKeepsTheArrayDirty() {
        ArrayRig rig = activeRig();
        ArrayRig.Asked write = rig.ask(IoOperation.WRITE);
        rig.time.advance(1);
        rig.time.advance(10 * ArrayPlan.IMSM_SAFE_MODE_DELAY_NANOS);
        rig.run();
        assertThat(rig.array.view().state()).isEqualTo(ArrayState.ACTIVE);
        rig.array.tryClean(); // as somebody does who does not look before
        rig.run();
        assertThat(rig.array.view().state())
                .as("INV-W2: while a write is in flight")
                .isEqualTo(ArrayState.ACTIVE);
        rig.disks[0].endAll();
        rig.disks[1].endAll();
        assertThat(write.ended).isTrue();
    }

    @Test
    void anArrayThatWasFoundDirtyIsNeverCalledClean() {
        ArrayRig rig = new ArrayRig(false, 8, false);
        ArrayRig.Asked write = rig.ask(IoOperation.WRITE);
        rig.disks[0].endAll();
        rig.disks[1].endAll();
        assertThat(write.ended).isTrue();
        rig.time.advance(1);
        rig.time.advance(10 * ArrayPlan.IMSM_SAFE_MODE_DELAY_NANOS);
        rig.run();
        assertThat(rig.keeper.asked).isEmpty();
        assertThat(rig.array.view().state()).isEqualTo(ArrayState.ACTIVE);
    }

    @Test
    void aWriteThatMetAFailureIsAnsweredAfterTheRecordAndDoneAgainOnTheSurvivor() {
        ArrayRig rig = activeRig();
        ArrayRig.Asked write = rig.ask(IoOperation.WRITE);
        rig.disks[0].end(IoStatus.IO_ERROR);
        rig.disks[1].end(IoStatus.OK);
        rig.run();
        assertThat(write.ended).isFalse();
        assertThat(rig.array.view().memberState(0)).isEqualTo(MemberState.FAULTY_BLOCKED);
        assertThat(rig.keeper.asked).containsExactly("dirty", "failed 0");

        rig.keeper.answer(true);
        rig.run();
        assertThat(rig.array.view().memberState(0)).isEqualTo(MemberState.FAULTY);
        rig.disks[1].endAll();
        assertThat(write.ended).isTrue();
        assertThat(write.how).isEqualTo(IoStatus.OK);
        assertThat(rig.events).contains("Fail disk0", "DegradedArray");
        assertThat(rig.clean()).isTrue();
    }

    /** A power cut between the answer and the record would let the stale member pass for a good one. */
    @Test
    void noWriteAndNoFlushIsAnsweredWhileAFailureIsBeingRecorded() {
        ArrayRig rig = activeRig();
        rig.array.failMember(1);
        rig.run();
        ArrayRig.Asked write = rig.ask(IoOperation.WRITE);
        ArrayRig.Asked flush = rig.ask(IoOperation.FLUSH);
        ArrayRig.Asked read = rig.ask(IoOperation.READ);
        rig.disks[0].endAll();
        rig.run();
        assertThat(write.ended || flush.ended)
                .as("answered while a failure is being recorded")
                .isFalse();
        assertThat(read.ended).isTrue();

        rig.keeper.answer(true);
        rig.run();
        assertThat(write.how).isEqualTo(IoStatus.OK);
        assertThat(write.ended && flush.ended).isTrue();
        assertThat(rig.disks[1].asked).isEmpty();
        assertThat(rig.clean()).isTrue();
    }

    @Test
    void aReadThatHangsGoesOnFromTheTwinInOtherMemory() {
        ArrayRig rig = activeRig();
        ArrayRig.Asked read = rig.ask(IoOperation.READ);
        IoRequest hung = rig.disks[0].hang();
        rig.disks[1].endAll();
        assertThat(read.ended).isTrue();
        assertThat(read.how).isEqualTo(IoStatus.OK);
        rig.run();
        rig.keeper.answer(true);
        rig.run();
        assertThat(rig.clean()).as("the hung call still holds memory").isFalse();
        hung.complete(IoStatus.OK);
        assertThat(rig.clean()).isTrue();
        assertThat(rig.array.view().memberState(0)).isEqualTo(MemberState.FAULTY);
    }

    @Test
    void aReadErrorIsAnsweredFromTheTwinAndKeepsTheMember() {
        ArrayRig rig = activeRig();
        ArrayRig.Asked read = rig.ask(IoOperation.READ);
        rig.disks[0].end(IoStatus.IO_ERROR);
        rig.disks[1].end(IoStatus.OK);
        rig.run();
        assertThat(read.how).isEqualTo(IoStatus.OK);
        assertThat(rig.array.view().inSync(0)).isTrue();
    }

    /** Read errors of one member must not hide what only that member can read. */
    @Test
    void readErrorsCostAReadOnlyArrayNoMember() {
        ArrayRig rig = new ArrayRig(true, 8);
        for (int i = 0; i <= ArrayPlan.MAX_READ_ERRORS; i++) {
            ArrayRig.Asked read = rig.ask(IoOperation.READ);
            rig.disks[0].end(IoStatus.IO_ERROR);
            rig.disks[1].endAll();
            rig.run();
            assertThat(read.how).isEqualTo(IoStatus.OK);
        }
        assertThat(rig.array.view().inSync(0)).isTrue();
    }

    /** A disk with one bad sector is not a dying disk, however often the sector is asked for. */
    @Test
    void oneBadPlaceCostsNoMember() {
        ArrayRig rig = activeRig();
        for (int i = 0; i <= 2 * ArrayPlan.MAX_READ_ERRORS; i++) {
            rig.readAroundFirst(0);
        }
        rig.run();
        assertThat(rig.array.view().inSync(0)).isTrue();
    }

    @Test
    void manyBadPlacesWithinAnHourCostAMember() {
        ArrayRig rig = activeRig();
        for (int i = 0; i < ArrayPlan.MAX_READ_ERRORS; i++) {
            rig.readAroundFirst(4096L * i);
        }
        rig.run();
        assertThat(rig.array.view().inSync(0)).isTrue();
        rig.readAroundFirst(4096L * ArrayPlan.MAX_READ_ERRORS);
        rig.run();
        assertThat(rig.array.view().memberState(0)).isEqualTo(MemberState.FAULTY_BLOCKED);
        rig.keeper.answer(true);
        rig.run();
    }

    @Test
    void manyBadPlacesInManyHoursCostNoMember() {
        ArrayRig rig = activeRig();
        for (int i = 0; i <= 2 * ArrayPlan.MAX_READ_ERRORS; i++) {
            rig.readAroundFirst(4096L * i);
            rig.time.advance(600_000_000_000L);
        }
        rig.run();
        assertThat(rig.array.view().inSync(0)).isTrue();
    }

    /** A full host is not the disk's fault: the asker is told, and nobody is failed, whether one member refused or both. */
    @ParameterizedTest
    @CsvSource({
        "WRITE, NO_SPACE, true",
        "WRITE, NO_SPACE, false",
        "TRIM, UNSUPPORTED, true",
        "TRIM, UNSUPPORTED, false",
        "WRITE_ZEROES, INVALID, true"
    })
    void aRefusalFailsNoMember(IoOperation operation, IoStatus refusal, boolean both) {
        ArrayRig rig = activeRig();
        ArrayRig.Asked refused = rig.ask(operation);
        rig.disks[0].end(both ? refusal : IoStatus.OK);
        rig.disks[1].end(refusal);
        boolean differ = !both || refusal == IoStatus.NO_SPACE;
        assertThat(refused.ended)
                .as("before it is seen that members may differ")
                .isEqualTo(!differ);
        rig.run();
        assertThat(refused.how).isEqualTo(refusal);
        assertThat(rig.array.view().degraded()).isZero();
        assertThat(rig.array.view().redundancyKnown()).isEqualTo(!differ);
        assertThat(rig.events.contains("RedundancyUnknown")).isEqualTo(differ);

        ArrayRig.Asked later = rig.ask(IoOperation.WRITE);
        rig.disks[0].endAll();
        rig.disks[1].endAll();
        assertThat(later.how).isEqualTo(IoStatus.OK);
        rig.becomeIdle();
        assertThat(rig.keeper.asked).isEqualTo(differ ? List.of("dirty") : List.of("dirty", "clean"));
        assertThat(rig.clean()).isTrue();
    }

    /** What a flush has no room for was acknowledged before: it is lost, and the member with it. */
    @Test
    void aFlushWithoutRoomFailsTheMember() {
        ArrayRig rig = activeRig();
        ArrayRig.Asked flush = rig.ask(IoOperation.FLUSH);
        rig.disks[0].end(IoStatus.NO_SPACE);
        rig.disks[1].endAll();
        rig.run();
        assertThat(rig.keeper.asked).containsExactly("dirty", "failed 0");
        assertThat(flush.ended).isFalse();
    }

    @Test
    void theLastMemberIsKeptAndTheArrayBroken() {
        ArrayRig rig = activeRig();
        rig.array.failMember(0);
        rig.run();
        rig.keeper.answer(true);
        rig.run();
        ArrayRig.Asked write = rig.ask(IoOperation.WRITE);
        rig.disks[1].end(IoStatus.IO_ERROR);
        rig.run();
        assertThat(write.how).isEqualTo(IoStatus.IO_ERROR);
        assertThat(rig.array.view().state()).isEqualTo(ArrayState.BROKEN);
        assertThat(rig.array.view().inSync(1)).isTrue();
        ArrayRig.Asked later = rig.ask(IoOperation.WRITE);
        assertThat(later.how).isEqualTo(IoStatus.IO_ERROR);
        ArrayRig.Asked read = rig.ask(IoOperation.READ);
        rig.disks[1].endAll();
        assertThat(read.how).isEqualTo(IoStatus.OK);
        assertThat(rig.clean()).isTrue();
    }

    /** The member tells of lost data once; the second client's flush must not be called durable. */
    @Test
    void afterAFlushThatFailedOnTheLastMemberNoFlushIsAcknowledged() {
        ArrayRig rig = activeRig();
        rig.array.failMember(0);
        rig.run();
        rig.keeper.answer(true);
        rig.run();
        ArrayRig.Asked first = rig.ask(IoOperation.FLUSH);
        ArrayRig.Asked beside = rig.ask(IoOperation.FLUSH);
        rig.disks[1].end(IoStatus.IO_ERROR);
        rig.disks[1].endAll();
        rig.run();
        assertThat(first.how).isEqualTo(IoStatus.IO_ERROR);
        assertThat(beside.how).isEqualTo(IoStatus.IO_ERROR);
        ArrayRig.Asked later = rig.ask(IoOperation.FLUSH);
        rig.disks[1].endAll();
        rig.run();
        assertThat(later.how).isEqualTo(IoStatus.IO_ERROR);
        assertThat(rig.clean()).isTrue();
    }

    @Test
    void aWriteWithFuaThatWasInFlightWhenTheArrayBrokeIsNotAcknowledged() {
        ArrayRig rig = activeRig();
        ArrayRig.Asked durable = rig.ask(IoOperation.WRITE, IoRequest.FUA);
        ArrayRig.Asked plain = rig.ask(IoOperation.WRITE);
        rig.array.failMember(0);
        rig.run();
        rig.keeper.answer(true);
        rig.array.failMember(1);
        rig.run();
        rig.disks[0].endAll();
        rig.disks[1].endAll();
        assertThat(durable.how).isEqualTo(IoStatus.IO_ERROR);
        assertThat(plain.how).isEqualTo(IoStatus.OK);
        assertThat(rig.clean()).isTrue();
    }

    /** One member holds each byte: what it lost is lost, and whoever flushes next has to hear it too. */
    @Test
    void aLevelWithoutRedundancyBreaksByAFlushThatFails() {
        ArrayRig rig = ArrayRig.withoutRedundancy();
        ArrayRig.Asked write = rig.ask(IoOperation.WRITE);
        rig.disks[0].end(IoStatus.IO_ERROR);
        rig.disks[1].endAll();
        assertThat(write.how).isEqualTo(IoStatus.IO_ERROR);
        assertThat(rig.array.view().broken())
                .as("by a write that was answered so")
                .isFalse();
        for (boolean fua : new boolean[] {false, true}) {
            rig = ArrayRig.withoutRedundancy();
            ArrayRig.Asked first = fua ? rig.ask(IoOperation.WRITE, IoRequest.FUA) : rig.ask(IoOperation.FLUSH);
            rig.disks[0].end(IoStatus.IO_ERROR);
            rig.disks[1].endAll();
            rig.run();
            assertThat(first.how).isEqualTo(IoStatus.IO_ERROR);
            ArrayRig.Asked second = rig.ask(IoOperation.FLUSH);
            rig.disks[0].endAll();
            rig.disks[1].endAll();
            assertThat(second.how).isEqualTo(IoStatus.IO_ERROR);
            assertThat(rig.array.view().state()).isEqualTo(ArrayState.BROKEN);
            assertThat(rig.clean()).isTrue();
        }
    }

    /** A mark that was asked for before the stop, and one that the stop asks for: its answer is the answer of the stop. */
    @ParameterizedTest
    @CsvSource({"true, true", "true, false", "false, true", "false, false"})
    void aStopAnswersWhatTheMembersSay(boolean underWay, boolean durable) {
        ArrayRig rig = activeRig();
        if (underWay) {
            rig.becomeIdle();
            assertThat(rig.keeper.waiting).hasSize(1);
        }
        assertThat(rig.stop(durable)).isEqualTo(durable);
        assertThat(rig.clean()).isTrue();
    }

    @Test
    void aStopDuringWhichAMemberIsLostMarksTheSurvivorsClean() {
        ArrayRig rig = activeRig();
        rig.array.failMember(1);
        assertThat(rig.stop(true)).isTrue();
        assertThat(rig.keeper.asked).containsExactly("dirty", "failed 1", "clean");
    }

    @Test
    void anArrayThatWasFoundDirtyStopsInGoodOrderAndUnmarked() {
        ArrayRig rig = new ArrayRig(false, 8, false);
        assertThat(rig.stop(true)).isTrue();
        assertThat(rig.keeper.asked).isEmpty();
    }

    /** Parked at the gate, for children and for a record: whoever waits for what never comes is let go. */
    @Test
    void everyRequestEndsWithAStop() {
        ArrayRig rig = new ArrayRig(false, 8);
        ArrayRig.Asked atTheGate = rig.ask(IoOperation.WRITE);
        rig.run();
        assertThat(rig.keeper.waiting).hasSize(1);
        rig.array.suspend(0);
        ArrayRig.Asked atTheEntrance = rig.ask(IoOperation.READ);
        assertThat(rig.stop(true)).isFalse();
        assertThat(atTheGate.ended && atTheEntrance.ended).isTrue();
        assertThat(atTheGate.how).isEqualTo(IoStatus.GONE);
        assertThat(rig.clean()).isTrue();
        rig.run();
        assertThat(rig.ask(IoOperation.WRITE).how).isEqualTo(IoStatus.GONE);
        assertThat(rig.array.view().state()).isEqualTo(ArrayState.INACTIVE);

        ArrayRig other = activeRig();
        ArrayRig.Asked forTheRecord = other.ask(IoOperation.WRITE);
        other.disks[0].end(IoStatus.IO_ERROR);
        other.disks[1].endAll();
        other.run();
        assertThat(forTheRecord.ended).isFalse();
        assertThat(other.stop(true)).isFalse();
        assertThat(forTheRecord.ended).isTrue();
        assertThat(other.array.requestsInside()).isZero();
    }

    /** Goal: a suspended array lets out who is inside and nobody in; resumed, it does what waited. */
    @Test
    void whatComesWhileTheArrayIsSuspendedIsDoneWhenItIsResumed() {
        ArrayRig rig = activeRig();
        ArrayRig.Asked inside = rig.ask(IoOperation.WRITE);
        assertThat(rig.array.suspend(0)).as("a write is inside").isFalse();
        rig.disks[0].endAll();
        rig.disks[1].endAll();
        assertThat(inside.how).isEqualTo(IoStatus.OK);
        assertThat(rig.array.suspend(0)).isTrue();
        rig.disks[0].asked.clear();
        rig.disks[1].asked.clear();

        ArrayRig.Asked write = rig.ask(IoOperation.WRITE);
        ArrayRig.Asked read = rig.ask(IoOperation.READ);
        rig.run();
        assertThat(write.ended || read.ended).isFalse();
        assertThat(rig.disks[0].asked).isEmpty();
        assertThat(rig.disks[1].asked).isEmpty();

        rig.array.resume();
        rig.run();
        assertThat(rig.disks[0].asked).containsExactlyInAnyOrder(IoOperation.WRITE, IoOperation.READ);
        assertThat(rig.disks[1].asked).containsExactly(IoOperation.WRITE);
        rig.disks[0].endAll();
        rig.disks[1].endAll();
        assertThat(write.how).isEqualTo(IoStatus.OK);
        assertThat(read.how).isEqualTo(IoStatus.OK);
        assertThat(rig.ask(IoOperation.READ).ended).isFalse();
        rig.disks[0].endAll();
        assertThat(rig.clean()).isTrue();
    }

    @Test
    void nothingIsWrittenToAReadOnlyArray() {
        ArrayRig rig = new ArrayRig(true, 8);
        assertThat(rig.ask(IoOperation.WRITE).how).isEqualTo(IoStatus.READ_ONLY);
        assertThat(rig.ask(IoOperation.TRIM).how).isEqualTo(IoStatus.READ_ONLY);
        assertThat(rig.ask(IoOperation.FLUSH).ended).isTrue();
        assertThat(rig.disks[0].asked).isEmpty();
    }

    @Test
    void aWriteWaitsWholeWhenThereAreNotEnoughRequests() {
        ArrayRig rig = new ArrayRig(false, 3, false);
        ArrayRig.Asked first = rig.ask(IoOperation.WRITE);
        ArrayRig.Asked second = rig.ask(IoOperation.WRITE);
        assertThat(rig.disks[0].held).hasSize(1);
        assertThat(rig.disks[1].held).hasSize(1);
        rig.disks[0].end(IoStatus.OK);
        rig.disks[1].end(IoStatus.OK);
        assertThat(first.ended).isTrue();
        assertThat(rig.disks[0].held).hasSize(1);
        rig.disks[0].endAll();
        rig.disks[1].endAll();
        assertThat(second.ended).isTrue();
        assertThat(rig.clean()).isTrue();
    }

    @Test
    void writesThatWaitForAMarkWhichNobodyCanMakeEnd() {
        ArrayRig rig = new ArrayRig(false, 8);
        ArrayRig.Asked write = rig.ask(IoOperation.WRITE);
        rig.run();
        rig.keeper.answer(false);
        rig.run();
        assertThat(write.how).isEqualTo(IoStatus.IO_ERROR);
        assertThat(rig.array.view().broken()).isTrue();
        assertThat(rig.clean()).isTrue();
    }

    private static ArrayRig activeRig() {
        ArrayRig rig = new ArrayRig(false, 8);
        ArrayRig.Asked write = rig.ask(IoOperation.WRITE);
        rig.run();
        rig.keeper.answer(true);
        rig.run();
        rig.disks[0].endAll();
        rig.disks[1].endAll();
        assertThat(write.ended).isTrue();
        rig.disks[0].asked.clear();
        rig.disks[1].asked.clear();
        return rig;
    }
}
