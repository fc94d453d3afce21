package redoubt.mdmon;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import redoubt.block.IoStatus;
import redoubt.kernfs.Errno;
import redoubt.metadata.Migration;
import redoubt.metadata.SlotState;
import redoubt.metadata.VolumeState;
import redoubt.sim.SteppedTime;

/** Each answer of the monitor to what an array shows, and the order in which it is given. */
class MonitorTest {

    private static final String MD = "block/md126/md/";
    private static final String STATE = MD + "array_state";
    private static final String MEMBER = MD + "dev-sda/state";
    private static final String OTHER_MEMBER = "block/md125/md/dev-sda/state";

    private final SteppedTime time = new SteppedTime();
    private FakeEngine engine;
    private Monitor monitor;

    @BeforeEach
    void oneMirror() throws Exception {
        watch(1);
    }

    private void watch(int volumes) throws Exception {
        engine = new FakeEngine(volumes);
        monitor = engine.monitor(engine.disks(), time);
        for (int volume = 0; volume < volumes; volume++) {
            monitor.adopt(FakeEngine.array(volume));
        }
        monitor.takeAsked();
        engine.did.clear();
    }

    private void active() throws Exception {
        engine.set(STATE, "write-pending");
        monitor.look();
        engine.set(STATE, "active");
        monitor.look();
        engine.did.clear();
    }

    // ---------------------------------------------------------------------------------------------- clean and dirty

    @Test
    void aWholeArrayIsTakenFromReadonlyToReadAutoAndNothingIsWritten() throws Exception {
        monitor.look();
        assertThat(engine.did).containsExactly("store " + STATE + " read-auto");
    }

    @Test
    void anArrayThatIsNotKnownToAgreeGoesActiveAndDirty() throws Exception {
        engine.set(MD + "resync_start", "0");
        monitor.look();
        assertThat(engine.did).last().isEqualTo("store " + STATE + " active");
        assertThat(engine.volume(1, 0).dirty()).isTrue();
    }

    @Test
    void anArrayThatIsHeldReadonlyIsLeftAlone() throws Exception {
        engine.set(MD + "metadata_version", "external:-md127/0");
        monitor.look();
        assertThat(engine.did).isEmpty();
    }

    @Test
    void theDirtyMarkIsFlushedOnEveryDiskBeforeAWriteIsLetGo() throws Exception {
        engine.set(STATE, "write-pending");
        monitor.look();
        assertThat(engine.did)
                .containsSubsequence("WRITE 0", "FLUSH 0", "WRITE 1", "FLUSH 1", "store " + STATE + " active")
                .last()
                .isEqualTo("store " + STATE + " active");
        assertThat(engine.volume(0, 0).dirty()).isTrue();
        assertThat(engine.volume(1, 0).dirty()).isTrue();
    }

    @Test
    void cleanIsStoredFirstAndRecordedOnlyWhenItIsReadBack() throws Exception {
        active();
        engine.set(STATE, "active-idle");
        monitor.look();
        assertThat(engine.did).containsExactly("store " + STATE + " clean");
        assertThat(engine.volume(0, 0).dirty()).isTrue();
        engine.set(STATE, "clean");
        monitor.look();
        assertThat(engine.volume(0, 0).dirty()).isFalse();
        assertThat(engine.volume(1, 0).dirty()).isFalse();
    }

    @Test
    void aRefusalOfCleanChangesNothing() throws Exception {
        active();
        engine.refuse(STATE, Errno.EBUSY);
        engine.set(STATE, "active-idle");
        monitor.look();
        assertThat(engine.did).containsExactly("refused " + STATE + " clean");
        assertThat(engine.volume(0, 0).dirty()).isTrue();
    }

    @Test
    void whatIsActiveButCalledCleanOnTheDisksIsMarkedDirty() throws Exception {
        engine.set(STATE, "active");
        monitor.look();
        assertThat(engine.volume(0, 0).dirty()).isTrue();
    }

    @Test
    void anArrayThatStopsIsMarkedCleanUnlessItsMembersMayDiffer() throws Exception {
        active();
        engine.set(STATE, "inactive");
        monitor.look();
        assertThat(engine.volume(0, 0).dirty()).isFalse();

        watch(1);
        engine.set(MD + "resync_start", "0");
        active();
        engine.set(STATE, "clear");
        monitor.look();
        assertThat(engine.volume(0, 0).dirty()).isTrue();
    }

    /** Goal: an image that no disk took is not on the disks, and nobody is told that it is. */
    @Test
    void nothingIsStoredIfNoDiskTakesTheMetadata() throws Exception {
        engine.door(0).refusal = IoStatus.IO_ERROR;
        engine.door(1).refusal = IoStatus.IO_ERROR;
        engine.set(STATE, "write-pending");
        assertThat(monitor.look()).isTrue();
        assertThat(engine.did).noneMatch(each -> each.startsWith("store"));
    }

    // ---------------------------------------------------------------------------------------------- failures

    @Test
    void aFailedMemberIsRecordedOnTheSurvivorsThenUnblockedThenRemoved() throws Exception {
        active();
        long before = engine.picture(0).generation();
        engine.set(MEMBER, "faulty,blocked,external_bbl");
        monitor.look();
        assertThat(engine.did)
                .noneMatch(each -> each.contains("WRITE 0"))
                .containsSubsequence("WRITE 1", "FLUSH 1", "store " + MEMBER + " -blocked");
        assertThat(engine.volume(1, 0).slots().getFirst().state()).isEqualTo(SlotState.FAILED);
        assertThat(engine.picture(1).generation()).isEqualTo(before + 1);
        assertThat(engine.picture(0).generation()).isEqualTo(before);
        engine.did.clear();
        engine.set(MEMBER, "faulty,external_bbl");
        monitor.look();
        assertThat(engine.did).containsExactly("store " + MEMBER + " remove");
    }

    @Test
    void aMemberThatFailsBeforeTheFirstWriteMakesTheArrayActive() throws Exception {
        engine.set(STATE, "read-auto");
        engine.set(MEMBER, "faulty,blocked,external_bbl");
        monitor.look();
        assertThat(engine.did)
                .containsSubsequence("WRITE 1", "store " + STATE + " active", "store " + MEMBER + " -blocked");
        assertThat(engine.volume(1, 0).dirty()).isTrue();
    }

    @Test
    void aDiskIsFailedInTheOtherVolumeToo() throws Exception {
        watch(2);
        engine.set(MEMBER, "faulty,blocked,external_bbl");
        monitor.look();
        assertThat(engine.did).contains("store " + OTHER_MEMBER + " faulty");
        engine.did.clear();
        engine.set(OTHER_MEMBER, "faulty,blocked,external_bbl");
        monitor.look();
        assertThat(engine.did).contains("store " + OTHER_MEMBER + " -blocked");
        assertThat(engine.volume(1, 1).computed()).isEqualTo(VolumeState.DEGRADED);
    }

    @Test
    void itGivesUpIfItCannotWriteToAMemberThatTheArrayCountsOn() throws Exception {
        engine.door(1).refusal = IoStatus.GONE;
        active();
        time.advance(3_000_000_000L);
        assertThat(monitor.run()).isEqualTo(Mdmon.End.CANNOT_WRITE);
    }

    @Test
    void aMemberThatCannotBeWrittenAndIsFailedThenIsNoReasonToGiveUp() throws Exception {
        engine.door(0).refusal = IoStatus.IO_ERROR;
        active();
        engine.set(MEMBER, "faulty,blocked,external_bbl");
        monitor.look();
        time.advance(3_000_000_000L);
        monitor.terminate();
        engine.set(STATE, "clean");
        assertThat(monitor.run()).isEqualTo(Mdmon.End.LEFT);
    }

    // ---------------------------------------------------------------------------------------------- bad blocks

    @Test
    void badBlocksAreAcknowledgedWhenTheyAreOnTheDisks() throws Exception {
        active();
        engine.set(MD + "dev-sda/unacknowledged_bad_blocks", "100 8");
        engine.set(MEMBER, "in_sync,blocked,external_bbl");
        monitor.look();
        assertThat(engine.did)
                .containsSubsequence(
                        "FLUSH 1", "store " + MD + "dev-sda/bad_blocks 100 8", "store " + MEMBER + " -blocked");
    }

    @Test
    void rangesThatTheLogCannotTakeCostTheMemberItsPlace() throws Exception {
        active();
        engine.set(MD + "dev-sda/unacknowledged_bad_blocks", "999999999999 8");
        engine.set(MEMBER, "in_sync,blocked,external_bbl");
        monitor.look();
        assertThat(engine.did)
                .contains("store " + MEMBER + " -external_bbl")
                .noneMatch(each -> each.contains("-blocked") || each.contains("bad_blocks 9"));
    }

    // ---------------------------------------------------------------------------------------------- resync

    @Test
    void aResyncIsRecordedFromItsBeginningToItsEnd() throws Exception {
        engine.set(MD + "resync_start", "0");
        active();
        engine.set(MD + "sync_action", "resync");
        monitor.look();
        assertThat(engine.volume(0, 0).migration().kind()).isEqualTo(Migration.Kind.REPAIR);
        engine.set(MD + "sync_completed", "1024 / 2048");
        monitor.look();
        assertThat(engine.volume(0, 0).migration().checkpointUnits()).isPositive();
        engine.set(MD + "sync_action", "idle");
        engine.set(MD + "sync_completed", "none");
        engine.set(MD + "resync_start", "none");
        monitor.look();
        assertThat(engine.volume(0, 0).migration().kind()).isEqualTo(Migration.Kind.NONE);
    }

    // ---------------------------------------------------------------------------------------------- the end

    @Test
    void itEndsWhenItsArraysStopOrItIsFencedOrItIsToldToAndNothingIsDirty() throws Exception {
        active();
        engine.set(STATE, "inactive");
        assertThat(monitor.run()).isEqualTo(Mdmon.End.STOPPED);

        watch(1);
        engine.set("standing", "fenced");
        assertThat(monitor.run()).isEqualTo(Mdmon.End.FENCED);

        watch(1);
        active();
        monitor.terminate();
        CountDownLatch over = new CountDownLatch(1);
        List<Mdmon.End> ends = new java.util.concurrent.CopyOnWriteArrayList<>();
        redoubt.base.Threads.start("monitor", () -> {
            ends.add(monitor.run());
            over.countDown();
        });
        CountDownLatch looked = new CountDownLatch(1);
        monitor.lookOnce(looked);
        looked.await();
        assertThat(over.getCount()).isEqualTo(1);
        engine.set(STATE, "clean");
        over.await();
        assertThat(ends).containsExactly(Mdmon.End.LEFT);
        assertThat(engine.volume(0, 0).dirty()).isFalse();
    }
}
