package redoubt.keeper;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import redoubt.base.ArrayState;
import redoubt.block.IoOperation;
import redoubt.block.IoStatus;
import redoubt.md.MemberState;
import redoubt.metadata.MetadataEvent;
import redoubt.metadata.SlotState;
import redoubt.metadata.VolumePicture;
import redoubt.metadata.VolumeState;
import redoubt.testkit.Inspection;

/** The records of a container, as they reach its members, step by step. */
class NativeKeeperTest {

    @RegisterExtension
    final Inspection inspection = new Inspection();

    /** Goal: no data before the dirty mark is durable. Method: look at the order in which each member is asked. */
    @Test
    void theDirtyMarkIsFlushedOnEveryMemberBeforeTheFirstByteOfData() throws Exception {
        KeeperRig rig = new KeeperRig(2, inspection);
        KeeperRig.Asked write = rig.write(0, 4096);
        rig.run();
        assertThat(write.how).isEqualTo(IoStatus.OK);
        for (int disk = 0; disk < 2; disk++) {
            List<String> asked = rig.asked(disk);
            int data = asked.indexOf("WRITE data");
            assertThat(asked.subList(0, data)).containsSequence("WRITE metadata", "FLUSH");
            assertThat(rig.volumeOn(disk).dirty()).isTrue();
        }
        // One member after another: nothing of the second member's metadata before the first one's is durable.
        List<String> order = rig.order();
        assertThat(order.indexOf("1 WRITE metadata")).isGreaterThan(order.indexOf("0 FLUSH"));
    }

    @Test
    void cleanIsWrittenOnlyAfterAllDataIsDurableOnAllMembers() throws Exception {
        KeeperRig rig = new KeeperRig(2, inspection);
        rig.write(0, 4096);
        rig.run();
        rig.forgetOrder();
        rig.becomeIdle();
        rig.run();
        List<String> order = rig.order();
        int firstMetadata = Math.min(order.indexOf("0 WRITE metadata"), order.indexOf("1 WRITE metadata"));
        assertThat(order.subList(0, firstMetadata)).contains("0 FLUSH", "1 FLUSH");
        assertThat(rig.volumeOn(0).dirty()).isFalse();
        assertThat(rig.volumeOn(1).dirty()).isFalse();
    }

    @Test
    void aFailedMemberIsRecordedOnTheSurvivorBeforeTheWriteThatMetItIsAnswered() throws Exception {
        KeeperRig rig = new KeeperRig(2, inspection);
        rig.write(0, 4096);
        rig.run();
        List<Boolean> recordedAtAnswer = new ArrayList<>();
        rig.disk(0).failNext(IoOperation.WRITE, IoStatus.IO_ERROR);
        KeeperRig.Asked write = rig.write(4096, 4096);
        write.whenEnded(() -> recordedAtAnswer.add(rig.volumeOn(1).recorded() == VolumeState.DEGRADED));
        rig.run();
        assertThat(write.how).isEqualTo(IoStatus.OK);
        assertThat(recordedAtAnswer).containsExactly(true);
        assertThat(rig.array().view().memberState(0)).isEqualTo(MemberState.FAULTY);
        assertThat(rig.generationOn(1)).isGreaterThan(rig.generationOn(0));
    }

    /** A member that fails in the middle of a metadata round is recorded in the next one, and the first write still goes through. */
    @Test
    void aMemberThatDoesNotTakeTheMarkIsFailedAndTheWriteGoesOn() throws Exception {
        for (int disk = 0; disk < 2; disk++) {
            KeeperRig rig = new KeeperRig(2, inspection);
            rig.disk(disk).failNext(IoOperation.WRITE, IoStatus.TIMED_OUT);
            KeeperRig.Asked write = rig.write(0, 4096);
            rig.run();
            assertThat(write.how).isEqualTo(IoStatus.OK);
            assertThat(rig.array().view().memberState(disk)).isEqualTo(MemberState.FAULTY);
            assertThat(rig.volumeOn(1 - disk).recorded()).isEqualTo(VolumeState.DEGRADED);
            assertThat(rig.volumeOn(1 - disk).dirty()).isTrue();
            inspection.settle();
        }
    }

    @Test
    void whenNoMemberTakesTheMarkTheWriteFailsAndNothingWasWritten() throws Exception {
        KeeperRig rig = new KeeperRig(2, inspection);
        rig.disk(0).failNext(IoOperation.WRITE, IoStatus.IO_ERROR);
        rig.disk(1).failNext(IoOperation.WRITE, IoStatus.IO_ERROR);
        KeeperRig.Asked write = rig.write(0, 4096);
        rig.run();
        assertThat(write.ended).isTrue();
        assertThat(write.how).isEqualTo(IoStatus.IO_ERROR);
        assertThat(rig.order()).noneMatch(line -> line.endsWith("WRITE data"));
    }

    /**
     * Goal: clean is never durable over data that is not. Method: a member's flush before the clean mark fails; before each request to the
     * survivor look whether it says clean and counts that member in.
     */
    @Test
    void cleanIsNotWrittenWhereAMemberCouldNotMakeItsDataDurable() throws Exception {
        for (int victim = 0; victim < 2; victim++) {
            KeeperRig rig = new KeeperRig(2, inspection);
            rig.write(0, 4096);
            rig.run();
            int failing = victim;
            int survivor = 1 - victim;
            List<Boolean> cleanOverALoss = new ArrayList<>();
            rig.disk(failing).failNext(IoOperation.FLUSH, IoStatus.IO_ERROR);
            rig.disk(survivor).beforeEach(() -> cleanOverALoss.add(cleanAndCountsIn(rig.volumeOn(survivor), failing)));
            rig.becomeIdle();
            rig.run();
            assertThat(cleanOverALoss).isNotEmpty().doesNotContain(true);
            assertThat(rig.volumeOn(survivor).slots().get(failing).state()).isEqualTo(SlotState.FAILED);
            assertThat(rig.volumeOn(survivor).dirty()).isTrue();
            assertThat(rig.array().view().state()).isEqualTo(ArrayState.ACTIVE);

            rig.becomeIdle();
            rig.run();
            assertThat(rig.volumeOn(survivor).dirty()).isFalse();
            assertThat(rig.array().view().state()).isEqualTo(ArrayState.CLEAN);
            inspection.settle();
        }
    }

    /** Goal: a member that is out holds nobody up, however it behaves. Method: it is asked nothing any more, neither flush nor write. */
    @Test
    void aMemberThatIsOutIsAskedNothing() throws Exception {
        KeeperRig rig = new KeeperRig(2, inspection);
        rig.write(0, 4096);
        rig.run();
        rig.array().failMember(0);
        rig.run();
        assertThat(rig.volumeOn(1).slots().get(0).state()).isEqualTo(SlotState.FAILED);
        int asked = rig.asked(0).size();
        for (int i = 0; i < 3; i++) {
            rig.write(0, 4096);
            rig.run();
            rig.becomeIdle();
            rig.run();
            assertThat(rig.array().view().state()).isEqualTo(ArrayState.CLEAN);
        }
        assertThat(rig.volumeOn(1).dirty()).isFalse();
        assertThat(rig.asked(0)).hasSize(asked);
    }

    /** The clean mark is asked for while the round before it loses a member. */
    @Test
    void cleanIsRefusedUntilTheLossOfAMemberIsRecorded() throws Exception {
        KeeperRig rig = new KeeperRig(2, inspection);
        rig.disk(0).failNext(IoOperation.WRITE, IoStatus.IO_ERROR);
        List<Boolean> answers = new ArrayList<>();
        rig.keeper().post(new MetadataEvent.MarkDirty(0), answers::add);
        rig.keeper().post(new MetadataEvent.MarkClean(0), answers::add);
        rig.run();
        assertThat(answers).containsExactly(true, false);
        assertThat(rig.volumeOn(1).dirty()).isTrue();
        assertThat(rig.volumeOn(1).slots().get(0).state()).isEqualTo(SlotState.FAILED);
        rig.keeper().post(new MetadataEvent.MarkClean(0), answers::add);
        rig.run();
        assertThat(answers).containsExactly(true, false, true);
        assertThat(rig.volumeOn(1).dirty()).isFalse();
    }

    private static boolean cleanAndCountsIn(VolumePicture volume, int slot) {
        return !volume.dirty() && volume.slots().get(slot).state() == SlotState.IN_SYNC;
    }

    @Test
    void generationsOnlyRise() throws Exception {
        KeeperRig rig = new KeeperRig(2, inspection);
        long before = rig.generationOn(0);
        for (int i = 0; i < 20; i++) {
            rig.write(0, 4096);
            rig.run();
            rig.becomeIdle();
            rig.run();
        }
        assertThat(rig.generationOn(0)).isEqualTo(before + 40);
        assertThat(rig.generationOn(1)).isEqualTo(rig.generationOn(0));
    }
}
