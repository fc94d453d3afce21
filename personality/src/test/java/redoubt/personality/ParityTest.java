package redoubt.personality;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import redoubt.testkit.Seed;

/** Every kernel against XOR byte by byte, at all lengths and alignments that matter, and nothing outside touched. */
class ParityTest {

    private static final int SOURCES = 9;
    private static final int ROOM = 9000;

    static List<Parity> implementations() {
        List<Parity> all = new ArrayList<>(List.of(Parity.scalar(), Parity.best()));
        Parity.vector().ifPresent(all::add);
        assertThat(all).as("tests run with the vector module").hasSize(3);
        return all;
    }

    @ParameterizedTest
    @MethodSource("implementations")
    void isExactToTheByte(Parity parity) {
        long seed = Seed.next();
        Random random = new Random(seed);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment target = arena.allocate(ROOM, 64);
            MemorySegment[] sources = new MemorySegment[SOURCES];
            for (int i = 0; i < SOURCES; i++) {
                sources[i] = arena.allocate(ROOM, 64);
            }
            for (int round = 0; round < 400; round++) {
                fill(target, random);
                for (MemorySegment source : sources) {
                    fill(source, random);
                }
                int bytes = round < 200 ? round : 1 + random.nextInt(ROOM - 128);
                int at = random.nextInt(64);
                int kernel = round % 7;
                int count = 1 + random.nextInt(SOURCES);
                byte[] expected = target.toArray(ValueLayout.JAVA_BYTE);
                long[] from = new long[SOURCES];
                int[] starts = new int[SOURCES];
                for (int i = 0; i < SOURCES; i++) {
                    starts[i] = random.nextInt(64);
                    from[i] = sources[i].address() + starts[i];
                }
                int used = kernel == 0 ? 1 : kernel == 1 || kernel == 2 ? 2 : kernel == 3 ? 3 : kernel == 4 ? 4 : count;
                for (int k = 0; k < bytes; k++) {
                    byte sum = kernel < 2 ? expected[at + k] : 0;
                    for (int i = 0; i < used; i++) {
                        sum ^= sources[i].get(ValueLayout.JAVA_BYTE, starts[i] + k);
                    }
                    expected[at + k] = sum;
                }
                long into = target.address() + at;
                switch (kernel) {
                    case 0 -> parity.add(into, from[0], bytes);
                    case 1 -> parity.add(into, from[0], from[1], bytes);
                    case 2 -> parity.set(into, from[0], from[1], bytes);
                    case 3 -> parity.set(into, from[0], from[1], from[2], bytes);
                    case 4 -> parity.set(into, from[0], from[1], from[2], from[3], bytes);
                    default -> parity.gather(into, from, used, bytes);
                }
                assertThat(target.toArray(ValueLayout.JAVA_BYTE))
                        .as("kernel %d, %d bytes, %d sources, seed %d", kernel, bytes, used, seed)
                        .isEqualTo(expected);
            }
        }
    }

    private static void fill(MemorySegment segment, Random random) {
        byte[] content = new byte[ROOM];
        random.nextBytes(content);
        MemorySegment.copy(content, 0, segment, ValueLayout.JAVA_BYTE, 0, ROOM);
    }
}
