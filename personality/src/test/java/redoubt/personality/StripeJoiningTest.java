package redoubt.personality;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import redoubt.block.IoOperation;
import redoubt.block.IoStatus;
import redoubt.md.Level;
import redoubt.testkit.SimulatedMember;
import redoubt.testkit.Waiting;

/**
 * Writes that meet in a band are joined: proven by what the members are asked. A first write is held in its reads, others park behind it,
 * and then everything is let go.
 */
class StripeJoiningTest {

    private static final int SLOTS = 5;
    private static final int CHUNK = 64 << 10;
    private static final int CHUNKS = 8;

    private final Shaker shaker = new Shaker(1, 2, 0);
    private final List<SimulatedMember> disks = new ArrayList<>();
    private final byte[] model = new byte[CHUNKS * CHUNK * (SLOTS - 1)];
    private Rig rig;

    @BeforeEach
    void assemble() {
        for (int slot = 0; slot < SLOTS; slot++) {
            disks.add(shaker.disk(Rig.DATA_START + CHUNKS * CHUNK));
        }
        ParityLayout layout = new ParityLayout(SLOTS, CHUNK, ParityRotation.LEFT_ASYMMETRIC);
        rig = new Rig(
                        host -> new Raid5Personality(host, Level.RAID5, layout),
                        layout,
                        disks,
                        (long) CHUNKS * CHUNK,
                        0,
                        true)
                .agreeing(members -> Rig.assertParity(members, CHUNKS * CHUNK));
        write(0, 4096).await(); // the gate is open from here on
        disks.forEach(SimulatedMember::forgetCounts);
    }

    @AfterEach
    void agrees() {
        shaker.letGo();
        assertThat(Arrays.mismatch(rig.readAll(), model)).isEqualTo(-1);
        rig.close();
        shaker.close();
    }

    private Rig.Asked write(int offset, int length) {
        byte[] content = new byte[length];
        new Random(offset).nextBytes(content);
        System.arraycopy(content, 0, model, offset, length);
        return rig.startWrite(offset, content);
    }

    private long reads() {
        return disks.stream().mapToLong(disk -> disk.served(IoOperation.READ)).sum();
    }

    private long writes() {
        return disks.stream().mapToLong(disk -> disk.served(IoOperation.WRITE)).sum();
    }

    /** Starts a small write at the end of the first band, and holds it in its reads. */
    private Rig.Asked holdBand() {
        shaker.hold();
        Rig.Asked first = write(CHUNK - 4096, 4096);
        assertThat(shaker.waiting()).as("old data and old parity").isEqualTo(2);
        return first;
    }

    private void letGo(List<Rig.Asked> asked) {
        shaker.letGo();
        for (Rig.Asked one : asked) {
            assertThat(one.await()).isEqualTo(IoStatus.OK);
        }
    }

    @Test
    void fullStripesReadNothing() {
        assertThat(write(0, (SLOTS - 1) * CHUNK).await()).isEqualTo(IoStatus.OK);
        assertThat(reads()).isZero();
        assertThat(writes()).isEqualTo(SLOTS);
    }

    @Test
    void aSmallWriteReadsOldDataAndOldParity() {
        assertThat(write(8192, 4096).await()).isEqualTo(IoStatus.OK);
        assertThat(reads()).isEqualTo(2);
        assertThat(writes()).isEqualTo(2);
    }

    /** Three of four strips new: the fourth is read, and not four olds. */
    @Test
    void aLargeWriteReadsTheUntouched() {
        assertThat(write(0, 3 * CHUNK).await()).isEqualTo(IoStatus.OK);
        assertThat(reads()).isEqualTo(1);
        assertThat(writes()).isEqualTo(4);
    }

    /** A run over the border of two chunks does not read and write the parity in between. */
    @Test
    void aWriteOverABorderTouchesTwoEnds() {
        assertThat(write(CHUNK - 4096, 8192).await()).isEqualTo(IoStatus.OK);
        assertThat(disks.stream()
                        .mapToLong(disk -> disk.servedBytes(IoOperation.READ))
                        .sum())
                .isEqualTo(4 * 4096);
        assertThat(disks.stream()
                        .mapToLong(disk -> disk.servedBytes(IoOperation.WRITE))
                        .sum())
                .isEqualTo(4 * 4096);
    }

    /** Goal: strips of a stripe that come as requests of their own are written as one stripe, and nothing is read for them. */
    @Test
    void parkedStripsBecomeAFullStripe() {
        List<Rig.Asked> asked = new ArrayList<>(List.of(holdBand()));
        for (int strip = 0; strip < SLOTS - 1; strip++) {
            asked.add(write(strip * CHUNK, CHUNK));
        }
        letGo(asked);
        assertThat(reads()).as("the held write's own").isEqualTo(2);
        assertThat(writes()).isEqualTo(2 + SLOTS);
    }

    /** Goal: neighbours become one run: one read of old data, one of old parity, one write of each. */
    @Test
    void parkedNeighboursBecomeOneRun() {
        List<Rig.Asked> asked = new ArrayList<>(List.of(holdBand()));
        for (int block : new int[] {2, 0, 3, 1}) {
            asked.add(write(block * 4096, 4096));
        }
        letGo(asked);
        assertThat(reads()).isEqualTo(2 + 2);
        assertThat(writes()).isEqualTo(2 + 2);
    }

    /** What does not touch the run waits for the next time, and is right. */
    @Test
    void parkedStrangersGoOneAfterTheOther() {
        List<Rig.Asked> asked = new ArrayList<>(List.of(holdBand()));
        asked.add(write(0, 4096));
        asked.add(write(32 << 10, 4096));
        asked.add(rig.start(IoOperation.WRITE_ZEROES, 4096, 4096, 0, null));
        Arrays.fill(model, 4096, 8192, (byte) 0);
        letGo(asked);
        assertThat(reads()).isEqualTo(2 + 2 + 2);
    }

    /** Goal: a run of whole stripes is zeroed by one request a member, and waits for who is in one of them. */
    @Test
    void wholeStripesAreZeroedWithoutReading() {
        List<Rig.Asked> asked = new ArrayList<>(List.of(holdBand()));
        asked.add(rig.start(IoOperation.WRITE_ZEROES, 0, model.length, 0, null));
        assertThat(shaker.waiting()).as("nothing but the held write").isEqualTo(2);
        Arrays.fill(model, (byte) 0);
        letGo(asked);
        assertThat(reads()).isEqualTo(2);
        assertThat(writes()).isEqualTo(2);
        Waiting.until("everything is back", rig::nothingLeft);
    }

    /** Goal: hundreds of writes to one band, all parked, end without recursion; the last word is somebody's. */
    @Test
    void aLongQueueIsWorkedOffStepByStep() {
        List<Rig.Asked> asked = new ArrayList<>(List.of(holdBand()));
        for (int i = 0; i < 120; i++) {
            asked.add(write(i * 1024 % CHUNK, 512));
        }
        letGo(asked);
    }
}
