package redoubt.fuse;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Places for open files are shared: one reader who never closes anything keeps nobody else from the store that lets a write go. */
class HandleTableTest {

    private static final int PLACES = 16;
    private static final int BYTES = 1 << 16;

    private final HandleTable table = new HandleTable(null, PLACES, BYTES);

    @Test
    void nobodyTakesTheLastPlaces() {
        List<AttributeHandle> hoarded = new ArrayList<>();
        AttributeHandle next = table.take(1, 7);
        while (next != null) {
            hoarded.add(next);
            next = table.take(1, 7);
        }
        assertThat(hoarded).hasSize(PLACES / 2);
        for (int opener = 8; opener < 11; opener++) {
            assertThat(table.take(1, opener)).isNotNull();
        }
        table.release(hoarded.getFirst());
        hoarded.subList(1, PLACES / 2).forEach(table::release);
        assertThat(table.take(1, 7)).isNotNull();
    }

    @Test
    void norTheLastMemory() {
        assertThat(table.take(BYTES / 2, 7)).isNotNull();
        assertThat(table.take(BYTES / 4, 7)).isNull();
        assertThat(table.take(BYTES / 4, 8)).isNotNull();
    }

    /** One that is larger than half is still to be had by whoever has nothing. */
    @Test
    void whoHasNothingMayHaveAllThatIsLeft() {
        assertThat(table.take(BYTES, 7)).isNotNull();
    }
}
