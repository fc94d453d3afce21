package redoubt.personality;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** The layouts of levels 4 and 5 on paper: as Linux, drivers/md/raid5.c, raid5_compute_sector, and docs/FORMATS.md, "map", have them. */
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

    /** Goal: every byte of the array has a place of its own, and no place of parity is one of data. */
    @ParameterizedTest
    @EnumSource
    void givesEveryChunkAPlaceOfItsOwn(ParityRotation rotation) {
        for (int slots = 2; slots <= 8; slots++) {
            ParityLayout layout = new ParityLayout(slots, CHUNK, rotation);
            int stripes = 30;
            Set<Long> places = new HashSet<>();
            for (long chunk = 0; chunk < (long) stripes * (slots - 1); chunk++) {
                int slot = layout.slot(chunk * CHUNK, 0);
                long at = layout.memberOffset(chunk * CHUNK, 0);
                assertThat(places.add(at * slots + slot)).isTrue();
                assertThat(slot).isNotEqualTo(layout.parity(at / CHUNK));
                assertThat(layout.run(chunk * CHUNK + 100)).isEqualTo(CHUNK - 100);
            }
            assertThat(layout.capacity(stripes * CHUNK + CHUNK / 2)).isEqualTo(places.size() * CHUNK);
        }
    }

    @Test
    void hasTheNumbersOfMd() {
        for (int number = 0; number < 6; number++) {
            assertThat(ParityRotation.ofNumber(number).orElseThrow().number()).isEqualTo(number);
        }
        assertThat(ParityRotation.ofNumber(6)).isEmpty();
        assertThat(ParityRotation.ofNumber(2).orElseThrow().word()).isEqualTo("left-symmetric");
    }

    @Test
    void refusesWhatCannotBe() {
        assertThatThrownBy(() -> new ParityLayout(1, CHUNK, ParityRotation.PARITY_LAST))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new ParityLayout(3, 0, ParityRotation.PARITY_LAST))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
