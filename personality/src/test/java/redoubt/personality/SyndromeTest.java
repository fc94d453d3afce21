package redoubt.personality;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.util.Random;
import org.junit.jupiter.api.Test;
import redoubt.testkit.Seed;

/** Every kernel against the field's arithmetic byte by byte, at all lengths and alignments that matter, and nothing outside touched. */
class SyndromeTest {

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
            KernelRoom room = new KernelRoom(arena, random);
            for (int round = 0; round < 500; round++) {
                room.shuffle();
                long[] from = room.sourceAddresses();
                for (int i = 1; i < from.length; i++) {
                    if (random.nextInt(5) == 0) {
                        from[i] = Syndrome.NOTHING;
                    }
                }
                int bytes = round < 250 ? round : 1 + random.nextInt(KernelRoom.MOST);
                int factor = random.nextInt(256);
                int kernel = round % 5;
                int count = 1 + random.nextInt(KernelRoom.SOURCES);
                byte[] expected = room.target();
                for (int k = 0; k < bytes; k++) {
                    int was = expected[room.at() + k] & 0xFF;
                    int source = room.source(0, k);
                    int sum = 0;
                    for (int i = 0; i < count; i++) {
                        int element = from[i] == Syndrome.NOTHING ? 0 : room.source(i, k);
                        sum ^= product(element, GaloisField.power(i));
                    }
                    expected[room.at() + k] = (byte)
                            switch (kernel) {
                                case 0 -> product(was, 2);
                                case 1 -> product(was, 2) ^ source;
                                case 2 -> was ^ product(source, factor);
                                case 3 -> product(was, factor);
                                default -> sum;
                            };
                }
                long into = room.targetAddress();
                switch (kernel) {
                    case 0 -> syndrome.twice(into, bytes);
                    case 1 -> syndrome.twiceAdd(into, from[0], bytes);
                    case 2 -> syndrome.scaleAdd(into, from[0], factor, bytes);
                    case 3 -> syndrome.scale(into, factor, bytes);
                    default -> syndrome.gather(into, from, count, bytes);
                }
                assertThat(room.target())
                        .as("kernel %d, %d bytes, %d sources, seed %d", kernel, bytes, count, seed)
                        .isEqualTo(expected);
            }
        }
    }
}
