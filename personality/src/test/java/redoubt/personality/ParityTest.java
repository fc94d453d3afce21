package redoubt.personality;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.util.Random;
import org.junit.jupiter.api.Test;
import redoubt.testkit.Seed;

/** Every kernel against XOR byte by byte, at all lengths and alignments that matter, and nothing outside touched. */
class ParityTest {

    @Test
    void isExactToTheByte() {
        Parity parity = new Parity();
        long seed = Seed.next();
        Random random = new Random(seed);
        try (Arena arena = Arena.ofConfined()) {
            KernelRoom room = new KernelRoom(arena, random);
            for (int round = 0; round < 400; round++) {
                room.shuffle();
                int bytes = round < 200 ? round : 1 + random.nextInt(KernelRoom.MOST);
                int kernel = round % 7;
                int count = 1 + random.nextInt(KernelRoom.SOURCES);
                byte[] expected = room.target();
                long[] from = room.sourceAddresses();
                int used = kernel == 0 ? 1 : kernel == 1 || kernel == 2 ? 2 : kernel == 3 ? 3 : kernel == 4 ? 4 : count;
                for (int k = 0; k < bytes; k++) {
                    int sum = kernel < 2 ? expected[room.at() + k] : 0;
                    for (int i = 0; i < used; i++) {
                        sum ^= room.source(i, k);
                    }
                    expected[room.at() + k] = (byte) sum;
                }
                long into = room.targetAddress();
                switch (kernel) {
                    case 0 -> parity.add(into, from[0], bytes);
                    case 1 -> parity.add(into, from[0], from[1], bytes);
                    case 2 -> parity.set(into, from[0], from[1], bytes);
                    case 3 -> parity.set(into, from[0], from[1], from[2], bytes);
                    case 4 -> parity.set(into, from[0], from[1], from[2], from[3], bytes);
                    default -> parity.gather(into, from, used, bytes);
                }
                assertThat(room.target())
                        .as("kernel %d, %d bytes, %d sources, seed %d", kernel, bytes, used, seed)
                        .isEqualTo(expected);
            }
        }
    }
}
