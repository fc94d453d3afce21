package redoubt.md;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ReadErrorsTest {

    private static final long MINUTE = 60_000_000_000L;

    private final ReadErrors errors = new ReadErrors(8);

    @Test
    void aPlaceCountsOnceHoweverLongTheReadsThatMeetIt() {
        assertThat(errors.count(0, 1 << 20, 0)).isEqualTo(1);
        assertThat(errors.count(512 << 10, 516 << 10, 0)).isEqualTo(1);
        assertThat(errors.count(513 << 10, 514 << 10, 0)).isEqualTo(1);
        assertThat(errors.met()).isEqualTo(3);
    }

    @Test
    void whatALongReadLeftOpenIsToldApartByShorterOnes() {
        errors.count(0, 1 << 20, 0);
        assertThat(errors.count(0, 4096, 0)).isEqualTo(1);
        assertThat(errors.count(8192, 12288, 0)).isEqualTo(2);
    }

    @Test
    void eachHourForgetsHalfTheOldestFirst() {
        for (int i = 0; i < 6; i++) {
            errors.count(4096L * i, 4096L * (i + 1), MINUTE * i);
        }
        assertThat(errors.count(4096L * 5, 4096L * 6, MINUTE * 59)).isEqualTo(6);
        assertThat(errors.count(4096L * 5, 4096L * 6, MINUTE * 61)).isEqualTo(3);
        assertThat(errors.count(0, 4096, MINUTE * 61)).as("was forgotten").isEqualTo(4);
        assertThat(errors.count(1 << 20, 2 << 20, MINUTE * 60 * 1000)).isEqualTo(1);
    }

    @Test
    void moreThanAreToldApartAreNotRemembered() {
        for (int i = 0; i < 20; i++) {
            errors.count(4096L * i, 4096L * (i + 1), 0);
        }
        assertThat(errors.count(1 << 20, 2 << 20, 0)).isEqualTo(8);
        assertThat(errors.met()).isEqualTo(21);
    }
}
