package redoubt.personality;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Far copies, members one behind the other, and stripes over members of different size, on paper. */
class UnevenLayoutsTest {

    private static final long CHUNK = 64 << 10;

    /** md's far copies, done as its source does them. */
    @ParameterizedTest
    @CsvSource({
        "3,1,2,false",
        "4,1,2,false",
        "5,2,2,false",
        "4,1,3,false",
        "2,1,2,false",
        "3,1,2,true",
        "4,1,2,true",
        "5,2,2,true"
    })
    void farCopiesStandAsInMd(int slots, int near, int far, boolean offset) {
        long component = 37 * CHUNK + 512;
        FarLayout layout = new FarLayout(slots, near, far, offset, CHUNK, component);
        long chunks = 37L / far * slots / near;
        assertThat(layout.capacity(component)).isEqualTo(chunks * CHUNK);
        long stride = offset ? CHUNK : (chunks * near * far + slots - 1) / slots / far * CHUNK;
        Set<String> taken = new HashSet<>();
        for (long chunk = 0; chunk < chunks; chunk++) {
            long position = chunk * near;
            long stripe = position / slots;
            int dev = (int) (position % slots);
            long at = (offset ? stripe * far : stripe) * CHUNK;
            for (int n = 0; n < near; n++) {
                int d = dev;
                long s = at;
                for (int f = 0; f < far; f++) {
                    int copy = n * far + f;
                    assertThat(layout.slot(chunk * CHUNK + 5, copy)).isEqualTo(d);
                    assertThat(layout.memberOffset(chunk * CHUNK + 5, copy)).isEqualTo(s + 5);
                    assertThat(s + CHUNK).isLessThanOrEqualTo(component);
                    assertThat(taken.add(d + "@" + s)).as("%d@%d", d, s).isTrue();
                    d = (d + near) % slots;
                    s += stride;
                }
                dev++;
                if (dev == slots) {
                    dev = 0;
                    at += offset ? far * CHUNK : CHUNK;
                }
            }
        }
    }

    @Test
    void oneStandsBehindTheOther() {
        ConcatenatedLayout layout = new ConcatenatedLayout(new long[] {3 * CHUNK, CHUNK, 2 * CHUNK});
        assertThat(layout.capacity(0)).isEqualTo(6 * CHUNK);
        assertThat(layout.slot(3 * CHUNK - 1, 0)).isZero();
        assertThat(layout.slot(3 * CHUNK, 0)).isEqualTo(1);
        assertThat(layout.slot(6 * CHUNK - 1, 0)).isEqualTo(2);
        assertThat(layout.memberOffset(5 * CHUNK, 0)).isEqualTo(CHUNK);
        assertThat(layout.run(CHUNK)).isEqualTo(2 * CHUNK);
        everyByteIsHeldOnce(layout, 6 * CHUNK);
    }

    /** Goal: the turn is counted from where Linux counts it. Method: three members of 2, 5 and 4 chunks, reckoned by hand. */
    @Test
    void zonesGoOnWhereTheSmallerMembersEnd() {
        long[] sizes = {2 * CHUNK + 512, 5 * CHUNK, 4 * CHUNK};
        ZonedLayout original = new ZonedLayout(sizes, CHUNK, true);
        ZonedLayout alternate = new ZonedLayout(sizes, CHUNK, false);
        int[] slots = {0, 1, 2, 0, 1, 2, 1, 2, 1, 2, 1};
        long[] rows = {0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 4};
        for (int chunk = 0; chunk < slots.length; chunk++) {
            // The second zone begins with chunk 6, which is even, so both kinds begin it with its first member.
            assertThat(original.slot(chunk * CHUNK, 0)).as("%d", chunk).isEqualTo(slots[chunk]);
            assertThat(alternate.slot(chunk * CHUNK, 0)).as("%d", chunk).isEqualTo(slots[chunk]);
            assertThat(original.memberOffset(chunk * CHUNK + 9, 0)).isEqualTo(rows[chunk] * CHUNK + 9);
        }
        assertThat(original.capacity(0)).isEqualTo(11 * CHUNK);
        long[] odd = {CHUNK, 3 * CHUNK, 3 * CHUNK};
        assertThat(new ZonedLayout(odd, CHUNK, true).slot(3 * CHUNK, 0)).isEqualTo(2);
        assertThat(new ZonedLayout(odd, CHUNK, false).slot(3 * CHUNK, 0)).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void zonesHoldEveryByteOnce(boolean original) {
        long[] sizes = {3 * CHUNK, 7 * CHUNK, 0, 4 * CHUNK, 7 * CHUNK};
        everyByteIsHeldOnce(new ZonedLayout(sizes, CHUNK, original), 21 * CHUNK);
    }

    /** Goal: a long run of the array is one run on each member. Method: count piece by piece what each holds. */
    private static void everyByteIsHeldOnce(CopiesLayout layout, long capacity) {
        assertThat(layout.capacity(0)).isEqualTo(capacity);
        long[] held = new long[layout.slots()];
        long step = CHUNK / 4;
        for (long end = 0; end < capacity; end += step) {
            for (int slot = 0; slot < held.length; slot++) {
                assertThat(layout.held(slot, end))
                        .as("slot %d, end %d", slot, end)
                        .isEqualTo(held[slot]);
            }
            int slot = layout.slot(end, 0);
            assertThat(layout.memberOffset(end, 0)).isEqualTo(held[slot]);
            held[slot] += step;
        }
    }
}
