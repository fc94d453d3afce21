package redoubt.md;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import redoubt.base.ArrayState;
import redoubt.block.IoOperation;
import redoubt.block.IoStatus;
import redoubt.kernfs.Errno;
import redoubt.kernfs.Outcome;

/** What may be stored in {@code array_state}, what it does, and that nothing is written while nothing is to be written. */
class WishedStateTest {

    private ArrayRig rig = new ArrayRig(false, 8);

    private @Nullable Errno wish(String word) {
        return wish(word, false);
    }

    /** Stores a word; null where it is taken. */
    private @Nullable Errno wish(String word, boolean inUse) {
        Outcome outcome = rig.array.wished().ask(ArrayState.ofWord(word).orElseThrow(), inUse);
        rig.run();
        return outcome.ok() ? null : outcome.errno();
    }

    private String state() {
        return rig.array.view().state().word();
    }

    /** Writes once and lets it end: the array is dirty afterwards. */
    private void dirty() {
        ArrayRig.Asked write = rig.ask(IoOperation.WRITE);
        rig.run();
        rig.keeper.answer(true);
        rig.run();
        endDisks();
        assertThat(write.ended).isTrue();
        assertThat(state()).isEqualTo("active");
        rig.keeper.asked.clear();
    }

    private void endDisks() {
        rig.disks[0].endAll();
        rig.disks[1].endAll();
        rig.run();
    }

    @ParameterizedTest
    @ValueSource(strings = {"suspended", "write-pending", "active-idle", "broken"})
    void wordsThatOnlyTheEngineSaysAreNoWishes(String word) {
        assertThat(wish(word)).isEqualTo(Errno.EINVAL);
        assertThat(state()).isEqualTo("clean");
    }

    @ParameterizedTest
    @ValueSource(strings = {"clear", "inactive"})
    void anArrayThatIsServedIsNotStoppedBehindItsServersBack(String word) {
        assertThat(wish(word)).isEqualTo(Errno.EBUSY);
        assertThat(state()).isEqualTo("clean");
    }

    @Test
    void aReadOnlyArrayRefusesWritesAndReadsOn() {
        assertThat(wish("readonly")).isNull();
        assertThat(state()).isEqualTo("readonly");
        ArrayRig.Asked write = rig.ask(IoOperation.WRITE);
        ArrayRig.Asked read = rig.ask(IoOperation.READ);
        rig.run();
        endDisks();
        assertThat(write.how).isEqualTo(IoStatus.READ_ONLY);
        assertThat(read.how).isEqualTo(IoStatus.OK);
        assertThat(rig.keeper.asked).isEmpty();
        assertThat(rig.clean()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"readonly", "read-auto"})
    void aDirtyArrayIsMarkedCleanOnItsWay(String word) {
        dirty();
        assertThat(wish(word)).isNull();
        assertThat(state()).isEqualTo(word);
        assertThat(rig.keeper.asked).containsExactly("clean");
    }

    @Test
    void theFirstWriteEndsReadAuto() {
        assertThat(wish("read-auto")).isNull();
        ArrayRig.Asked write = rig.ask(IoOperation.WRITE);
        rig.run();
        assertThat(state()).isEqualTo("write-pending");
        assertThat(rig.keeper.asked).containsExactly("dirty");
        rig.keeper.answer(true);
        rig.run();
        endDisks();
        assertThat(write.how).isEqualTo(IoStatus.OK);
        assertThat(state()).isEqualTo("active");
    }

    @ParameterizedTest
    @CsvSource({"readonly, clean", "readonly, active", "read-auto, clean", "read-auto, active"})
    void writingComesBack(String quiet, String back) {
        wish(quiet);
        assertThat(wish(back)).isNull();
        assertThat(state()).isEqualTo("clean");
        dirty();
    }

    @Test
    void cleanDoesNotWaitForTheDelay() {
        dirty();
        assertThat(wish("clean")).isNull();
        assertThat(rig.keeper.asked).containsExactly("clean");
        assertThat(state()).isEqualTo("active-idle");
        rig.keeper.answer(true);
        assertThat(state()).isEqualTo("clean");
    }

    @ParameterizedTest
    @ValueSource(strings = {"clean", "readonly", "read-auto"})
    void whileAWriteIsInFlightNothingMoves(String word) {
        ArrayRig.Asked write = rig.ask(IoOperation.WRITE);
        rig.run();
        assertThat(wish(word)).as("write-pending").isEqualTo(Errno.EBUSY);
        rig.keeper.answer(true);
        rig.run();
        assertThat(wish(word)).as("active").isEqualTo(Errno.EBUSY);
        assertThat(state()).isEqualTo("active");
        endDisks();
        assertThat(write.how).isEqualTo(IoStatus.OK);
    }

    /** Goal: a write that comes between wish and step is not lost. Method: the step is run after the write has passed the gate. */
    @ParameterizedTest
    @ValueSource(strings = {"clean", "readonly", "read-auto"})
    void aWriteThatComesBeforeTheStepWins(String word) {
        dirty();
        assertThat(rig.array
                        .wished()
                        .ask(ArrayState.ofWord(word).orElseThrow(), false)
                        .ok())
                .isTrue();
        ArrayRig.Asked write = rig.ask(IoOperation.WRITE);
        rig.run();
        assertThat(state()).isEqualTo("active");
        endDisks();
        assertThat(write.how).isEqualTo(IoStatus.OK);
        ArrayRig.Asked next = rig.ask(IoOperation.WRITE);
        endDisks();
        assertThat(next.how).isEqualTo(IoStatus.OK);
        assertThat(rig.clean()).isTrue();
    }

    @Test
    void whoIsInUseBecomesNotReadOnlyButMayComeBack() {
        assertThat(wish("readonly", true)).isEqualTo(Errno.EBUSY);
        assertThat(wish("read-auto", true)).isEqualTo(Errno.EBUSY);
        assertThat(wish("readonly", false)).isNull();
        assertThat(wish("read-auto", true)).isNull();
        assertThat(wish("active", true)).isNull();
        assertThat(state()).isEqualTo("clean");
    }

    @Test
    void cleanIsNotSaidOfMembersThatMayDisagree() {
        rig = new ArrayRig(false, 8, false);
        assertThat(state()).isEqualTo("active");
        assertThat(wish("clean")).isEqualTo(Errno.EBUSY);
        assertThat(wish("readonly")).isNull();
        assertThat(rig.keeper.asked).isEmpty();
        assertThat(wish("clean")).isEqualTo(Errno.EBUSY);
        assertThat(wish("active")).isNull();
        assertThat(state()).isEqualTo("active");
        ArrayRig.Asked write = rig.ask(IoOperation.WRITE);
        endDisks();
        assertThat(write.how).isEqualTo(IoStatus.OK);
    }

    @ParameterizedTest
    @ValueSource(strings = {"clean", "active", "read-auto"})
    void whatWasOpenedForReadingOnlyStaysSo(String word) {
        rig = new ArrayRig(true, 8);
        assertThat(wish(word)).isEqualTo(Errno.EROFS);
        assertThat(wish("readonly")).isNull();
        assertThat(state()).isEqualTo("readonly");
    }

    @Test
    void aBrokenOrStoppedArrayMovesNowhere() {
        rig.array.becomeBroken();
        for (String word : List.of("clean", "active", "readonly", "read-auto")) {
            assertThat(wish(word)).isEqualTo(Errno.EBUSY);
        }
        rig = new ArrayRig(false, 8);
        rig.array.enterState(ArrayState.INACTIVE);
        assertThat(wish("active")).isEqualTo(Errno.EINVAL);
    }

    /** Goal: no metadata is written while read-only, and no write is acknowledged later without the record. */
    @ParameterizedTest
    @ValueSource(strings = {"readonly", "read-auto"})
    void aFailureMeanwhileIsRecordedBeforeTheNextWriteIsAcknowledged(String quiet) {
        wish(quiet);
        rig.array.failMember(1);
        rig.run();
        assertThat(rig.keeper.asked).isEmpty();
        assertThat(rig.array.view().memberState(1)).isEqualTo(MemberState.FAULTY);
        if (quiet.equals("readonly")) {
            wish("active");
        }
        ArrayRig.Asked write = rig.ask(IoOperation.WRITE);
        rig.run();
        assertThat(rig.keeper.asked).containsExactly("failed 1", "dirty");
        assertThat(rig.array.view().memberState(1)).isEqualTo(MemberState.FAULTY_BLOCKED);
        MetadataKeeper.Answer record = rig.keeper.waiting.removeFirst();
        rig.keeper.answer(true);
        rig.run();
        endDisks();
        assertThat(write.ended).isFalse();
        record.recorded(true);
        rig.run();
        assertThat(write.how).isEqualTo(IoStatus.OK);
        assertThat(write.ended).isTrue();
        assertThat(rig.clean()).isTrue();
    }
}
