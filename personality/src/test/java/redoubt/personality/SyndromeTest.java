package redoubt.personality;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.Test;
import redoubt.testkit.Seed;

/** Every kernel against the field's arithmetic byte by byte, at all lengths and alignments that matter, and nothing outside touched. */
class SyndromeTest {

    private static final int SOURCES = 9;
    private static final int ROOM = 9000;

    private final Syndrome syndrome = new Syndrome();

    /** Multiplied as at school: by the bits of one factor, modulo the polynomial. */
    private static int product(int first, int second) {
        int product = 0;
        for (int bit = 0; bit < 8; bit++) {
            product ^= (second >> bit & 1) != 0 ? first << bit : 0;
        }
        for (int bit = 14; bit >= 8; bit--) {
            product ^= (product >> bit & 1) != 0 ? 0x11d << (bit - 8) : 0;
        }
        return product;
    }

    @Test
    void theFieldIsOne() {
        int power = 1;
        for (int exponent = 0; exponent < GaloisField.ORDER; exponent++) {
            assertThat(GaloisField.power(exponent)).isEqualTo(power);
            assertThat(exponent > 0 && power == 1)
                    .as("2 generates all, so none of its powers is 1 before the last")
                    .isFalse();
            power = product(power, 2);
        }
        for (int element = 1; element <= 0xFF; element++) {
            assertThat(product(element, GaloisField.inverse(element))).isEqualTo(1);
        }
    }

    /** From Anvin, "The mathematics of RAID-6", and of any calculator. */
    @Test
    void knownProducts() {
        assertThat(product(0x80, 2)).isEqualTo(0x1d);
        assertThat(GaloisField.power(8)).isEqualTo(0x1d);
        assertThat(GaloisField.inverse(2)).isEqualTo(0x8e);
    }

    @Test
    void isExactToTheByte() {
        long seed = Seed.next();
        Random random = new Random(seed);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment target = arena.allocate(ROOM, 64);
            MemorySegment[] sources = new MemorySegment[SOURCES];
            for (int i = 0; i < SOURCES; i++) {
                sources[i] = arena.allocate(ROOM, 64);
            }
            for (int round = 0; round < 500; round++) {
                fill(target, random);
                long[] from = new long[SOURCES];
                int[] starts = new int[SOURCES];
                for (int i = 0; i < SOURCES; i++) {
                    fill(sources[i], random);
                    starts[i] = random.nextInt(64);
                    from[i] = random.nextInt(5) == 0 ? Syndrome.NOTHING : sources[i].address() + starts[i];
                }
                from[0] = sources[0].address() + starts[0];
                int bytes = round < 250 ? round : 1 + random.nextInt(ROOM - 128);
                int at = random.nextInt(64);
                int factor = random.nextInt(256);
                int kernel = round % 5;
                int count = 1 + random.nextInt(SOURCES);
                byte[] expected = target.toArray(ValueLayout.JAVA_BYTE);
                for (int k = 0; k < bytes; k++) {
                    int was = expected[at + k] & 0xFF;
                    int source = sources[0].get(ValueLayout.JAVA_BYTE, starts[0] + k) & 0xFF;
                    int sum = 0;
                    for (int i = 0; i < count; i++) {
                        int element = sources[i].get(ValueLayout.JAVA_BYTE, starts[i] + k) & 0xFF;
                        sum ^= from[i] == Syndrome.NOTHING ? 0 : product(element, GaloisField.power(i));
                    }
                    expected[at + k] = (byte)
                            switch (kernel) {
                                case 0 -> product(was, 2);
                                case 1 -> product(was, 2) ^ source;
                                case 2 -> was ^ product(source, factor);
                                case 3 -> product(was, factor);
                                default -> sum;
                            };
                }
                long into = target.address() + at;
                switch (kernel) {
                    case 0 -> syndrome.twice(into, bytes);
                    case 1 -> syndrome.twiceAdd(into, from[0], bytes);
                    case 2 -> syndrome.scaleAdd(into, from[0], factor, bytes);
                    case 3 -> syndrome.scale(into, factor, bytes);
                    default -> syndrome.gather(into, from, count, bytes);
                }
                assertThat(target.toArray(ValueLayout.JAVA_BYTE))
                        .as("kernel %d, %d bytes, %d sources, seed %d", kernel, bytes, count, seed)
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
