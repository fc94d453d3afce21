package redoubt.personality;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import redoubt.block.IoOperation;
import redoubt.block.IoStatus;
import redoubt.md.Level;
import redoubt.testkit.Fault;
import redoubt.testkit.Seed;
import redoubt.testkit.SimulatedMember;
import redoubt.testkit.Waiting;

/** Reads of a mirror that neither member can do whole. {@link PersonalityContract} asks the same of every level, at random. */
class NarrowReadsTest {

    private static final int SIZE = 1 << 20;
    private static final int READ = 256 << 10;

    private static Rig rig(SimulatedMember... disks) {
        NearLayout layout = new NearLayout(2, 2, 64 << 10);
        return new Rig(
                host -> new CopiesPersonality(host, Level.RAID1, layout, 64 << 10),
                layout,
                List.of(disks),
                SIZE,
                0,
                true);
    }

    private static byte[] image(long seed) {
        byte[] image = new byte[Rig.DATA_START + SIZE];
        new Random(seed).nextBytes(image);
        return image;
    }

    private static Fault bad(long at) {
        return Fault.failing(IoStatus.IO_ERROR, IoOperation.READ)
                .within(Rig.DATA_START + at, Rig.DATA_START + at + Rig.BLOCK);
    }

    /** Goal: only what no member can read is an error, also for many reads at once, inside one another's ranges. */
    @ParameterizedTest
    @ValueSource(ints = {0, 100})
    void onlyWhatNobodyCanReadIsAnError(int inlinePercent) {
        long seed = Seed.next();
        byte[] image = image(seed);
        try (Shaker shaker = new Shaker(seed, 3, inlinePercent)) {
            SimulatedMember first = shaker.disk(image);
            SimulatedMember second = shaker.disk(image.clone());
            try (Rig rig = rig(first, second)) {
                first.inject(bad(1024));
                second.inject(bad(8192));
                first.inject(bad(100 << 10));
                second.inject(bad(100 << 10));
                List<Rig.Asked> whole = new ArrayList<>();
                List<Rig.Asked> lost = new ArrayList<>();
                for (int i = 0; i < 8; i++) {
                    whole.add(rig.startRead(0, 64 << 10));
                    lost.add(rig.startRead(0, READ));
                }
                byte[] wanted = Arrays.copyOfRange(image, Rig.DATA_START, Rig.DATA_START + (64 << 10));
                whole.forEach(read -> assertThat(read.content()).isEqualTo(wanted));
                lost.forEach(read -> assertThat(read.await()).isEqualTo(IoStatus.IO_ERROR));
                assertThat(rig.array.view().degraded()).isZero();
            }
        }
    }

    /** Goal: a call that hangs in the middle, and comes back late with something else, is not seen in what is answered. */
    @Test
    void aMemberThatHangsMeanwhileDoesNotSpoilWhatWasRead() {
        int hung = 0;
        for (int round = 0; round < 40; round++) {
            long seed = Seed.next();
            byte[] image = image(seed);
            try (Shaker shaker = new Shaker(seed, 3, 30)) {
                SimulatedMember first = shaker.disk(image);
                SimulatedMember second = shaker.disk(image.clone());
                try (Rig rig = rig(first, second)) {
                    first.inject(bad(1024));
                    second.inject(bad(8192).times(1));
                    // The whole ends before it comes to this.
                    first.inject(Fault.hanging(IoOperation.READ)
                            .within(Rig.DATA_START + (32 << 10), Rig.DATA_START + (32 << 10) + Rig.BLOCK));
                    Rig.Asked read = rig.startRead(0, 64 << 10);
                    Waiting.until("it is over, or a call hangs", () -> read.settled() || first.holdsQuarantine());
                    hung += first.holdsQuarantine() ? 1 : 0;
                    first.heal();
                    assertThat(read.content())
                            .as("seed %d", seed)
                            .isEqualTo(Arrays.copyOfRange(image, Rig.DATA_START, Rig.DATA_START + (64 << 10)));
                }
            }
        }
        assertThat(hung).as("rounds in which a piece hung").isPositive();
    }
}
