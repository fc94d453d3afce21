package redoubt.personality;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * How a write comes by the new parity, case by case: five slots, the last one parity, a span of four blocks. A slot is written as what is
 * overwritten of it (- nothing, p partly: one block, w wholly) and what is wrong with it (x gone, u unreadable).
 */
class WriteMethodTest {

    @ParameterizedTest
    @CsvSource({
        // slots 0 to 3 and the parity; whether parity is known
        "w  w  w  w  -,  true,  RECONSTRUCT", // nothing is read
        "w  w  w  w  -,  false, RECONSTRUCT",
        "w  -  -  -  -,  true,  MODIFY", // 2 against 3
        "w  w  -  -  -,  true,  RECONSTRUCT", // 3 against 2
        "w  -  -  -  -,  false, RECONSTRUCT", // old parity means nothing
        "p  p  -  -  -,  true,  MODIFY", // 1 + 1 + 4 against 16
        "p  -  -  -  -x, true,  WITHOUT_PARITY",
        "wx -  -  -  -,  true,  RECONSTRUCT", // all others are there, and it is wholly new
        "px -  -  -  -,  true,  REBUILD",
        "px -  -  -  -,  false, REBUILD",
        "w  -x -  -  -,  true,  MODIFY", // the untouched one is gone: only the difference is right
        "w  w  w  -x -,  true,  MODIFY",
        "w  w  w  -x -,  false, MODIFY",
        "wu -  -  -  -,  true,  RECONSTRUCT",
        "pu -  -  -  -,  true,  REBUILD",
        "w  -u -  -  -,  true,  MODIFY",
        "w  -  -  -  -u, true,  RECONSTRUCT", // old parity cannot be read
        "wx -  -  -  -u, true,  RECONSTRUCT",
        "px -  -  -  -u, true,  IMPOSSIBLE",
        "px -u -  -  -,  true,  IMPOSSIBLE",
        "w  -x -  -  -u, true,  IMPOSSIBLE",
        "wx -x -  -  -,  true,  IMPOSSIBLE",
        "w  -x -  -  -x, true,  IMPOSSIBLE",
    })
    void choosesAsTheTableSays(String drawn, boolean parityKnown, WriteMethod expected) {
        assertThat(chosen(drawn, parityKnown, 0b10000)).isEqualTo(expected);
    }

    /** Six slots, the last two parity: P and Q. */
    @ParameterizedTest
    @CsvSource({
        "w  w  w  w  -  -,  true,  RECONSTRUCT",
        "w  -  -  -  -  -,  true,  RECONSTRUCT", // 3 against 3
        "p  -  -  -  -  -,  true,  MODIFY", // 1 + 4 + 4 against 16
        "p  -  -  -  -  -,  false, RECONSTRUCT",
        "w  -  -  -  -x -,  true,  MODIFY", // 2 against 3: P is gone, and only Q is kept
        "w  -  -  -  -  -x, true,  MODIFY",
        "w  -  -  -  -x -x, true,  WITHOUT_PARITY",
        "p  -x -  -  -  -,  true,  MODIFY",
        "p  -x -x -  -  -,  true,  MODIFY",
        "p  -x -x -  -  -,  false, MODIFY",
        "px -  -  -  -  -,  true,  REBUILD", // from P
        "px -  -  -  -x -,  true,  REBUILD", // from Q
        "px -x -  -  -  -,  true,  REBUILD", // from both
        "px -u -  -  -  -,  true,  REBUILD",
        "px -  -  -  -u -,  true,  REBUILD", // from Q, and P is written all the same
        "w  -x -  -  -u -,  true,  REBUILD", // the difference would need old P
        "wx wx -  -  -  -,  true,  RECONSTRUCT",
        "px -x -  -  -u -,  true,  IMPOSSIBLE",
        "px -x -u -  -  -,  true,  IMPOSSIBLE",
        "px -x -  -  -  -x, true,  IMPOSSIBLE",
        "w  -x -  -  -x -x, true,  IMPOSSIBLE",
        "wx wx wx -  -  -,  true,  IMPOSSIBLE",
    })
    void choosesWithTwoParities(String drawn, boolean parityKnown, WriteMethod expected) {
        assertThat(chosen(drawn, parityKnown, 0b110000)).isEqualTo(expected);
    }

    private static WriteMethod chosen(String drawn, boolean parityKnown, long parities) {
        long writable = 0;
        long readable = 0;
        long touched = 0;
        long covered = 0;
        long touchedBytes = 0;
        String[] cells = drawn.trim().split(" +", -1);
        for (int slot = 0; slot < cells.length; slot++) {
            String cell = cells[slot];
            long bit = 1L << slot;
            writable |= cell.endsWith("x") ? 0 : bit;
            readable |= cell.endsWith("x") || cell.endsWith("u") ? 0 : bit;
            touched |= cell.startsWith("-") ? 0 : bit;
            covered |= cell.startsWith("w") ? bit : 0;
            touchedBytes += cell.startsWith("w") ? 2048 : cell.startsWith("p") ? 512 : 0;
        }
        return WriteMethod.choose(
                parities,
                (1L << cells.length) - 1,
                writable,
                readable,
                touched,
                covered,
                touchedBytes,
                2048,
                parityKnown);
    }
}
