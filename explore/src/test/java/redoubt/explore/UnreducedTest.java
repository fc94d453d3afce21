package redoubt.explore;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import redoubt.explore.Cell.Creation;
import redoubt.explore.Cell.Daemon;
import redoubt.explore.Cell.Flush;
import redoubt.explore.Cell.Keeper;
import redoubt.explore.Cell.Queue;
import redoubt.explore.Cell.Supers;
import redoubt.explore.Cell.Wake;

/** The search agrees with one that knows no fingerprints and simply goes through all schedules one by one. */
class UnreducedTest {

    /** After so many rounds in which nobody but time goes on, nobody ever will: no timer of the scenario is longer. */
    private static final int ROUNDS_OF_NOTHING = 4;

    private static final int SCHEDULES_LIMIT = 3000;

    /** Goal: nothing is merged that differs. Method: play every schedule of the smallest cells from the start to its end. */
    @ParameterizedTest
    @CsvSource({
        "SYSTEM, DEFERRED, HANGS, EXTERNAL, WELL",
        "OWN, DEFERRED, HANGS, EXTERNAL, WELL",
        "SYSTEM, INLINE, HANGS, EXTERNAL, STOPPED",
        "SYSTEM, INLINE, HANGS, NATIVE, WELL"
    })
    void goingThroughEveryScheduleComesToTheSame(
            Queue queue, Wake wake, Creation creation, Keeper keeper, Daemon daemon) throws InterruptedException {
        Cell cell = new Cell(queue, wake, Supers.FREE, creation, daemon, Flush.PASS_THROUGH, keeper);
        Bounds bounds = new Bounds(1, 0, 0, 20_000);
        boolean[] hangs = new boolean[1];
        Throwable[] fault = new Throwable[1];
        Thread all = Thread.ofVirtual().start(() -> {
            try {
                hangs[0] = anyHangs(cell, bounds);
            } catch (Throwable thrown) {
                fault[0] = thrown;
            }
        });
        all.join();

        assertThat(fault[0]).isNull();
        assertThat(Explorer.explore(cell, bounds).kind() == Verdict.Kind.CAN_HANG)
                .isEqualTo(hangs[0]);
    }

    private static boolean anyHangs(Cell cell, Bounds bounds) {
        ArrayDeque<int[]> todo = new ArrayDeque<>();
        todo.push(new int[0]);
        boolean hangs = false;
        int schedules = 0;
        while (!todo.isEmpty()) {
            int[] begin = todo.pop();
            assertThat(++schedules).as("schedules of the smallest cells").isLessThan(SCHEDULES_LIMIT);
            try (Story story = new Story(cell, bounds)) {
                int[] way = begin;
                for (int choice : begin) {
                    Search.take(story, choice);
                }
                int nothing = 0;
                int[] choices = Search.choices(story);
                while (choices.length > 0 && nothing < ROUNDS_OF_NOTHING) {
                    for (int i = 1; i < choices.length; i++) {
                        todo.push(with(way, choices[i]));
                    }
                    nothing = choices[0] == Search.TIME ? nothing + 1 : 0;
                    Search.take(story, choices[0]);
                    way = with(way, choices[0]);
                    choices = Search.choices(story);
                }
                hangs |= !story.isDone();
            }
        }
        return hangs;
    }

    private static int[] with(int[] way, int choice) {
        int[] longer = Arrays.copyOf(way, way.length + 1);
        longer[way.length] = choice;
        return longer;
    }
}
