package redoubt.kernfs;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** 6: what a daemon needs that memory reclaim waits for allocates nothing: in the interpreter, in C1 and in C2. */
class KernfsAllocationTest {

    /** Method: a virtual machine for each compiler, which counts the bytes that its threads allocate. */
    @ParameterizedTest
    @Tag("slow")
    @ValueSource(strings = {"-Xint", "-XX:TieredStopAtLevel=1", "-XX:+TieredCompilation"})
    void inv6ReadingStoringPollingNotifyingAndTellingAllocateNothing(String mode) throws Exception {
        Process machine = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:+UseSerialGC",
                        "-Xmx64m",
                        mode,
                        "-cp",
                        System.getProperty("java.class.path"),
                        KernfsAllocationProbe.class.getName(),
                        mode.equals("-Xint") ? "5000" : "50000")
                .redirectErrorStream(true)
                .start();
        String output = new String(machine.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(machine.waitFor()).as(output).isZero();
        assertThat(output.lines())
                .as("%s:%n%s", mode, output)
                .containsExactly("read 0", "write 0", "poll 0", "notify 0", "notify-with-mount 0", "tell 0");
    }

    /** The link that remains in Linux: a daemon that acknowledges bad blocks writes an ordinary attribute, and that allocates. */
    @Test
    void anOrdinaryAttributeAllocatesAtTheFirstReadAndAtEveryWrite() throws NodeRefused {
        KernfsAttribute badBlocks =
                KernfsAttribute.readWrite("bad_blocks", out -> out.append(1).line(), value -> Outcome.OK);
        KernfsDirectory.root().add(badBlocks);
        OpenFile file = badBlocks.open(Access.READ_WRITE);
        ByteBuffer target = ByteBuffer.allocate(16);
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        file.read(0, target);
        assertThat(threads.getCurrentThreadAllocatedBytes() - before)
                .isGreaterThanOrEqualTo(KernfsAttribute.PAGE_BYTES);
        List<ByteBuffer> values = List.of(ByteBuffer.allocate(1000), ByteBuffer.allocate(1000));
        for (ByteBuffer value : values) {
            before = threads.getCurrentThreadAllocatedBytes();
            file.write(value);
            assertThat(threads.getCurrentThreadAllocatedBytes() - before).isGreaterThanOrEqualTo(1000);
        }
    }
}
