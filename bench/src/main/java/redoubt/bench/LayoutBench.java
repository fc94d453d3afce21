package redoubt.bench;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;
import redoubt.md.Layout;
import redoubt.personality.NearLayout;
import redoubt.personality.ParityLayout;
import redoubt.personality.ParityRotation;

/** What it costs to find out where a block lies: slot and place on the member, at places that do not repeat. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 3, time = 1)
@Fork(1)
public class LayoutBench {

    private static final long CHUNK = 64 << 10;
    private static final long SIZE_MASK = (1L << 40) - 1;
    private static final long STRIDE = 0x9E37_79B9_7F4A_7C15L;

    /** Which layout. */
    @Param({"raid0", "raid1", "raid10", "raid5"})
    public String level = "raid5";

    private Layout layout = new NearLayout(1, 1, CHUNK);
    private long place;

    /** Makes the layout. */
    @Setup
    public void make() {
        layout = switch (level) {
            case "raid0" -> new NearLayout(4, 1, CHUNK);
            case "raid1" -> new NearLayout(2, 2, CHUNK);
            case "raid10" -> new NearLayout(4, 2, CHUNK);
            case "raid5" -> new ParityLayout(4, CHUNK, ParityRotation.LEFT_ASYMMETRIC);
            default -> throw new IllegalArgumentException(level);
        };
    }

    /** One block. */
    @Benchmark
    public long map() {
        place += STRIDE;
        long offset = place & SIZE_MASK;
        return layout.slot(offset, 0) + layout.memberOffset(offset, 0);
    }
}
