package redoubt.personality;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import redoubt.block.IoOperation;
import redoubt.block.IoStatus;
import redoubt.md.Level;
import redoubt.testkit.Fault;
import redoubt.testkit.SimulatedMember;
import redoubt.testkit.Waiting;

/**
 * After an unclean stop the parity of a stripe may belong to other data than is there. Here it does, in all stripes: whatever is made from
 * it is wrong, and must not be answered to a client that did not ask for guesses.
 */
class UnknownParityTest {

    private static final int SLOTS = 4;
    private static final int CHUNK = 16 << 10;
    private static final int CHUNKS = 4;
    private static final ParityLayout LAYOUT = new ParityLayout(SLOTS, CHUNK, ParityRotation.LEFT_ASYMMETRIC);

    private final Shaker shaker = new Shaker(11, 2, 50);
    private final List<SimulatedMember> disks = new ArrayList<>();

    private Rig rig(boolean accepted) {
        for (int slot = 0; slot < SLOTS; slot++) {
            byte[] image = new byte[Rig.DATA_START + CHUNKS * CHUNK];
            new Random(slot).nextBytes(image);
            disks.add(shaker.disk(image));
        }
        return new Rig(
                host -> new Raid5Personality(host, Level.RAID5, LAYOUT),
                LAYOUT,
                disks,
                (long) CHUNKS * CHUNK,
                0,
                false,
                accepted);
    }

    private byte[] onDisk(int slot, int length) {
        return Arrays.copyOfRange(disks.get(slot).content(), Rig.DATA_START, Rig.DATA_START + length);
    }

    /** Goal: what a member held that is lost while the array runs is an error; the strips of the others are still read. */
    @Test
    void aMemberLostAtRunTimeIsNotGuessed() {
        try (shaker;
                Rig rig = rig(false)) {
            byte[] other = onDisk(1, CHUNK);
            disks.get(0).inject(Fault.failing(IoStatus.IO_ERROR, IoOperation.WRITE, IoOperation.READ));
            assertThat(rig.write(2L * CHUNK * (SLOTS - 1), new byte[3 * CHUNK])).isEqualTo(IoStatus.IO_ERROR);
            assertThat(rig.array.view().broken()).isTrue();
            assertThat(rig.startRead(0, 4096).await()).isEqualTo(IoStatus.IO_ERROR);
            assertThat(rig.read(CHUNK, CHUNK)).isEqualTo(other);
        }
    }

    /** Goal: an unreadable sector of a whole array is an error, and costs nobody anything. */
    @Test
    void anUnreadableSectorIsNotGuessed() {
        try (shaker;
                Rig rig = rig(false)) {
            disks.get(0)
                    .inject(Fault.failing(IoStatus.IO_ERROR, IoOperation.READ)
                            .within(Rig.DATA_START, Rig.DATA_START + 512));
            assertThat(rig.startRead(0, 4096).await()).isEqualTo(IoStatus.IO_ERROR);
            assertThat(rig.read(4096, 4096)).isEqualTo(Arrays.copyOfRange(onDisk(0, 8192), 4096, 8192));
            assertThat(rig.array.view().degraded()).isZero();
            assertThat(rig.array.failMemberIfSurvived(0)).isFalse();
        }
    }

    /** Goal: who accepts the write hole gets the guess: what the others and the parity say. */
    @Test
    void whoInsistsGetsTheGuess() {
        try (shaker;
                Rig rig = rig(true)) {
            byte[] guess = new byte[4096];
            for (int slot = 1; slot < SLOTS; slot++) {
                byte[] part = onDisk(slot, guess.length);
                for (int i = 0; i < guess.length; i++) {
                    guess[i] ^= part[i];
                }
            }
            rig.array.failMember(0);
            Waiting.until("the failure is known", () -> !rig.array.view().inSync(0));
            assertThat(rig.array.view().broken()).isFalse();
            assertThat(rig.read(0, guess.length)).isEqualTo(guess);
        }
    }
}
