package redoubt.workqueue;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Who keeps a processor too long is told of less and less often, and the list of who does is not endless. */
class CpuHogsTest {

    private static final int FUNCTIONS = 128;

    private final List<Report> reports = new ArrayList<>();
    private final CpuHogs hogs = new CpuHogs(1, reports::add);

    @Test
    void fromTheFourthTimeOnEachPowerOfTwoIsToldOf() {
        Runnable hog = () -> {};
        for (int time = 1; time <= 100; time++) {
            hogs.seen(hog);
        }
        assertThat(reports)
                .containsExactlyElementsOf(IntStream.of(4, 8, 16, 32, 64)
                        .mapToObj(times -> new Report.CpuHog(hog.getClass(), times))
                        .toList());
    }

    @Test
    void eachFunctionIsCountedByItselfUpToALimit() {
        List<Object> functions = IntStream.rangeClosed(0, FUNCTIONS)
                .mapToObj(one -> new Object())
                .toList();
        for (int time = 1; time <= 4; time++) {
            functions.forEach(hogs::seen);
        }
        assertThat(reports).hasSize(FUNCTIONS);
        hogs.seen(functions.getLast());
        assertThat(reports).hasSize(FUNCTIONS);
    }
}
