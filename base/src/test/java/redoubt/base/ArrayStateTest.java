package redoubt.base;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The words and moves of array_state (Linux, Documentation/admin-guide/md.rst). */
class ArrayStateTest {

    @ParameterizedTest
    @EnumSource
    void everyStateIsFoundByItsWordAndMayStay(ArrayState state) {
        assertThat(ArrayState.ofWord(state.word())).contains(state);
        assertThat(state.mayBecome(state)).isTrue();
    }

    @ParameterizedTest
    @EnumSource
    void onlyAPendingWriteOrAWriteInProgressLeadsToActive(ArrayState state) {
        boolean lawful = state.mayBecome(ArrayState.ACTIVE);
        assertThat(lawful)
                .isEqualTo(
                        switch (state) {
                            case CLEAR, INACTIVE, READONLY, READ_AUTO, WRITE_PENDING, ACTIVE, ACTIVE_IDLE -> true;
                            case SUSPENDED, CLEAN, BROKEN -> false;
                        });
    }

    @ParameterizedTest
    @EnumSource
    void aBrokenArrayIsOnlyStopped(ArrayState next) {
        boolean stops = next == ArrayState.BROKEN || next == ArrayState.INACTIVE || next == ArrayState.CLEAR;
        assertThat(ArrayState.BROKEN.mayBecome(next)).isEqualTo(stops);
    }
}
