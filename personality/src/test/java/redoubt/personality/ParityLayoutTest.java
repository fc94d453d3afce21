package redoubt.personality;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** The layouts of levels 4, 5 and 6 on paper: as Linux, drivers/md/raid5.c, raid5_compute_sector, and docs/FORMATS.md, "map", have them. */
class ParityLayoutTest {

    private static final long CHUNK = 64 << 10;

    /** The test vectors of the spec: RAID5, 3 slots, left-symmetric. */
    @Test
    void matchesTheVectorsOfTheSpec() {
        ParityLayout layout = new ParityLayout(3, CHUNK, ParityRotation.LEFT_SYMMETRIC);
        assertThat(layout.parity(0)).isEqualTo(2);
        assertThat(layout.dataSlot(0, 0)).isEqualTo(0);
        assertThat(layout.dataSlot(0, 1)).isEqualTo(1);
        assertThat(layout.parity(1)).isEqualTo(1);
        assertThat(layout.dataSlot(1, 0)).isEqualTo(2);
        assertThat(layout.dataSlot(1, 1)).isEqualTo(0);
    }

    /** The first five stripes of four slots, drawn by hand from the table: P is parity, digits are indexes. */
    @ParameterizedTest
    @CsvSource({
        "LEFT_ASYMMETRIC,  012P 01P2 0P12 P012 012P",
        "RIGHT_ASYMMETRIC, P012 0P12 01P2 012P P012",
        "LEFT_SYMMETRIC,   012P 12P0 2P01 P012 012P",
        "RIGHT_SYMMETRIC,  P012 2P01 12P0 012P P012",
        "PARITY_FIRST,     P012 P012 P012 P012 P012",
        "PARITY_LAST,      012P 012P 012P 012P 012P",
    })
    void matchesTheTableOfTheSpec(ParityRotation rotation, String stripes) {
        ParityLayout layout = new ParityLayout(4, CHUNK, rotation);
        String[] drawn = stripes.split(" ", -1);
        for (int stripe = 0; stripe < drawn.length; stripe++) {
            for (int slot = 0; slot < 4; slot++) {
                char cell = drawn[stripe].charAt(slot);
                int index = layout.indexOn(stripe, slot);
                if (cell == 'P') {
                    assertThat(layout.parity(stripe)).isEqualTo(slot);
                    assertThat(index).isEqualTo(ParityLayout.PARITY);
                } else {
                    assertThat(index).isEqualTo(cell - '0');
                    assertThat(layout.dataSlot(stripe, index)).isEqualTo(slot);
                }
            }
        }
    }

    /** IMSM: row = k div (n-1); d = k mod (n-1); P = (n-1) - (row mod n); slot = d if d < P else d+1. */
    @Test
    void isImsmsRuleWhenLeftAsymmetric() {
        for (int slots = 3; slots <= 6; slots++) {
            ParityLayout layout = new ParityLayout(slots, CHUNK, ParityRotation.LEFT_ASYMMETRIC);
            for (long chunk = 0; chunk < 100; chunk++) {
                long row = chunk / (slots - 1);
                int d = (int) (chunk % (slots - 1));
                int p = (slots - 1) - (int) (row % slots);
                long offset = chunk * CHUNK + 512;
                assertThat(layout.slot(offset, 0)).isEqualTo(d < p ? d : d + 1);
                assertThat(layout.memberOffset(offset, 0)).isEqualTo(row * CHUNK + 512);
                assertThat(layout.parity(row)).isEqualTo(p);
            }
        }
    }

    /** The test vectors of the spec: RAID6, 4 slots, left-symmetric. */
    @Test
    void matchesTheVectorsOfTheSpecWithTwoParities() {
        ParityLayout layout = new ParityLayout(4, 2, CHUNK, ParityRotation.LEFT_SYMMETRIC);
        assertThat(layout.parity(0)).isEqualTo(3);
        assertThat(layout.q(0)).isEqualTo(0);
        assertThat(layout.dataSlot(0, 0)).isEqualTo(1);
        assertThat(layout.dataSlot(0, 1)).isEqualTo(2);
        assertThat(layout.parity(1)).isEqualTo(2);
        assertThat(layout.q(1)).isEqualTo(3);
        assertThat(layout.dataSlot(1, 0)).isEqualTo(0);
        assertThat(layout.dataSlot(1, 1)).isEqualTo(1);
    }

    /**
     * The first six stripes of five slots, drawn by hand from the table: P and Q, digits are indexes. Below each, the power of 2 by which Q
     * counts the strip: from the slot behind Q round, or in DDF's the slot itself.
     */
    @ParameterizedTest
    @CsvSource({
        "LEFT_ASYMMETRIC,    Q012P 012PQ 01PQ2 0PQ12 PQ012 Q012P, -012- 012-- 12--0 2--01 --012 -012-",
        "RIGHT_ASYMMETRIC,   PQ012 0PQ12 01PQ2 012PQ Q012P PQ012, --012 2--01 12--0 012-- -012- --012",
        "LEFT_SYMMETRIC,     Q012P 012PQ 12PQ0 2PQ01 PQ012 Q012P, -012- 012-- 12--0 2--01 --012 -012-",
        "RIGHT_SYMMETRIC,    PQ012 2PQ01 12PQ0 012PQ Q012P PQ012, --012 2--01 12--0 012-- -012- --012",
        "PARITY_FIRST,       PQ012 PQ012 PQ012 PQ012 PQ012 PQ012, --012 --012 --012 --012 --012 --012",
        "PARITY_LAST,        012PQ 012PQ 012PQ 012PQ 012PQ 012PQ, 012-- 012-- 012-- 012-- 012-- 012--",
        "DDF_ZERO_RESTART,   PQ012 0PQ12 01PQ2 012PQ Q012P PQ012, --234 0--34 01--4 012-- -123- --234",
        "DDF_N_RESTART,      012PQ 01PQ2 0PQ12 PQ012 Q012P 012PQ, 012-- 01--4 0--34 --234 -123- 012--",
        "DDF_N_CONTINUE,     012QP 12QP0 2QP01 QP012 P012Q 012QP, 012-- 01--4 0--34 --234 -123- 012--",
        "LEFT_ASYMMETRIC_6,  012PQ 01P2Q 0P12Q P012Q 012PQ 01P2Q, 012-- 01-2- 0-12- -012- 012-- 01-2-",
        "RIGHT_ASYMMETRIC_6, P012Q 0P12Q 01P2Q 012PQ P012Q 0P12Q, -012- 0-12- 01-2- 012-- -012- 0-12-",
        "LEFT_SYMMETRIC_6,   012PQ 12P0Q 2P01Q P012Q 012PQ 12P0Q, 012-- 01-2- 0-12- -012- 012-- 01-2-",
        "RIGHT_SYMMETRIC_6,  P012Q 2P01Q 12P0Q 012PQ P012Q 2P01Q, -012- 0-12- 01-2- 012-- -012- 0-12-",
        "PARITY_FIRST_6,     P012Q P012Q P012Q P012Q P012Q P012Q, -012- -012- -012- -012- -012- -012-",
    })
    void matchesTheTableOfTheSpecWithTwoParities(ParityRotation rotation, String stripes, String powers) {
        ParityLayout layout = new ParityLayout(5, 2, CHUNK, rotation);
        String[] drawn = stripes.split(" ", -1);
        for (int stripe = 0; stripe < drawn.length; stripe++) {
            for (int slot = 0; slot < 5; slot++) {
                char cell = drawn[stripe].charAt(slot);
                int index = layout.indexOn(stripe, slot);
                if (cell == 'P' || cell == 'Q') {
                    assertThat(cell == 'P' ? layout.parity(stripe) : layout.q(stripe))
                            .as("%s of stripe %d", cell, stripe)
                            .isEqualTo(slot);
                    assertThat(index).isEqualTo(ParityLayout.PARITY);
                } else {
                    assertThat(index).as("stripe %d, slot %d", stripe, slot).isEqualTo(cell - '0');
                    assertThat(layout.dataSlot(stripe, index)).isEqualTo(slot);
                    assertThat(layout.power(stripe, slot))
                            .as("power of stripe %d, slot %d", stripe, slot)
                            .isEqualTo(powers.split(" ", -1)[stripe].charAt(slot) - '0');
                }
            }
        }
    }

    /** Goal: every byte of the array has a place of its own, no place of parity is one of data, and no two strips have the same power. */
    @ParameterizedTest
    @EnumSource
    void givesEveryChunkAPlaceOfItsOwn(ParityRotation rotation) {
        for (int parities = 1; parities <= 2; parities++) {
            for (int slots = parities + 1; slots <= 8 && rotation.suits(parities); slots++) {
                givesEveryChunkAPlaceOfItsOwn(new ParityLayout(slots, parities, CHUNK, rotation));
            }
        }
    }

    private static void givesEveryChunkAPlaceOfItsOwn(ParityLayout layout) {
        int slots = layout.slots();
        int stripes = 30;
        Set<Long> places = new HashSet<>();
        Set<Long> powers = new HashSet<>();
        for (long chunk = 0; chunk < (long) stripes * layout.dataSlots(); chunk++) {
            int slot = layout.slot(chunk * CHUNK, 0);
            long at = layout.memberOffset(chunk * CHUNK, 0);
            long stripe = at / CHUNK;
            assertThat(places.add(at * slots + slot)).isTrue();
            assertThat(layout.paritySlots(stripe) >>> slot & 1).isZero();
            assertThat(layout.indexOn(stripe, slot)).isEqualTo(layout.index(chunk * CHUNK));
            int power = layout.power(stripe, slot);
            assertThat(power).isBetween(0, slots - 1);
            assertThat(powers.add(stripe * slots + power)).isTrue();
            assertThat(layout.run(chunk * CHUNK + 100)).isEqualTo(CHUNK - 100);
        }
        for (int stripe = 0; stripe < stripes; stripe++) {
            assertThat(Long.bitCount(layout.paritySlots(stripe))).isEqualTo(layout.parities());
        }
        assertThat(layout.capacity(stripes * CHUNK + CHUNK / 2)).isEqualTo(places.size() * CHUNK);
    }

    @Test
    void hasTheNumbersOfMd() {
        for (int number = 0; number < 6; number++) {
            for (int parities = 1; parities <= 2; parities++) {
                assertThat(ParityRotation.ofNumber(number, parities)
                                .orElseThrow()
                                .number())
                        .isEqualTo(number);
            }
        }
        assertThat(ParityRotation.ofNumber(6, 1)).isEmpty();
        assertThat(ParityRotation.ofNumber(6, 2)).isEmpty();
        assertThat(ParityRotation.ofNumber(10, 1)).as("DDF's has two").isEmpty();
        assertThat(ParityRotation.ofNumber(10, 2)).contains(ParityRotation.DDF_N_CONTINUE);
        assertThat(ParityRotation.ofNumber(18, 2)).contains(ParityRotation.LEFT_SYMMETRIC_6);
        assertThat(ParityRotation.ofNumber(2, 1).orElseThrow().word()).isEqualTo("left-symmetric");
    }

    @Test
    void refusesWhatCannotBe() {
        assertThatThrownBy(() -> new ParityLayout(1, CHUNK, ParityRotation.PARITY_LAST))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new ParityLayout(3, 0, ParityRotation.PARITY_LAST))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new ParityLayout(2, 2, CHUNK, ParityRotation.PARITY_LAST))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new ParityLayout(5, 1, CHUNK, ParityRotation.DDF_N_RESTART))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
