package redoubt.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.SplittableRandom;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;

/** What came of a read is known to the byte. */
class CoverageTest {

    /** Goal: it says what a bit for each byte says. Method: both are told the same, until they would have to differ. */
    @RepeatedTest(50)
    void itAgreesWithABitForEachByte(RepetitionInfo round) {
        long seed = 4711L + round.getCurrentRepetition();
        SplittableRandom random = new SplittableRandom(seed);
        Coverage coverage = new Coverage();
        boolean[] bits = new boolean[40];
        for (int i = 0; i < 200; i++) {
            int at = random.nextInt(bits.length);
            int length = 1 + random.nextInt(Math.min(4, bits.length - at));
            boolean fresh = true;
            for (int k = at; k < at + length; k++) {
                fresh &= !bits[k];
            }
            boolean taken = coverage.add(at, length);
            assertThat(taken && !fresh)
                    .as("seed %d, byte %d taken twice", seed, at)
                    .isFalse();
            if (taken) {
                for (int k = at; k < at + length; k++) {
                    bits[k] = true;
                }
            } else {
                assertThat(fresh && pieces(bits) < Coverage.PIECES)
                        .as("seed %d, byte %d refused", seed, at)
                        .isFalse();
            }
            int whole = 0;
            while (whole < bits.length && bits[whole]) {
                whole++;
            }
            assertThat(coverage.isWhole(bits.length)).as("seed %d", seed).isEqualTo(whole == bits.length);
        }
    }

    private static int pieces(boolean[] bits) {
        int pieces = 0;
        for (int i = 0; i < bits.length; i++) {
            if (bits[i] && (i == 0 || !bits[i - 1])) {
                pieces++;
            }
        }
        return pieces;
    }

    @Test
    void thereIsABound() {
        Coverage coverage = new Coverage();
        for (int i = 0; i < Coverage.PIECES; i++) {
            assertThat(coverage.add(2L * i, 1)).isTrue();
        }
        assertThat(coverage.add(100, 1)).isFalse();
        for (int i = 0; i < Coverage.PIECES; i++) {
            assertThat(coverage.add(2L * i + 1, 1)).isTrue();
        }
        assertThat(coverage.isWhole(2L * Coverage.PIECES)).isTrue();
    }
}
