package redoubt.bench;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
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
import redoubt.personality.Parity;

/**
 * Parity beside a plain copy of the same bytes. A score of n calls a microsecond is n · bytes · data / 1000 GB/s of data, where {@code data}
 * is the number of sources; the copy moves {@code data · bytes} too.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 3, time = 1)
@Fork(
        value = 1,
        jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED"})
public class ParityBench {

    /** How many sources. */
    @Param({"3", "8"})
    public int data;

    /** Bytes of each. */
    @Param({"4096", "65536"})
    public int bytes;

    private MemorySegment all = MemorySegment.NULL;
    private MemorySegment other = MemorySegment.NULL;
    private final Parity parity = new Parity();
    private long[] sources = new long[0];
    private long target;

    /** Lays the buffers side by side. */
    @Setup
    public void lay() {
        all = Arena.global().allocate((long) (data + 1) * bytes, 4096);
        other = Arena.global().allocate((long) data * bytes, 4096);
        sources = new long[data];
        for (int i = 0; i < data; i++) {
            sources[i] = all.address() + (long) i * bytes;
        }
        target = all.address() + (long) data * bytes;
    }

    /** A full stripe: the parity of all data. */
    @Benchmark
    public void fullStripe() {
        parity.gather(target, sources, data, bytes);
    }

    /** A small write: old and new into the parity. */
    @Benchmark
    public void modify() {
        parity.add(target, sources[0], sources[1], bytes);
    }

    /** What it is measured against: all data copied. */
    @Benchmark
    public void copy() {
        MemorySegment.copy(all, 0, other, 0, (long) data * bytes);
    }
}
