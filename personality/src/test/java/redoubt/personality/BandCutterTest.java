package redoubt.personality;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How ranges are cut, beside a drawing of every block of the stripe. */
class BandCutterTest {

    private static final int BLOCK = 512;

    /**
     * Goal: every block that a range touches is in a part, in one only, no part leaves its band, and no part has a place in which nothing is
     * touched. Method: all ranges of a stripe, block by block.
     */
    @ParameterizedTest
    @CsvSource({"3,8,8", "3,8,2", "4,4,4", "4,8,4", "5,4,2", "2,4,2"})
    void cutsEveryRangeExactly(int slots, int chunkBlocks, int bandBlocks) {
        int chunk = chunkBlocks * BLOCK;
        int band = bandBlocks * BLOCK;
        ParityLayout layout = new ParityLayout(slots, chunk, ParityRotation.LEFT_SYMMETRIC);
        BandCutter cutter = new BandCutter(layout, band);
        long stripeStart = 5 * layout.stripeBytes();
        int blocks = (slots - 1) * chunkBlocks;
        assertThat(cutter.stripeEnd(stripeStart)).isEqualTo(6 * layout.stripeBytes());
        for (int first = 0; first < blocks; first++) {
            for (int end = first + 1; end <= blocks; end++) {
                boolean[] touched = new boolean[chunkBlocks];
                for (int block = first; block < end; block++) {
                    touched[block % chunkBlocks] = true;
                }
                long from = stripeStart + (long) first * BLOCK;
                long to = stripeStart + (long) end * BLOCK;
                boolean[] cut = new boolean[chunkBlocks];
                for (int i = 0; i < cutter.count(from, to); i++) {
                    int low = cutter.low(from, to, i);
                    int high = cutter.high(from, to, i);
                    assertThat(low).isLessThan(high);
                    assertThat(low / band).isEqualTo((high - 1) / band);
                    for (int place = low; place < high; place += BLOCK) {
                        assertThat(cut[place / BLOCK]).isFalse();
                        cut[place / BLOCK] = true;
                    }
                }
                assertThat(cut).as("%d to %d", first, end).isEqualTo(touched);
            }
        }
    }
}
