package redoubt.personality;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The layouts of levels 0, 1 and 10 on paper: as Linux, drivers/md/raid10.c, with one far copy, and docs/FORMATS.md, "map", have them. */
class NearLayoutTest {

    private static final long CHUNK = 128 << 10;

    /** IMSM's RAID0: slot = k mod n; row = k div n. */
    @Test
    void dealsRaid0OutInTurn() {
        NearLayout layout = new NearLayout(3, 1, CHUNK);
        for (long k = 0; k < 50; k++) {
            assertThat(layout.slot(k * CHUNK + 7, 0)).isEqualTo((int) (k % 3));
            assertThat(layout.memberOffset(k * CHUNK + 7, 0)).isEqualTo(k / 3 * CHUNK + 7);
        }
        assertThat(layout.capacity(10 * CHUNK + 1)).isEqualTo(30 * CHUNK);
    }

    /** IMSM's RAID1: every slot holds every byte at its own place; the strip plays no part. */
    @Test
    void mirrorsRaid1Everywhere() {
        NearLayout layout = new NearLayout(2, 2, CHUNK);
        for (long offset = 0; offset < 10 * CHUNK; offset += 77_777) {
            for (int copy = 0; copy < 2; copy++) {
                assertThat(layout.slot(offset, copy)).isEqualTo(copy);
                assertThat(layout.memberOffset(offset, copy)).isEqualTo(offset);
            }
        }
        assertThat(layout.capacity(12_345)).isEqualTo(12_345);
        assertThat(layout.run(5)).isEqualTo(Long.MAX_VALUE);
    }

    /** IMSM's RAID10: p = k mod (n/2); row = k div (n/2); copies on slots 2p and 2p+1. */
    @ParameterizedTest
    @CsvSource({"4", "6", "8"})
    void pairsNeighboursInRaid10(int slots) {
        NearLayout layout = new NearLayout(slots, 2, CHUNK);
        for (long k = 0; k < 50; k++) {
            int pair = (int) (k % (slots / 2));
            for (int copy = 0; copy < 2; copy++) {
                assertThat(layout.slot(k * CHUNK, copy)).isEqualTo(2 * pair + copy);
                assertThat(layout.memberOffset(k * CHUNK, copy)).isEqualTo(k / (slots / 2) * CHUNK);
            }
        }
    }

    /** md's near copies, done as its source does them: wrapping into the next row where copies do not divide the slots. */
    @ParameterizedTest
    @CsvSource({"3,2", "5,2", "5,3", "4,3", "7,4"})
    void wrapsAsMdDoes(int slots, int copies) {
        NearLayout layout = new NearLayout(slots, copies, CHUNK);
        for (long sector = 0; sector < 60 * CHUNK; sector += CHUNK / 2) {
            long chunk = sector / CHUNK * copies;
            long stripe = chunk / slots;
            int dev = (int) (chunk % slots);
            long at = sector % CHUNK + stripe * CHUNK;
            for (int copy = 0; copy < copies; copy++) {
                assertThat(layout.slot(sector, copy)).isEqualTo(dev);
                assertThat(layout.memberOffset(sector, copy)).isEqualTo(at);
                dev++;
                if (dev == slots) {
                    dev = 0;
                    at += CHUNK;
                }
            }
        }
    }

    /** Goal: a long run of the array is one run on each member. Method: count chunk by chunk what each holds. */
    @ParameterizedTest
    @CsvSource({"3,1", "4,2", "5,2", "3,3"})
    void knowsHowMuchEachSlotHolds(int slots, int copies) {
        NearLayout layout = new NearLayout(slots, copies, CHUNK);
        long[] held = new long[slots];
        long step = CHUNK / 4;
        for (long end = 0; end < 40 * CHUNK; end += step) {
            for (int slot = 0; slot < slots; slot++) {
                assertThat(layout.held(slot, end)).isEqualTo(held[slot]);
            }
            for (int copy = 0; copy < copies; copy++) {
                held[layout.slot(end, copy)] += step;
            }
        }
    }

    @Test
    void mapsARangePieceByPiece() {
        List<String> pieces = new ArrayList<>();
        new NearLayout(4, 2, 100)
                .map(
                        150,
                        200,
                        (slot, memberOffset, arrayOffset, length, copy) ->
                                pieces.add(slot + "@" + memberOffset + "+" + length + "/" + copy));
        assertThat(pieces)
                .containsExactly("2@50+50/0", "3@50+50/1", "0@100+100/0", "1@100+100/1", "2@100+50/0", "3@100+50/1");
    }
}
