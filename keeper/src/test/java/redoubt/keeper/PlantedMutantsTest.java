package redoubt.keeper;

import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import redoubt.block.IoRequest;
import redoubt.sim.Mutant;

/**
 * Goal: each rule for the daemon that is a guest has a test that can fail, and fails for the mistake it is there to find. Method: the mistake is
 * put into the class files of the room ({@link Mutant}), and the test that passes on the room as it is must fail on that one.
 */
@Tag("slow")
class PlantedMutantsTest {

    private final Mutant mutant = new Mutant();

    @Test
    void aDeadlineThatNeverFiresIsCaught() {
        mutant.always(ExternalVolume.class, "isOverdue", false);
        mutant.mustFail(ExternalKeeperTest.class, "aWriteWaitsForADaemonNoLongerThanTheDeadline", "the write ends");
    }

    @Test
    void anOldEpochsDoorThatStillWritesIsCaught() {
        mutant.instead(
                Door.class,
                "passes",
                code -> code.aload(0)
                        .aload(1)
                        .invokevirtual(
                                ClassDesc.of(Door.class.getName()),
                                "isMetadata",
                                MethodTypeDesc.of(ConstantDescs.CD_boolean, ClassDesc.of(IoRequest.class.getName())))
                        .ireturn());
        mutant.mustFail(
                ExternalKeeperTest.class,
                "anOldEpochsDoorPassesNothingAndItsTreeTakesNothing",
                "a write of an old epoch");
    }

    @Test
    void aTakeoverThatDoesNotWaitForWritesThatWerePassedOnIsCaught() {
        mutant.first(Takeover.class, "lookAtDoors", code -> code.iconst_0().istore(1));
        mutant.mustFail(
                ExternalKeeperTest.class,
                "aDoorWriteThatWasPassedOnEndsBeforeTheTakeoverReads",
                "the takeover reads past a write of the daemon");
    }

    @Test
    void aHandBackToADaemonThatHasNotReadIsCaught() {
        mutant.always(Incarnation.class, "hasReadAll", true);
        mutant.mustFail(
                ExternalKeeperTest.class,
                "theMetadataGoesBackOnlyToANewDaemonThatHasReadWhatIsOnTheDisksNow",
                "who has not read what is on the disks now");
    }

    @Test
    void cleanOverMembersThatWereNotFlushedIsCaught() {
        mutant.always(ExternalVolume.class, "isDurable", true);
        mutant.mustFail(
                ExternalKeeperTest.class,
                "cleanIsRefusedUntilTheMembersAreFlushed",
                "clean before the members are flushed");
    }

    @Test
    void readonlyOverMembersThatWereNotFlushedIsCaught() {
        mutant.always(ExternalVolume.class, "isDurable", true);
        mutant.mustFail(
                ExternalKeeperTest.class,
                "nobodyIsToldReadonlyBeforeTheMembersAreFlushed",
                "clean, and the mirrors agree",
                "readonly");
    }

    @Test
    void anEndInDoubtThatDaemonsSeeIsCaught() {
        mutant.instead(
                ExternalVolume.class, "shownToDaemons", code -> code.aload(1).areturn());
        mutant.mustFail(
                ExternalKeeperTest.class, "aReadonlyArrayInDoubtWritesNothingWhenItIsStopped", "writes to disk", true);
    }
}
