package redoubt.mdmon;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import redoubt.testkit.Seed;

/** What is found in {@code mdstat}. */
class MdstatLineTest {

    private static final String MDSTAT = """
            Personalities : [raid1] [raid6] [raid5] [raid4]
            md126 : active (read-only) raid5 sdc[2] sdb[1] sda[0](F)
                  32768 blocks super external:/md127/0 level 5, 64k chunk, algorithm 0 [3/3] [UUU]
                  [==>..................]  recovery = 12.6% (2/16) finish=0.1min speed=200K/sec
            md125 : active raid0 sdb[1] sda[0]
                  32768 blocks super external:-md127/1 64k chunks

            md124 : inactive sda[0](S)
                  1 blocks super external:/md127/2
            md3 : active raid1 sdb[1] sda[0]
                  32768 blocks super 1.2 [2/2] [UU]
            md127 : inactive sdc[2](S) sdb[1](S) sda[0](S)
                  3315 blocks super external:imsm

            unused devices: <none>
            """;

    @Test
    void arraysThatRunInAContainerAreFoundAndNothingElse() {
        assertThat(MdstatLine.parse(MDSTAT))
                .containsExactly(
                        new MdstatLine("md126", "md127", 0, "raid5"), new MdstatLine("md125", "md127", 1, "raid0"));
    }

    @Test
    void nothingThatIsReadBreaksIt() {
        long seed = Seed.next();
        SplittableRandom random = new SplittableRandom(seed);
        for (int round = 0; round < 2_000; round++) {
            StringBuilder text = new StringBuilder(MDSTAT);
            for (int change = random.nextInt(1, 8); change > 0; change--) {
                int at = random.nextInt(text.length());
                switch (random.nextInt(3)) {
                    case 0 -> text.setCharAt(at, (char) random.nextInt(10, 127));
                    case 1 -> text.deleteCharAt(at);
                    default -> text.insert(at, " /:-\n".charAt(random.nextInt(5)));
                }
            }
            assertThat(MdstatLine.parse(text.toString())).as("seed %d", seed).hasSizeLessThan(10);
        }
    }
}
