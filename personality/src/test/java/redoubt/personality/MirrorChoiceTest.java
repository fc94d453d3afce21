package redoubt.personality;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import redoubt.block.IoOperation;
import redoubt.md.Level;
import redoubt.testkit.Fault;
import redoubt.testkit.PowerRail;
import redoubt.testkit.SimulatedMember;
import redoubt.testkit.Waiting;

/**
 * Goal: a read goes to the mirror that md would read. Method: two or three mirrors that keep every read, so that the test sees who has how
 * many, and lets go those of one disk when it wants.
 */
class MirrorChoiceTest {

    private static final int SIZE = 4 << 20;
    private static final int READ = 4096;

    private final List<SimulatedMember> disks = new ArrayList<>();
    private final List<Rig.Asked> asked = new ArrayList<>();

    private SimulatedMember disk() {
        SimulatedMember disk = new SimulatedMember(
                "disk" + disks.size(), new byte[Rig.DATA_START + SIZE], Rig.BLOCK, PowerRail.steady(), disks.size());
        disk.inject(Fault.hanging(IoOperation.READ));
        disks.add(disk);
        return disk;
    }

    private Rig rig(long missing, boolean known) {
        NearLayout layout = new NearLayout(disks.size(), disks.size(), 64 << 10);
        return new Rig(
                host -> new CopiesPersonality(host, Level.RAID1, layout, 64 << 10),
                layout,
                disks,
                SIZE,
                missing,
                known);
    }

    /** The slot that this read went to. */
    private int slotOf(Rig rig, long offset) {
        List<Integer> before = pending(rig);
        asked.add(rig.startRead(offset, READ));
        List<Integer> after = pending(rig);
        for (int slot = 0; slot < before.size(); slot++) {
            if (after.get(slot) > before.get(slot)) {
                return slot;
            }
        }
        throw new AssertionError("nobody was asked: " + before + ", " + after);
    }

    private List<Integer> pending(Rig rig) {
        List<Integer> pending = new ArrayList<>();
        for (int slot = 0; slot < disks.size(); slot++) {
            boolean there = rig.array.view().inSync(slot);
            pending.add(there ? rig.array.view().member(slot).readsInFlight().get() : 0);
        }
        return pending;
    }

    private void end() {
        disks.forEach(SimulatedMember::heal);
        asked.forEach(read -> assertThat(read.await().ok()).isTrue());
    }

    @Test
    void aReadThatGoesOnWhereTheLastOneEndedStaysOnItsMirror() {
        disk();
        disk();
        try (Rig rig = rig(0, true)) {
            assertThat(slotOf(rig, 0)).isZero();
            for (int next = 1; next < 6; next++) {
                assertThat(slotOf(rig, (long) next * READ))
                        .as("read %d in a row", next)
                        .isZero();
            }
            assertThat(slotOf(rig, 1 << 20)).as("another place").isEqualTo(1);
            assertThat(slotOf(rig, (1 << 20) + READ)).isEqualTo(1);
            assertThat(slotOf(rig, 6 * READ)).as("and back").isZero();
            end();
        }
    }

    @Test
    void otherReadsGoToTheMirrorWithTheFewestPendingAndTheFirstOfEqualOnes() {
        disk();
        disk();
        disk();
        try (Rig rig = rig(0, true)) {
            for (int round = 0; round < 3; round++) {
                for (int slot = 0; slot < 3; slot++) {
                    assertThat(slotOf(rig, (17L * round + 5L * slot + 3) << 14)).isEqualTo(slot);
                }
            }
            end();
        }
    }

    @Test
    void headsThatHaveToMoveMoveTheLeastUnlessOneIsIdle() {
        disk().rotational();
        disk().rotational();
        try (Rig rig = rig(0, true)) {
            assertThat(slotOf(rig, 0)).isZero();
            assertThat(slotOf(rig, 1 << 20))
                    .as("the first is not idle, the second is")
                    .isEqualTo(1);
            assertThat(slotOf(rig, 100 << 10)).as("nearer to the first").isZero();
            assertThat(slotOf(rig, 200 << 10)).as("though it has more to do").isZero();
            assertThat(slotOf(rig, 900 << 10)).as("nearer to the second").isEqualTo(1);
            disks.get(0).heal();
            disks.get(0).inject(Fault.hanging(IoOperation.READ));
            assertThat(pending(rig)).containsExactly(0, 2);
            assertThat(slotOf(rig, 950 << 10))
                    .as("the second is near, the first is idle")
                    .isZero();
            end();
        }
    }

    /** With one member whose heads need not move, all are chosen by what they have to do. */
    @Test
    void amongUnlikeMirrorsTheFewestPendingCount() {
        disk();
        disk().rotational();
        try (Rig rig = rig(0, true)) {
            assertThat(slotOf(rig, 0)).isZero();
            assertThat(slotOf(rig, 1 << 20)).isEqualTo(1);
            assertThat(slotOf(rig, 900 << 10))
                    .as("near the second; the first of equal ones")
                    .isZero();
            assertThat(slotOf(rig, 64 << 10)).as("near the first").isEqualTo(1);
            end();
        }
    }

    @Test
    void whileMirrorsAreNotKnownToAgreeAllReadsGoToTheFirst() {
        disk();
        disk();
        try (Rig rig = rig(0, false)) {
            for (int read = 0; read < 6; read++) {
                assertThat(slotOf(rig, (7L * read % 5) << 14)).isZero();
            }
            end();
        }
    }

    @Test
    void aMirrorThatIsNotInSyncIsNotRead() {
        disk();
        disk();
        disk();
        try (Rig rig = rig(1, true)) {
            assertThat(slotOf(rig, 0)).isEqualTo(1);
            assertThat(slotOf(rig, 1 << 20)).isEqualTo(2);
            assertThat(slotOf(rig, 2 << 20)).isEqualTo(1);
            rig.array.failMember(1);
            Waiting.until("the member is out", () -> !rig.array.view().inSync(1));
            assertThat(slotOf(rig, 3 << 20)).isEqualTo(2);
            assertThat(slotOf(rig, READ)).isEqualTo(2);
            end();
        }
    }
}
